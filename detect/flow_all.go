package detect

import (
	"net/netip"

	"bartizan.dev/logs"
)

// Detectors over flows that need memory. A flow log tells only what went over the
// wire, so attempts are recognised by their size: a SYN without an answer is one
// to three packets of 40 to 60 bytes. Zeek says itself what was established.
func flowDetectors() []*Detector {
	return []*Detector{portScan(), portSweep(), bruteForce()}
}

// memory makes the state of a detector of its table.
type memory[V any] struct {
	*Table[V]
	version int
}

func (m memory[V]) Version() int { return m.version }

const tcp = 6

// Bits of tcp-flags. AWS sets the one of ACK only with SYN: 18 is a server's answer.
// https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html
const (
	synFlag = 2
	ackFlag = 16
)

// opens says whether a flow may hold the first packet of its sender's own
// connection. Logs without flags do not tell.
func opens(f *logs.Flow) bool {
	return f.TCPFlags == 0 || f.TCPFlags&(synFlag|ackFlag) == synFlag
}

// flowKey is the key of a flow's host and one or two things more.
func (ev *Event) flowKey(a netip.Addr, n uint64) uint64 {
	f := ev.Flow
	h := idHash(f.Account)
	switch {
	case f.Instance != "":
		h = mix(h ^ idHash(f.Instance))
	case f.Interface != "" && !f.Zeek:
		h = mix(h ^ idHash(f.Interface))
	default:
		h = mix(h ^ addrHash(ev.Peer.Local))
	}
	return mix(h ^ addrHash(a)*31 ^ n)
}

// addrHash is stable: tables with it in their keys are saved.
func addrHash(a netip.Addr) uint64 {
	if !a.IsValid() {
		return 1
	}
	b := a.As16()
	var high, low uint64
	for i := range 8 {
		high, low = high<<8|uint64(b[i]), low<<8|uint64(b[i+8])
	}
	return mix(mix(high+2) ^ low)
}

// attempt says whether a flow is a connection that its host tried to open, and
// whether it came to nothing.
func (ev *Event) attempt() (tried, failed bool) {
	f, p := ev.Flow, &ev.Peer
	if f.Protocol != tcp || !p.Out || !p.Client || !p.Remote.IsValid() {
		return false, false
	}
	switch {
	case f.Zeek || f.Reject:
		return true, f.Reject
	case !opens(f):
		return false, false
	}
	return true, f.Packets <= 3 && f.Bytes <= 60*f.Packets
}

// young forgets what was counted more than a day before t. What comes late does
// not.
func young(last *logs.Time, t logs.Time) bool {
	ok := *last != 0 && t < *last+logs.Day
	*last = max(*last, t)
	return ok
}
