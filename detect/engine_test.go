package detect

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"bartizan.dev/intel"
	"bartizan.dev/logs"
	"bartizan.dev/logs/logstest"
)

func stop(minute int, trail string) logstest.Event {
	return logstest.Event{ID: fmt.Sprintf("00000000-0000-4000-8000-%012d", minute), Time: logstest.Start.Add(time.Duration(minute) * time.Minute), Source: "cloudtrail.amazonaws.com", Name: "StopLogging",
		Identity: logstest.Role("ops", fmt.Sprint("session", minute)), Params: object{"name": trail}}
}

// TestSightingsOfOneThingAreOneFinding, in whatever order they come.
func TestSightingsOfOneThingAreOneFinding(t *testing.T) {
	e := New(Config{}, All()...)
	raised(t, e, stop(14, "a"), stop(3, "b"), stop(9, "a"), stop(3, "b"))
	raised(t, e, stop(14, "a"))
	all := e.Findings()
	if len(all) != 1 {
		t.Fatalf("%d findings", len(all))
	}
	f := all[0]
	if f.Service.Count != 3 || f.Service.EventFirstSeen != "2026-11-30T12:03:00Z" || f.Service.EventLastSeen != "2026-11-30T12:14:00Z" || f.UpdatedAt != "2026-11-30T12:14:00.000Z" {
		t.Errorf("%+v updated %s", f.Service, f.UpdatedAt)
	}
	if got := f.Service.Action.APICall.AffectedResources["AWS::CloudTrail::Trail"]; got != "a, b" {
		t.Errorf("affected %q", got)
	}
	for range e.Changed() {
		t.Error("an event that was there before changed a finding")
	}
	raised(t, e, logstest.Event{Source: "cloudtrail.amazonaws.com", Name: "StopLogging", Params: object{"name": "a"}})
	if len(e.Findings()) != 2 {
		t.Error("another principal is not another finding")
	}
}

func TestFindingIsAWSsJSON(t *testing.T) {
	e := New(Config{Intel: intel.Compile(lists(t)...), Locate: func(_ netip.Addr, r *RemoteIP) { r.Country = &Country{Name: "Nowhere"} }}, All()...)
	raised(t, e, logstest.Event{Source: "iam.amazonaws.com", Name: "CreateUser", IP: "198.51.100.1", Agent: "x", ErrorCode: "AccessDenied", ErrorText: "no"})
	text, err := json.Marshal(e.Findings()[0])
	if err != nil {
		t.Fatal(err)
	}
	id, detector := e.Findings()[0].ID, e.Findings()[0].Service.DetectorID
	sum := e.Findings()[0].Service.Evidence.Threats[0].FileSHA256
	want := `{"schemaVersion":"2.0","accountId":"111122223333","region":"eu-west-1","partition":"aws","id":"` + id + `","arn":"arn:aws:guardduty:eu-west-1:111122223333:detector/` + detector + `/finding/` + id + `",` +
		`"type":"UnauthorizedAccess:IAMUser/MaliciousIPCaller.Custom","resource":{"resourceType":"AccessKey","accessKeyDetails":{"accessKeyId":"AKIA000000009F6A5D77","principalId":"AIDA000000009F6A5D77","userName":"alice","userType":"IAMUser"}},` +
		`"service":{"serviceName":"guardduty","detectorId":"` + detector + `","action":{"actionType":"AWS_API_CALL","awsApiCallAction":{"api":"CreateUser","callerType":"Remote IP","errorCode":"AccessDenied","userAgent":"x","remoteIpDetails":{"ipAddressV4":"198.51.100.1","country":{"countryName":"Nowhere"}},"serviceName":"iam.amazonaws.com"}},` +
		`"resourceRole":"TARGET","evidence":{"threatIntelligenceDetails":[{"threatListName":"mine","threatFileSha256":"` + sum + `"}]},"eventFirstSeen":"2026-11-30T12:00:00Z","eventLastSeen":"2026-11-30T12:00:00Z","archived":false,"count":1},` +
		`"severity":5,"createdAt":"2026-11-30T12:00:00.000Z","updatedAt":"2026-11-30T12:00:00.000Z","title":"The API CreateUser was invoked from an IP address on a custom threat list.","description":"The API CreateUser was invoked from an IP address 198.51.100.1 on the custom threat list mine."}`
	want = strings.ReplaceAll(want, "000000009F6A5D77", fmt.Sprint(logstest.User("alice")["principalId"])[4:])
	if string(text) != want || len(id) != 32 || len(detector) != 32 {
		t.Errorf("\n got %s\nwant %s", text, want)
	}
}

func TestTrafficWithListedPeers(t *testing.T) {
	set := intel.Compile(lists(t)...)
	inside := netip.MustParseAddr("10.0.0.7")
	flow := func(peer string, out, client, reject bool) logs.Flow {
		f := logs.Flow{Version: 2, Account: logstest.Account, Interface: "eni-1", Src: inside, Dst: netip.MustParseAddr(peer), SrcPort: 40000, DstPort: 443, Protocol: 6, Start: logs.TimeOf(logstest.Start), End: logs.TimeOf(logstest.Start), Reject: reject}
		if !client {
			f.SrcPort, f.DstPort = 443, 40000
		}
		if !out {
			f.Src, f.Dst, f.SrcPort, f.DstPort = f.Dst, f.Src, f.DstPort, f.SrcPort
		}
		return f
	}
	for _, c := range []struct {
		flow logs.Flow
		want string
	}{
		{flow("198.51.100.1", true, true, false), "UnauthorizedAccess:EC2/MaliciousIPCaller.Custom OUTBOUND ACTOR 198.51.100.1 443 HTTPS"},
		{flow("198.51.100.1", false, true, false), "UnauthorizedAccess:EC2/MaliciousIPCaller.Custom OUTBOUND ACTOR 198.51.100.1 443 HTTPS"},
		{flow("198.51.100.1", false, false, false), "UnauthorizedAccess:EC2/MaliciousIPCaller.Custom INBOUND TARGET 198.51.100.1 40000 Unknown"},
		{flow("198.51.100.1", false, false, true), ""},
		{flow("198.51.100.4", true, true, true), "Backdoor:EC2/C&CActivity.B OUTBOUND ACTOR 198.51.100.4 443 HTTPS"},
		{flow("198.51.100.3", true, true, false), "UnauthorizedAccess:EC2/TorClient OUTBOUND ACTOR 198.51.100.3 443 HTTPS"},
		{flow("198.51.100.3", false, false, false), ""},
		{flow("198.51.100.9", true, true, false), ""},
		{flow("192.0.2.1", true, true, false), ""},
		{flow("10.0.0.9", true, true, false), ""},
	} {
		e := New(Config{Intel: set}, All()...)
		e.Flow(&c.flow)
		got := ""
		for _, f := range e.Findings() {
			a := f.Service.Action.Connection
			got += fmt.Sprint(f.Type, " ", a.Direction, " ", f.Service.ResourceRole, " ", a.RemoteIP.V4, " ", a.RemotePort.Port, " ", a.RemotePort.Name)
			if f.Resource.Instance.Interfaces[0].PrivateIPAddress != "10.0.0.7" || a.Interface != "eni-1" || !strings.Contains(f.Description, "eni-1") {
				t.Errorf("%+v", f.Resource.Instance)
			}
		}
		if got != c.want {
			t.Errorf("%v to %v: %q, want %q", c.flow.Src, c.flow.Dst, got, c.want)
		}
	}
}

func TestQueriesOfListedDomains(t *testing.T) {
	set := intel.Compile(lists(t)...)
	for name, want := range map[string]string{
		"a.evil.example.": "Impact:EC2/MaliciousDomainRequest.Custom", "BAD.example": "Impact:EC2/MaliciousDomainRequest.Reputation", "c2.example.": "Backdoor:EC2/C&CActivity.B!DNS",
		"pool.example.": "CryptoCurrency:EC2/BitcoinTool.B!DNS", "hole.example": "Trojan:EC2/BlackholeTraffic!DNS", "drop.example": "Trojan:EC2/DropPoint!DNS", "drive.example": "Trojan:EC2/DriveBySourceTraffic!DNS",
		"mint.example": "Impact:EC2/BitcoinDomainRequest.Reputation", "kq3v9z7x.example": "Trojan:EC2/DGADomainRequest.C!DNS",
		"phish.example": "Trojan:EC2/PhishingDomainRequest!DNS", "abused.example": "Impact:EC2/AbusedDomainRequest.Reputation", "odd.example": "Impact:EC2/SuspiciousDomainRequest.Reputation", "fine.evil.example.": "", "example.": "",
	} {
		t.Run(cmp.Or(want, "nothing"), func(t *testing.T) { queryOfListed(t, set, name, want) })
	}
}

func queryOfListed(t *testing.T, set *intel.Set, name, want string) {
	e := New(Config{Intel: set}, All()...)
	q := logs.Query{Account: logstest.Account, Region: "eu-west-1", Instance: "i-1", Name: name, Time: logs.TimeOf(logstest.Start), Src: netip.MustParseAddr("10.0.0.1")}
	e.Query(&q)
	e.Query(&q) // the same file again
	q.Time += logs.Second
	e.Query(&q)
	got := ""
	for _, f := range e.Findings() {
		got += f.Type
		if f.Service.Count != 2 || f.Resource.Instance.InstanceID != "i-1" || !strings.EqualFold(f.Service.Action.DNSRequest.Domain, strings.TrimSuffix(name, ".")) || len(f.Service.Evidence.Threats) != 1 {
			t.Errorf("%+v", f)
		}
	}
	if got != want {
		t.Errorf("%s: %q, want %q", name, got, want)
	}
}

// TestAWSsTestDomain: what AWS's documentation tells to try.
func TestAWSsTestDomain(t *testing.T) {
	for name, want := range map[string]int{"guarddutyc2activityb.com.": 1, "GuardDutyC2ActivityB.com": 1, "www.guarddutyc2activityb.com": 0, "guarddutyc2activityc.com.": 0} {
		e := New(Config{}, All()...)
		q := asked(0, name)
		e.Query(&q)
		if got := e.Findings(); len(got) != want || want == 1 && got[0].Type != "Backdoor:EC2/C&CActivity.B!DNS" {
			t.Errorf("%s: %d findings", name, len(got))
		}
	}
}

// counter is a detector with memory, as those of others will be.
func counter() *Detector {
	type state struct {
		Calls   Window
		Sources Distinct
	}
	table := NewTable[state](1000)
	return &Detector{Name: "test counter", Types: []string{"Test:Test/Test"}, On: []On{{"ec2.amazonaws.com", ""}}, State: counterState{table.Save, table.Load}, Call: func(ev *Event) {
		s, _ := table.At(Key(ev.Account(), ev.Subject()))
		s.Sources.Add(Key(ev.Call.SourceIP))
		if s.Calls.Add(ev.Time, logs.Hour, 1) == 10 && s.Sources.Count() >= 4 {
			ev.Raise(&Sighting{Type: "Test:Test/Test", Severity: Low, Title: "t", Text: "t"})
		}
	}}
}

type counterState struct {
	save func() ([]byte, error)
	load func([]byte) error
}

func (counterState) Version() int            { return 1 }
func (c counterState) Save() ([]byte, error) { return c.save() }
func (c counterState) Load(b []byte) error   { return c.load(b) }

// TestStateSurvivesARestart: an engine saved and loaded in the middle finds what
// one that ran on does.
func TestStateSurvivesARestart(t *testing.T) {
	var events []logstest.Event
	for i := range 20 {
		events = append(events, logstest.Event{ID: fmt.Sprintf("00000000-0000-4000-9000-%012d", i), Time: logstest.Start.Add(time.Duration(i) * time.Minute), Source: "ec2.amazonaws.com", Name: "DescribeInstances", IP: fmt.Sprintf("192.0.2.%d", i%5)}, stop(i, "t"))
	}
	run := func(cut int) string {
		e := New(Config{}, append(All(), counter())...)
		raised(t, e, events[:cut]...)
		var b bytes.Buffer
		if err := e.Save(&b); err != nil {
			t.Fatal(err)
		}
		e = New(Config{}, append(All(), counter())...)
		if err := e.Load(bytes.NewReader(b.Bytes())); err != nil {
			t.Fatal(err)
		}
		raised(t, e, events[max(0, cut-7):]...) // seven come again
		text, err := json.Marshal(e.Findings())
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	want := run(0)
	if strings.Count(want, `"type"`) != 2 {
		t.Fatal(want)
	}
	for _, cut := range []int{1, 12, 25, 40} {
		if got := run(cut); got != want {
			t.Errorf("cut at %d:\n got %s\nwant %s", cut, got, want)
		}
	}
}

func TestChangesSurviveARestart(t *testing.T) {
	e := New(Config{}, All()...)
	calls := scan(t, stop(1, "a").JSON())
	e.Call(&calls[0])
	var b bytes.Buffer
	if err := e.Save(&b); err != nil {
		t.Fatal(err)
	}
	e = New(Config{}, All()...)
	if err := e.Load(&b); err != nil {
		t.Fatal(err)
	}
	n := 0
	for f, isNew := range e.Changed() {
		if n++; !isNew || f.Service.Count != 1 {
			t.Errorf("%+v %v", f, isNew)
		}
	}
	if n != 1 {
		t.Errorf("%d changes", n)
	}
}

func FuzzLoad(f *testing.F) {
	e := New(Config{}, append(All(), counter())...)
	calls := scan(f, stop(1, "a").JSON(), logstest.Event{Time: logstest.Start, Source: "ec2.amazonaws.com", Name: "DescribeInstances"}.JSON())
	for i := range calls {
		e.Call(&calls[i])
	}
	var b bytes.Buffer
	if err := e.Save(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		e := New(Config{}, append(All(), counter())...)
		_ = e.Load(bytes.NewReader(data))
		for i := range calls {
			e.Call(&calls[i])
		}
		var b bytes.Buffer
		if err := e.Save(&b); err != nil {
			t.Fatal(err)
		}
	})
}

func TestMemoryIsBounded(t *testing.T) {
	e := New(Config{MaxFindings: 50, Remember: 1000}, All()...)
	base := scan(t, stop(1, "a").JSON())[0]
	for i := range 5000 {
		c := base
		c.ID, c.Identity.Issuer.ARN = fmt.Sprint("id", i), fmt.Sprint("arn", i)
		c.Time += logs.Time(i) * logs.Minute
		e.Call(&c)
		if len(e.findings) > 50 || e.seen.count > 1000 || len(e.changed) > 50 {
			t.Fatalf("%d findings, %d ids, %d changes", len(e.findings), e.seen.count, len(e.changed))
		}
	}
	table := NewTable[[4]uint32](100)
	for i := range 1000 {
		v, isNew := table.At(uint64(i))
		if i != 7 && (!isNew || v[0] != 0) {
			t.Fatal("a new entry is not new")
		}
		v[0] = 1
		table.At(7) // touched all the time
	}
	if v := table.Get(7); table.Len() != 100 || v == nil || table.Get(8) != nil {
		t.Errorf("%d entries, %v", table.Len(), v)
	}
}

func TestWindowAndDistinct(t *testing.T) {
	var w Window
	for i := range 20 {
		w.Add(logs.Time(i)*10*logs.Minute, logs.Hour*8, 1)
	}
	if w.Sum() != 20 {
		t.Errorf("%d in the window", w.Sum())
	}
	if got := w.Add(12*logs.Hour-1, 8*logs.Hour, 1); got != 1 {
		t.Errorf("%d after 8 empty hours", got)
	}
	if got := w.Add(11*logs.Hour, 8*logs.Hour, 5); got != 6 {
		t.Errorf("%d with a late one", got)
	}
	if got := w.Add(logs.Hour, 8*logs.Hour, 5); got != 6 {
		t.Errorf("%d with one that is too late", got)
	}
	for _, n := range []int{1, 5, 20, 100, 1000, 100000} {
		var d Distinct
		for i := range n {
			d.Add(Key(fmt.Sprint("x", i)))
			d.Add(Key(fmt.Sprint("x", i/2)))
		}
		if got := d.Count(); float64(got) < float64(n)*0.7-1 || float64(got) > float64(n)*1.3+1 {
			t.Errorf("%d distinct counted as %d", n, got)
		}
	}
}

// TestEveryTypeIsDeclared: what detectors raise they say they raise, and types
// have AWS's form.
func TestEveryTypeIsDeclared(t *testing.T) {
	rules := slices.Concat(customIAM(newJudge()), customCompute(), customData(newJudge()))
	signals := map[string]bool{}
	for _, r := range rules {
		if r.Signal != "" {
			signals[r.Signal] = true
		}
	}
	if len(signals) != 35 {
		t.Errorf("%d Custom Detection Rules, want 35", len(signals))
	}
	for _, d := range All() {
		if d.Name == "" || len(d.Types) == 0 || d.Call == nil && d.bind == nil && d.Flow == nil && d.Query == nil {
			t.Errorf("%+v", d)
		}
		for _, x := range d.Types {
			if strings.Count(x, ":") != 1 || strings.Count(x, "/") != 1 {
				t.Errorf("%s is not a finding type", x)
			}
		}
	}
}

// TestEveryEC2Type: the 40 types of flow and DNS logs have a detector.
// https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_finding-types-ec2.html
func TestEveryEC2Type(t *testing.T) {
	declared := map[string]bool{}
	for _, d := range All() {
		for _, x := range d.Types {
			if strings.Contains(x, ":EC2/") && (d.Flow != nil || d.Query != nil) {
				declared[x] = true
			}
		}
	}
	all := strings.Fields(`Backdoor:EC2/C&CActivity.B Backdoor:EC2/C&CActivity.B!DNS Backdoor:EC2/DenialOfService.Dns Backdoor:EC2/DenialOfService.Tcp Backdoor:EC2/DenialOfService.Udp
		Backdoor:EC2/DenialOfService.UdpOnTcpPorts Backdoor:EC2/DenialOfService.UnusualProtocol Backdoor:EC2/Spambot Behavior:EC2/NetworkPortUnusual Behavior:EC2/TrafficVolumeUnusual
		CryptoCurrency:EC2/BitcoinTool.B CryptoCurrency:EC2/BitcoinTool.B!DNS DefenseEvasion:EC2/UnusualDNSResolver DefenseEvasion:EC2/UnusualDoHActivity DefenseEvasion:EC2/UnusualDoTActivity
		Impact:EC2/AbusedDomainRequest.Reputation Impact:EC2/BitcoinDomainRequest.Reputation Impact:EC2/MaliciousDomainRequest.Custom Impact:EC2/MaliciousDomainRequest.Reputation Impact:EC2/PortSweep
		Impact:EC2/SuspiciousDomainRequest.Reputation Impact:EC2/WinRMBruteForce Recon:EC2/PortProbeEMRUnprotectedPort Recon:EC2/PortProbeUnprotectedPort Recon:EC2/Portscan
		Trojan:EC2/BlackholeTraffic Trojan:EC2/BlackholeTraffic!DNS Trojan:EC2/DGADomainRequest.B Trojan:EC2/DGADomainRequest.C!DNS Trojan:EC2/DNSDataExfiltration Trojan:EC2/DriveBySourceTraffic!DNS
		Trojan:EC2/DropPoint Trojan:EC2/DropPoint!DNS Trojan:EC2/PhishingDomainRequest!DNS UnauthorizedAccess:EC2/MaliciousIPCaller.Custom UnauthorizedAccess:EC2/MetadataDNSRebind
		UnauthorizedAccess:EC2/RDPBruteForce UnauthorizedAccess:EC2/SSHBruteForce UnauthorizedAccess:EC2/TorClient UnauthorizedAccess:EC2/TorRelay`)
	for _, x := range all {
		if !declared[x] {
			t.Errorf("no detector raises %s", x)
		}
	}
	if len(all) != 40 || len(declared) != 40 {
		t.Errorf("%d types, %d declared", len(all), len(declared))
	}
}

func TestWhatPoliciesGrant(t *testing.T) {
	statement := func(more string) string { return `{"Version":"2012-10-17","Statement":[` + more + `]}` }
	const everyone = `{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"`
	for _, c := range []struct {
		name, text string
		want       grants
	}{
		{"everyone", statement(everyone + "}"), grants{true, true}},
		{"own organization", statement(everyone + `,"Condition":{"StringEquals":{"aws:PrincipalAccount":"111122223333"}}}`), grants{}},
		{"a network", statement(everyone + `,"Condition":{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}}`), grants{false, true}},
		{"encrypted transport is no limit", statement(everyone + `,"Condition":{"Bool":{"aws:SecureTransport":"true"}}}`), grants{true, true}},
		{"denied to others", statement(everyone + `},{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*","Condition":{"StringNotEquals":{"aws:PrincipalAccount":"111122223333"}}}`), grants{}},
		{"everyone but one", statement(`{"Effect":"Allow","NotPrincipal":{"AWS":"arn:aws:iam::111122223333:user/u"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}`), grants{true, true}},
		{"another account", statement(`{"Effect":"Allow","Principal":{"AWS":["111122223333","444455556666"]},"Action":"s3:GetObject","Resource":"*"}`), grants{false, true}},
		{"itself and services", statement(`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/r","Service":"cloudtrail.amazonaws.com"},"Action":"s3:*","Resource":"*"}`), grants{}},
		{"CloudFront", statement(`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1"},"Action":"s3:GetObject","Resource":"*"}`), grants{}},
		{"an identity provider", statement(`{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"},"Action":"sts:AssumeRoleWithWebIdentity"}`), grants{}},
		{"not a policy", `nothing`, grants{}},
	} {
		j := newJudge()
		for range 2 {
			if got := j.policy(c.text, "111122223333"); got != c.want {
				t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
			}
		}
	}
}
