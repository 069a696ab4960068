package detect

import (
	"math"
	"strconv"

	"bartizan.dev/logs"
)

// learning is how long a host is watched before what it has not done before is
// unusual. AWS states 7 to 14 days.
// https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_findings.html
const learning = 7 * logs.Day

// maxHosts is how many hosts are known at once. A million of them take 256 MB.
const maxHosts = 1 << 20

// habits is 200 bytes: what a host does. Sets are bits of hashes, so that one in
// some hundred new things is taken for an old one, but never an old one for new.
type habits struct {
	First, Last logs.Time
	Ports       [8]uint64 // ports of others that it went to
	Resolvers   uint64    // addresses it asked on port 53,
	OverHTTPS   uint64    // by DNS over HTTPS,
	OverTLS     uint64    // by DNS over TLS
	Sent        volume
	Burst       burst
}

const (
	networkPort = "Behavior:EC2/NetworkPortUnusual"
	volumeHigh  = "Behavior:EC2/TrafficVolumeUnusual"
	dnsResolver = "DefenseEvasion:EC2/UnusualDNSResolver"
	dohActivity = "DefenseEvasion:EC2/UnusualDoHActivity"
	dotActivity = "DefenseEvasion:EC2/UnusualDoTActivity"
)

// hostTraffic compares a host with what it did before, and watches for floods. One
// look-up of the host serves all.
// https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_finding-types-ec2.html
func hostTraffic() *Detector {
	hosts, floods, mails := NewTable[habits](maxHosts), NewTable[flood](maxFloods), NewTable[mail](maxMails)
	d := &Detector{Name: "host traffic", State: states{memory[habits]{hosts, 1}, memory[flood]{floods, 1}, memory[mail]{mails, 1}}}
	d.Types = append([]string{networkPort, volumeHigh, dnsResolver, dohActivity, dotActivity, spambot}, floodTypes[:]...)
	d.Flow = func(ev *Event) {
		f, p := ev.Flow, &ev.Peer
		if !p.Remote.IsValid() {
			return
		}
		h, isNew := hosts.At(ev.hostKey())
		if isNew {
			h.First = ev.Time
		}
		h.First, h.Last = min(h.First, ev.Time), max(h.Last, ev.Time)
		if f.Packets >= answerFlow || f.Packets <= 3 {
			ev.flood(floods, &h.Burst)
		}
		if f.Reject {
			return
		}
		if !p.Out {
			if f.Protocol == tcp && !p.Client && (p.LocalPort == smtp || p.LocalPort == 465 || p.LocalPort == 587) {
				ev.receives(mails)
			}
			return
		}
		learned := ev.Time-h.First >= learning
		if f.Bytes >= volumeFlow {
			ev.volume(&h.Sent, learned)
		}
		if p.Client && (f.Protocol == udp || f.Protocol == tcp && opens(f)) {
			if p.RemotePort == smtp && f.Protocol == tcp {
				ev.mail(mails, h, learned)
			}
			ev.service(h, learned)
		}
	}
	return d
}

const udp = 17

// service notes the service that a host uses and reports what it never used.
func (ev *Event) service(h *habits, learned bool) {
	p := &ev.Peer
	switch port := p.RemotePort; port {
	case 53:
		if once(&h.Resolvers, addrHash(p.Remote)) && learned {
			ev.unusual(dnsResolver, p.Remote.String(), "The EC2 instance {host} is communicating with an unusual public DNS resolver.",
				"The EC2 instance {host} is communicating with the public DNS resolver {ip}, with which it has not communicated before.")
		}
	case 853:
		if once(&h.OverTLS, addrHash(p.Remote)) && learned {
			ev.unusual(dotActivity, p.Remote.String(), "The EC2 instance {host} is communicating with an unusual DNS over TLS (DoT) server.",
				"The EC2 instance {host} is performing DNS over TLS (DoT) with {ip}, with which it has not done so before.")
		}
	case 443:
		if resolvesOverHTTPS(p.Remote) && once(&h.OverHTTPS, addrHash(p.Remote)) && learned {
			ev.unusual(dohActivity, p.Remote.String(), "The EC2 instance {host} is communicating with an unusual DNS over HTTPS (DoH) server.",
				"The EC2 instance {host} is communicating with the DNS over HTTPS (DoH) server {ip}, with which it has not communicated before.")
		}
	case smtp: // Spambot
		h.port(port)
		return
	}
	if isNew := h.port(p.RemotePort); isNew && learned && p.RemotePort != 53 && p.RemotePort != 853 && ev.Flow.Packets >= minPackets && h.fewPorts() {
		ev.Raise(&Sighting{Type: networkPort, Severity: Medium, Same: strconv.Itoa(int(p.RemotePort)), Title: "Unusual outbound communication from EC2 instance {host} on port " + strconv.Itoa(int(p.RemotePort)) + ".",
			Text:   "The EC2 instance {host} is communicating with the remote host {ip} on the unusual server port " + strconv.Itoa(int(p.RemotePort)) + ".",
			Finish: info("unusual", strconv.Itoa(int(p.RemotePort)), "localPort", strconv.Itoa(int(p.LocalPort)))})
	}
}

func (ev *Event) unusual(kind, same, title, text string) {
	ev.Raise(&Sighting{Type: kind, Severity: Medium, Same: same, Title: title, Text: text})
}

// minPackets is a conversation; fewer are an attempt, which scans are made of.
const minPackets = 4

// port notes a port and says whether it is new.
func (h *habits) port(port uint16) bool {
	bit := mix(uint64(port) + 1)
	w, mask := &h.Ports[bit>>6&7], uint64(1)<<(bit&63)
	isNew := *w&mask == 0
	*w |= mask
	return isNew
}

// fewPorts says whether a host uses so few ports that a new one means something.
// One that goes to many, or whose ports are those of its clients, does not.
func (h *habits) fewPorts() bool {
	n := 0
	for _, w := range h.Ports {
		n += ones(w)
	}
	return n <= 64
}

// once notes a thing in a set of 64 bits and says whether it is new in one that is
// not full: who asks twenty resolvers is one itself.
func once(set *uint64, hash uint64) bool {
	bit := uint64(1) << (hash >> 58)
	isNew := *set&bit == 0
	*set |= bit
	return isNew && ones(*set) <= 20
}

// volume is 72 bytes: what a host sends within an hour, in large flows alone, and
// who gets most of it (Boyer and Moore's majority vote, weighted by bytes).
type volume struct {
	Hour     int64 // the newest
	Bytes    [2]uint64
	Peer     [2]uint64
	Weight   [2]int64
	Peak     uint64 // of the hours before
	Complete uint64 // hours that Peak is of
}

const (
	volumeFlow  = 4 << 20   // smaller flows are what every host has
	volumeLeast = 256 << 20 // less is not a large amount
	volumeTimes = 5         // as much as the highest hour before
	volumeHours = 24        // with such flows, before there is a habit
)

// volume counts what is sent and reports an hour beyond all before, when two
// thirds of it go to one peer.
func (ev *Event) volume(v *volume, learned bool) {
	hour := int64(ev.Time / logs.Hour)
	if v.Hour == 0 {
		v.Hour = hour
	}
	for v.Hour < hour && v.Bytes != [2]uint64{} {
		v.Hour++
		v.end(v.Hour & 1) // of the hour before the last; what comes late is in the last
	}
	if v.Hour = max(v.Hour, hour); hour < v.Hour-1 || ev.again(partVolume) {
		return
	}
	i, peer, bytes := hour&1, addrHash(ev.Peer.Remote), ev.Flow.Bytes
	v.Bytes[i] += bytes
	switch w := int64(min(bytes, math.MaxInt64/4)); {
	case v.Peer[i] == peer:
		v.Weight[i] += w
	case v.Weight[i] < w:
		v.Peer[i], v.Weight[i] = peer, w-v.Weight[i]
	default:
		v.Weight[i] -= w
	}
	if !learned || v.Complete < volumeHours || v.Bytes[i] < volumeLeast || v.Bytes[i]/volumeTimes < v.Peak || v.Peer[i] != peer || uint64(v.Weight[i]) < v.Bytes[i]/3 {
		return
	}
	ev.Raise(&Sighting{Type: volumeHigh, Severity: Medium, Same: ev.Peer.Remote.String(), Title: "Unusual outbound traffic volume from EC2 instance {host}.",
		Text:   "The EC2 instance {host} is generating an unusually large amount of network traffic to the remote host {ip}.",
		Finish: info("outBytes", strconv.FormatUint(v.Bytes[i], 10), "localPort", strconv.Itoa(int(ev.Peer.LocalPort)))})
}

func (v *volume) end(i int64) {
	if v.Bytes[i] > 0 {
		v.Peak, v.Complete = max(v.Peak, v.Bytes[i]), v.Complete+1
	}
	v.Bytes[i], v.Peer[i], v.Weight[i] = 0, 0, 0
}

// Parts of detectors that ask again.
const (
	partVolume = 0x5bd1e995 + iota
	partFlood
	partNames
)

// info makes additionalInfo of names and values, which is JSON in a string.
func info(pairs ...string) func(*Event, *Finding) {
	return func(_ *Event, f *Finding) {
		text := "{"
		for i := 0; i+1 < len(pairs); i += 2 {
			if i > 0 {
				text += ","
			}
			text += strconv.Quote(pairs[i]) + ":" + strconv.Quote(pairs[i+1])
		}
		f.Service.AdditionalInfo = &AdditionalInfo{Value: text + "}", Type: "default"}
	}
}
