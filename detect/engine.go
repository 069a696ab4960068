package detect

import (
	"crypto/sha256"
	"encoding/hex"
	"iter"
	"math"
	"net/netip"
	"slices"
	"strings"

	"bartizan.dev/intel"
	"bartizan.dev/logs"
)

// Config is what an engine needs to know.
type Config struct {
	// Intel is the threat and trusted lists; nil is none.
	Intel *intel.Set
	// Home are networks of one's own besides private ones: what is in them is
	// never a remote address.
	Home []netip.Prefix
	// DetectorID names the GuardDuty detector of an account and Region; nil makes
	// an id of both.
	DetectorID func(account, region string) string
	// Locate completes what is known about an address (country, network); nil
	// leaves it as it is.
	Locate func(netip.Addr, *RemoteIP)
	// Learning is how long a principal is watched before what it never did before
	// is unusual; 0 means seven days.
	Learning logs.Time
	// MaxFindings bounds how many findings are kept; 0 means 100,000 (about 3 KB
	// each). Beyond it those go that have not been seen for longest.
	MaxFindings int
	// Remember bounds how many ids of events are remembered; 0 means 4 million.
	Remember int
}

// On names calls. An empty Source or Name stands for every one.
type On struct{ Source, Name string }

// Detector is one detector, with the state it keeps. It belongs to one engine.
type Detector struct {
	Name  string
	Types []string // of findings it raises
	On    []On     // the calls it is handed; needed when Call is set
	Call  func(*Event)
	Flow  func(*Event)
	Query func(*Event)
	State State // saved and loaded with the engine; nil when there is none

	bind func(On) func(*Event) // instead of Call: what to do for one entry of On
}

// State is the memory of a detector. Load is given what Save of the same version
// wrote, and must bear anything; a state that cannot be read is a fresh one.
type State interface {
	Version() int
	Save() ([]byte, error)
	Load([]byte) error
}

type hook struct {
	source string // "" for all
	call   func(*Event)
}

// Engine runs detectors over events.
type Engine struct {
	Config
	detectors []*Detector
	calls     map[string][]hook // by name of the call
	every     []hook            // for every name
	flows     []func(*Event)
	queries   []func(*Event)
	seen      seen
	findings  map[findingID]*kept
	changed   []findingID
	event     Event
	names     *[cachedNames]parts
	domains   *[cachedTraits]traits
	now       logs.Time // the latest event
	pending   []*pending
}

// New makes an engine with detectors; All gives all there are.
func New(c Config, detectors ...*Detector) *Engine {
	if c.MaxFindings == 0 {
		c.MaxFindings = 100_000
	}
	if c.Remember == 0 {
		c.Remember = 4 << 20
	}
	e := &Engine{Config: c, detectors: detectors, calls: map[string][]hook{}, findings: map[findingID]*kept{}}
	e.seen.most = c.Remember
	for _, d := range detectors {
		for _, on := range d.On {
			h := hook{on.Source, d.Call}
			if d.bind != nil {
				h.call = d.bind(on)
			}
			if on.Name == "" {
				e.every = append(e.every, h)
			} else {
				e.calls[on.Name] = append(e.calls[on.Name], h)
			}
		}
		if d.Flow != nil {
			e.flows = append(e.flows, d.Flow)
		}
		if d.Query != nil {
			e.queries = append(e.queries, d.Query)
		}
	}
	return e
}

// Now is the time of the latest event.
func (e *Engine) Now() logs.Time { return e.now }

// SetIntel changes the lists.
func (e *Engine) SetIntel(s *intel.Set) { e.Intel = s }

// Call takes a CloudTrail event. Findings are about what it says when it returns;
// the call itself is not kept.
func (e *Engine) Call(c *logs.Call) {
	if c.ID != "" && e.seen.add(c.ID, c.Time) {
		return
	}
	e.now = max(e.now, c.Time)
	e.event = Event{engine: e, Call: c, Time: c.Time}
	for i := range e.every {
		if h := &e.every[i]; h.source == "" || h.source == c.Source {
			h.call(&e.event)
		}
	}
	hooks := e.calls[c.Name]
	for i := range hooks {
		if h := &hooks[i]; h.source == "" || h.source == c.Source {
			h.call(&e.event)
		}
	}
}

// Flow takes a flow.
func (e *Engine) Flow(f *logs.Flow) {
	e.now = max(e.now, f.End)
	if len(e.pending) > 0 && e.pending[0].due <= e.now {
		e.settle(e.now)
	}
	e.event = Event{engine: e, Flow: f, Time: f.Start}
	if !e.event.sides(e.Home) {
		e.event.Peer.Remote = netip.Addr{}
	}
	for _, flow := range e.flows {
		flow(&e.event)
	}
}

// Query takes a DNS query.
func (e *Engine) Query(q *logs.Query) {
	e.now = max(e.now, q.Time)
	e.event = Event{engine: e, Query: q, Time: q.Time}
	for _, query := range e.queries {
		query(&e.event)
	}
}

// Changed goes over the findings that are new or were seen again since it was
// called last, and says which are new. The findings belong to the engine.
func (e *Engine) Changed() iter.Seq2[*Finding, bool] {
	return func(yield func(*Finding, bool) bool) {
		ids := e.changed
		e.changed = nil
		for i, id := range ids {
			k := e.findings[id]
			if k == nil {
				continue
			}
			isNew := k.fresh
			k.fresh, k.changed = false, false
			if !yield(k.finding(), isNew) {
				e.changed = append(e.changed, ids[i+1:]...)
				return
			}
		}
	}
}

// Pending is how many findings Changed would go over.
func (e *Engine) Pending() int { return len(e.changed) }

// Findings returns all findings that are kept, by severity, then time.
func (e *Engine) Findings() []*Finding {
	e.settle(math.MaxInt64)
	out := make([]*Finding, 0, len(e.findings))
	for _, k := range e.findings {
		out = append(out, k.finding())
	}
	slices.SortFunc(out, func(a, b *Finding) int {
		switch {
		case a.Severity != b.Severity:
			return int(100*b.Severity) - int(100*a.Severity)
		case a.Service.EventFirstSeen != b.Service.EventFirstSeen:
			return strings.Compare(a.Service.EventFirstSeen, b.Service.EventFirstSeen)
		}
		return strings.Compare(a.ID, b.ID)
	})
	return out
}

func (e *Engine) detectorID(account, region string) string {
	if e.DetectorID != nil {
		return e.DetectorID(account, region)
	}
	sum := sha256.Sum256([]byte("detector\x00" + account + "\x00" + region))
	return hex.EncodeToString(sum[:16])
}
