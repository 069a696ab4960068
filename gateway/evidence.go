package gateway

import (
	"encoding/json"
	"sync"
	"time"

	"bartizan.dev/policy"
	"bartizan.dev/policy/explain"
	"bartizan.dev/trail"
)

// EvidenceRegion is where the trail keeps what denials were decided from,
// beside the events of the account. No credential scope can name it, so no
// LookupEvents reads it.
const EvidenceRegion = "/authorization"

// keepEvidence records what the denial of touch last was decided from and
// returns its authorization id, or "" when there is none. What it writes is in
// proportion to the number of policies, not to their size: a text is written
// once a day.
func (x *exchange) keepEvidence(last, mark int, b policy.Bindings, bounds *Bounds) string {
	id := &x.facts.Identity
	if id.Account == "" {
		return ""
	}
	e := explain.Evidence{Time: x.facts.Time, EventID: x.facts.EventID, RequestID: x.facts.RequestID, Account: id.Account}
	if bounds != nil {
		e.Organization, e.Targets = bounds.Organization, bounds.Targets
	}
	known := func(document string) bool { return !x.g.kept.due(id.Account+document, x.facts.Time) }
	keep := func(document string, text []byte) error {
		err := x.g.Trail.Append(x.ctx, x.evidence(document, "Document", text))
		if err != nil {
			x.g.kept.forget(id.Account + document)
		}
		return err
	}
	err := error(nil)
	for i := 0; i <= last && err == nil; i++ {
		x.request.Context.Reset(mark)
		if err = x.prepare(i, &b, bounds); err == nil {
			var targets []string
			if x.owner != nil && b.RCP != nil {
				targets = x.owner.Targets
			}
			err = e.Add(&x.request, &b, mark, targets, known, keep)
		}
	}
	if err == nil {
		var text []byte
		if text, err = json.Marshal(&e); err == nil {
			err = x.g.Trail.Append(x.ctx, x.evidence(e.EventID, "Evidence", text))
		}
	}
	if err != nil { // the denial stands; only its story is lost
		x.g.Log.Error("the evidence of a denial was not kept", "request", x.facts.RequestID, "cause", err)
		return ""
	}
	return explain.ID(e.EventID)
}

// evidence is found by its id and, as if it were a user name, by the id of the
// request.
func (x *exchange) evidence(id, name string, text []byte) *trail.Event {
	e := &trail.Event{
		Time: x.facts.Time, ID: id, Account: x.facts.Identity.Account, Region: EvidenceRegion,
		Source: "bartizan", Name: name, JSON: text,
	}
	if name == "Evidence" {
		e.Username = x.facts.RequestID
	}
	return e
}

// documents remembers which texts were written lately.
type documents struct {
	mu    sync.Mutex
	wrote map[string]time.Time
}

// maxDocuments bounds what documents remembers; above it, it starts anew.
const maxDocuments = 20_000

// due reports whether a text must be written, and counts it as written.
func (d *documents) due(key string, now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if t, ok := d.wrote[key]; ok && now.Sub(t) < 24*time.Hour {
		return false
	}
	if d.wrote == nil || len(d.wrote) >= maxDocuments {
		d.wrote = map[string]time.Time{}
	}
	d.wrote[key] = now
	return true
}

func (d *documents) forget(key string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.wrote, key)
}
