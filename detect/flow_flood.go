package detect

import (
	"strconv"

	"bartizan.dev/logs"
)

// burst is 24 bytes: the packets a host sent in this stretch of 5 minutes and in
// the one before. Only a host that sends many is looked at closely.
type burst struct {
	Slot    int64
	Packets [2]uint64
}

const burstPackets = 10_000

func (b *burst) add(t logs.Time, packets uint64) {
	slot := int64(t / (5 * logs.Minute))
	switch d := slot - b.Slot; {
	case d == 1:
		b.Slot, b.Packets = slot, [2]uint64{0, b.Packets[0]}
	case d > 1:
		*b = burst{Slot: slot}
	case d == -1:
		b.Packets[1] += packets
		return
	case d < -1:
		return
	}
	b.Packets[0] += packets
}

func (b *burst) high() bool { return b.Packets[0]+b.Packets[1] >= burstPackets }

// flood is 144 bytes: the packets between a host and a peer in 8 minutes, those of
// connections that came to nothing apart.
type flood struct {
	Out, In, Tried Window
}

// maxFloods bounds the table to 3.5 MB: peers of hosts that send much.
const maxFloods = 20_000

const floodWindow = 8 * logs.Minute

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

// Limits of packets in 8 minutes, to one peer that hardly answers. What has been
// sent in the minutes before this one counts when the answers to it would have been
// logged by now; what is sent at once must be more, since they may come later.
var (
	floodBefore = [...]uint64{1_000_000, 300_000, 100_000, 300_000, 100_000}
	floodAtOnce = [...]uint64{1 << 62, 1_000_000, 300_000, 1_000_000, 300_000}
)

const (
	floodTried  = 20_000 // of connections that came to nothing
	floodAnswer = 20     // one packet in 20 is hardly an answer
)

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

// flood counts a flow of a host that sends much, and reports one that sends to a
// peer far more than that answers.
// https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_finding-types-ec2.html#backdoor-ec2-denialofservicetcp
func (ev *Event) flood(table *Table[flood]) {
	f, p := ev.Flow, &ev.Peer
	class := floodClass(f.Protocol, p.RemotePort)
	if ev.again(partFlood) {
		return
	}
	v, _ := table.At(ev.flowKey(p.Remote, uint64(class)<<8|uint64(f.Protocol)))
	n := uint32(min(f.Packets, 1<<31))
	if !p.Out {
		v.In.Add(ev.Time, floodWindow, n)
		return
	}
	if class == floodTCP && (f.Packets <= 3 && f.Bytes <= 60*f.Packets || f.TCPFlags == synFlag) {
		v.Tried.Add(ev.Time, floodWindow, n)
	}
	out := v.Out.Add(ev.Time, floodWindow, n)
	v.In.Add(ev.Time, floodWindow, 0)
	before := out - uint64(v.Out.Buckets[v.Out.Last&7])
	switch in := v.In.Sum(); {
	case class == floodTCP && v.Tried.Sum() >= floodTried && in*2 < v.Tried.Sum():
	case before >= floodBefore[class] && in*floodAnswer < before:
	case out >= floodAtOnce[class] && in*floodAnswer < out:
	default:
		return
	}
	s := Sighting{Type: floodTypes[class], Severity: High, Same: p.Remote.String(), Title: "The EC2 instance {host} is behaving in a manner that may indicate it is being used to perform a Denial of Service (DoS) attack using " + floodNames[class] + ".",
		Text: "The EC2 instance {host} is generating a large volume of outbound traffic with " + floodNames[class] + " to {ip}."}
	if class == floodOther {
		s.Finish = info("unusualProtocol", strconv.Itoa(int(f.Protocol)))
	}
	ev.Raise(&s)
}
