package detect

import (
	"slices"
	"strings"

	"bartizan.dev/logs"
)

const attackSequence = "AttackSequence:IAM/CompromisedCredentials"

// A sequence is within a day at least three signals, which are findings of
// different types about one principal, for two tactics of attack, and one of them
// says that the credentials are in other hands: a listed or Tor address, a system
// for penetration testing, credentials of an instance used elsewhere, sign-ins
// around the world, many refused calls, or a principal that comes in several ways
// as it never came. What only shows what is done, as a Terraform run does, makes
// no sequence.
// https://docs.aws.amazon.com/guardduty/latest/ug/guardduty-extended-threat-detection.html
const (
	leastSignals = 3
	leastTactics = 2
	mostSignals  = 16
)

// signals is 664 bytes: the latest of each type about a principal.
type signals struct {
	List       [mostSignals]signal
	Sequence   findingID
	SequenceAt logs.Time
}

type signal struct {
	ID     findingID
	Kind   uint64 // hash of its type
	Last   logs.Time
	Tactic uint32 // bit; 0 is none
	Stolen uint32 // says that the credentials are in other hands
}

// maxSequences bounds the table to 24 MB.
const maxSequences = 1 << 15

const listedAddress = 2 // of signal.Stolen

type correlation struct{ table *Table[signals] }

func compromised() *Detector {
	x := &correlation{NewTable[signals](maxSequences)}
	return &Detector{Name: "compromised credentials", Types: []string{attackSequence}, State: memory[signals]{x.table, 1}, Raised: x.raised}
}

// attackTactics are the tactics by the first words of types; each is a bit by its
// place. Types of other words are signs, but of no tactic.
var attackTactics = [...]struct{ word, name string }{
	{"InitialAccess", "Initial Access"}, {"Execution", "Execution"}, {"Persistence", "Persistence"}, {"PrivilegeEscalation", "Privilege Escalation"},
	{"DefenseEvasion", "Defense Evasion"}, {"CredentialAccess", "Credential Access"}, {"Discovery", "Discovery"}, {"LateralMovement", "Lateral Movement"},
	{"Exfiltration", "Exfiltration"}, {"Impact", "Impact"}, {"ResourceDevelopment", "Resource Development"},
	{"Stealth", "Defense Evasion"}, {"DefenseImpairment", "Defense Evasion"}, {"Recon", "Discovery"},
}

// tacticOf is a bit for the tactic of a type, and its name.
func tacticOf(kind string) (bit uint32, name string) {
	word, _, _ := strings.Cut(kind, ":")
	for _, t := range attackTactics {
		if t.word == word {
			i := slices.IndexFunc(attackTactics[:], func(first struct{ word, name string }) bool { return first.name == t.name })
			return 1 << i, t.name
		}
	}
	return 0, ""
}

// stolenBy says whether a type shows that somebody else has the credentials.
func stolenBy(kind string) bool {
	return kind == loginAround || strings.HasPrefix(kind, "PenTest:") || strings.Contains(kind, "CredentialExfiltration.")
}

func (x *correlation) raised(ev *Event, s *Sighting, id findingID) {
	if s.Type == attackSequence {
		return
	}
	v, _ := x.table.At(fold(nameHash(ev.Subject())^nameHash(ev.Account()), 0xe7037ed1a0b428db))
	v.note(ev, s, id)
	n, tactics, stolen, listed := 0, uint32(0), false, false
	for i := range v.List {
		g := &v.List[i]
		if !g.within(ev.Time) {
			continue
		}
		if g.Stolen != listedAddress || !listed { // one fact, whatever is called from there
			n++
		}
		listed = listed || g.Stolen == listedAddress
		tactics |= g.Tactic
		stolen = stolen || g.Stolen != 0
	}
	if n >= leastSignals && ones(uint64(tactics)) >= leastTactics && stolen {
		ev.sequence(v)
	}
}

func (g *signal) within(t logs.Time) bool {
	return g.Kind != 0 && t-g.Last < logs.Day && g.Last-t < logs.Day
}

// note puts a signal where its type has its place, or in that of the oldest.
func (v *signals) note(ev *Event, s *Sighting, id findingID) {
	kind, at := nameHash(s.Type), 0
	for i := range v.List {
		if v.List[i].Kind == kind {
			at = i
			break
		}
		if v.List[i].Last < v.List[at].Last {
			at = i
		}
	}
	g := &v.List[at]
	if g.Kind != kind || !g.within(ev.Time) {
		*g = signal{ID: id, Kind: kind}
		g.Tactic, _ = tacticOf(s.Type)
		switch {
		case strings.Contains(s.Type, "IPCaller"):
			g.Stolen = listedAddress
		case stolenBy(s.Type):
			g.Stolen = 1
		}
	}
	g.ID, g.Last = id, max(g.Last, ev.Time)
	if ev.odd {
		g.Stolen = 1
	}
}

// sequence raises the finding, or brings the one of this day up to date.
func (ev *Event) sequence(v *signals) {
	e := ev.engine
	k := e.findings[v.Sequence]
	if k == nil || ev.Time-k.last >= logs.Day {
		hit, resource, kind := ev.hit, ev.resource, ev.resourceType
		ev.hit, ev.resource, ev.resourceType = nil, "", ""
		v.Sequence = ev.raise(&Sighting{Type: attackSequence, Severity: Critical, Same: ev.Time.Std().Format("2006-01-02"),
			Title: "Potential credential compromise of {user} indicated by a sequence of actions.",
			Text:  "A sequence of actions involving several signals, observed for {user} in the account {account}, indicates a potential credential compromise."})
		ev.hit, ev.resource, ev.resourceType = hit, resource, kind
		if k = e.findings[v.Sequence]; k == nil {
			return
		}
	} else {
		k.count++
		k.first, k.last, k.updated = min(k.first, ev.Time), max(k.last, ev.Time), e.now
		e.touch(v.Sequence, k)
	}
	k.f.Resource = Resource{Type: "AttackSequence"}
	k.f.Service.Action, k.f.Service.ResourceRole = Action{}, "TARGET"
	ev.compose(v, k)
}
