package detect

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"bartizan.dev/logs"
	"bartizan.dev/logs/logstest"
)

func asked(second int, name string) logs.Query {
	return logs.Query{Time: logs.TimeOf(logstest.Start) + logs.Time(second)*logs.Second, Account: logstest.Account, Region: "eu-west-1", VPC: "vpc-1", Instance: "i-1", Src: netip.MustParseAddr("10.0.0.7"), Name: name, Type: "TXT", Class: "IN", Rcode: "NOERROR", Protocol: "UDP"}
}

// longNames makes names by a template of their number and of random hexadecimals.
func longNames(n int, form string) []string {
	r := rand.New(rand.NewPCG(5, 6))
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf(form, r.Uint64(), r.Uint64())
	}
	return out
}

func repeated(name string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = name
	}
	return out
}

func TestTunnel(t *testing.T) {
	const kind = "Trojan:EC2/DNSDataExfiltration"
	for _, x := range []struct {
		what  string
		names []string
		every int // seconds
		want  string
	}{
		{"data", longNames(300, "%016x%016x.t.example.com."), 2, kind},
		{"data below a country's second level", longNames(300, "%016x%016x.example.co.uk."), 2, kind},
		{"slowly", longNames(300, "%016x%016x.t.example.com."), 60, ""},
		{"a little", longNames(100, "%016x%016x.t.example.com."), 2, ""},
		{"the same again and again", repeated("0123456789abcdef0123456789abcdef.t.example.com.", 2000), 1, ""},
		{"short names", longNames(1000, "%.4x-%.4x.cdn.example.com."), 1, ""},
		{"reverse names", longNames(300, "%016x%016x.ip6.arpa."), 2, ""},
		{"different domains", longNames(300, "www.%016x%016x.com."), 2, dgaRequest},
	} {
		t.Run(cmp.Or(x.want, "nothing"), func(t *testing.T) {
			e := New(Config{}, All()...)
			for i, name := range x.names {
				if x.what == "short names" {
					name = fmt.Sprintf("ip-10-0-%d-%d.cdn.example.com.", i/250, i%250)
				}
				q := asked(i*x.every, name)
				e.Query(&q)
			}
			got := ""
			for _, f := range e.Findings() {
				got += f.Type
			}
			if got != x.want {
				t.Errorf("%s: %q, want %q", x.what, got, x.want)
			}
		})
	}
}

func TestTunnelSurvivesARestart(t *testing.T) {
	e := New(Config{}, All()...)
	for i, name := range longNames(180, "%016x%016x.t.example.com.") {
		if i == 90 {
			var b bytes.Buffer
			if err := e.Save(&b); err != nil {
				t.Fatal(err)
			}
			e = New(Config{}, All()...)
			if err := e.Load(&b); err != nil {
				t.Fatal(err)
			}
		}
		q := asked(i, name)
		e.Query(&q)
	}
	if n := len(e.Findings()); n != 1 {
		t.Errorf("%d findings", n)
	}
}

func TestMetadataRebind(t *testing.T) {
	for _, x := range []struct{ name, data, want string }{
		{"evil.example.", "169.254.169.254", "UnauthorizedAccess:EC2/MetadataDNSRebind"},
		{"instance-data.ec2.internal.", "169.254.169.254", ""},
		{"evil.example.", "1169.254.169.254", ""},
		{"evil.example.", "192.0.2.1", ""},
	} {
		t.Run(cmp.Or(x.want, "nothing"), func(t *testing.T) {
			e := New(Config{}, All()...)
			q := asked(0, x.name)
			answers, ok := logs.ParseValue(`[{"Rdata":"192.0.2.7","Type":"A","Class":"IN"},{"Rdata":"` + x.data + `","Type":"A","Class":"IN"}]`)
			if !ok {
				t.Fatal("no JSON")
			}
			q.Answers = answers
			e.Query(&q)
			got := ""
			for _, f := range e.Findings() {
				got += f.Type
			}
			if got != x.want {
				t.Errorf("%s to %s: %q", x.name, x.data, got)
			}
		})
	}
}

// TestRebindInZeeksText reads the answer from a text log.
func TestRebindInZeeksText(t *testing.T) {
	text := "#separator \\x09\n#path\tdns\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tquery\tqtype_name\trcode_name\tanswers\n" +
		"1796040000.0\tC1\t10.0.0.7\t4000\t10.0.0.2\t53\tudp\tevil.example\tA\tNOERROR\t192.0.2.7,169.254.169.254\n"
	d, err := logs.NewDecoder("dns.log", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	b := logs.NewBatch()
	if err := d.Next(b); err != nil && !errors.Is(err, io.EOF) || len(b.Queries) != 1 {
		t.Fatal(err, len(b.Queries))
	}
	e := New(Config{}, All()...)
	e.Query(&b.Queries[0])
	if len(e.Findings()) != 1 {
		t.Errorf("%d findings", len(e.Findings()))
	}
}

func TestOrdinaryQueriesRaiseNothing(t *testing.T) {
	e := New(Config{}, All()...)
	queries := logstest.Queries(100_000)
	for i := range queries {
		e.Query(&queries[i])
	}
	for _, f := range e.Findings() {
		t.Errorf("%s %s", f.Type, f.Description)
	}
}
