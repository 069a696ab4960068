package detect

import "bartizan.dev/logs"

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
// of 20 ordinary names that were not used for learning, not one in 20,000 gains more
// than -40. Names that are there are asked for all day, so that they need more.
const (
	dgaFailed   = -30
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
	var buf [64]byte
	domain := lowered(buf[:0], ev.registeredName(p))
	if len(domain) > 4 && string(domain[:4]) == "xn--" || ev.Intel().TrustsDomain(string(domain)) {
		return // letters of other scripts are no measure
	}
	// A domain counts once a day, however often it is asked for or the log is read.
	if ev.engine.seen.note(mix(ev.hostKey()^p.hash*31^partNames), ev.Time-ev.Time%logs.Day) {
		return
	}
	a.Names.add(uint32(p.hash), domain[:p.label], domain[p.label+1:])
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
