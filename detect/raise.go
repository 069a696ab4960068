package detect

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"bartizan.dev/logs"
)

// Sighting is what a detector has found in an event.
type Sighting struct {
	Type     string
	Severity float64
	Title    string // with {placeholders}, see Event.fill
	Text     string
	Rule     string // the Custom Detection Rule
	Feature  string
	// Same is what, besides type, account, Region and the principal or host, tells
	// findings apart: a remote address, a bucket, a domain.
	Same string
	// Count is how many times it was seen; 0 means once.
	Count int
	// Finish completes a new finding; it may be nil.
	Finish func(*Event, *Finding)
}

type findingID [16]byte

// kept is a finding with what is needed to count on.
type kept struct {
	f           *Finding
	first, last logs.Time
	updated     logs.Time
	count       int
	fresh       bool // not yet handed out
	changed     bool // in Engine.changed
}

// finding brings the texts of times and counts up to date, which would be too
// dear for every sighting.
func (k *kept) finding() *Finding {
	k.f.Service.Count = k.count
	k.f.Service.EventFirstSeen = k.first.Std().Format(time.RFC3339)
	k.f.Service.EventLastSeen = k.last.Std().Format(time.RFC3339)
	k.f.UpdatedAt = k.updated.Std().Format(millis)
	return k.f
}

const millis = "2006-01-02T15:04:05.000Z"

// Raise reports a sighting: a new finding, or one more sighting of one that is
// there. Nothing is raised about a trusted address.
func (ev *Event) Raise(s *Sighting) {
	e := ev.engine
	if a := ev.remote(); a.IsValid() && e.Intel.TrustsAddr(a) {
		return
	}
	account, region := ev.Account(), ev.Region()
	var buf [512]byte
	key := buf[:0]
	for _, part := range [...]string{s.Type, account, region, ev.Subject(), s.Same} {
		key = append(append(key, part...), 0)
	}
	sum := sha256.Sum256(key)
	id := findingID(sum[:16])
	if ev.Call == nil && ev.again(uint64(id[0])|uint64(id[1])<<8|uint64(id[2])<<16|uint64(id[3])<<24) {
		return // the same log for the second time
	}
	k := e.findings[id]
	if k == nil {
		if len(e.findings) >= e.MaxFindings {
			e.forget()
		}
		k = &kept{f: ev.build(s, id, account, region), first: ev.Time, last: ev.Time, fresh: true}
		e.findings[id] = k
	} else if s.Severity > k.f.Severity {
		k.f.Severity, k.f.Title, k.f.Description, k.f.Rule = s.Severity, ev.fill(s.Title), ev.fill(s.Text), s.Rule
	}
	if ev.resource != "" && k.count > 0 {
		k.affect(ev.resourceType, ev.resource)
	}
	if probe := k.f.Service.Action.PortProbe; probe != nil && k.count > 0 {
		ev.probedToo(probe)
	}
	k.count += max(1, s.Count)
	k.first, k.last = min(k.first, ev.Time), max(k.last, ev.Time)
	k.updated = e.now
	if !k.changed {
		k.changed = true
		e.changed = append(e.changed, id)
	}
}

func (ev *Event) build(s *Sighting, id findingID, account, region string) *Finding {
	e := ev.engine
	detector := e.detectorID(account, region)
	f := &Finding{SchemaVersion: "2.0", AccountID: strings.Clone(account), Region: strings.Clone(region), Partition: partition(region), ID: hex.EncodeToString(id[:]), Type: s.Type, Severity: s.Severity, Rule: s.Rule}
	f.ARN = "arn:" + f.Partition + ":guardduty:" + region + ":" + account + ":detector/" + detector + "/finding/" + f.ID
	f.CreatedAt = e.now.Std().Format(millis)
	f.Service = Service{Name: "guardduty", DetectorID: detector, ResourceRole: "TARGET", Feature: s.Feature}
	ev.describe(f)
	f.Title, f.Description = ev.fill(s.Title), ev.fill(s.Text)
	if s.Finish != nil {
		s.Finish(ev, f)
	}
	return f
}

// affect adds a resource to those that the finding's calls affected.
func (k *kept) affect(kind, name string) {
	const most = 1000 // bytes of names
	a := k.f.Service.Action.APICall
	if a == nil || kind == "" {
		return
	}
	if a.AffectedResources == nil {
		a.AffectedResources = map[string]string{}
	}
	old := a.AffectedResources[kind]
	switch {
	case old == "":
		a.AffectedResources[kind] = strings.Clone(name)
	case len(old)+len(name) < most && !contains(strings.Split(old, ", "), name):
		a.AffectedResources[kind] = old + ", " + name
	}
}

// partition is the AWS partition of a Region.
func partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

// forget makes room: a tenth of the findings goes, those not seen for longest.
func (e *Engine) forget() {
	last := make([]logs.Time, 0, len(e.findings))
	for _, k := range e.findings {
		last = append(last, k.last)
	}
	slices.Sort(last)
	limit := last[len(last)/10]
	for id, k := range e.findings {
		if k.last <= limit {
			delete(e.findings, id)
		}
	}
	e.changed = slices.DeleteFunc(e.changed, func(id findingID) bool { return e.findings[id] == nil })
}
