package detect

import "bartizan.dev/logs"

// force is 216 bytes: the connections of a client to one port of a host within an
// hour, each counted once by its own port.
type force struct {
	Last  logs.Time
	Count Window
	Known [16]uint64
	Since logs.Time // of Known
}

// maxForce bounds the table to 12 MB.
const maxForce = 50_000

// Guessing takes many short sessions: with SSH an attempt is some 20 packets and 4
// KB. A client from outside that opens 50 in an hour is none that administers; a
// host of one's own may fetch from a repository by SSH again and again, so it takes
// 300.
const (
	forceIn         = 50
	forceOut        = 300
	forceMinPackets = 5
	forceMaxPackets = 60
)

// guessed names the services whose passwords are guessed, by their ports.
// https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_finding-types-ec2.html
func guessed(port uint16) (kind, name string) {
	switch port {
	case 22:
		return "UnauthorizedAccess:EC2/SSHBruteForce", "SSH"
	case 3389:
		return "UnauthorizedAccess:EC2/RDPBruteForce", "RDP"
	case 5985, 5986:
		return "Impact:EC2/WinRMBruteForce", "WinRM"
	}
	return "", ""
}

// bruteForce finds guessing of passwords, by and against hosts of one's own. Being
// its target is Low, since whoever is on the Internet is one; doing it is High.
func bruteForce() *Detector {
	table := NewTable[force](maxForce)
	d := &Detector{Name: "brute force", State: memory[force]{table, 2}}
	for _, port := range []uint16{22, 3389, 5985} {
		kind, _ := guessed(port)
		d.Types = append(d.Types, kind)
	}
	d.Flow = func(ev *Event) {
		f, p := ev.Flow, &ev.Peer
		// The client's direction: from the host when it guesses, to it when it is guessed.
		if f.Protocol != tcp || p.Out != p.Client || f.Reject || !p.Remote.IsValid() || f.Packets < forceMinPackets || f.Packets > forceMaxPackets {
			return
		}
		if !opens(f) { // of a session that began before
			return
		}
		server, client, limit := p.LocalPort, p.RemotePort, uint64(forceIn)
		if p.Client {
			server, client, limit = p.RemotePort, p.LocalPort, forceOut
		}
		kind, name := guessed(server)
		if kind == "" {
			return
		}
		out := uint64(0)
		if p.Client {
			out = 1
		}
		v, _ := table.At(ev.flowKey(p.Remote, uint64(server)<<1|out))
		if !v.add(ev.Time, client) || v.Count.Sum() < limit {
			return
		}
		s := Sighting{Type: kind, Severity: Low, Same: p.Remote.String(), Title: "{ip} is performing " + name + " brute force attacks against {host}.",
			Text: "{ip} is performing " + name + " brute force attacks against {host}. Brute force attacks are used to gain unauthorized access by guessing a password."}
		if p.Client {
			s.Severity, s.Same = High, "out "+s.Same
			s.Title, s.Text = "{host} is performing "+name+" brute force attacks against {ip}.", "{host} is performing "+name+" brute force attacks against {ip}. Brute force attacks are used to gain unauthorized access by guessing a password."
		}
		ev.Raise(&s)
	}
	return d
}

// add counts a connection; false when it was counted before.
func (v *force) add(t logs.Time, port uint16) bool {
	if !young(&v.Last, t) {
		*v = force{Last: v.Last}
	}
	if t-v.Since >= logs.Hour {
		v.Known, v.Since = [16]uint64{}, t
	}
	bit := mix(uint64(port) + 1)
	word, mask := &v.Known[bit>>6&15], uint64(1)<<(bit&63)
	if *word&mask != 0 {
		return false
	}
	*word |= mask
	v.Count.Add(t, logs.Hour, 1)
	return true
}
