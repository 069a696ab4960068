package detect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"bartizan.dev/intel"
	"bartizan.dev/logs"
)

// talk is a flow of n packets of 500 bytes from host to a peer's port, at a minute.
func talk(minute int, dst string, port uint16, n uint64) connection {
	return connection{minute: minute, src: host, dst: dst, from: 40000, to: port, packets: n, size: 500}
}

func answer(c connection) connection {
	c.src, c.dst, c.from, c.to = c.dst, c.src, c.to, c.from
	return c
}

// week is what an ordinary host does in eight days: the web, its resolver, a few
// transfers of some megabytes an hour.
func week() (out []connection) {
	for hour := range 8 * 24 {
		out = append(out, talk(hour*60, "198.51.100.80", 443, 10_000), talk(hour*60+1, "198.51.100.53", 53, 5), talk(hour*60+2, "198.51.100.80", 80, 20))
	}
	return out
}

const after = 8*24*60 + 30 // minutes: later than week

func many(n int, f func(i int) connection) (out []connection) {
	for i := range n {
		out = append(out, f(i))
	}
	return out
}

func to(i int) string { return fmt.Sprintf("203.0.%d.%d", i/200, i%200+1) }

// networkCases are what raises each finding type of flow logs, and what comes near
// and does not. Where history is set, the host has been watched for a week.
var networkCases = []networkCase{
	{networkPort, "a port never used", true, []connection{talk(after, peerAddr, 4444, 30)}, tcp, "ACTOR 5"},
	{networkPort, "a port never used, by UDP", true, []connection{talk(after, peerAddr, 4444, 30)}, udp, "ACTOR 5"},
	{networkPort, "a port never used, above its own, by its flags", true, with([]connection{talk(after, peerAddr, 51234, 30)}, func(c *connection) { c.flags = synFlag }), tcp, "ACTOR 5"},
	{networkPort, "the answers of a server on a high port, by their flags", true, with([]connection{talk(after, peerAddr, 2000, 30)}, func(c *connection) { c.flags = synFlag | ackFlag }), tcp, ""},
	{networkPort, "a port it uses", true, []connection{talk(after, peerAddr, 80, 30)}, tcp, ""},
	{networkPort, "a new host", false, []connection{talk(after, peerAddr, 4444, 30)}, tcp, ""},
	{networkPort, "an attempt", true, []connection{talk(after, peerAddr, 4444, 1)}, tcp, ""},
	{networkPort, "a server's answers", true, many(200, func(i int) connection {
		c := talk(after, peerAddr, uint16(33000+i), 30)
		c.from = 80
		return c
	}), tcp, ""},
	{volumeHigh, "a gigabyte to one peer", true, many(20, func(i int) connection { return talk(after+i, peerAddr, 443, 100_000) }), tcp, "ACTOR 5"},
	{volumeHigh, "a gigabyte to many peers", true, many(20, func(i int) connection { return talk(after+i, to(i), 443, 100_000) }), tcp, ""},
	{volumeHigh, "a little more than usual", true, many(3, func(i int) connection { return talk(after+i, peerAddr, 443, 10_000) }), tcp, ""},
	{volumeHigh, "a new host", false, many(20, func(i int) connection { return talk(after+i, peerAddr, 443, 100_000) }), tcp, ""},
	{dnsResolver, "another resolver", true, []connection{talk(after, peerAddr, 53, 2)}, udp, "ACTOR 5"},
	{dnsResolver, "its own", true, []connection{talk(after, "198.51.100.53", 53, 2)}, udp, ""},
	{dnsResolver, "a host that resolves itself", false, append(week(), many(300, func(i int) connection { return talk(i*60, to(i), 53, 2) })...), udp, ""},
	{dohActivity, "DNS over HTTPS", true, []connection{talk(after, "1.1.1.1", 443, 20)}, tcp, "ACTOR 5"},
	{dohActivity, "the web", true, []connection{talk(after, "1.1.2.1", 443, 20)}, tcp, ""},
	{dotActivity, "DNS over TLS", true, []connection{talk(after, "9.9.9.9", 853, 20)}, tcp, "ACTOR 5"},
	{dotActivity, "on a new host", false, []connection{talk(after, "9.9.9.9", 853, 20)}, tcp, ""},
	{spambot, "mail from a host that sends none", true, many(4, func(i int) connection { return talk(after+i, to(i), 25, 20) }), tcp, "ACTOR 5"},
	{spambot, "mail from a new host to many", false, many(80, func(i int) connection { return talk(i/4, to(i), 25, 20) }), tcp, "ACTOR 5"},
	{spambot, "a new mail server", false, many(160, func(i int) connection {
		if i%2 == 0 {
			return connection{minute: i / 4, src: to(i), dst: host, from: 40000, to: 25, packets: 20, size: 500}
		}
		return talk(i/4, to(i), 25, 20)
	}), tcp, ""},
	{spambot, "mail to its relay", true, many(90, func(i int) connection { return talk(after+i, peerAddr, 25, 20) }), tcp, ""},
	{spambot, "a mail server", true, append(many(300, func(i int) connection { return talk(i*30, to(i%7), 25, 20) }), many(10, func(i int) connection { return talk(after+i, to(i), 25, 20) })...), tcp, ""},
	{floodTypes[floodTCP], "SYN packets from many ports", false, many(80_000, func(i int) connection {
		return connection{minute: i / 10_000, src: host, dst: peerAddr, from: uint16(1024 + i), to: 80, packets: 1, size: 40}
	}), tcp, "ACTOR 8"},
	{floodTypes[floodTCP], "a service that is down", false, many(20_000, func(i int) connection {
		return connection{minute: i / 1500, src: host, dst: peerAddr, from: uint16(1024 + i), to: 80, packets: 1, size: 40}
	}), tcp, ""},
	{floodTypes[floodTCP], "one-way packets", false, many(6, func(i int) connection { return talk(i, peerAddr, 80, 900_000) }), tcp, "ACTOR 8"},
	{floodTypes[floodTCP], "a large download", false, many(12, func(i int) connection {
		if i%2 == 1 {
			return answer(talk(i/2, peerAddr, 443, 900_000))
		}
		return talk(i/2, peerAddr, 443, 500_000)
	}), tcp, ""},
	{floodTypes[floodUDP], "packets to a game", false, many(3, func(i int) connection { return talk(i, peerAddr, 27015, 400_000) }), udp, "ACTOR 8"},
	{floodTypes[floodUDP], "all in one record", false, []connection{talk(0, peerAddr, 27015, 5_000_000)}, udp, "ACTOR 8"},
	{floodTypes[floodUDP], "a call that is answered", false, many(12, func(i int) connection {
		if i%2 == 1 {
			return answer(talk(i/2, peerAddr, 27015, 200_000))
		}
		return talk(i/2, peerAddr, 27015, 200_000)
	}), udp, ""},
	{floodTypes[floodUDP], "inside the network", false, many(3, func(i int) connection { return talk(i, "10.0.0.9", 27015, 900_000) }), udp, ""},
	{floodTypes[floodDNS], "queries without answers", false, many(3, func(i int) connection { return talk(i, peerAddr, 53, 200_000) }), udp, "ACTOR 8"},
	{floodTypes[floodUDPOnTCP], "UDP to a web server", false, many(3, func(i int) connection { return talk(i, peerAddr, 80, 400_000) }), udp, "ACTOR 8"},
	{floodTypes[floodOther], "IGMP", false, many(3, func(i int) connection { return talk(i, peerAddr, 0, 200_000) }), 2, "ACTOR 8"},
	{floodTypes[floodOther], "a VPN by ESP", false, many(12, func(i int) connection {
		if i%2 == 1 {
			return answer(talk(i/2, peerAddr, 0, 200_000))
		}
		return talk(i/2, peerAddr, 0, 200_000)
	}), 50, ""},
}

// TestNetworkFindings has one test for each type, so that lists of types can name
// it. Every case is run as it is, with events that come up to 15 minutes late, by a
// file that is read twice, and with the engine saved and loaded in its middle.
func TestNetworkFindings(t *testing.T) {
	var kinds []string
	for _, x := range networkCases {
		if !contains(kinds, x.kind) {
			kinds = append(kinds, x.kind)
		}
	}
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			for i := range networkCases {
				if x := &networkCases[i]; x.kind == kind {
					x.try(t)
				}
			}
		})
	}
}

type networkCase struct {
	kind, what string
	history    bool
	flows      []connection
	protocol   uint8
	want       string // role, severity
}

func (x *networkCase) try(t *testing.T) {
	flows := x.flows
	if x.history {
		flows = append(week(), flows...)
	}
	for i := range flows {
		flows[i].protocol = x.protocol
		if x.history && i < len(week()) {
			flows[i].protocol = tcp
			if flows[i].to == 53 {
				flows[i].protocol = udp
			}
		}
	}
	for _, way := range []string{"once", "late", "twice", "restarted"} {
		e := New(Config{}, All()...)
		if way == "late" {
			flows = shuffled(flows)
		}
		for i, c := range flows {
			f := c.flow()
			e.Flow(&f)
			if way == "twice" {
				e.Flow(&f)
			}
			if way == "restarted" && i == len(flows)/2 {
				e = restarted(t, e)
			}
		}
		got := ""
		for _, f := range e.Findings() {
			if f.Type != x.kind {
				if x.want != "" || f.Type != "Recon:EC2/Portscan" { // scans are tested elsewhere
					t.Errorf("%s raises %s too: %s", x.what, f.Type, f.Description)
				}
				continue
			}
			got = fmt.Sprint(f.Service.ResourceRole, " ", f.Severity)
			if f.Resource.Type != "Instance" || f.Service.Action.Type != "NETWORK_CONNECTION" || f.Service.Action.Connection.Direction != "OUTBOUND" || strings.Contains(f.Title+f.Description, "{") {
				t.Errorf("%s: %+v", x.what, f)
			}
		}
		if got != x.want {
			t.Errorf("%s, %s: %q, want %q", x.what, way, got, x.want)
		}
	}
}

// shuffled makes flows come in another order: those of a minute, which come in one
// file, up to 15 minutes late.
func shuffled(flows []connection) []connection {
	r := rand.New(rand.NewPCG(1, 2))
	when := make([]int, len(flows))
	order := make([]int, len(flows))
	delay := map[int]int{}
	for i, c := range flows {
		if _, ok := delay[c.minute]; !ok {
			delay[c.minute] = r.IntN(16)
		}
		when[i], order[i] = c.minute+delay[c.minute], i
	}
	slices.SortStableFunc(order, func(a, b int) int { return when[a] - when[b] })
	out := make([]connection, len(flows))
	for i, k := range order {
		out[i] = flows[k]
	}
	return out
}

func restarted(t testing.TB, e *Engine) *Engine {
	t.Helper()
	var b bytes.Buffer
	if err := e.Save(&b); err != nil {
		t.Fatal(err)
	}
	out := New(e.Config, All()...)
	if err := out.Load(&b); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestListedPeers: what each kind of list makes of an address.
func TestListedPeers(t *testing.T) {
	set := intel.Compile(lists(t)...)
	for _, x := range []struct {
		kind   string
		flows  []connection
		action string
		want   string
	}{
		{portProbe, []connection{answer(talk(0, "198.51.100.2", 22, 3))}, "PORT_PROBE", "TARGET 2"},
		{portProbe, []connection{func() connection {
			c := answer(talk(0, "198.51.100.2", 50000, 3))
			c.to, c.from = 9200, 50000
			return c
		}()}, "PORT_PROBE", "TARGET 8"},
		{emrProbe, []connection{func() connection {
			c := answer(talk(0, "198.51.100.2", 50000, 3))
			c.to, c.from = 8088, 50000
			return c
		}()}, "PORT_PROBE", "TARGET 8"},
		{torRelay, many(8, func(i int) connection {
			node := fmt.Sprintf("198.51.101.%d", i)
			c := talk(i, node, 9001, 30)
			if i%2 == 0 {
				c = connection{minute: i, src: node, dst: host, from: 50000, to: 9001, packets: 30, size: 500}
			}
			return c
		}), "NETWORK_CONNECTION", "ACTOR 8"},
		{"UnauthorizedAccess:EC2/TorClient", []connection{talk(0, "198.51.100.3", 9001, 30)}, "NETWORK_CONNECTION", "ACTOR 8"},
		{"UnauthorizedAccess:EC2/MaliciousIPCaller.Custom", []connection{talk(0, "198.51.100.1", 443, 30)}, "NETWORK_CONNECTION", "ACTOR 5"},
		{"Backdoor:EC2/C&CActivity.B", []connection{talk(0, "198.51.100.4", 443, 30)}, "NETWORK_CONNECTION", "ACTOR 8"},
		{"CryptoCurrency:EC2/BitcoinTool.B", []connection{talk(0, "198.51.100.5", 3333, 30)}, "NETWORK_CONNECTION", "ACTOR 8"},
		{"Trojan:EC2/BlackholeTraffic", []connection{talk(0, "198.51.100.6", 443, 30)}, "NETWORK_CONNECTION", "ACTOR 5"},
		{"Trojan:EC2/DropPoint", []connection{talk(0, "198.51.100.7", 443, 30)}, "NETWORK_CONNECTION", "ACTOR 5"},
	} {
		t.Run(x.kind, func(t *testing.T) { // the second of a name is #01
			e := New(Config{Intel: set}, All()...)
			for _, c := range x.flows {
				if x.action == "PORT_PROBE" && c.from == 22 {
					c.to, c.from = 22, 50000
				}
				f := c.flow()
				e.Flow(&f)
				e.Flow(&f) // the same file again
			}
			got := ""
			for _, f := range e.Findings() {
				if f.Type != x.kind {
					if x.kind != torRelay || f.Type != "UnauthorizedAccess:EC2/TorClient" { // until it is known to be a relay
						t.Errorf("%s", f.Type)
					}
					continue
				}
				got = fmt.Sprint(f.Service.ResourceRole, " ", f.Severity)
				if x.kind != torRelay && f.Service.Count != 1 || f.Service.Action.Type != x.action || f.Service.Evidence == nil || strings.Contains(f.Title+f.Description, "{") {
					text, err := json.Marshal(f)
					t.Errorf("%s %v", text, err)
				}
			}
			if got != x.want {
				t.Errorf("%q, want %q", got, x.want)
			}
		})
	}
}

// TestProbesOfOnePort: a finding names those who probed.
func TestProbesOfOnePort(t *testing.T) {
	l, err := intel.Parse(intel.Source{Name: "scanners", Kind: intel.Malicious, Format: intel.TXT, Limits: intel.ThreatIPs}, strings.NewReader("203.0.113.0/24"))
	if err != nil {
		t.Fatal(err)
	}
	e := New(Config{Intel: intel.Compile(l)}, All()...)
	for i := range 30 {
		f := connection{minute: i, src: fmt.Sprintf("203.0.113.%d", 1+i%3*5), dst: host, from: 50000, to: 6379, packets: 3, size: 44}.flow()
		e.Flow(&f)
	}
	for i := range 30 {
		f := connection{minute: i, src: fmt.Sprintf("203.0.113.%d", 100+i), dst: host, from: 50000, to: 9200, packets: 3, size: 44}.flow()
		e.Flow(&f)
	}
	all := e.Findings()
	if len(all) != 2 || len(all[0].Service.Action.PortProbe.Probes) != maxProbes || len(all[1].Service.Action.PortProbe.Probes) != 3 || all[1].Service.Count != 30 {
		t.Errorf("%+v", all)
	}
}

// TestStatedMemory: what is said of the size of the tables is so.
func TestStatedMemory(t *testing.T) {
	for what, x := range map[string]struct {
		entry uintptr
		most  int
		mb    int
	}{
		"hosts":   {unsafe.Sizeof(slot[habits]{}), maxHosts, 256},
		"floods":  {unsafe.Sizeof(slot[flood]{}), maxFloods, 24},
		"mails":   {unsafe.Sizeof(slot[mail]{}), maxMails, 4},
		"relays":  {unsafe.Sizeof(slot[relay]{}), maxRelays, 1},
		"askers":  {unsafe.Sizeof(slot[asker]{}), maxAskers, 84},
		"walks":   {unsafe.Sizeof(slot[walk]{}), maxWalks, 9},
		"force":   {unsafe.Sizeof(slot[force]{}), maxForce, 14},
		"tunnels": {unsafe.Sizeof(slot[channel]{}), maxChannels, 13},
	} {
		places := 64
		for places*3 <= x.most*4 {
			places *= 2
		}
		if got := (x.most*int(x.entry) + 8*places) >> 20; got >= x.mb {
			t.Errorf("%s take %d MB, not less than %d: %d bytes each", what, got, x.mb, x.entry)
		}
	}
}

// TestMemoryOfHosts: more hosts than there is room for push out those not seen for
// longest, and a host takes what is said of it.
func TestMemoryOfHosts(t *testing.T) {
	hosts := NewTable[habits](1000)
	for i := range 5000 {
		h, _ := hosts.At(mix(uint64(i)))
		h.First = logs.Time(i)
	}
	if hosts.Len() != 1000 || len(hosts.chunks) != 1 || len(hosts.index.places) > 2048 || hosts.index.n != 1000 {
		t.Errorf("%d hosts in %d chunks, %d of %d places", hosts.Len(), len(hosts.chunks), hosts.index.n, len(hosts.index.places))
	}
	found := 0
	for i := range 5000 {
		if h := hosts.Get(mix(uint64(i))); h != nil {
			if found++; h.First != logs.Time(i) {
				t.Fatal("another host's habits")
			}
		}
	}
	if found != 1000 {
		t.Errorf("%d of 1000 found", found)
	}
}

func TestPublicResolvers(t *testing.T) {
	for a, want := range map[string]bool{"1.1.1.1": true, "1.1.2.1": false, "8.8.8.8": true, "8.8.8.9": false, "2606:4700:4700::1111": true, "2606:4700::1": false} {
		if resolvesOverHTTPS(netip.MustParseAddr(a)) != want {
			t.Errorf("%s: %v", a, !want)
		}
	}
}
