package detect

import (
	"strings"

	"bartizan.dev/logs"
)

func dnsDetectors() []*Detector {
	return []*Detector{tunnel(), generated(), rebind()}
}

// channel is 200 bytes: the long names below one domain that a host asked for
// within an hour, each counted once.
type channel struct {
	Last  logs.Time
	Names Window
	Known [16]uint64
	Since logs.Time // of Known
}

const (
	// maxChannels bounds the table to 11 MB.
	maxChannels = 50_000
	// Data in a name is written in base 32 or 16, in labels as long as can be. Names
	// that people and clouds give are shorter, or come again.
	tunnelLabel = 24
	tunnelNames = 150
)

// tunnel finds hosts that carry data in the names they ask for. It decides per
// host, domain and hour, never by one name.
// https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_finding-types-ec2.html#trojan-ec2-dnsdataexfiltration
func tunnel() *Detector {
	const kind = "Trojan:EC2/DNSDataExfiltration"
	table := NewTable[channel](maxChannels)
	return &Detector{Name: "DNS tunnel", Types: []string{kind}, State: memory[channel]{table, 3}, Query: func(ev *Event) {
		q := ev.Query
		if len(q.Name) <= tunnelLabel {
			return
		}
		p := ev.domain()
		if !p.ok || longest(q.Name[:p.from]) < tunnelLabel {
			return
		}
		domain, below := ev.registeredName(p), q.Name[:p.from]
		if ev.Intel().TrustsDomain(domain) {
			return
		}
		at := ev.Time
		v, _ := table.At(mix(ev.hostKey() ^ p.hash*31))
		if !v.add(at, foldHash(below)) || v.Names.Sum() < tunnelNames {
			return
		}
		domain = strings.ToLower(domain)
		ev.Raise(&Sighting{Type: kind, Severity: High, Same: domain, Title: "Data exfiltration through DNS queries from EC2 instance {host}.",
			Text: "The EC2 instance {host} is attempting to query domain names that resemble exfiltrated data, below " + domain + "."})
	}}
}

func (v *channel) add(t logs.Time, name uint64) bool {
	if !young(&v.Last, t) {
		*v = channel{Last: v.Last}
	}
	if t-v.Since >= logs.Hour {
		v.Known, v.Since = [16]uint64{}, t
	}
	bit := mix(name)
	word, mask := &v.Known[bit>>6&15], uint64(1)<<(bit&63)
	if *word&mask != 0 {
		return false
	}
	*word |= mask
	v.Names.Add(t, logs.Hour, 1)
	return true
}

// longest is the length of the longest label.
func longest(name string) int {
	most, n := 0, 0
	for i := range len(name) {
		if name[i] == '.' {
			n = 0
			continue
		}
		n++
		most = max(most, n)
	}
	return most
}

// foldHash is a hash in which case makes no difference, since resolvers mix it
// (draft-vixie-dnsext-dns0x20).
func foldHash(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		c := s[i]
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		h = (h ^ uint64(c)) * 1099511628211
	}
	return h
}

const metadata = "169.254.169.254"

// rebind finds names of strangers that resolve to the instance metadata service.
// https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_finding-types-ec2.html#unauthorizedaccess-ec2-metadatadnsrebind
func rebind() *Detector {
	const kind = "UnauthorizedAccess:EC2/MetadataDNSRebind"
	return &Detector{Name: "metadata rebind", Types: []string{kind}, Query: func(ev *Event) {
		q := ev.Query
		if raw := q.Answers.Raw(); raw != "" && !strings.Contains(raw, metadata) {
			return // which is nearly always so; Zeek's text logs have no JSON
		}
		name := strings.ToLower(strings.TrimSuffix(q.Name, "."))
		if name == "instance-data" || strings.HasSuffix(name, ".internal") || ev.Intel().TrustsDomain(name) {
			return // EC2's own name for it: instance-data.ec2.internal
		}
		found := false
		q.EachAnswer(func(a logs.Answer) bool {
			found = a.Data == metadata
			return !found
		})
		if found {
			ev.Raise(&Sighting{Type: kind, Severity: High, Same: name, Title: "The EC2 instance {host} is querying a domain that resolves to the instance metadata service.",
				Text: "The EC2 instance {host} is performing DNS lookups of {domain}, which resolves to the IP address of the EC2 metadata service. That can be an attempt to obtain the instance's credentials."})
		}
	}}
}
