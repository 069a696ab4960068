package dns

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// zoneOf reads a zone file.
func zoneOf(t testing.TB, id, rank, origin, text string) Zone {
	t.Helper()
	z := Zone{ID: id, Rank: rank, Name: wireName(t, origin)}
	at := map[string]int{}
	p := dns.NewZoneParser(strings.NewReader(text), origin, "")
	p.SetDefaultTTL(300)
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		key := rr.Header().Name + dns.TypeToString[rr.Header().Rrtype]
		i, seen := at[key]
		if !seen {
			i = len(z.Sets)
			at[key] = i
			z.Sets = append(z.Sets, Set{Owner: wireName(t, rr.Header().Name), Type: rr.Header().Rrtype, TTL: rr.Header().Ttl})
		}
		z.Sets[i].Data = append(z.Sets[i].Data, dataOf(t, rr))
	}
	if err := p.Err(); err != nil {
		t.Fatal(err)
	}
	return z
}

func wireName(t testing.TB, name string) string {
	t.Helper()
	b := make([]byte, 256)
	n, err := dns.PackDomainName(strings.ToLower(name), b, 0, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	return string(b[:n])
}

func dataOf(t testing.TB, rr dns.RR) []byte {
	t.Helper()
	b := make([]byte, 65535)
	n, err := dns.PackRR(rr, b, 0, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Clone(b[len(wireName(t, rr.Header().Name))+10 : n])
}

const example = `$TTL 300
@        900 IN SOA ns1 hostmaster 1 7200 900 1209600 60
@        IN NS ns1
@        IN NS ns.other.test.
@        IN MX 10 mail
ns1      IN A 192.0.2.1
www      IN A 192.0.2.2
www      IN A 192.0.2.3
alias    IN CNAME www
far      IN CNAME www.elsewhere.test.
lost     IN CNAME nothing
loop     IN CNAME loop2
loop2    IN CNAME loop
tosub    IN CNAME host.sub
a.b.c    IN TXT "deep"
*.wild   IN A 192.0.2.9
*.wild   IN CAA 0 issue "ca.test"
x.wild   IN TXT "is there"
*.cwild  IN CNAME www
sub      IN NS ns.sub
sub      IN NS ns.elsewhere.test.
sub      IN DS 1 13 2 3490A6806D47F17A34C29E2CE80E8A999FFBE4BE3490A6806D47F17A34C29E2C
ns.sub   IN A 192.0.2.53
ns.sub   IN AAAA 2001:db8::53
`

func newPlane(t testing.TB) *Plane {
	t.Helper()
	p := New()
	if err := p.Apply([]Zone{zoneOf(t, "Z1", "1", "example.test.", example)}, nil); err != nil {
		t.Fatal(err)
	}
	return p
}

func ask(t testing.TB, p *Plane, m *dns.Msg, stream bool) *dns.Msg {
	t.Helper()
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	out := p.Answer(nil, b, stream)
	if len(out) == 0 {
		return nil
	}
	r := new(dns.Msg)
	if err := r.Unpack(out); err != nil {
		t.Fatalf("%v: %x", err, out)
	}
	if r.Id != m.Id || !r.Response {
		t.Errorf("id %d, response %t", r.Id, r.Response)
	}
	return r
}

func show(list []dns.RR) string {
	var out []string
	for _, rr := range list {
		if rr.Header().Rrtype != dns.TypeOPT {
			out = append(out, strings.Join(strings.Fields(rr.String()), " "))
		}
	}
	return strings.Join(out, "; ")
}

// TestAnswers: RFC 1034, 2308 and 4592 on one zone.
func TestAnswers(t *testing.T) {
	p := newPlane(t)
	const soa = "example.test. 60 IN SOA ns1.example.test. hostmaster.example.test. 1 7200 900 1209600 60"
	const referral = "sub.example.test. 300 IN NS ns.sub.example.test.; sub.example.test. 300 IN NS ns.elsewhere.test."
	const glue = "ns.sub.example.test. 300 IN A 192.0.2.53; ns.sub.example.test. 300 IN AAAA 2001:db8::53"
	for _, c := range []struct {
		name       string
		typ        uint16
		code       int
		aa         bool
		an, ns, ar string
	}{
		{"www.example.test.", dns.TypeA, 0, true, "www.example.test. 300 IN A 192.0.2.2; www.example.test. 300 IN A 192.0.2.3", "", ""},
		{"WwW.eXample.test.", dns.TypeAAAA, 0, true, "", strings.Replace(soa, "example.test. 60", "eXample.test. 60", 1), ""},
		{"example.test.", dns.TypeMX, 0, true, "example.test. 300 IN MX 10 mail.example.test.", "", ""},
		{"b.c.example.test.", dns.TypeTXT, 0, true, "", soa, ""}, // an empty non-terminal
		{"none.example.test.", dns.TypeA, 3, true, "", soa, ""},
		{"z.b.c.example.test.", dns.TypeA, 3, true, "", soa, ""},
		{"alias.example.test.", dns.TypeA, 0, true, "alias.example.test. 300 IN CNAME www.example.test.; www.example.test. 300 IN A 192.0.2.2; www.example.test. 300 IN A 192.0.2.3", "", ""},
		{"alias.example.test.", dns.TypeTXT, 0, true, "alias.example.test. 300 IN CNAME www.example.test.", soa, ""},
		{"alias.example.test.", dns.TypeCNAME, 0, true, "alias.example.test. 300 IN CNAME www.example.test.", "", ""},
		{"far.example.test.", dns.TypeA, 0, true, "far.example.test. 300 IN CNAME www.elsewhere.test.", "", ""},
		{"lost.example.test.", dns.TypeA, 3, true, "lost.example.test. 300 IN CNAME nothing.example.test.", soa, ""},
		{"y.wild.example.test.", dns.TypeA, 0, true, "y.wild.example.test. 300 IN A 192.0.2.9", "", ""},
		{"q.y.wild.example.test.", dns.TypeA, 0, true, "q.y.wild.example.test. 300 IN A 192.0.2.9", "", ""},
		{"y.wild.example.test.", dns.TypeTXT, 0, true, "", soa, ""},
		{"x.wild.example.test.", dns.TypeA, 0, true, "", soa, ""},   // what is there is not made up
		{"q.x.wild.example.test.", dns.TypeA, 3, true, "", soa, ""}, // nor below it
		{"wild.example.test.", dns.TypeA, 0, true, "", soa, ""},
		{"*.wild.example.test.", dns.TypeA, 0, true, "*.wild.example.test. 300 IN A 192.0.2.9", "", ""},
		{"k.cwild.example.test.", dns.TypeA, 0, true, "k.cwild.example.test. 300 IN CNAME www.example.test.; www.example.test. 300 IN A 192.0.2.2; www.example.test. 300 IN A 192.0.2.3", "", ""},
		{"host.sub.example.test.", dns.TypeA, 0, false, "", referral, glue},
		{"ns.sub.example.test.", dns.TypeA, 0, false, "", referral, glue},
		{"sub.example.test.", dns.TypeNS, 0, false, "", referral, glue},
		{"sub.example.test.", dns.TypeDS, 0, true, "sub.example.test. 300 IN DS 1 13 2 3490A6806D47F17A34C29E2CE80E8A999FFBE4BE3490A6806D47F17A34C29E2C", "", ""},
		{"tosub.example.test.", dns.TypeA, 0, true, "tosub.example.test. 300 IN CNAME host.sub.example.test.", referral, glue},
		{"www.elsewhere.test.", dns.TypeA, 5, false, "", "", ""},
		{".", dns.TypeNS, 5, false, "", "", ""},
		{"test.", dns.TypeNS, 5, false, "", "", ""},
	} {
		r := ask(t, p, new(dns.Msg).SetQuestion(c.name, c.typ), false)
		if r.Rcode != c.code || r.Authoritative != c.aa || show(r.Answer) != c.an || show(r.Ns) != c.ns || show(r.Extra) != c.ar {
			t.Errorf("%s %s: %s, aa %t\n an %s\n ns %s\n ar %s", c.name, dns.TypeToString[c.typ], dns.RcodeToString[r.Rcode], r.Authoritative, show(r.Answer), show(r.Ns), show(r.Extra))
		}
	}
	if r := ask(t, p, new(dns.Msg).SetQuestion("loop.example.test.", dns.TypeA), false); len(r.Answer) != maxChain {
		t.Errorf("a loop: %s", show(r.Answer))
	}
	if r := ask(t, p, new(dns.Msg).SetQuestion("example.test.", dns.TypeANY), false); len(r.Answer) != 1 {
		t.Errorf("ANY: %s", show(r.Answer))
	}
}

// TestNearestZone: the zone with most labels answers; its DS comes from above.
func TestNearestZone(t *testing.T) {
	p := newPlane(t)
	child := zoneOf(t, "Z2", "2", "sub.example.test.", "@ IN SOA ns h 7 1 1 1 1\n@ IN NS ns\nhost IN A 192.0.2.77\n")
	if err := p.Apply([]Zone{child}, nil); err != nil {
		t.Fatal(err)
	}
	if r := ask(t, p, new(dns.Msg).SetQuestion("host.sub.example.test.", dns.TypeA), false); show(r.Answer) != "host.sub.example.test. 300 IN A 192.0.2.77" || !r.Authoritative {
		t.Error(r)
	}
	if r := ask(t, p, new(dns.Msg).SetQuestion("sub.example.test.", dns.TypeDS), false); len(r.Answer) != 1 {
		t.Error(r)
	}
	// A second zone of the name answers only when the first is gone.
	twin := child
	twin.ID, twin.Rank, twin.Sets = "Z3", "3", slices.Clone(child.Sets[:2])
	if err := p.Apply([]Zone{twin}, nil); err != nil {
		t.Fatal(err)
	}
	if r := ask(t, p, new(dns.Msg).SetQuestion("host.sub.example.test.", dns.TypeA), false); len(r.Answer) != 1 {
		t.Error(r)
	}
	if err := p.Apply(nil, []string{"Z2"}); err != nil {
		t.Fatal(err)
	}
	if r := ask(t, p, new(dns.Msg).SetQuestion("host.sub.example.test.", dns.TypeA), false); r.Rcode != dns.RcodeNameError {
		t.Error(r)
	}
	if err := p.Apply(nil, []string{"Z3", "Z1", "none"}); err != nil {
		t.Fatal(err)
	}
	if r := ask(t, p, new(dns.Msg).SetQuestion("www.example.test.", dns.TypeA), false); r.Rcode != dns.RcodeRefused || len(p.names) != 0 {
		t.Error(r)
	}
	for _, bad := range []Zone{{ID: "B", Name: "\x01b\x00"}, {ID: "B", Name: "\x01b\x00", Sets: []Set{{Owner: "\x01c\x00", Type: typeSOA}}}} {
		if err := p.Apply([]Zone{bad}, nil); err == nil {
			t.Error("a bad zone was taken")
		}
	}
}

// TestRoutes: weights are kept, several values are at most eight, aliases answer
// with their target's records, and circles with nothing.
func TestRoutes(t *testing.T) {
	z := zoneOf(t, "Z1", "1", "example.test.", example)
	add := func(s Set, owner string) {
		s.Owner, s.Type, s.TTL = wireName(t, owner), typeA, 5
		if s.Alias != "" {
			s.Alias = wireName(t, s.Alias)
		}
		z.Sets = append(z.Sets, s)
	}
	add(Set{Data: [][]byte{{1, 1, 1, 1}}, Route: Route{Weighted, 3}}, "w.example.test.")
	add(Set{Data: [][]byte{{2, 2, 2, 2}}, Route: Route{Weighted, 1}}, "w.example.test.")
	add(Set{Data: [][]byte{{3, 3, 3, 3}}, Route: Route{Weighted, 0}}, "w.example.test.")
	for i := range byte(10) {
		add(Set{Data: [][]byte{{10, 0, 0, i}}, Route: Route{Policy: Multivalue}}, "m.example.test.")
	}
	add(Set{Alias: "w.example.test."}, "aw.example.test.")
	add(Set{Alias: "m.example.test."}, "am.example.test.")
	add(Set{Alias: "k.wild.example.test."}, "example.test.")
	add(Set{Alias: "c2.example.test."}, "c1.example.test.")
	add(Set{Alias: "c1.example.test."}, "c2.example.test.")
	add(Set{Alias: "gone.example.test."}, "dangling.example.test.")
	p := New()
	if err := p.Apply([]Zone{z}, nil); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"w.example.test.", "aw.example.test."} {
		counts := map[string]int{}
		for range 4000 {
			r := ask(t, p, new(dns.Msg).SetQuestion(name, dns.TypeA), false)
			counts[show(r.Answer)]++
		}
		one, two := counts[name+" 5 IN A 1.1.1.1"], counts[name+" 5 IN A 2.2.2.2"]
		if one+two != 4000 || one < 2800 || one > 3200 {
			t.Errorf("%s: %v", name, counts)
		}
	}
	for _, name := range []string{"m.example.test.", "am.example.test."} {
		if r := ask(t, p, new(dns.Msg).SetQuestion(name, dns.TypeA), false); len(r.Answer) != 8 || r.Answer[0].Header().Name != name {
			t.Errorf("%s: %s", name, show(r.Answer))
		}
	}
	if r := ask(t, p, new(dns.Msg).SetQuestion("example.test.", dns.TypeA), false); show(r.Answer) != "example.test. 300 IN A 192.0.2.9" {
		t.Error(r)
	}
	for _, name := range []string{"c1.example.test.", "dangling.example.test."} {
		if r := ask(t, p, new(dns.Msg).SetQuestion(name, dns.TypeA), false); r.Rcode != 0 || len(r.Answer) != 0 || len(r.Ns) != 1 {
			t.Error(r)
		}
	}
}

// TestBounds: EDNS, truncation, and what is no query.
func TestBounds(t *testing.T) {
	text := example
	for i := range 60 {
		text += fmt.Sprintf("many IN A 10.0.0.%d\n", i)
	}
	for i := range 300 {
		text += fmt.Sprintf("more IN TXT %q\n", strings.Repeat(fmt.Sprint(i%10), 100)+fmt.Sprint(i))
	}
	p := New()
	if err := p.Apply([]Zone{zoneOf(t, "Z1", "1", "example.test.", text)}, nil); err != nil {
		t.Fatal(err)
	}
	m := new(dns.Msg).SetQuestion("many.example.test.", dns.TypeA)
	if r := ask(t, p, m, false); !r.Truncated || len(r.Answer) != 0 {
		t.Error(r)
	}
	if r := ask(t, p, m, true); r.Truncated || len(r.Answer) != 60 {
		t.Error(r)
	}
	m.SetEdns0(4096, true)
	if r := ask(t, p, m, false); r.Truncated || len(r.Answer) != 60 || r.IsEdns0() == nil || !r.IsEdns0().Do() || r.IsEdns0().UDPSize() != maxUDP {
		t.Error(r)
	}
	m.SetQuestion("more.example.test.", dns.TypeTXT)
	if r := ask(t, p, m, false); !r.Truncated || r.IsEdns0() == nil {
		t.Error(r)
	}
	if r := ask(t, p, m, true); len(r.Answer) != 300 {
		t.Error(r)
	}
	m.IsEdns0().SetVersion(1)
	if r := ask(t, p, m, false); r.Rcode != dns.RcodeBadVers || len(r.Answer) != 0 {
		t.Error(r)
	}
	m = new(dns.Msg).SetQuestion("www.example.test.", dns.TypeA)
	m.Question[0].Qclass = dns.ClassCHAOS
	if r := ask(t, p, m, false); r.Rcode != dns.RcodeRefused {
		t.Error(r)
	}
	m.Opcode = dns.OpcodeNotify
	if r := ask(t, p, m, false); r.Rcode != dns.RcodeNotImplemented || r.Opcode != dns.OpcodeNotify {
		t.Error(r)
	}
	m = new(dns.Msg).SetQuestion("www.example.test.", dns.TypeA)
	m.Response = true
	if r := ask(t, p, m, false); r != nil {
		t.Error(r)
	}
	m.Response, m.Question = false, nil
	if r := ask(t, p, m, false); r.Rcode != dns.RcodeFormatError {
		t.Error(r)
	}
	if out := p.Answer(nil, make([]byte, 11), false); out != nil {
		t.Error(out)
	}
}

func serve(t testing.TB, p *Plane) string {
	t.Helper()
	s, err := p.Listen(t.Context(), "127.0.0.1:0", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s.Addr().String()
}

// TestSockets: the same answers over UDP and TCP, several on one connection.
func TestSockets(t *testing.T) {
	at := serve(t, newPlane(t))
	for _, network := range []string{"udp", "tcp"} {
		c := &dns.Client{Net: network}
		conn, err := c.Dial(at)
		if err != nil {
			t.Fatal(err)
		}
		for range 100 {
			r, _, err := c.ExchangeWithConn(new(dns.Msg).SetQuestion("www.example.test.", dns.TypeA), conn)
			if err != nil || len(r.Answer) != 2 {
				t.Fatal(r, err)
			}
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestNoAllocations: the way of a query through the plane makes no garbage.
func TestNoAllocations(t *testing.T) {
	p := newPlane(t)
	out := make([]byte, 0, maxUDP)
	for _, name := range []string{"www.example.test.", "alias.example.test.", "none.example.test.", "host.sub.example.test.", "y.wild.example.test."} {
		b, err := new(dns.Msg).SetQuestion(name, dns.TypeA).SetEdns0(1232, true).Pack()
		if err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(100, func() { out = p.Answer(out[:0], b, false) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkAnswer(b *testing.B) {
	p := newPlane(b)
	out := make([]byte, 0, maxUDP)
	for _, name := range []string{"www.example.test.", "alias.example.test.", "none.example.test.", "host.sub.example.test."} {
		packet, err := new(dns.Msg).SetQuestion(name, dns.TypeA).SetEdns0(1232, false).Pack()
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				out = p.Answer(out[:0], packet, false)
			}
		})
	}
}

// BenchmarkLoopback asks over UDP, 64 queries at a time, from the same process:
// an operation is a query and its answer, the asker's work included.
func BenchmarkLoopback(b *testing.B) {
	at := serve(b, newPlane(b))
	packet, err := new(dns.Msg).SetQuestion("www.example.test.", dns.TypeA).Pack()
	if err != nil {
		b.Fatal(err)
	}
	conn, err := net.Dial("udp", at)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // the test's own asker
	in := make([]byte, maxUDP)
	for n := b.N; n > 0; n -= 64 {
		for range min(n, 64) {
			if _, err := conn.Write(packet); err != nil {
				b.Fatal(err)
			}
		}
		for range min(n, 64) {
			if _, err := conn.Read(in); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// FuzzAnswer: no packet crashes the plane, and every answer is well formed.
func FuzzAnswer(f *testing.F) {
	p := newPlane(f)
	for _, name := range []string{"www.example.test.", "loop.example.test.", "host.sub.example.test.", "a.b.c.d.example.test.", "."} {
		for _, typ := range []uint16{dns.TypeA, dns.TypeANY, dns.TypeDS} {
			m := new(dns.Msg).SetQuestion(name, typ)
			b, err := m.Pack()
			if err != nil {
				f.Fatal(err)
			}
			f.Add(b, false)
			b, err = m.SetEdns0(700, true).Pack()
			if err != nil {
				f.Fatal(err)
			}
			f.Add(b, true)
		}
	}
	f.Fuzz(func(t *testing.T, packet []byte, stream bool) {
		out := p.Answer(nil, packet, stream)
		if len(out) == 0 {
			return
		}
		if !stream && len(out) > maxUDP {
			t.Errorf("%d bytes over UDP", len(out))
		}
		if err := new(dns.Msg).Unpack(out); err != nil {
			t.Errorf("%v: %x", err, out)
		}
	})
}
