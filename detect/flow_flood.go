package detect

import (
	"strconv"

	"bartizan.dev/logs"
)

// burst is 24 bytes: the connections of a host that came to nothing in this stretch
// of 16 minutes and in the one before. Only of a host that has many are they counted
// by peers.
type burst struct {
	Slot  int64
	Tried [2]uint64
}

const burstTried = 2000

func (b *burst) add(t logs.Time) (high bool) {
	slot := int64(t / floodWindow)
	switch d := slot - b.Slot; {
	case d == 1:
		b.Slot, b.Tried = slot, [2]uint64{0, b.Tried[0]}
	case d > 1:
		*b = burst{Slot: slot}
	case d < 0: // late
		b.Tried[1]++
		return b.Tried[0]+b.Tried[1] >= burstTried
	}
	b.Tried[0]++
	return b.Tried[0]+b.Tried[1] >= burstTried
}

// flood is 1136 bytes: the packets between a host and a peer in 16 minutes, in large
// flows alone; and the connections that came to nothing, as bits of hashes, so that
// none counts twice.
type flood struct {
	Out, In Window
	Since   logs.Time // of Tried
	Tried   [128]uint64
}

// maxFloods bounds the table to 23 MB: peers of hosts that send much.
const maxFloods = 20_000

// floodWindow is longer than events may be late.
const floodWindow = 16 * logs.Minute

// A flow of fewer packets adds nothing to a flood, and an answer of fewer is none.
const (
	floodFlow   = 5000
	answerFlow  = floodFlow / floodAnswer
	floodAnswer = 20 // one packet in 20 is hardly an answer
)

// The ways of flooding, in the order of floodTypes.
const (
	floodTCP = iota
	floodUDP
	floodDNS
	floodUDPOnTCP
	floodOther
)

var floodTypes = [...]string{"Backdoor:EC2/DenialOfService.Tcp", "Backdoor:EC2/DenialOfService.Udp", "Backdoor:EC2/DenialOfService.Dns", "Backdoor:EC2/DenialOfService.UdpOnTcpPorts", "Backdoor:EC2/DenialOfService.UnusualProtocol"}

var floodNames = [...]string{"TCP", "UDP", "DNS", "UDP on a TCP port", "an unusual protocol"}

// Limits of packets in 16 minutes, to one peer that hardly answers. What has been
// sent in the two minutes before these counts at once, since the answers to it would
// have been logged by now; what is sent in one is looked at again when they must have
// been.
var (
	floodBefore = [...]uint64{1_500_000, 450_000, 150_000, 450_000, 150_000}
	floodAtOnce = [...]uint64{1 << 62, 1_000_000, 300_000, 1_000_000, 300_000}
)

// floodTried is how many bits of Tried are set by 50,000 connections that came to
// nothing.
const floodTried = 8192 - 18

// tcpPorts are those of services that speak TCP alone, or nearly.
var tcpPorts = map[uint16]bool{20: true, 21: true, 22: true, 23: true, 25: true, 80: true, 110: true, 143: true, 443: true, 445: true, 465: true, 587: true, 993: true, 995: true,
	1433: true, 1521: true, 3306: true, 3389: true, 5432: true, 5985: true, 6379: true, 8080: true, 8443: true, 9200: true, 27017: true}

func floodClass(protocol uint8, port uint16) int {
	switch {
	case protocol == tcp:
		return floodTCP
	case protocol != udp:
		return floodOther
	case port == 53:
		return floodDNS
	case tcpPorts[port]:
		return floodUDPOnTCP
	}
	return floodUDP
}

// flood counts a flow, and reports a host that sends to a peer far more than that
// answers.
// https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_finding-types-ec2.html#backdoor-ec2-denialofservicetcp
func (ev *Event) flood(table *Table[flood], b *burst) {
	f, p := ev.Flow, &ev.Peer
	class := floodClass(f.Protocol, p.RemotePort)
	if p.Out && class == floodTCP && f.Packets <= 3 {
		if f.Bytes <= 60*f.Packets && opens(f) && b.add(ev.Time) {
			v, _ := table.At(ev.floodKey(class))
			ev.tried(v)
		}
		return
	}
	if f.Packets < answerFlow || p.Out && f.Packets < floodFlow || ev.again(partFlood) {
		return
	}
	key := ev.floodKey(class)
	v, _ := table.At(key)
	n := uint32(min(f.Packets, 1<<31))
	if !p.Out {
		v.In.Add(ev.Time, floodWindow, n)
		return
	}
	out := v.Out.Add(ev.Time, floodWindow, n)
	in := v.In.Add(ev.Time, floodWindow, 0)
	before := out - uint64(v.Out.Buckets[v.Out.Last&7])
	switch {
	case in*floodAnswer >= out:
	case before >= floodBefore[class] && in*floodAnswer < before:
		ev.Raise(ev.flooding(class))
	case out >= floodAtOnce[class]:
		ev.Later(floodWindow, ev.flooding(class), func() bool {
			v := table.Get(key)
			return v != nil && v.In.Sum()*floodAnswer < v.Out.Sum()
		})
	}
}

func (ev *Event) floodKey(class int) uint64 {
	return ev.flowKey(ev.Peer.Remote, uint64(class)<<8|uint64(ev.Flow.Protocol))
}

// tried counts a connection that came to nothing.
func (ev *Event) tried(v *flood) {
	if ev.Time-v.Since >= floodWindow {
		v.Tried, v.Since = [128]uint64{}, ev.Time
	}
	p := &ev.Peer
	bit := mix(uint64(ev.Time)<<32 ^ uint64(p.LocalPort)<<16 ^ uint64(p.RemotePort))
	word, mask := &v.Tried[bit>>6&127], uint64(1)<<(bit&63)
	if *word&mask != 0 {
		return
	}
	*word |= mask
	n := 0
	for _, w := range v.Tried {
		n += ones(w)
	}
	if n >= floodTried {
		ev.Raise(ev.flooding(floodTCP))
	}
}

func (ev *Event) flooding(class int) *Sighting {
	s := &Sighting{Type: floodTypes[class], Severity: High, Same: ev.Peer.Remote.String(), Title: "The EC2 instance {host} is behaving in a manner that may indicate it is being used to perform a Denial of Service (DoS) attack using " + floodNames[class] + ".",
		Text: "The EC2 instance {host} is generating a large volume of outbound traffic with " + floodNames[class] + " to {ip}."}
	if class == floodOther {
		s.Finish = info("unusualProtocol", strconv.Itoa(int(ev.Flow.Protocol)))
	}
	return s
}
