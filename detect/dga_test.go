package detect

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"bartizan.dev/logs"
)

// dgaHost is a host that asks for windows of 20 different registered domains.
func dgaWindows(t testing.TB, windows int, rcode string, next func() string) (found int) {
	t.Helper()
	e := New(Config{}, generated())
	second := 0
	for w := range windows {
		asked20 := map[uint64]bool{}
		for tries := 0; len(asked20) < dgaNames; tries++ {
			if tries > 10_000 {
				t.Fatalf("%s and such: too few domains", next())
			}
			q := asked(second, next()+".")
			q.Rcode, q.Type, q.Instance = rcode, "A", fmt.Sprint("i-", w)
			p := partsOf(q.Name)
			if !p.ok || asked20[p.hash] || strings.HasPrefix(q.Name[p.from:], "xn--") {
				continue
			}
			asked20[p.hash] = true
			second++
			e.Query(&q)
		}
	}
	for _, f := range e.Findings() {
		if f.Type != dgaRequest || f.Severity != High || f.Service.Count != 1 {
			t.Errorf("%+v", f)
		}
		found++
	}
	return found
}

// TestGeneratedDomains measures what is promised: of windows of 20 domains, at most
// one in a thousand is taken for a generator's wrongly, and at least nine in ten of
// every family are found, for nine families in ten.
func TestGeneratedDomains(t *testing.T) {
	t.Run(dgaRequest, testGeneratedDomains)
}

func testGeneratedDomains(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	all := strings.Fields(popular)
	for _, rcode := range []string{"NXDOMAIN", "NOERROR"} {
		const windows = 4000
		if n := dgaWindows(t, windows, rcode, func() string { return all[r.IntN(len(all))] }); n*1000 > windows {
			t.Errorf("%s: %d of %d ordinary windows raise a finding", rcode, n, windows)
		}
		good := 0
		for _, f := range families {
			const windows = 100
			n := dgaWindows(t, windows, rcode, func() string { return f.make(r) })
			if n >= windows*9/10 {
				good++
			} else {
				t.Logf("%s: %s: %d of %d windows", rcode, f.name, n, windows)
			}
		}
		t.Logf("%s: %d of %d families", rcode, good, len(families))
		if good*10 < len(families)*9 {
			t.Errorf("%s: %d of %d families", rcode, good, len(families))
		}
	}
}

// TestGeneratedAmongOthers: a host that is infected goes on asking for what it
// always did, asks for each name several times, and its log is read twice.
func TestGeneratedAmongOthers(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	all := strings.Fields(popular)
	var queries []logs.Query
	for i := range 25 {
		name := families[2].make(r)
		for k := range 12 {
			q := asked(i*60+k, all[r.IntN(len(all))]+".")
			if k%4 == 0 {
				q.Name, q.Rcode = name+".", "NXDOMAIN"
			}
			queries = append(queries, q)
		}
	}
	e := New(Config{}, All()...)
	for _, half := range [][]logs.Query{queries[:150], queries[150:], queries} {
		for i := range half {
			e.Query(&half[i])
		}
		e = restarted(t, e)
	}
	found := e.Findings()
	if len(found) != 1 || found[0].Type != dgaRequest || found[0].Service.Count != 1 || found[0].Service.Action.DNSRequest == nil || found[0].Resource.Instance.InstanceID != "i-1" {
		t.Errorf("%d findings: %+v", len(found), *found[0])
	}
}

func TestWhatIsNotGenerated(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	hexes := func(n int) string { return some(r, "0123456789abcdef", n, n) }
	for what, next := range map[string]func() string{
		"names of a cloud's machines":      func() string { return "d" + hexes(13) + ".cloudfront.net" },
		"buckets":                          func() string { return hexes(12) + ".s3.eu-west-1.amazonaws.com" },
		"names inside":                     func() string { return hexes(12) + ".corp.example.com" },
		"names of no top-level domain":     func() string { return hexes(12) + ".internal" },
		"what browsers ask to know a lie":  func() string { return some(r, letters, 7, 15) },
		"addresses":                        func() string { return fmt.Sprintf("%d.%d.168.192.in-addr.arpa", r.IntN(250), r.IntN(250)) },
		"names in letters of other script": func() string { return "xn--" + some(r, letters+digits, 8, 12) + ".com" },
	} {
		e := New(Config{}, generated())
		for i := range 200 {
			q := asked(i, next()+".")
			q.Rcode = "NXDOMAIN"
			e.Query(&q)
		}
		if n := len(e.Findings()); n != 0 {
			t.Errorf("%s: %d findings", what, n)
		}
	}
}

func TestRegisteredDomains(t *testing.T) {
	for name, want := range map[string]string{
		"www.Example.COM.": "Example.COM", "a.b.example.co.uk": "example.co.uk", "x.ddns.net": "x.ddns.net", "a.x.mooo.com": "x.mooo.com", "d1.cloudfront.net.": "cloudfront.net",
		"b.s3.eu-west-1.amazonaws.com": "amazonaws.com", "com.": "", "co.uk": "", "localhost": "", "1.0.0.127.in-addr.arpa.": "", "a.internal": "", "": "", ".": "", ".com": "", "a..com": "", "bü.example.com": "", "mooo.com": "mooo.com", "a.co.cc": "a.co.cc", "w.b.bazar": "b.bazar",
	} {
		p := partsOf(name)
		got := ""
		if p.ok {
			got = name[p.from:p.end]
		}
		if got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func FuzzDomain(f *testing.F) {
	f.Add("www.example.co.uk.")
	f.Add("..a.")
	f.Fuzz(func(t *testing.T, name string) {
		q := asked(0, name)
		q.Rcode = "NXDOMAIN"
		e := New(Config{}, dnsDetectors()...)
		for range dgaNames + 1 {
			q.Time++
			e.Query(&q)
		}
		if p := partsOf(name); p.ok && (int(p.end) > len(name) || p.from >= p.end || int(p.label) >= int(p.end-p.from)) {
			t.Errorf("%q: %+v", name, p)
		}
	})
}
