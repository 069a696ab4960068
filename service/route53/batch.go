package route53

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	route53api "bartizan.dev/api/route53"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// ChangeResourceRecordSets makes all changes of a batch, or none and says why.
// https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html
func (s *Service) ChangeResourceRecordSets(ctx context.Context, in *route53api.ChangeResourceRecordSetsRequest) (*route53api.ChangeResourceRecordSetsResponse, error) {
	changes, problems, err := readBatch(in.ChangeBatch)
	if err != nil {
		return nil, err
	}
	var c *change
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		z, err := s.zone(ctx, tx, in.HostedZoneId)
		if err != nil {
			return err
		}
		if len(problems) > 0 {
			return invalidBatch(problems)
		}
		b := &batch{Service: s, tx: tx, zone: z, names: map[string]*owner{}}
		if _, b.apex, err = parseName(z.Name); err != nil {
			return err
		}
		if err := b.apply(ctx, changes); err != nil {
			return err
		}
		c, err = s.submit(ctx, tx, text(in.ChangeBatch.Comment))
		return err
	})
	if err != nil {
		return nil, err
	}
	return &route53api.ChangeResourceRecordSetsResponse{ChangeInfo: c.shown(route53api.ChangeStatus_PENDING)}, nil
}

// invalidBatch is the error with everything that is wrong.
func invalidBatch(problems []string) *wire.Error {
	return wire.Errorf("InvalidChangeBatch", "[%s]", strings.Join(problems, ", "))
}

// readBatch checks each change by itself, and the bounds of all of them.
func readBatch(in *route53api.ChangeBatch) (changes []asked, problems []string, err error) {
	records, characters := 0, 0
	for i := range in.Changes {
		c := &in.Changes[i]
		a, found, err := read(c)
		if err != nil {
			return nil, nil, err
		}
		changes, problems = append(changes, a), append(problems, found...)
		n := 1 // "When the value of the Action element is UPSERT, each ResourceRecord element is counted twice."
		if a.action == route53api.ChangeAction_UPSERT {
			n = 2
		}
		records += n * max(1, len(a.set.Values))
		for _, v := range a.set.Values {
			characters += n * len(v)
		}
	}
	switch {
	case records > maxChanges:
		return nil, []string{fmt.Sprintf("Number of records limit of %d exceeded.", maxChanges)}, nil
	case characters > maxValues:
		return nil, []string{fmt.Sprintf("Number of characters limit of %d exceeded.", maxValues)}, nil
	}
	return changes, problems, nil
}

// batch is changes being made in a transaction.
type batch struct {
	*Service
	tx       store.Tx
	zone     *zone
	apex     string            // in wire form
	names    map[string]*owner // that the batch touches, by shown name
	problems []string
}

// owner is a name with its sets, by type and identifier.
type owner struct {
	sets    map[string]*set
	changed map[string]bool
}

func (v *set) id() string { return v.Type + " " + v.Identifier }

// label names a set as the messages do.
func (v *set) label() string {
	if v.Identifier != "" {
		return fmt.Sprintf("[name='%s', type='%s', set-identifier='%s']", v.Name, v.Type, v.Identifier)
	}
	return fmt.Sprintf("[name='%s', type='%s']", v.Name, v.Type)
}

func (b *batch) problem(format string, args ...any) {
	b.problems = append(b.problems, fmt.Sprintf(format, args...))
}

func (b *batch) apply(ctx context.Context, changes []asked) error {
	for i := range changes {
		a := &changes[i]
		if !within(a.wire, b.apex) {
			b.problem("RRSet with DNS name %s is not permitted in zone %s", a.set.Name, b.zone.Name)
			continue
		}
		o, err := b.owner(ctx, a.set.Name)
		if err != nil {
			return err
		}
		b.one(o, a)
	}
	if len(b.problems) == 0 {
		b.conflicts()
	}
	if err := b.aliases(ctx, changes); err != nil {
		return err
	}
	if len(b.problems) > 0 {
		return invalidBatch(b.problems)
	}
	return b.write(ctx)
}

// owner reads a name's sets, once.
func (b *batch) owner(ctx context.Context, name string) (*owner, error) {
	if o := b.names[name]; o != nil {
		return o, nil
	}
	found, err := b.sets.List(ctx, b.tx, setPrefix(b.zone.ID)+sortName(name)+" ", "", 0)
	if err != nil {
		return nil, err
	}
	o := &owner{map[string]*set{}, map[string]bool{}}
	for _, e := range found {
		o.sets[e.Value.id()] = e.Value
	}
	b.names[name] = o
	return o, nil
}

// one makes one change in memory.
func (b *batch) one(o *owner, a *asked) {
	id := a.set.id()
	old := o.sets[id]
	switch a.action {
	case route53api.ChangeAction_CREATE:
		if old != nil {
			b.problem("Tried to create resource record set %s but it already exists", a.set.label())
			return
		}
	case route53api.ChangeAction_DELETE:
		switch {
		case old == nil:
			b.problem("Tried to delete resource record set %s but it was not found", a.set.label())
		case !a.set.equal(old):
			b.problem("Tried to delete resource record set %s but the values provided do not match the current values", a.set.label())
		default:
			delete(o.sets, id)
			o.changed[id] = true
		}
		return
	}
	o.sets[id] = &a.set
	o.changed[id] = true
}

// equal compares sets as DELETE demands it; the order of values is no matter.
func (v *set) equal(old *set) bool {
	if v.TTL != old.TTL || v.Multivalue != old.Multivalue || (v.Weight == nil) != (old.Weight == nil) || v.Weight != nil && *v.Weight != *old.Weight {
		return false
	}
	if (v.Alias == nil) != (old.Alias == nil) || v.Alias != nil && *v.Alias != *old.Alias || len(v.Values) != len(old.Values) {
		return false
	}
	return slices.Equal(v.data(), old.data())
}

// data are the values in wire form, sorted.
func (v *set) data() (out []string) {
	for _, value := range v.Values {
		b, err := parseValue(v.Type, value)
		if err != nil {
			b = []byte("\x00" + value)
		}
		out = append(out, string(b))
	}
	slices.Sort(out)
	return out
}

// conflicts looks at what the names would be.
func (b *batch) conflicts() {
	for name, o := range b.names {
		kinds, policies := map[string]int{}, map[string]string{}
		for _, v := range o.sets {
			kinds[v.Type]++
			policy := v.policy()
			if other, seen := policies[v.Type]; seen && other != policy {
				b.problem("RRSet with DNS name %s, type %s, SetIdentifier %s cannot be created as other RRSets exist with the same name and type.", name, v.Type, v.Identifier)
			}
			policies[v.Type] = policy
		}
		apex := name == b.zone.Name
		if kinds["CNAME"] > 0 {
			switch {
			case apex:
				b.problem("RRSet of type CNAME with DNS name %s is not permitted at apex in zone %s", name, b.zone.Name)
			case len(kinds) > 1:
				b.problem("%s", b.conflict(name, o))
			}
		}
		if apex && kinds["SOA"] != 1 {
			b.problem("A HostedZone must contain exactly one SOA record.")
		}
		if apex && kinds["NS"] == 0 {
			b.problem("A HostedZone must contain at least one NS record for the zone itself.")
		}
		if !apex && kinds["SOA"] > 0 {
			b.problem("RRSet of type SOA with DNS name %s is not permitted in zone %s", name, b.zone.Name)
		}
		if apex && kinds["DS"] > 0 {
			b.problem("RRSet of type DS with DNS name %s is not permitted at apex in zone %s", name, b.zone.Name)
		}
	}
	slices.Sort(b.problems)
}

func (b *batch) conflict(name string, o *owner) string {
	for id, v := range o.sets {
		if v.Type == "CNAME" && o.changed[id] {
			return fmt.Sprintf("RRSet of type CNAME with DNS name %s is not permitted as it conflicts with other records with the same DNS name in zone %s", name, b.zone.Name)
		}
	}
	var types []string
	for id, v := range o.sets {
		if o.changed[id] {
			types = append(types, v.Type)
		}
	}
	return fmt.Sprintf("RRSet of type %s with DNS name %s is not permitted because a conflicting RRSet of type CNAME with the same DNS name already exists in zone %s", slices.Min(types), name, b.zone.Name)
}

func (v *set) policy() string {
	switch {
	case v.Weight != nil:
		return "weighted"
	case v.Multivalue:
		return "multivalue"
	}
	return "simple"
}

// aliases checks that each target is a set of the same type in the zone: AWS's
// other targets are services that have no names here.
func (b *batch) aliases(ctx context.Context, changes []asked) error {
	for i := range changes {
		a := &changes[i]
		t := a.set.Alias
		if t == nil || a.action == route53api.ChangeAction_DELETE || len(b.problems) > 0 {
			continue
		}
		missing := fmt.Sprintf("Tried to create an alias that targets %s, type %s in zone %s, but the alias target name does not lie within the target zone", t.Name, a.set.Type, t.Zone)
		_, wireName, err := parseName(t.Name)
		if err != nil {
			return err
		}
		if t.Zone != b.zone.ID || !within(wireName, b.apex) {
			b.problem("%s", missing)
			continue
		}
		if a.set.Type == "NS" || a.set.Type == "SOA" || t.Name == a.set.Name {
			b.problem("Tried to create an alias of type %s that targets %s, which is not permitted", a.set.Type, t.Name)
			continue
		}
		o, err := b.owner(ctx, t.Name)
		if err != nil {
			return err
		}
		found := false
		for _, v := range o.sets {
			found = found || v.Type == a.set.Type
		}
		if !found {
			b.problem("Tried to create an alias that targets %s, type %s in zone %s, but that target was not found", t.Name, a.set.Type, t.Zone)
		}
	}
	return nil
}

// write stores what has changed.
func (b *batch) write(ctx context.Context) error {
	for name, o := range b.names {
		for id := range o.changed {
			key := setPrefix(b.zone.ID) + sortName(name) + " " + id
			_, err := b.tx.Get(ctx, "set/"+key)
			there := err == nil
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			v := o.sets[id]
			if v == nil {
				if err := b.sets.Delete(ctx, b.tx, key); err != nil {
					return err
				}
				if there {
					b.zone.Sets--
				}
				continue
			}
			if err := b.sets.Put(ctx, b.tx, key, v); err != nil {
				return err
			}
			if !there {
				b.zone.Sets++
			}
		}
	}
	if b.zone.Sets > b.Quotas.Records {
		return invalidBatch([]string{fmt.Sprintf("Limits Exceeded: MAX_RRSETS_BY_ZONE - Cannot create more than %d resource record sets in the hosted zone.", b.Quotas.Records)})
	}
	return b.zones.Put(ctx, b.tx, b.zone.key(), b.zone)
}
