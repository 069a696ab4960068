package detect

import (
	"net/netip"
	"strconv"

	"bartizan.dev/logs"
)

// Scans are decided by a threshold random walk over first contacts (Jung, Paxson,
// Berger, Balakrishnan: Fast Portscan Detection Using Sequential Hypothesis
// Testing, 2004): an ordinary client is answered 4 times in 5, a scanner once in
// 5, so a first contact that fails speaks for a scanner by ln 4, and one that is
// answered against it by the same. Here a step is 1, and a walk ends where a
// scanner is 4^steps times as likely as a client: a million times for the ports of
// one host, a trillion times for one port of many hosts, since clients of peers
// that have gone away fail against many.
const (
	scanSteps  = 10
	sweepSteps = 20
	benign     = -3 // 4^3: here the walk stays until contacts fail again
)

// walk is 48 bytes. What was contacted before is told by a bit of its hash, so
// that a few first contacts are missed, but none counts twice.
type walk struct {
	Last  logs.Time
	Known [4]uint64
	Steps int32
}

// maxWalks bounds each table to 6.4 MB: hosts and peers whose contacts failed.
const maxWalks = 100_000

// step notes a contact and says whether the walk has come to an end. After that
// every failure is a sighting more.
func (w *walk) step(t logs.Time, contact uint64, failed bool, end int32) bool {
	if !young(&w.Last, t) {
		*w = walk{Last: w.Last}
	}
	bit := mix(contact)
	word, mask := &w.Known[bit>>6&3], uint64(1)<<(bit&63)
	if *word&mask != 0 {
		return false
	}
	*word |= mask
	if !failed {
		w.Steps = max(benign, w.Steps-1)
		return false
	}
	w.Steps = min(end, w.Steps+1)
	return w.Steps >= end
}

// portScan finds hosts that try many ports of one other host.
// https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_finding-types-ec2.html#recon-ec2-portscan
func portScan() *Detector {
	const kind = "Recon:EC2/Portscan"
	table := NewTable[walk](maxWalks)
	return &Detector{Name: "port scan", Types: []string{kind}, State: memory[walk]{table, 2}, Flow: func(ev *Event) {
		tried, failed := ev.attempt()
		if !tried || !contact(table, ev.flowKey(ev.Peer.Remote, 0), ev.Time, uint64(ev.Peer.RemotePort), failed, scanSteps) {
			return
		}
		ev.Raise(&Sighting{Type: kind, Severity: Medium, Same: ev.Peer.Remote.String(), Title: "The EC2 instance {host} is performing outbound port scans.",
			Text: "The EC2 instance {host} is performing outbound port scans against the remote host {ip}."})
	}}
}

// portSweep finds hosts that try one port of many other hosts.
// https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_finding-types-ec2.html#impact-ec2-portsweep
func portSweep() *Detector {
	const kind = "Impact:EC2/PortSweep"
	table := NewTable[walk](maxWalks)
	return &Detector{Name: "port sweep", Types: []string{kind}, State: memory[walk]{table, 2}, Flow: func(ev *Event) {
		tried, failed := ev.attempt()
		if !tried || !contact(table, ev.flowKey(netip.Addr{}, uint64(ev.Peer.RemotePort)+1), ev.Time, addrHash(ev.Peer.Remote), failed, sweepSteps) {
			return
		}
		ev.Raise(&Sighting{Type: kind, Severity: High, Same: strconv.Itoa(int(ev.Peer.RemotePort)), Title: "The EC2 instance {host} is probing a port on a large number of IP addresses.",
			Text: "The EC2 instance {host} is probing a port on a large number of publicly routable IP addresses, {ip} among them."})
	}}
}

// contact takes a step of a walk. Walks begin with a failure, so that what goes
// well needs no memory.
func contact(table *Table[walk], key uint64, t logs.Time, what uint64, failed bool, end int32) bool {
	var w *walk
	if failed {
		w, _ = table.At(key)
	} else if w = table.Get(key); w == nil {
		return false
	}
	return w.step(t, what, failed, end)
}
