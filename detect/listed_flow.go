package detect

import (
	"strconv"

	"bartizan.dev/logs"
)

const (
	torRelay  = "UnauthorizedAccess:EC2/TorRelay"
	portProbe = "Recon:EC2/PortProbeUnprotectedPort"
	emrProbe  = "Recon:EC2/PortProbeEMRUnprotectedPort"
)

// relay is 32 bytes: the Tor nodes, as bits of their hashes, that came to a host
// and that it went to within a day.
type relay struct {
	Last    logs.Time
	In, Out uint64
	Port    uint64 // where they came in
}

// maxRelays bounds the table to 640 KB: only hosts that speak with Tor are in it.
const maxRelays = 10_000

// relayPeers is from how many nodes on each side a host is a relay. A client only
// goes to Tor; a web server is only come to.
const relayPeers = 3

// relays notes traffic with a Tor node and says whether it is a relay's.
// https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_finding-types-ec2.html#unauthorizedaccess-ec2-torrelay
func (ev *Event) relays(table *Table[relay]) bool {
	if ev.Flow.Protocol != tcp || ev.Flow.Reject {
		return false
	}
	p := &ev.Peer
	v, _ := table.At(ev.hostKey())
	if !young(&v.Last, ev.Time) {
		*v = relay{Last: v.Last}
	}
	bit := uint64(1) << (addrHash(p.Remote) >> 58)
	if p.Client {
		v.Out |= bit
	} else {
		if v.Port != uint64(p.LocalPort) {
			v.In, v.Port = 0, uint64(p.LocalPort)
		}
		v.In |= bit
	}
	if ones(v.In) < relayPeers || ones(v.Out) < relayPeers {
		return false
	}
	ev.Raise(&Sighting{Type: torRelay, Severity: High, Title: "The EC2 instance {host} is making connections to a Tor network as a Tor relay.",
		Text:   "The EC2 instance {host} is communicating with Tor nodes such as {ip} as a Tor relay does: it is connected to by them and connects to them.",
		Finish: func(_ *Event, f *Finding) { f.Service.ResourceRole = "ACTOR" }})
	return true
}

// emrPorts are those on which the applications of EMR clusters show what they do
// and take orders.
// https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-web-interfaces.html
var emrPorts = map[uint16]bool{8088: true, 8042: true, 9864: true, 9870: true, 50070: true, 50075: true, 16010: true, 18080: true, 19888: true, 20888: true, 8188: true, 8888: true, 8890: true, 9443: true}

// probed reports that somebody known to be malicious reached a port of a host.
// https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_finding-types-ec2.html#recon-ec2-portprobeunprotectedport
func (ev *Event) probed() {
	port := ev.Peer.LocalPort
	s := Sighting{Type: portProbe, Severity: Low, Same: strconv.Itoa(int(port)), Title: "Unprotected port " + strconv.Itoa(int(port)) + " on EC2 instance {host} is being probed.",
		Text: "The EC2 instance {host} has an unprotected port which is being probed by a known malicious host, {ip}.", Finish: asPortProbe}
	switch {
	case emrPorts[port]:
		s.Type, s.Severity = emrProbe, High
		s.Title, s.Text = "Unprotected EMR-related port on EC2 instance {host} is being probed.", "The EC2 instance {host} has an unprotected EMR-related port "+strconv.Itoa(int(port))+" which is being probed by a known malicious host, {ip}."
	case port == 9200 || port == 9300: // Elasticsearch
		s.Severity = High
	}
	ev.Raise(&s)
}

// asPortProbe makes the action of a finding the probe that it is.
func asPortProbe(_ *Event, f *Finding) {
	c := f.Service.Action.Connection
	f.Service.Action = Action{Type: "PORT_PROBE", PortProbe: &PortProbe{Blocked: false, Probes: []PortProbeDetail{{LocalPort: c.LocalPort, LocalIP: c.LocalIP, RemoteIP: c.RemoteIP}}}}
}

// maxProbes is how many of those who probe a port a finding names.
const maxProbes = 10

// probedToo adds another one who probed to a finding.
func (ev *Event) probedToo(probe *PortProbe) {
	remote := ev.remoteIP(ev.Peer.Remote)
	if remote == nil || len(probe.Probes) >= maxProbes {
		return
	}
	for i := range probe.Probes {
		if r := probe.Probes[i].RemoteIP; r != nil && r.V4 == remote.V4 && r.V6 == remote.V6 {
			return
		}
	}
	first := probe.Probes[0]
	probe.Probes = append(probe.Probes, PortProbeDetail{LocalPort: first.LocalPort, LocalIP: first.LocalIP, RemoteIP: remote})
}
