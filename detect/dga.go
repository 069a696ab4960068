package detect

import (
	"strings"

	"bartizan.dev/logs"
)

const dgaRequest = "Trojan:EC2/DGADomainRequest.B"

// maxAskers bounds the two tables of windows to 83 MB each, at 316 bytes a host:
// hosts that asked, within a day, for names that are not there, and for others.
const maxAskers = 1 << 18

// asker is the window of a host: the registered domains it asked for last, each
// once.
type asker struct {
	Since logs.Time
	Names askedNames
}

// Limits of what a window gains by being read as a generator's, in bits. Of windows
// of 20 ordinary names that were not used for learning, one in a thousand gains more
// than -65, and not one in 20,000 more than -40; windows of one country's names come
// to -35, and those of which a fourth are the names of advertising and delivery
// networks to -50. Names that are there are asked for all day, so that they need
// more.
const (
	dgaFailed   = -20
	dgaAnswered = 0
)

// generated finds hosts that ask for domains computed by a program, as malware does
// to find its masters. It decides by windows of 20 domains of a host, never by one.
// https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_finding-types-ec2.html#trojan-ec2-dgadomainrequestb
func generated() *Detector {
	failed, answered := NewTable[asker](maxAskers), NewTable[asker](maxAskers)
	return &Detector{Name: "generated domains", Types: []string{dgaRequest}, State: states{memory[asker]{failed, 1}, memory[asker]{answered, 1}}, Query: func(ev *Event) {
		table, limit := answered, float64(dgaAnswered)
		switch ev.Query.Rcode {
		case "NOERROR", "":
		case "NXDOMAIN":
			table, limit = failed, dgaFailed
		default:
			return // a resolver's trouble
		}
		p := ev.domain()
		if !p.ok {
			return
		}
		a, _ := table.At(ev.hostKey())
		if a.Names.knows(uint32(p.hash)) {
			return
		}
		if ev.Time-a.Since >= logs.Day {
			*a = asker{Since: ev.Time}
		}
		a.take(ev, p, limit)
	}}
}

// take adds a domain to the window and decides when it is full.
func (a *asker) take(ev *Event, p *parts, limit float64) {
	// A domain counts once a day, however often it is asked for or the log is read.
	if ev.engine.seen.note(mix(ev.hostKey()^p.hash*31^partNames), ev.Time-ev.Time%logs.Day) {
		return
	}
	name := ev.registeredName(p)
	if len(name) > 4 && strings.EqualFold(name[:4], "xn--") || ev.Intel().TrustsDomain(name) {
		return // letters of other scripts are no measure
	}
	var buf [64]byte
	domain := lowered(buf[:0], name)
	a.Names.add(uint32(p.hash), domain[:p.label], ev.engine.traits(p.hash, domain[:p.label], domain[p.label+1:]))
	if a.Names.N < dgaNames {
		return
	}
	gain := a.Names.gain()
	*a = asker{Since: ev.Time}
	if gain <= limit {
		return
	}
	ev.Raise(&Sighting{Type: dgaRequest, Severity: High, Title: "Algorithmically generated domains are queried by EC2 instance {host}.",
		Text: "The EC2 instance {host} is querying algorithmically generated domains, {domain} among them. Such domains are commonly used by malware and could be an indication of a compromised instance."})
}

func (e *Engine) traits(hash uint64, label, suffix []byte) *traits {
	if e.domains == nil {
		e.domains = new([cachedTraits]traits)
	}
	t := &e.domains[hash%cachedTraits]
	if t.hash != hash || hash == 0 {
		*t = traitsOf(hash, label, suffix)
	}
	return t
}

func lowered(out []byte, s string) []byte {
	for i := range len(s) {
		c := s[i]
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		out = append(out, c)
	}
	return out
}

func (w *askedNames) knows(hash uint32) bool {
	for _, h := range w.Known[:min(w.N, dgaNames)] {
		if h == hash {
			return true
		}
	}
	return false
}
