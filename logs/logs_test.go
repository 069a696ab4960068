package logs_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"bartizan.dev/logs"
	"bartizan.dev/logs/logstest"
)

type all struct {
	calls   []logs.Call
	flows   []logs.Flow
	queries []logs.Query
	d       *logs.Decoder
}

func read(t testing.TB, r io.Reader) all {
	t.Helper()
	d, err := logs.NewDecoder("test", r)
	if err != nil {
		t.Fatal(err)
	}
	a := all{d: d}
	b := logs.NewBatch()
	for d.Next(b) == nil {
		a.calls = append(a.calls, b.Calls...)
		a.flows = append(a.flows, b.Flows...)
		a.queries = append(a.queries, b.Queries...)
	}
	return a
}

// oneByte gives a byte at a time, so that every record is cut everywhere.
type oneByte struct{ r io.Reader }

func (o oneByte) Read(b []byte) (int, error) { return o.r.Read(b[:min(1, len(b))]) }

// TestCloudTrailAgainstEncodingJSON reads the same events with this scanner and
// with encoding/json, in every form they are kept in.
func TestCloudTrailAgainstEncodingJSON(t *testing.T) {
	events := logstest.Events(3000)
	pretty := []byte("[\n")
	for i, e := range events {
		if i > 0 {
			pretty = append(pretty, ",\n"...)
		}
		var b bytes.Buffer
		if err := json.Indent(&b, e, "", "  "); err != nil {
			t.Fatal(err)
		}
		pretty = append(pretty, b.Bytes()...)
	}
	pretty = append(pretty, "]\n"...)
	records := logstest.Records(events...)
	for name, r := range map[string]io.Reader{
		"delivered":    bytes.NewReader(records),
		"gzip":         bytes.NewReader(logstest.Gzip(records)),
		"gzip in gzip": bytes.NewReader(logstest.Gzip(logstest.Gzip(records))),
		"lines":        bytes.NewReader(logstest.Lines(events...)),
		"array":        bytes.NewReader(pretty),
		"files joined": io.MultiReader(bytes.NewReader(records[:0]), bytes.NewReader(logstest.Gzip(logstest.Records(events[:1500]...))), bytes.NewReader(logstest.Gzip(logstest.Records(events[1500:]...)))),
		"byte by byte": oneByte{bytes.NewReader(logstest.Records(events[:200]...))},
	} {
		t.Run(name, func(t *testing.T) {
			events := events
			if name == "byte by byte" {
				events = events[:200]
			}
			a := read(t, r)
			if len(a.calls) != len(events) || a.d.Bad != 0 || a.d.Warning != "" {
				t.Fatalf("%d events, %d bad %v, warning %q", len(a.calls), a.d.Bad, a.d.BadList, a.d.Warning)
			}
			for i := range events {
				compare(t, &a.calls[i], events[i])
			}
		})
	}
}

func compare(t *testing.T, c *logs.Call, event []byte) {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(event, &m); err != nil {
		t.Fatal(err)
	}
	at := func(path string) string {
		var v any = m
		for _, p := range strings.Split(path, ".") {
			o, _ := v.(map[string]any)
			v = o[p]
		}
		if v == nil {
			return ""
		}
		return fmt.Sprint(v)
	}
	id := &c.Identity
	flag := func(f logs.Flag) string { return [...]string{"", "false", "true"}[f] }
	for path, got := range map[string]string{
		"eventID": c.ID, "eventSource": c.Source, "eventName": c.Name, "eventType": c.Type, "eventCategory": c.Category, "eventVersion": c.Version,
		"awsRegion": c.Region, "recipientAccountId": c.Account, "sourceIPAddress": c.SourceIP, "userAgent": c.UserAgent, "errorCode": c.ErrorCode,
		"errorMessage": c.ErrorMessage, "requestID": c.RequestID, "readOnly": flag(c.ReadOnly), "managementEvent": flag(c.Management),
		"eventTime": c.Time.Std().Format("2006-01-02T15:04:05Z"), "userIdentity.type": id.Type, "userIdentity.principalId": id.Principal, "userIdentity.arn": id.ARN,
		"userIdentity.accountId": id.Account, "userIdentity.userName": id.User, "userIdentity.accessKeyId": id.AccessKey, "userIdentity.invokedBy": id.InvokedBy,
		"userIdentity.identityProvider": id.Provider, "userIdentity.onBehalfOf.userId": id.OnBehalf, "userIdentity.sessionContext.ec2RoleDelivery": id.RoleDelivery,
		"userIdentity.sessionContext.sessionIssuer.arn": id.Issuer.ARN, "userIdentity.sessionContext.sessionIssuer.userName": id.Issuer.User,
		"userIdentity.sessionContext.sessionIssuer.principalId": id.Issuer.Principal, "userIdentity.sessionContext.sessionIssuer.type": id.Issuer.Type,
		"userIdentity.sessionContext.attributes.mfaAuthenticated": flag(id.MFA), "userIdentity.sessionContext.webIdFederationData.federatedProvider": id.Federation,
	} {
		if want := at(path); got != want {
			t.Errorf("%s: %q, want %q in %s", path, got, want, event)
		}
	}
	for name, v := range map[string]logs.Value{"requestParameters": c.Params, "responseElements": c.Response, "resources": c.Resources, "tlsDetails": c.TLS} {
		if !reflect.DeepEqual(plain(v), m[name]) {
			t.Errorf("%s: %v, want %v", name, plain(v), m[name])
		}
	}
	if a, err := netip.ParseAddr(c.SourceIP); err == nil && a != c.Addr {
		t.Errorf("address %v of %s", c.Addr, c.SourceIP)
	}
}

// plain rebuilds a value with the walking functions alone.
func plain(v logs.Value) any {
	switch v.Kind() {
	case '{':
		m := map[string]any{}
		for k, x := range v.Members() {
			m[k] = plain(x)
		}
		return m
	case '[':
		l := []any{}
		for x := range v.Items() {
			l = append(l, plain(x))
		}
		return l
	case '"':
		return v.Text()
	case 't':
		return true
	case 'f':
		return false
	case '0':
		var f float64
		if json.Unmarshal([]byte(v.Raw()), &f) != nil {
			return v.Raw()
		}
		return f
	}
	return nil
}

func TestBadEventsAreCountedAndSkipped(t *testing.T) {
	ok := string(logstest.Event{Source: "iam.amazonaws.com", Name: "CreateUser", Params: map[string]any{"userName": "täst\"\n\u2028"}}.JSON())
	for _, c := range []struct {
		name, text  string
		good        int
		bad, others int64
		reason      string
	}{
		{"wrong type", `{"Records":[` + ok + `,{"eventVersion":"1.11","eventTime":5,"eventName":"a","eventSource":"b"},` + ok + `]}`, 2, 1, 0, "eventTime is not a string"},
		{"not a time", ok + "\n" + `{"eventVersion":"1.11","eventTime":"yesterday","eventName":"a","eventSource":"b"}` + "\n" + ok, 2, 1, 0, "eventTime is not a time"},
		{"twice", ok + "\n" + `{"eventVersion":"1.11","eventName":"a","eventName":"b","eventSource":"b"}` + "\n" + ok, 2, 1, 0, "eventName is there twice"},
		{"missing", ok + "\n{}\n" + `{"eventVersion":"1","eventTime":"2026-11-30T12:00:00Z"}` + "\n" + ok, 2, 2, 0, "no eventTime"},
		{"not JSON", ok + "\n" + `{"eventVersion":"1.11","eventName":nope}` + "\n" + ok, 2, 1, 0, "the record is not JSON"},
		{"broken inside one line", `{"Records":[` + ok + `,{"eventVersion":"1.11","eventName":"a` + "\x01" + `"},` + ok + `,` + ok + `]}`, 3, 1, 0, "the record is not JSON"},
		{"cut off in a string", `{"Records":[` + ok + `,` + ok[:len(ok)-9], 1, 1, 0, "the file ends within the record"},
		{"identity of wrong type", `[` + ok + `,{"eventVersion":"1","eventTime":"2026-11-30T12:00:00Z","eventName":"a","eventSource":"b","userIdentity":"root"}]`, 1, 1, 0, "userIdentity is not an object"},
		{"too deep", ok + "\n" + `{"eventVersion":"1","x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + "}\n" + ok, 2, 1, 0, "the record is not JSON"},
		{"bad escape", ok + "\n" + `{"eventVersion":"1","eventName":"\q"}` + "\n" + ok, 2, 1, 0, "the record is not JSON"},
		{"too long", `{"Records":[` + ok + `,{"eventVersion":"1.11","x":"` + strings.Repeat("x", logs.MaxRecord+chunkRoom) + `"},` + ok + `]}`, 2, 1, 0, "the record is too long"},
		{"insight", `{"Records":[{"eventVersion":"1.08","eventTime":"2026-11-30T12:00:00Z","awsRegion":"us-east-1","eventID":"x","eventType":"AwsCloudTrailInsight","insightDetails":{}}]}`, 0, 0, 1, ""},
		{"nothing", `{"Records":[]}`, 0, 0, 0, ""},
		{"null", `{"Records":null}`, 0, 0, 0, ""},
		{"more members", `{"Records":[` + ok + `],"next":{"a":[1]}}` + "\n" + ok, 2, 0, 0, ""},
		{"byte order mark", "\ufeff" + ok, 1, 0, 0, ""},
		{"service as source", `{"eventVersion":"1","eventTime":"2026-11-30T12:00:00.123Z","eventName":"a","eventSource":"b","sourceIPAddress":"ec2.amazonaws.com"}`, 1, 0, 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := read(t, strings.NewReader(c.text))
			if len(a.calls) != c.good || a.d.Bad != c.bad || a.d.Other != c.others {
				t.Fatalf("%d good, %d bad, %d others: %v", len(a.calls), a.d.Bad, a.d.Other, a.d.BadList)
			}
			if c.bad > 0 {
				b := a.d.BadList[0]
				if b.Reason != c.reason || b.Offset == 0 || c.text[b.Offset] != '{' {
					t.Errorf("%+v, want %q", b, c.reason)
				}
			}
			for i := range a.calls {
				if a.calls[i].Name == "CreateUser" && a.calls[i].Params.Get("userName").Text() != "täst\"\n\u2028" {
					t.Errorf("userName %q", a.calls[i].Params.Get("userName").Text())
				}
			}
		})
	}
}

const chunkRoom = 300 << 10

func TestTruncatedGzipYieldsWhatItHolds(t *testing.T) {
	events := logstest.Events(2000)
	for name, data := range map[string][]byte{
		"records": logstest.Gzip(logstest.Records(events...)),
		"lines":   logstest.Gzip(logstest.Lines(events...)),
		"flows":   logstest.Gzip(logstest.FlowLog(true, logstest.Version5, logstest.Flows(2000)...)),
	} {
		a := read(t, bytes.NewReader(data[:len(data)/2]))
		n := len(a.calls) + len(a.flows)
		if n < 500 || n >= 2000 || !strings.Contains(a.d.Warning, "cut off") || a.d.Bad > 1 {
			t.Errorf("%s: %d records, %d bad %v, warning %q", name, n, a.d.Bad, a.d.BadList, a.d.Warning)
		}
	}
	broken := logstest.Gzip(logstest.Records(events...))
	broken[len(broken)-6] ^= 1 // the checksum
	if a := read(t, bytes.NewReader(broken)); len(a.calls) != 2000 || a.d.Warning == "" {
		t.Errorf("%d events, warning %q", len(a.calls), a.d.Warning)
	}
}

func TestBombsAreRefused(t *testing.T) {
	data := logstest.Gzip(logstest.Gzip(logstest.Gzip(logstest.Records())))
	if _, err := logs.NewDecoder("deep", bytes.NewReader(data)); err == nil {
		t.Error("gzip in gzip in gzip is opened")
	}
	if testing.Short() {
		t.Skip("unpacks 80 MB")
	}
	bomb := logstest.Gzip(append([]byte(`{"Records":[{"eventVersion":"`), make([]byte, 80<<20)...))
	a := read(t, bytes.NewReader(bomb))
	if len(a.calls) != 0 || !strings.Contains(a.d.Warning, "200 times") {
		t.Errorf("%d events, warning %q", len(a.calls), a.d.Warning)
	}
}

func TestOtherFiles(t *testing.T) {
	for name, text := range map[string]string{
		"prose": "hello world\n", "json": `{"a":1}`, "xml": "<a/>", "csv": "a,b\n1,2\n", "zeros": "\x00\x00\x00\x00", "not gzip": "\x1f\x8bxx", "parquet": "PAR1xxxxPAR1", "large footer": "PAR1" + strings.Repeat("x", 100) + "\x7f\x7f\x7f\x7fPAR1",
	} {
		if _, err := logs.NewDecoder(name, strings.NewReader(text)); err == nil {
			t.Errorf("%s is taken for a log", name)
		} else if len(name) < 4 && !errors.Is(err, logs.ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
	a := read(t, strings.NewReader(`{"awsAccountId":"111122223333","digestStartTime":"2026-11-30T12:00:00Z","digestEndTime":"2026-11-30T13:00:00Z","logFiles":[]}`))
	if a.d.Format != logs.Digest || a.d.Records != 0 || a.d.Bad != 0 {
		t.Errorf("digest: %+v", a.d)
	}
	if a := read(t, strings.NewReader("")); a.d.Records != 0 || a.d.Warning != "" {
		t.Errorf("empty: %+v", a.d)
	}
}

func TestFlowLogs(t *testing.T) {
	flows := logstest.Flows(1000)
	for name, c := range map[string]struct {
		data  []byte
		exact func(*logs.Flow) // removes what the version does not hold
	}{
		"v2 without header": {logstest.FlowLog(false, logstest.Version2, flows...), func(f *logs.Flow) { f.Instance, f.Egress = "", logs.Unknown }},
		"v2":                {logstest.FlowLog(true, logstest.Version2, flows...), func(f *logs.Flow) { f.Instance, f.Egress = "", logs.Unknown }},
		"v3":                {logstest.FlowLog(true, logstest.Version3, flows...), func(f *logs.Flow) { f.Egress = logs.Unknown }},
		"v5 gzip":           {logstest.Gzip(logstest.FlowLog(true, logstest.Version5, flows...)), func(*logs.Flow) {}},
		"parquet":           {logstest.FlowParquet(flows...), func(*logs.Flow) {}},
		"two headers":       {append(logstest.FlowLog(true, logstest.Version5, flows[:500]...), logstest.FlowLog(true, logstest.Version5[:28], flows[500:]...)...), func(*logs.Flow) {}},
	} {
		t.Run(name, func(t *testing.T) {
			a := read(t, bytes.NewReader(c.data))
			if len(a.flows) != len(flows) || a.d.Bad != 0 || a.d.Warning != "" {
				t.Fatalf("%d flows, %d bad %v %s", len(a.flows), a.d.Bad, a.d.BadList, a.d.Warning)
			}
			for i, want := range flows {
				c.exact(&want)
				if a.flows[i] != want {
					t.Fatalf("flow %d: %+v\nwant %+v", i, a.flows[i], want)
				}
			}
		})
	}
	a := read(t, strings.NewReader("2026-11-30T12:00:00.000Z 2 111122223333 eni-1 10.0.0.1 10.0.0.2 1 2 6 3 4 1700000000 1700000060 ACCEPT OK\r\n"+
		"2 111122223333 eni-1 - - - - - - - 1700000000 1700000060 - NODATA\n"+
		"2 111122223333 eni-1 10.0.0.1 10.0.0.2 99999 2 6 3 4 1700000000 1700000060 ACCEPT OK\n2 short\n"+strings.Repeat("y", logs.MaxRecord+chunkRoom)+
		"\n2 111122223333 eni-1 2001:db8::1 2001:db8::2 1 2 6 3 4 1700000000 1700000060 REJECT OK"))
	if len(a.flows) != 2 || a.d.Bad != 3 || a.d.Other != 1 || !a.flows[1].Reject || a.flows[1].Src != netip.MustParseAddr("2001:db8::1") || a.flows[0].End != 1700000060*logs.Second {
		t.Errorf("%+v, bad %v, others %d", a.flows, a.d.BadList, a.d.Other)
	}
}

func TestQueries(t *testing.T) {
	queries := logstest.Queries(1000)
	for name, c := range map[string]struct {
		data []byte
		zeek bool
	}{
		"resolver": {logstest.ResolverLog(queries...), false}, "resolver gzip": {logstest.Gzip(logstest.ResolverLog(queries...)), false},
		"zeek text": {logstest.ZeekDNS(false, queries...), true}, "zeek json": {logstest.ZeekDNS(true, queries...), true},
	} {
		t.Run(name, func(t *testing.T) {
			a := read(t, bytes.NewReader(c.data))
			if len(a.queries) != len(queries) || a.d.Bad != 0 {
				t.Fatalf("%d queries, %d bad %v", len(a.queries), a.d.Bad, a.d.BadList)
			}
			for i := range queries {
				q, want := &a.queries[i], &queries[i]
				name := want.Name
				if c.zeek {
					name = strings.TrimSuffix(name, ".")
				} else if q.Instance != want.Instance || q.VPC != want.VPC || q.Account != want.Account {
					t.Fatalf("%+v, want %+v", q, want)
				}
				if q.Time != want.Time || q.Name != name || q.Type != want.Type || q.Class != "IN" || q.Rcode != want.Rcode || q.Src != want.Src || q.SrcPort != want.SrcPort || answers(q) != answers(want) || q.Protocol != "UDP" {
					t.Fatalf("%+v, want %+v", q, want)
				}
			}
		})
	}
}

func answers(q *logs.Query) string {
	var s []string
	q.EachAnswer(func(a logs.Answer) bool { s = append(s, a.Data); return true })
	return strings.Join(s, " ")
}

func TestZeekConn(t *testing.T) {
	flows := logstest.Flows(500)
	a := read(t, bytes.NewReader(logstest.ZeekConn(flows...)))
	if len(a.flows) != len(flows) || a.d.Bad != 0 {
		t.Fatalf("%d flows, %d bad %v", len(a.flows), a.d.Bad, a.d.BadList)
	}
	for i := range flows {
		f, want := &a.flows[i], &flows[i]
		if f.Src != want.Src || f.Dst != want.Dst || f.Start != want.Start || f.End != want.End || f.Bytes != want.Bytes || f.Packets != want.Packets || f.Reject != want.Reject || !f.Zeek {
			t.Fatalf("%+v, want %+v", f, want)
		}
	}
	a = read(t, strings.NewReader(`{"ts":1764504000.5,"uid":"C1","id.orig_h":"10.0.0.1","id.orig_p":5,"id.resp_h":"198.51.100.1","id.resp_p":443,"proto":"tcp","duration":1.5,"conn_state":"SF","orig_pkts":3,"orig_ip_bytes":300,"resp_pkts":4,"resp_ip_bytes":4000}
{"ts":"2025-11-30T12:00:00.500000Z","uid":"C2","id.orig_h":"10.0.0.1","id.orig_p":5,"id.resp_h":"198.51.100.1","id.resp_p":443,"proto":"udp","conn_state":"S0","orig_bytes":30,"orig_pkts":3}
{"ts":1764504000.5,"uid":"H","id.orig_h":"10.0.0.1","id.orig_p":5,"id.resp_h":"198.51.100.1","id.resp_p":80,"method":"GET"}
{"ts":1764504000.5,"uid":"C3","id.orig_h":[1],"conn_state":"SF"}
`))
	if len(a.flows) != 3 || a.d.Other != 1 || a.d.Bad != 1 {
		t.Fatalf("%+v, others %d, bad %v", a.flows, a.d.Other, a.d.BadList)
	}
	r := a.flows[1]
	if !r.Reply || r.Bytes != 4000 || r.SrcPort != 443 || r.End != 1764504002000 || a.flows[2].Start != 1764504000500 || a.flows[2].Bytes != 30 || !a.flows[2].Reject {
		t.Errorf("%+v", a.flows)
	}
}

func TestValuesDoNotAllocate(t *testing.T) {
	v, ok := logs.ParseValue(` {"a":{"b":[1,{"c":"x"}],"key":"later"},"n":12,"t":"true"} `)
	if !ok {
		t.Fatal("not JSON")
	}
	n := testing.AllocsPerRun(100, func() {
		if v.Get("a", "key").Text() != "later" || v.Get("a", "missing", "more").Exists() || v.Get("t").Bool() != logs.Yes {
			panic("wrong")
		}
		for x := range v.Get("a", "b").Items() {
			if x.Kind() == '{' && x.Get("c").Text() != "x" {
				panic("wrong")
			}
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
	if i, ok := v.Get("n").Int(); i != 12 || !ok || v.Get("key").Text() != "" {
		t.Error("wrong")
	}
}

func FuzzCall(f *testing.F) {
	for _, e := range logstest.Events(40) {
		f.Add(string(e))
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, ok := logs.ParseValue(text)
		if valid := json.Valid([]byte(text)); ok != valid && strings.Count(text, "[")+strings.Count(text, "{") < 64 {
			t.Fatalf("ours says %v, encoding/json %v", ok, valid)
		}
		if ok {
			plain(v)
		}
	})
}

func FuzzDecoder(f *testing.F) {
	f.Add(logstest.Records(logstest.Events(3)...))
	f.Add(logstest.Lines(logstest.Events(3)...))
	f.Add(logstest.FlowLog(true, logstest.Version5, logstest.Flows(3)...))
	f.Add(logstest.FlowLog(false, logstest.Version2, logstest.Flows(3)...))
	f.Add(logstest.ResolverLog(logstest.Queries(3)...))
	f.Add(logstest.ZeekConn(logstest.Flows(3)...))
	f.Add(logstest.ZeekDNS(false, logstest.Queries(3)...))
	f.Add(logstest.ZeekDNS(true, logstest.Queries(3)...))
	f.Add(logstest.Gzip(logstest.Records(logstest.Events(3)...)))
	f.Add(logstest.FlowParquet(logstest.Flows(3)...))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := logs.NewDecoder("fuzz", bytes.NewReader(data))
		if err != nil {
			return
		}
		b := logs.NewBatch()
		for n := 0; d.Next(b) == nil; n++ {
			for i := range b.Calls {
				plain(b.Calls[i].Params)
				if b.Calls[i].Name == "" {
					t.Fatal("an event without a name")
				}
			}
			for i := range b.Queries {
				answers(&b.Queries[i])
			}
			if n > len(data)+10 {
				t.Fatal("does not end")
			}
		}
	})
}
