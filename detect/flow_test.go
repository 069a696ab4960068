package detect

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"bartizan.dev/logs"
	"bartizan.dev/logs/logstest"
)

// connection is what a flow log has of one direction of a connection.
type connection struct {
	minute   int
	src, dst string
	from, to uint16
	packets  uint64
	size     uint64 // of a packet
	flags    uint16
	reject   bool
	protocol uint8 // 0 is TCP
	zeek     bool
}

func (c connection) flow() logs.Flow {
	start := logs.TimeOf(logstest.Start) + logs.Time(c.minute)*logs.Minute
	return logs.Flow{Version: 2, Account: logstest.Account, Interface: "eni-1", Src: netip.MustParseAddr(c.src), Dst: netip.MustParseAddr(c.dst), SrcPort: c.from, DstPort: c.to, Protocol: cmp.Or(c.protocol, tcp),
		Packets: c.packets, Bytes: c.packets * c.size, TCPFlags: c.flags, Reject: c.reject, Zeek: c.zeek, Start: start, End: start + logs.Minute}
}

const host, peerAddr = "10.0.0.7", "198.51.100.200"

func scanOf(n int, failed bool) (out []connection) {
	for i := range n {
		c := connection{minute: i / 10, src: host, dst: peerAddr, from: 50000, to: uint16(i*13 + 1), packets: 1, size: 44}
		if !failed {
			c.packets, c.size = 20, 300
		}
		out = append(out, c)
	}
	return out
}

func sweepOf(n int, port uint16) (out []connection) {
	for i := range n {
		out = append(out, connection{minute: i / 10, src: host, dst: fmt.Sprintf("203.0.%d.%d", i/200, i%200+1), from: 50000, to: port, packets: 1, size: 44})
	}
	return out
}

func sessions(n int, src, dst string, port uint16, packets uint64) (out []connection) {
	for i := range n {
		out = append(out, connection{minute: i / 8, src: src, dst: dst, from: uint16(33000 + i), to: port, packets: packets, size: 180})
	}
	return out
}

func with(all []connection, f func(*connection)) []connection {
	for i := range all {
		f(&all[i])
	}
	return all
}

func TestFlowDetectors(t *testing.T) {
	for _, x := range []struct {
		name  string
		flows []connection
		want  string
	}{
		{"scan", scanOf(40, true), "Recon:EC2/Portscan ACTOR 5"},
		{"scan with SYN flags", with(scanOf(40, true), func(c *connection) { c.flags = synFlag }), "Recon:EC2/Portscan ACTOR 5"},
		{"scan that a firewall of one's own stops", with(scanOf(40, true), func(c *connection) { c.reject, c.packets = true, 9 }), "Recon:EC2/Portscan ACTOR 5"},
		{"scan in Zeek's log", with(scanOf(40, true), func(c *connection) { c.reject, c.zeek = true, true }), "Recon:EC2/Portscan ACTOR 5"},
		{"a server's answers", with(scanOf(40, true), func(c *connection) { c.flags, c.from = synFlag|ackFlag, 60000 }), ""},
		{"many services of one host that answers", scanOf(200, false), ""},
		{"a service that is down", with(scanOf(200, true), func(c *connection) { c.to = 443 }), ""},
		{"a few ports that are closed", scanOf(8, true), ""},
		{"one that is scanned", with(scanOf(40, true), func(c *connection) { c.src, c.dst = c.dst, c.src }), ""},
		{"a scan inside", with(scanOf(40, true), func(c *connection) { c.dst = "10.0.0.9" }), ""},
		{"sweep", sweepOf(80, 445), "Impact:EC2/PortSweep ACTOR 8"},
		{"a client of web servers", with(sweepOf(500, 443), func(c *connection) {
			if c.minute%4 != 0 {
				c.packets, c.size = 30, 400
			}
		}), ""},
		{"the ends of connections", with(sweepOf(80, 443), func(c *connection) { c.flags = 1 }), ""},
		{"SSH is guessed", sessions(120, peerAddr, host, 22, 20), "UnauthorizedAccess:EC2/SSHBruteForce TARGET 2"},
		{"RDP is guessed", sessions(120, peerAddr, host, 3389, 20), "UnauthorizedAccess:EC2/RDPBruteForce TARGET 2"},
		{"WinRM is guessed", sessions(120, peerAddr, host, 5986, 20), "Impact:EC2/WinRMBruteForce TARGET 2"},
		{"guessing", sessions(480, host, peerAddr, 22, 20), "UnauthorizedAccess:EC2/SSHBruteForce ACTOR 8"},
		{"fetching from a repository", sessions(200, host, peerAddr, 22, 20), ""},
		{"one long session", with(sessions(400, peerAddr, host, 22, 6), func(c *connection) { c.from = 40000 }), ""},
		{"sessions that work", sessions(120, peerAddr, host, 22, 400), ""},
		{"an administrator", sessions(20, peerAddr, host, 22, 20), ""},
		{"guessing inside the network is not from outside", sessions(120, "10.0.0.9", host, 22, 20), ""},
		{"web clients", sessions(400, peerAddr, host, 443, 20), ""},
		{"once in ten minutes", with(sessions(120, peerAddr, host, 22, 20), func(c *connection) { c.minute = int(c.from-33000) * 10 }), ""},
	} {
		kind, _, _ := strings.Cut(cmp.Or(x.want, "nothing"), " ")
		t.Run(kind, func(t *testing.T) { tryFlows(t, x.name, x.flows, x.want) })
	}
}

func tryFlows(t *testing.T, name string, all []connection, want string) {
	for _, shuffled := range []bool{false, true} {
		e := New(Config{}, All()...)
		flows := slices.Clone(all)
		if shuffled { // as far as 15 minutes
			r := rand.New(rand.NewPCG(1, 2))
			late := map[connection]int{}
			for _, c := range flows {
				late[c] = c.minute + r.IntN(15)
			}
			slices.SortStableFunc(flows, func(a, b connection) int { return late[a] - late[b] })
		}
		for _, c := range flows {
			f := c.flow()
			e.Flow(&f)
		}
		var got []string
		for _, f := range e.Findings() {
			got = append(got, fmt.Sprintf("%s %s %v", f.Type, f.Service.ResourceRole, f.Severity))
			if f.Service.Action.Connection.RemoteIP == nil || !strings.Contains(f.Description, "eni-1") && !strings.Contains(f.Description, host) || strings.Contains(f.Description, "{") {
				t.Errorf("%s: %+v", name, f)
			}
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%s (shuffled %v): %q, want %q", name, shuffled, got, want)
		}
	}
}

// TestFlowStateSurvives: what was counted before a restart counts after it.
func TestFlowStateSurvives(t *testing.T) {
	flows := append(append(scanOf(12, true), sweepOf(24, 445)...), sessions(60, peerAddr, host, 22, 20)...)
	var b bytes.Buffer
	e := New(Config{}, All()...)
	for i := range flows {
		if i%2 == 0 {
			f := flows[i].flow()
			e.Flow(&f)
		}
	}
	if n := len(e.Findings()); n != 0 {
		t.Fatalf("%d findings of half", n)
	}
	if err := e.Save(&b); err != nil {
		t.Fatal(err)
	}
	e = New(Config{}, All()...)
	if err := e.Load(&b); err != nil {
		t.Fatal(err)
	}
	for i := range flows {
		if i%2 == 1 {
			f := flows[i].flow()
			e.Flow(&f)
		}
	}
	if n := len(e.Findings()); n != 3 {
		t.Errorf("%d findings", n)
	}
}

// TestOrdinaryFlowsRaiseNothing.
func TestOrdinaryFlowsRaiseNothing(t *testing.T) {
	e := New(Config{}, All()...)
	flows := logstest.Flows(100_000)
	for i := range flows {
		e.Flow(&flows[i])
	}
	for _, f := range e.Findings() {
		t.Errorf("%s %s", f.Type, f.Description)
	}
}
