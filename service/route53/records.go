package route53

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"

	route53api "bartizan.dev/api/route53"
	"bartizan.dev/caller"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// What is stored, and under which id:
//
//	zone/{account}/{id}                  a hosted zone
//	name/{account}/{sort name} {id}      nothing: zones in the order of their names
//	ref/{account}/{caller reference}     the id of the zone that was made with it
//	set/{zone id}/{sort name} {type} {set identifier}
//	change/{account}/{id}                a change that was made
//
// A sort name has its labels in reverse: com.example.www. A space in a name is
// written \040, so the one behind it ends the name.
type records struct {
	zones   store.Collection[zone]
	names   store.Collection[named]
	refs    store.Collection[named]
	sets    store.Collection[set]
	changes store.Collection[change]
}

func newRecords() records {
	return records{
		store.Collection[zone]{Name: "zone"}, store.Collection[named]{Name: "name"}, store.Collection[named]{Name: "ref"},
		store.Collection[set]{Name: "set"}, store.Collection[change]{Name: "change"},
	}
}

type zone struct {
	ID, Account, Name, Reference string
	Comment                      string            `json:",omitzero"`
	Servers                      []string          // names
	Created                      int64             // milliseconds since 1970
	Sets                         int               // how many it has
	Tags                         map[string]string `json:",omitzero"`
}

type named struct{ ID string }

// set is a resource record set, as the API has it.
type set struct {
	Name, Type string
	TTL        int64    `json:",omitzero"`
	Values     []string `json:",omitzero"`
	Identifier string   `json:",omitzero"`
	Weight     *int64   `json:",omitzero"`
	Multivalue bool     `json:",omitzero"`
	Alias      *alias   `json:",omitzero"`
}

type alias struct {
	Zone, Name string
	Evaluate   bool `json:",omitzero"`
}

type change struct {
	ID        string
	Comment   string `json:",omitzero"`
	Submitted int64  // milliseconds since 1970
}

func account(ctx context.Context) string { return caller.From(ctx).Identity.Account }

func (z *zone) key() string { return z.Account + "/" + z.ID }

func (z *zone) nameKey() string { return z.Account + "/" + sortName(z.Name) + " " + z.ID }

func setPrefix(zoneID string) string { return zoneID + "/" }

// place is where a set stands in the order of its zone.
func (v *set) place() string { return sortName(v.Name) + " " + v.Type + " " + v.Identifier }

// newID makes an id of AWS's form.
func newID(letter string) string { return letter + "0" + rand.Text()[:18] }

// bareID takes the path off an id: /hostedzone/Z1 is Z1.
func bareID(id string) string { return id[strings.LastIndexByte(id, '/')+1:] }

func noZone(id string) *wire.Error {
	return wire.Errorf("NoSuchHostedZone", "No hosted zone found with ID: %s", id)
}

// zone reads a zone of the caller's account.
func (s *Service) zone(ctx context.Context, r store.Reader, id string) (*zone, error) {
	id = bareID(id)
	z, err := s.zones.Get(ctx, r, account(ctx)+"/"+id)
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrTooLarge) {
		return nil, noZone(id)
	}
	return z, err
}

func (z *zone) shown() *route53api.HostedZone {
	out := &route53api.HostedZone{
		Id: "/hostedzone/" + z.ID, Name: z.Name, CallerReference: z.Reference,
		Config: &route53api.HostedZoneConfig{PrivateZone: new(false)}, ResourceRecordSetCount: new(int64(z.Sets)),
	}
	if z.Comment != "" {
		out.Config.Comment = &z.Comment
	}
	return out
}

func (z *zone) delegation() *route53api.DelegationSet {
	out := &route53api.DelegationSet{}
	for _, name := range z.Servers {
		out.NameServers = append(out.NameServers, strings.TrimSuffix(name, "."))
	}
	return out
}

func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

func invalidInput(format string, args ...any) *wire.Error {
	return wire.Errorf("InvalidInput", format, args...)
}
