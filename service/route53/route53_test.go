package route53

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	api "bartizan.dev/api/route53"
	"bartizan.dev/caller"
	"bartizan.dev/store/memory"
	"bartizan.dev/wire"
	"bartizan.dev/work"
)

type fixture struct {
	*Service
	t   *testing.T
	ctx context.Context
}

func as(ctx context.Context, account string) context.Context {
	return caller.With(ctx, &caller.Call{Identity: caller.Identity{Kind: caller.Root, Account: account}, Region: "us-east-1"})
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	s := New(Deps{Store: memory.Open(), Clock: new(work.Clock), Quotas: Quotas{Zones: 4, Records: 20}})
	return &fixture{s, t, as(t.Context(), "111111111111")}
}

func refused(t *testing.T, err error, code, message string) {
	t.Helper()
	if e, ok := errors.AsType[*wire.Error](err); !ok || e.Code != code || !strings.Contains(e.Message, message) {
		t.Errorf("%v\nwant %s: %s", err, code, message)
	}
}

func (f *fixture) zoneOf(name string) string {
	f.t.Helper()
	out, err := f.CreateHostedZone(f.ctx, &api.CreateHostedZoneRequest{Name: name, CallerReference: name})
	if err != nil {
		f.t.Fatal(err)
	}
	return out.HostedZone.Id
}

// rr is a change: "CREATE www.example.test A 60 192.0.2.1|192.0.2.2", and after
// that what mod does.
func rr(line string, mod ...func(*api.ResourceRecordSet)) api.Change {
	p := strings.SplitN(line, " ", 5)
	r := &api.ResourceRecordSet{Name: p[1], Type: api.RRType(p[2])}
	if len(p) > 3 {
		var ttl int64
		if _, err := fmt.Sscan(p[3], &ttl); err != nil {
			panic(err)
		}
		r.TTL = &ttl
		for v := range strings.SplitSeq(p[4], "|") {
			r.ResourceRecords = append(r.ResourceRecords, api.ResourceRecord{Value: v})
		}
	}
	for _, m := range mod {
		m(r)
	}
	return api.Change{Action: api.ChangeAction(p[0]), ResourceRecordSet: r}
}

func weight(id string, n int64) func(*api.ResourceRecordSet) {
	return func(r *api.ResourceRecordSet) { r.SetIdentifier, r.Weight = &id, &n }
}

func aliasTo(zone, name string) func(*api.ResourceRecordSet) {
	return func(r *api.ResourceRecordSet) { r.AliasTarget = &api.AliasTarget{HostedZoneId: zone, DNSName: name} }
}

func (f *fixture) change(zone string, changes ...api.Change) error {
	_, err := f.ChangeResourceRecordSets(f.ctx, &api.ChangeResourceRecordSetsRequest{HostedZoneId: zone, ChangeBatch: &api.ChangeBatch{Changes: changes}})
	return err
}

func (f *fixture) list(zone string) string {
	f.t.Helper()
	var out []string
	in := &api.ListResourceRecordSetsRequest{HostedZoneId: zone, MaxItems: new("2")} // many pages
	for {
		page, err := f.ListResourceRecordSets(f.ctx, in)
		if err != nil {
			f.t.Fatal(err)
		}
		for _, r := range page.ResourceRecordSets {
			out = append(out, strings.TrimSpace(r.Name+" "+string(r.Type)+" "+text(r.SetIdentifier)))
		}
		if !page.IsTruncated {
			return strings.Join(out, ", ")
		}
		in.StartRecordName, in.StartRecordType, in.StartRecordIdentifier = page.NextRecordName, page.NextRecordType, page.NextRecordIdentifier
	}
}

// TestZones: names, references, order, pages, counts, limits and deletion.
func TestZones(t *testing.T) {
	f := newFixture(t)
	a, b, c := f.zoneOf("b.example.test"), f.zoneOf("Example.TEST."), f.zoneOf(`a\344.test`)
	_, err := f.CreateHostedZone(f.ctx, &api.CreateHostedZoneRequest{Name: "x.test", CallerReference: "Example.TEST."})
	refused(t, err, "HostedZoneAlreadyExists", "A hosted zone has already been created with the specified caller reference.")
	for _, bad := range []string{"", ".", "a..b", "a b", strings.Repeat("a", 64) + ".test", strings.Repeat("abc.", 70), `a\99.test`, "ä.test"} {
		_, err = f.CreateHostedZone(f.ctx, &api.CreateHostedZoneRequest{Name: bad, CallerReference: "bad"})
		refused(t, err, "InvalidDomainName", "is not a valid domain name")
	}
	_, err = f.CreateHostedZone(f.ctx, &api.CreateHostedZoneRequest{Name: "p.test", CallerReference: "p", VPC: &api.VPC{}})
	refused(t, err, "InvalidInput", "private")
	f.zoneOf("z.test")
	_, err = f.CreateHostedZone(f.ctx, &api.CreateHostedZoneRequest{Name: "y.test", CallerReference: "y"})
	refused(t, err, "TooManyHostedZones", "MAX_HOSTED_ZONES_BY_OWNER")

	var names []string
	in := &api.ListHostedZonesByNameRequest{MaxItems: new("1")}
	for {
		page, err := f.ListHostedZonesByName(f.ctx, in)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, page.HostedZones[0].Name)
		if !page.IsTruncated {
			break
		}
		in.DNSName, in.HostedZoneId = page.NextDNSName, page.NextHostedZoneId
	}
	if got := strings.Join(names, " "); got != `a\344.test. example.test. b.example.test. z.test.` {
		t.Error(got)
	}
	seen, marker := map[string]bool{}, (*string)(nil)
	for {
		page, err := f.ListHostedZones(f.ctx, &api.ListHostedZonesRequest{MaxItems: new("3"), Marker: marker})
		if err != nil {
			t.Fatal(err)
		}
		for _, z := range page.HostedZones {
			seen[z.Id] = true
		}
		if marker = page.NextMarker; !page.IsTruncated {
			break
		}
	}
	if len(seen) != 4 || !seen[a] || !seen[b] || !seen[c] {
		t.Error(seen)
	}
	if n, err := f.GetHostedZoneCount(f.ctx, nil); err != nil || n.HostedZoneCount != 4 {
		t.Error(n, err)
	}
	got, err := f.GetHostedZone(f.ctx, &api.GetHostedZoneRequest{Id: bareID(b)})
	if err != nil || got.HostedZone.Name != "example.test." || *got.HostedZone.ResourceRecordSetCount != 2 || len(got.DelegationSet.NameServers) != 4 {
		t.Error(got, err)
	}
	if z, err := f.UpdateHostedZoneComment(f.ctx, &api.UpdateHostedZoneCommentRequest{Id: b, Comment: new("mine")}); err != nil || *z.HostedZone.Config.Comment != "mine" {
		t.Error(z, err)
	}
	// Another account sees nothing.
	_, err = f.GetHostedZone(as(t.Context(), "222222222222"), &api.GetHostedZoneRequest{Id: b})
	refused(t, err, "NoSuchHostedZone", "No hosted zone found with ID: "+bareID(b))
	if err := f.change(b, rr("CREATE www.example.test A 60 192.0.2.1")); err != nil {
		t.Fatal(err)
	}
	_, err = f.DeleteHostedZone(f.ctx, &api.DeleteHostedZoneRequest{Id: b})
	refused(t, err, "HostedZoneNotEmpty", "non-required resource record sets")
	if err := f.change(b, rr("DELETE www.example.test A 60 192.0.2.1")); err != nil {
		t.Fatal(err)
	}
	if _, err = f.DeleteHostedZone(f.ctx, &api.DeleteHostedZoneRequest{Id: b}); err != nil {
		t.Fatal(err)
	}
	_, err = f.DeleteHostedZone(f.ctx, &api.DeleteHostedZoneRequest{Id: b})
	refused(t, err, "NoSuchHostedZone", "No hosted zone found")
	f.zoneOf("Example.TEST.") // its reference is free again
}

// TestBatches: what is refused changes nothing, with AWS's messages.
func TestBatches(t *testing.T) {
	f := newFixture(t)
	z := f.zoneOf("example.test")
	if err := f.change(z, rr("CREATE www.Example.test A 60 192.0.2.1|192.0.2.2"), rr("CREATE c.example.test CNAME 60 www.example.test"),
		rr("CREATE w.example.test A 60 192.0.2.3", weight("one", 1)), rr("CREATE w.example.test A 60 192.0.2.4", weight("two", 0))); err != nil {
		t.Fatal(err)
	}
	before := f.list(z)
	if before != "example.test. NS, example.test. SOA, c.example.test. CNAME, w.example.test. A one, w.example.test. A two, www.example.test. A" {
		t.Error(before)
	}
	const fine = "CREATE fine.example.test A 60 192.0.2.9"
	for _, c := range []struct {
		code, message string
		change        api.Change
	}{
		{"InvalidChangeBatch", "[Tried to create resource record set [name='www.example.test.', type='A'] but it already exists]", rr("CREATE www.example.test A 60 192.0.2.1")},
		{"InvalidChangeBatch", "[Tried to create resource record set [name='w.example.test.', type='A', set-identifier='one'] but it already exists]", rr("CREATE w.example.test A 60 192.0.2.1", weight("one", 1))},
		{"InvalidChangeBatch", "[Tried to delete resource record set [name='no.example.test.', type='A'] but it was not found]", rr("DELETE no.example.test A 60 192.0.2.1")},
		{"InvalidChangeBatch", "[Tried to delete resource record set [name='www.example.test.', type='A'] but the values provided do not match the current values]", rr("DELETE www.example.test A 60 192.0.2.1")},
		{"InvalidChangeBatch", "[RRSet with DNS name www.other.test. is not permitted in zone example.test.]", rr("CREATE www.other.test A 60 192.0.2.1")},
		{"InvalidChangeBatch", "[RRSet of type A with DNS name c.example.test. is not permitted because a conflicting RRSet of type CNAME with the same DNS name already exists in zone example.test.]", rr("CREATE c.example.test A 60 192.0.2.1")},
		{"InvalidChangeBatch", "[RRSet of type CNAME with DNS name www.example.test. is not permitted as it conflicts with other records with the same DNS name in zone example.test.]", rr("CREATE www.example.test CNAME 60 a.test")},
		{"InvalidChangeBatch", "[RRSet of type CNAME with DNS name example.test. is not permitted at apex in zone example.test.]", rr("CREATE example.test CNAME 60 a.test")},
		{"InvalidChangeBatch", "cannot be created as other RRSets exist with the same name and type.", rr("CREATE www.example.test A 60 192.0.2.1", weight("one", 1))},
		{"InvalidChangeBatch", "Duplicate Resource Record: '192.0.2.1'", rr("CREATE d.example.test A 60 192.0.2.1|192.0.2.1")},
		{"InvalidChangeBatch", "[Invalid Resource Record: 'FATAL problem: ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address) encountered with '1.2.3'', Invalid Resource Record: 'FATAL problem: ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address) encountered with '::1'']", rr("CREATE d.example.test A 60 1.2.3|::1")},
		{"InvalidChangeBatch", "InvalidCharacterString (Value should be enclosed in quotation marks) encountered with 'v=spf1'", rr("CREATE d.example.test TXT 60 v=spf1")},
		{"InvalidChangeBatch", "DomainLabelEmpty (Domain label is empty) encountered with 'a..example.test'", rr("CREATE a..example.test A 60 1.2.3.4")},
		{"InvalidInput", "Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId], but found none in Change with [Action=CREATE, Name=d.example.test, Type=A, SetIdentifier=null]", rr("CREATE d.example.test A")},
		{"InvalidInput", "Missing field 'SetIdentifier' in Change", rr("CREATE d.example.test A 60 1.2.3.4", func(r *api.ResourceRecordSet) { r.Weight = new(int64(1)) })},
		{"InvalidInput", "found none in Change with [Action=CREATE, Name=d.example.test, Type=A, SetIdentifier=x]", rr("CREATE d.example.test A 60 1.2.3.4", func(r *api.ResourceRecordSet) { r.SetIdentifier = new("x") })},
		{"InvalidInput", "are not supported", rr("CREATE d.example.test A 60 1.2.3.4", func(r *api.ResourceRecordSet) { r.SetIdentifier, r.Failover = new("x"), "PRIMARY" })},
		{"NoSuchHealthCheck", "No health check exists with the specified ID: h", rr("CREATE d.example.test A 60 1.2.3.4", func(r *api.ResourceRecordSet) { r.HealthCheckId = new("h") })},
		{"InvalidChangeBatch", "A HostedZone must contain exactly one SOA record.", rr("DELETE example.test SOA 900 " + strings.TrimPrefix(soaOf(t, f, z), "SOA "))},
		{"InvalidChangeBatch", "cannot be kept", rr("CREATE " + strings.Repeat(strings.Repeat(`\344`, 60)+".", 4) + "test A 60 1.2.3.4")},
		{"InvalidChangeBatch", "cannot be kept", rr("CREATE w.example.test A 60 1.2.3.4", weight("\x00", 1))},
		{"InvalidChangeBatch", "but that target was not found", rr("CREATE al.example.test A", aliasTo(z, "none.example.test"))},
		{"InvalidChangeBatch", "does not lie within the target zone", rr("CREATE al.example.test A", aliasTo("Z2FDTNDATAQYW2", "d1.cloudfront.net"))},
	} {
		err := f.change(z, rr(fine), c.change)
		refused(t, err, c.code, c.message)
	}
	refused(t, f.change("Z404", rr(fine)), "NoSuchHostedZone", "No hosted zone found with ID: Z404")
	var many []api.Change
	for i := range 501 {
		many = append(many, rr(fmt.Sprintf("UPSERT n%d.example.test A 60 192.0.2.1", i)))
	}
	refused(t, f.change(z, many...), "InvalidChangeBatch", "Number of records limit of 1000 exceeded.")
	refused(t, f.change(z, many[:30]...), "InvalidChangeBatch", "MAX_RRSETS_BY_ZONE")
	if got := f.list(z); got != before {
		t.Errorf("%s\nwas %s", got, before)
	}
	// A batch is done in its order: what it deletes, it can make anew.
	if err := f.change(z, rr("DELETE c.example.test CNAME 60 WWW.example.test."), rr("CREATE c.example.test A 60 192.0.2.1"), rr("UPSERT www.example.test A 61 192.0.2.7"),
		rr("CREATE al.example.test A", aliasTo(z, "www.example.test"))); err != nil {
		t.Fatal(err)
	}
	got, err := f.GetHostedZoneLimit(f.ctx, &api.GetHostedZoneLimitRequest{HostedZoneId: z, Type: api.HostedZoneLimitType_MAX_RRSETS_BY_ZONE})
	if err != nil || got.Count != 7 || got.Limit.Value != 20 {
		t.Error(got, err)
	}
	served, err := f.ServedZone(f.ctx, "111111111111/"+bareID(z))
	if err != nil || len(served.Sets) != 7 || served.Name != "\x07example\x04test\x00" {
		t.Error(served, err)
	}
}

func soaOf(t *testing.T, f *fixture, zone string) string {
	t.Helper()
	page, err := f.ListResourceRecordSets(f.ctx, &api.ListResourceRecordSetsRequest{HostedZoneId: zone, StartRecordName: new("example.test"), StartRecordType: "SOA", MaxItems: new("1")})
	if err != nil || page.ResourceRecordSets[0].Type != "SOA" {
		t.Fatal(page, err)
	}
	return page.ResourceRecordSets[0].ResourceRecords[0].Value
}

// TestValues: every type, as the documentation's examples write it, and what is
// not of it.
func TestValues(t *testing.T) {
	for _, c := range []struct{ typ, good, bad string }{
		{"A", "192.0.2.1", "192.0.2.256"},
		{"AAAA", "2001:0db8:85a3:0:0:8a2e:0370:7334", "192.0.2.1"},
		{"AAAA", "2001:db8::1", "fe80::1%eth0"},
		{"CAA", `0 issue "ca.example.com"`, "issue"},
		{"CAA", `0 issuewild ";"`, `0 issue "unclosed`},
		{"CNAME", "hostname.example.com", "a b"},
		{"DS", "12345 13 2 3490A6806D47F17A34C29E2CE80E8A999FFBE4BE3490A6806D47F17A34C29E2C", "12345 13"},
		{"HTTPS", "1 . alpn=h2", "x"},
		{"MX", "10 mail.example.com", "mail.example.com"},
		{"MX", "0 .", "65536 a.test"},
		{"NAPTR", `100 50 "u" "E2U+sip" "!^(\\+441632960083)$!sip:\\1@example.com!" .`, "100 50"},
		{"NS", "ns-1.example.com", "a..b"},
		{"PTR", "host.example.com", ""},
		{"SOA", "ns-2048.awsdns-64.net hostmaster.awsdns.com 1 1 1 1 60", "a b 1 1 1 1"},
		{"SPF", `"v=spf1 ip4:192.168.0.1/16-all"`, "v=spf1"},
		{"SRV", "10 5 80 hostname.example.com", "10 5 hostname.example.com"},
		{"SSHFP", "1 1 09F6A01D2175742B257C6B98B7C72C44C4040683", "1 1 XYZ"},
		{"SVCB", "0 svc.example.com", "a.test"},
		{"TLSA", "3 1 1 0D6FCE13243AA7A6C0D8E3C2F3A1E5D0D6FCE13243AA7A6C0D8E3C2F3A1E5D0A", "3 1"},
		{"TXT", `"Sample \"text\" entry" "two \303\244"`, `"a`},
		{"TXT", `""`, `"` + strings.Repeat("x", 256) + `"`},
		{"TXT", `"a\\b"`, `"a\9b"`},
	} {
		if b, err := parseValue(c.typ, c.good); err != nil || len(b) == 0 {
			t.Errorf("%s %s: %x, %v", c.typ, c.good, b, err)
		}
		if b, err := parseValue(c.typ, c.bad); err == nil || !strings.HasPrefix(err.Error(), "FATAL problem: ") {
			t.Errorf("%s %s: %x, %v", c.typ, c.bad, b, err)
		}
	}
	for _, bad := range []string{"0 issue \"a\"\nx. 0 IN A 1.2.3.4", "0 issue ca.test ; comment", "0 issue ( ca.test )", "$INCLUDE /etc/passwd", `\# 1 00`, "", " "} {
		if b, err := parseValue("CAA", bad); err == nil {
			t.Errorf("%q: %x", bad, b)
		}
	}
	b, err := parseValue("TXT", `"Sample \"text\"" "\303"`)
	if err != nil || string(b) != "\x0dSample \"text\"\x01\xc3" {
		t.Errorf("%q %v", b, err)
	}
	for _, c := range [][2]string{{"WWW.Example.com", "www.example.com."}, {"*.x.", "*.x."}, {`a*b.x`, `a\052b.x.`}, {`ex\344mple.com`, `ex\344mple.com.`}, {`a\056b.c`, `a\056b.c.`}, {`\040.c`, `\040.c.`}} {
		if shown, _, err := parseName(c[0]); err != nil || shown != c[1] {
			t.Errorf("%s: %s, %v", c[0], shown, err)
		}
	}
}

// TestTags: tags of a zone; health checks have none.
func TestTags(t *testing.T) {
	f := newFixture(t)
	z := bareID(f.zoneOf("example.test"))
	set := func(add, remove string) error {
		in := &api.ChangeTagsForResourceRequest{ResourceType: "hostedzone", ResourceId: z}
		if add != "" {
			in.AddTags = []api.Tag{{Key: &add, Value: new("1")}}
		}
		if remove != "" {
			in.RemoveTagKeys = []string{remove}
		}
		_, err := f.ChangeTagsForResource(f.ctx, in)
		return err
	}
	for _, step := range [][2]string{{"a", ""}, {"b", ""}, {"c", "a"}} {
		if err := set(step[0], step[1]); err != nil {
			t.Fatal(err)
		}
	}
	refused(t, set("", ""), "InvalidInput", "required")
	out, err := f.ListTagsForResources(f.ctx, &api.ListTagsForResourcesRequest{ResourceType: "hostedzone", ResourceIds: []string{z}})
	if err != nil || len(out.ResourceTagSets[0].Tags) != 2 || *out.ResourceTagSets[0].Tags[0].Key != "b" {
		t.Error(out, err)
	}
	_, err = f.ListTagsForResource(f.ctx, &api.ListTagsForResourceRequest{ResourceType: "healthcheck", ResourceId: z})
	refused(t, err, "NoSuchHealthCheck", "")
}

// TestChanges: a change is INSYNC, and forgotten after 30 days.
func TestChanges(t *testing.T) {
	f := newFixture(t)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	t.Cleanup(func() { stop(); <-done })
	made, err := f.CreateHostedZone(f.ctx, &api.CreateHostedZoneRequest{Name: "a.test", CallerReference: "1"})
	if err != nil || made.ChangeInfo.Status != api.ChangeStatus_PENDING {
		t.Fatal(made, err)
	}
	got, err := f.GetChange(f.ctx, &api.GetChangeRequest{Id: made.ChangeInfo.Id})
	if err != nil || got.ChangeInfo.Status != api.ChangeStatus_INSYNC {
		t.Error(got, err)
	}
	f.Clock.Advance(keepChanges + 1)
	if err := f.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err = f.GetChange(f.ctx, &api.GetChangeRequest{Id: made.ChangeInfo.Id})
	refused(t, err, "NoSuchChange", "")
}

// TestRules: what is not built says so, and a batch shows its names,
// types and actions to policies.
func TestRules(t *testing.T) {
	f := newFixture(t)
	rules := f.Rules()
	for name, absent := range map[string]bool{"CreateHostedZone": false, "CreateHealthCheck": true, "EnableHostedZoneDNSSEC": true} {
		if rules[name].Absent != absent {
			t.Errorf("%s: absent is %t", name, rules[name].Absent)
		}
	}
	touches, err := rules["ChangeResourceRecordSets"].Touches(f.ctx, &api.ChangeResourceRecordSetsRequest{HostedZoneId: "/hostedzone/Z1", ChangeBatch: &api.ChangeBatch{
		Changes: []api.Change{rr("CREATE WWW.Example.test. A 60 1.2.3.4"), rr("DELETE www.example.test TXT 60 x")},
	}})
	if err != nil || touches[0].Resource != "arn:aws:route53:::hostedzone/Z1" || fmt.Sprint(touches[0].Keys) != "[{route53:ChangeResourceRecordSetsNormalizedRecordNames [www.example.test] true} {route53:ChangeResourceRecordSetsRecordTypes [A TXT] true} {route53:ChangeResourceRecordSetsActions [CREATE DELETE] true}]" {
		t.Error(touches, err)
	}
}

// FuzzValue: no value crashes the parser, and none is longer than a record.
func FuzzValue(f *testing.F) {
	types := []string{"A", "AAAA", "CAA", "CNAME", "DS", "HTTPS", "MX", "NAPTR", "NS", "PTR", "SOA", "SPF", "SRV", "SSHFP", "SVCB", "TLSA", "TXT"}
	for i := range types {
		f.Add(i, `0 issue "a" \303`)
		f.Add(i, "1 . alpn=h2")
	}
	f.Fuzz(func(t *testing.T, i int, value string) {
		typ := types[uint(i)%uint(len(types))]
		if b, err := parseValue(typ, value); err == nil && (len(b) == 0 || len(b) > maxData) {
			t.Errorf("%s %q: %x", typ, value, b)
		}
		if shown, wireName, err := parseName(value); err == nil {
			again, w, err := parseName(shown)
			if err != nil || again != shown || w != wireName || len(w) > 255 {
				t.Errorf("%q is %q, and that %q, %v", value, shown, again, err)
			}
		}
	})
}
