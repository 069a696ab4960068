package report

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"bartizan.dev/intel"
	"bartizan.dev/logs"
	"bartizan.dev/logs/logstest"
	"bartizan.dev/sarif"
)

type object = map[string]any

// write puts files into a folder of their own.
func write(t testing.TB, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func analyze(t testing.TB, o Options, files map[string][]byte) *Result {
	t.Helper()
	inputs, err := logs.Find(write(t, files))
	if err != nil {
		t.Fatal(err)
	}
	r, err := Run(context.Background(), inputs, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func types(r *Result) string {
	var out []string
	for _, f := range r.Findings {
		out = append(out, f.Type)
	}
	slices.Sort(out)
	return strings.Join(slices.Compact(out), " ")
}

func stop(account string, minute int) []byte {
	return logstest.Event{ID: fmt.Sprint(account, "-", minute), Account: account, Time: logstest.Start.Add(time.Duration(minute) * time.Minute), Source: "cloudtrail.amazonaws.com", Name: "StopLogging", Params: object{"name": "main"}}.JSON()
}

func threats(t testing.TB) *intel.Set {
	t.Helper()
	l, err := intel.Parse(intel.Source{Name: "feed", Format: intel.TXT, Kind: intel.CommandAndControl, Limits: intel.ThreatEntities}, strings.NewReader("198.51.100.66\nevil.example\n"))
	if err != nil {
		t.Fatal(err)
	}
	return intel.Compile(l)
}

func badFlow() logs.Flow {
	return logs.Flow{Version: 2, Account: logstest.Account, Interface: "eni-1", Src: netip.MustParseAddr("10.0.0.7"), Dst: netip.MustParseAddr("198.51.100.66"), SrcPort: 40000, DstPort: 443, Protocol: 6,
		Packets: 3, Bytes: 300, Start: logs.TimeOf(logstest.Start), End: logs.TimeOf(logstest.Start) + logs.Minute, Status: "OK"}
}

func badQuery() logs.Query {
	return logs.Query{Time: logs.TimeOf(logstest.Start), Account: logstest.Account, Region: "eu-west-1", VPC: "vpc-1", Instance: "i-1", Src: netip.MustParseAddr("10.0.0.7"), Name: "www.evil.example.", Type: "A", Class: "IN", Rcode: "NOERROR", Protocol: "UDP"}
}

// TestEveryFormat finds the same thing whatever form the log has.
func TestEveryFormat(t *testing.T) {
	const trail, peer, name = "DefenseImpairment:IAMUser/CloudTrailLoggingDisabled", "Backdoor:EC2/C&CActivity.B", "Backdoor:EC2/C&CActivity.B!DNS"
	event := stop(logstest.Account, 0)
	for _, x := range []struct {
		file string
		data []byte
		want string
	}{
		{"records.json", logstest.Records(event), "CloudTrailLoggingDisabled"},
		{"records.json.gz", logstest.Gzip(logstest.Records(event)), "CloudTrailLoggingDisabled"},
		{"array.json", []byte("[" + string(event) + "]"), "CloudTrailLoggingDisabled"},
		{"lines.json", logstest.Lines(event), "CloudTrailLoggingDisabled"},
		{"flow2.log", logstest.FlowLog(true, logstest.Version2, badFlow()), peer},
		{"flow3.log.gz", logstest.Gzip(logstest.FlowLog(true, logstest.Version3, badFlow())), peer},
		{"flow5.log", logstest.FlowLog(true, logstest.Version5, badFlow()), peer},
		{"flow.parquet", logstest.FlowParquet(badFlow()), peer},
		{"resolver.log", logstest.ResolverLog(badQuery()), name},
		{"conn.log", logstest.ZeekConn(badFlow()), peer},
		{"dns.log", logstest.ZeekDNS(false, badQuery()), name},
		{"dns.json", logstest.ZeekDNS(true, badQuery()), name},
	} {
		r := analyze(t, Options{Intel: threats(t)}, map[string][]byte{x.file: x.data})
		if got := types(r); !strings.HasSuffix(got, x.want) || len(r.Findings) != 1 {
			t.Errorf("%s: %q", x.file, got)
		}
		for _, f := range r.Findings {
			if filepath.Base(r.Files[f.ID]) != x.file || f.Service.Count != 1 {
				t.Errorf("%s: file %q, count %d", x.file, r.Files[f.ID], f.Service.Count)
			}
		}
	}
}

// TestOrderOfWorkersDoesNotMatter compares whole outputs.
func TestOrderOfWorkersDoesNotMatter(t *testing.T) {
	files := map[string][]byte{}
	for i := range 40 {
		var events [][]byte
		for k := range 30 {
			account := fmt.Sprintf("%012d", 100+(i*7+k)%23)
			events = append(events, stop(account, i*5+k%5))
		}
		files[fmt.Sprintf("1_CloudTrail_eu-west-1_20261130T%02d%02dZ_x.json.gz", 12+i/12, i%12*5)] = logstest.Gzip(logstest.Records(events...))
	}
	dir := write(t, files)
	inputs, err := logs.Find(dir)
	if err != nil {
		t.Fatal(err)
	}
	var first string
	for _, workers := range []int{1, 2, 5, 16} {
		r, err := Run(context.Background(), inputs, Options{Workers: workers})
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := r.JSON(&b); err != nil {
			t.Fatal(err)
		}
		if first == "" {
			first = b.String()
			if len(r.Findings) != 23 {
				t.Fatalf("%d findings of 23 accounts", len(r.Findings))
			}
		}
		if b.String() != first {
			t.Errorf("%d workers find something else", workers)
		}
	}
}

func TestTheSameLogTwiceCountsOnce(t *testing.T) {
	data := logstest.Records(stop(logstest.Account, 0), stop(logstest.Account, 1))
	r := analyze(t, Options{}, map[string][]byte{"a.json": data, "b.json.gz": logstest.Gzip(data)})
	if len(r.Findings) != 1 || r.Findings[0].Service.Count != 2 {
		t.Errorf("%d findings", len(r.Findings))
	}
}

// TestTheSameFlowsAndQueriesTwice: records without ids count once too.
func TestTheSameFlowsAndQueriesTwice(t *testing.T) {
	var flows []logs.Flow
	var queries []logs.Query
	for i := range 300 {
		f, q := badFlow(), badQuery()
		f.SrcPort, q.SrcPort = uint16(40000+i), uint16(40000+i)
		flows, queries = append(flows, f), append(queries, q)
	}
	text, names := logstest.FlowLog(true, logstest.Version2, flows...), logstest.ResolverLog(queries...)
	r := analyze(t, Options{Intel: threats(t)}, map[string][]byte{"a.log": text, "b.log.gz": logstest.Gzip(text), "c.log": text[:len(text)/2], "d.json": names, "e.json": names})
	for _, f := range r.Findings {
		if f.Service.Count != 300 {
			t.Errorf("%s counts %d", f.Type, f.Service.Count)
		}
	}
	if len(r.Findings) != 2 {
		t.Errorf("%d findings", len(r.Findings))
	}
}

func TestSinceAndSeverity(t *testing.T) {
	files := map[string][]byte{"a.json": logstest.Records(stop(logstest.Account, 0), stop(logstest.Account, 120))}
	r := analyze(t, Options{Since: logs.TimeOf(logstest.Start) + logs.Hour}, files)
	if len(r.Findings) != 1 || r.Findings[0].Service.Count != 1 || r.Before != 1 {
		t.Errorf("%d findings, %d before", len(r.Findings), r.Before)
	}
	r = analyze(t, Options{MinSeverity: 9}, files)
	if len(r.Findings) != 0 || r.Below != 1 {
		t.Errorf("%d findings, %d below", len(r.Findings), r.Below)
	}
	for text, want := range map[string]float64{"low": 1, "HIGH": 7, "critical": 9, "4.5": 4.5} {
		if got, err := ParseSeverity(text); got != want || err != nil {
			t.Errorf("%s: %v %v", text, got, err)
		}
	}
	for _, text := range []string{"", "0", "11", "NaN", "grave"} {
		if _, err := ParseSeverity(text); err == nil {
			t.Errorf("%q is taken for a severity", text)
		}
	}
}

// TestTroubles: what cannot be read is told with file and offset, and the rest is
// found all the same.
func TestTroubles(t *testing.T) {
	good := stop(logstest.Account, 0)
	zipped := logstest.Gzip(logstest.Lines(append(slices.Repeat([][]byte{good}, 1), logstest.Events(3000)...)...))
	r := analyze(t, Options{}, map[string][]byte{
		"bad.json": append(append(logstest.Lines(good), "{\"eventVersion\":\"1.11\",\n"...), good...), "cut.json.gz": zipped[:len(zipped)*2/3], "README.md": []byte("# Logs\n\nNothing here.\n"),
	})
	if !strings.Contains(types(r), "CloudTrailLoggingDisabled") {
		t.Errorf("found %q", types(r))
	}
	var b bytes.Buffer
	incomplete, err := r.Troubles(&b)
	if err != nil || incomplete {
		t.Error(incomplete, err)
	}
	for _, want := range []string{"bad.json: bad records that were skipped: 1", fmt.Sprintf("  at %d: ", len(good)+1), "cut.json.gz: warning: ", "README.md: skipped"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in:\n%s", want, b.String())
		}
	}
	r = analyze(t, Options{}, map[string][]byte{"README.md": []byte("# Logs\n")})
	if incomplete, err := r.Troubles(&b); err != nil || !incomplete {
		t.Error("a folder without a log is no error")
	}
}

// TestOrdinaryHour: an hour of administration raises at most 10 findings.
func TestOrdinaryHour(t *testing.T) {
	var events [][]byte
	at := func(second int, e logstest.Event) {
		e.Time = logstest.Start.Add(time.Duration(second) * time.Second)
		e.ID = fmt.Sprint("ordinary-", len(events))
		events = append(events, e.JSON())
	}
	terraform := logstest.Role("terraform", "run")
	for run := range 4 { // apply and destroy of 60 resources, twice
		for i := range 60 {
			s := run*900 + i*4
			suffix := fmt.Sprint(i)
			verb := []string{"Create", "Delete"}[run%2]
			at(s, logstest.Event{Source: "ec2.amazonaws.com", Name: "DescribeSecurityGroups", ReadOnly: true, Identity: terraform})
			at(s+1, logstest.Event{Source: "ec2.amazonaws.com", Name: verb + "SecurityGroup", Identity: terraform, Params: object{"groupName": "web" + suffix}})
			if run%2 == 0 {
				at(s+1, logstest.Event{Source: "ec2.amazonaws.com", Name: "AuthorizeSecurityGroupIngress", Identity: terraform, Params: object{"groupId": "sg-1", "ipPermissions": object{"items": []any{object{"ipProtocol": "tcp", "fromPort": 443, "toPort": 443, "ipRanges": object{"items": []any{object{"cidrIp": "0.0.0.0/0"}}}}}}}})
				at(s+2, logstest.Event{Source: "iam.amazonaws.com", Name: "AttachRolePolicy", Identity: terraform, Params: object{"roleName": "app" + suffix, "policyArn": "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"}})
				at(s+3, logstest.Event{Source: "s3.amazonaws.com", Name: "PutBucketPolicy", Identity: terraform, Params: object{"bucketName": "data" + suffix, "bucketPolicy": object{"Version": "2012-10-17", "Statement": []any{object{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::data/*", "Condition": object{"Bool": object{"aws:SecureTransport": "false"}}}}}}})
			}
			at(s+2, logstest.Event{Source: "iam.amazonaws.com", Name: verb + "Role", Identity: terraform, Params: object{"roleName": "app" + suffix}})
			at(s+3, logstest.Event{Source: "s3.amazonaws.com", Name: verb + "Bucket", Identity: terraform, Params: object{"bucketName": "data" + suffix}})
		}
	}
	at(10, logstest.Event{Source: "signin.amazonaws.com", Name: "ConsoleLogin", Type: "AwsConsoleSignIn", Identity: logstest.User("ann"), Response: object{"ConsoleLogin": "Success"}, Additional: object{"MFAUsed": "Yes", "MobileVersion": "No"}})
	at(700, logstest.Event{Source: "iam.amazonaws.com", Name: "CreateAccessKey", Identity: logstest.User("ann"), Params: object{"userName": "build"}})
	at(800, logstest.Event{Source: "secretsmanager.amazonaws.com", Name: "GetSecretValue", ReadOnly: true, Identity: logstest.Role("app", "i-1"), Params: object{"secretId": "db"}})
	files := map[string][]byte{"admin.json": logstest.Lines(events...), "ordinary.json": logstest.Records(logstest.Events(5000)...), "flow.log": logstest.FlowLog(true, logstest.Version5, logstest.Flows(20000)...), "dns.log": logstest.ResolverLog(logstest.Queries(20000)...)}
	r := analyze(t, Options{}, files)
	if len(r.Findings) > 10 {
		t.Errorf("%d findings", len(r.Findings))
	}
	for _, f := range r.Findings {
		t.Log(f.Type, f.Severity, who(f), f.Service.Count, f.Description)
	}
}

func TestSARIF(t *testing.T) {
	r := analyze(t, Options{Intel: threats(t)}, map[string][]byte{"a b.json": logstest.Records(stop(logstest.Account, 0)), "dns.log": logstest.ResolverLog(badQuery())})
	var b bytes.Buffer
	if err := r.SARIF(&b, "v1"); err != nil {
		t.Fatal(err)
	}
	var log sarif.Log
	if err := json.Unmarshal(b.Bytes(), &log); err != nil {
		t.Fatal(err)
	}
	run := log.Runs[0]
	if log.Version != "2.1.0" || len(run.Results) != 2 || len(run.Tool.Driver.Rules) != 2 {
		t.Fatalf("%s", b.String())
	}
	for _, one := range run.Results {
		if run.Tool.Driver.Rules[one.RuleIndex].ID != one.RuleID || one.Occurrences != 1 || one.Fingerprints["bartizanFinding/v1"] == "" || !strings.HasPrefix(one.Locations[0].Place.Artifact.URI, "file:///") {
			t.Errorf("%+v", one)
		}
	}
	if !strings.Contains(b.String(), "a%20b.json") || run.Results[0].Level != "error" {
		t.Error(b.String())
	}
}
