package detect

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"bartizan.dev/logs"
	"bartizan.dev/logs/logstest"
)

// series gives events ids and times of their own, from start on.
func series(start time.Time, step time.Duration, events ...logstest.Event) []logstest.Event {
	for i := range events {
		events[i].Time = start.Add(time.Duration(i) * step)
		events[i].ID = fmt.Sprintf("10000000-0000-4000-8000-%012x", events[i].Time.UnixNano()/1000&0xffffffffff<<8|int64(i&255))
	}
	return events
}

func times(n int, make func(int) logstest.Event) []logstest.Event {
	out := make2(n)
	for i := range n {
		out[i] = make(i)
	}
	return out
}

func make2(n int) []logstest.Event { return make([]logstest.Event, n) }

// ordinary is ten days of somebody's work.
func ordinary(who map[string]any) []logstest.Event {
	work := []struct{ source, name string }{{"ec2", "DescribeInstances"}, {"s3", "ListBuckets"}, {"iam", "ListUsers"}, {"cloudformation", "DescribeStacks"}, {"ec2", "RunInstances"}}
	return series(logstest.Start.AddDate(0, 0, -10), 2*time.Hour, times(120, func(i int) logstest.Event {
		w := work[i%len(work)]
		return logstest.Event{Source: w.source + ".amazonaws.com", Name: w.name, Identity: who, IP: "192.0.2.44"}
	})...)
}

func TestUnusualForItsPrincipal(t *testing.T) {
	alice, role := logstest.User("alice"), logstest.Role("ops", "alice")
	call := func(source, name, ip, agent string) logstest.Event {
		return logstest.Event{Source: source + ".amazonaws.com", Name: name, IP: ip, Agent: agent}
	}
	const near, far, other = "192.0.2.9", "203.0.113.5", "python-requests/2.31"
	for _, c := range []struct {
		name   string
		events []logstest.Event
		want   string
	}{
		{"what it always does, from elsewhere", []logstest.Event{call("ec2", "DescribeInstances", far, "")}, ""},
		{"another call of its own network", []logstest.Event{call("ec2", "CreateKeyPair", near, "")}, ""},
		{"a new call from a new network", []logstest.Event{call("ec2", "CreateKeyPair", far, "")}, "Persistence:IAMUser/AnomalousBehavior 5"},
		{"the network stays new", []logstest.Event{call("ec2", "DescribeInstances", far, ""), call("ec2", "CreateSnapshot", far, "")}, "Exfiltration:IAMUser/AnomalousBehavior 8"},
		{"discovery needs more", []logstest.Event{call("ssm", "DescribeParameters", near, other)}, ""},
		{"discovery with everything new", []logstest.Event{call("ssm", "DescribeParameters", far, other)}, "Discovery:IAMUser/AnomalousBehavior 2"},
		{"a call of no tactic", []logstest.Event{call("sqs", "ReceiveMessage", far, other)}, ""},
		{"every tactic", []logstest.Event{call("secretsmanager", "GetSecretValue", far, ""), call("monitoring", "DeleteAlarms", far, ""), call("s3", "DeleteBucket", far, ""), call("sts", "GetFederationToken", far, ""), call("iam", "AddUserToGroup", far, "")},
			"CredentialAccess:IAMUser/AnomalousBehavior 5; DefenseEvasion:IAMUser/AnomalousBehavior 5; Impact:IAMUser/AnomalousBehavior 8; InitialAccess:IAMUser/AnomalousBehavior 5; PrivilegeEscalation:IAMUser/AnomalousBehavior 5"},
	} {
		for _, who := range []map[string]any{alice, role} {
			e := New(Config{}, All()...)
			if got := raised(t, e, ordinary(who)...); len(got) > 0 {
				t.Fatalf("ordinary work raises %v", got)
			}
			for i := range c.events {
				c.events[i].Identity = who
			}
			if got := strings.Join(raised(t, e, series(logstest.Start, time.Minute, c.events...)...), "; "); got != c.want {
				t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
			}
			if got := raised(t, e, series(logstest.Start, time.Minute, c.events...)...); len(got) > 0 {
				t.Errorf("%s: the same log again raises %v", c.name, got)
			}
		}
	}
}

func TestProfileOfTheUnusual(t *testing.T) {
	e := New(Config{}, All()...)
	raised(t, e, ordinary(logstest.User("alice"))...)
	raised(t, e, series(logstest.Start, time.Minute, logstest.Event{Source: "ec2.amazonaws.com", Name: "CreateKeyPair", IP: "203.0.113.5"})...)
	f := e.Findings()[0]
	const want = `{"anomalies":{"anomalousAPIs":"ec2.amazonaws.com:[CreateKeyPair:success]"},"unusualBehavior":{"unusualAPIsAccountProfiling":"CreateKeyPair","unusualAPIsUserIdentityProfiling":"CreateKeyPair","unusualASNsAccountProfiling":"203.0.113.5","unusualASNsUserIdentityProfiling":"203.0.113.5"},"userAgent":{"fullUserAgent":"aws-cli/2.17.5`
	if got := f.Service.AdditionalInfo.Value; !strings.HasPrefix(got, want) {
		t.Error(got)
	}
}

// TestLearningSurvivesARestart, and the period is the one that was set.
func TestLearningSurvivesARestart(t *testing.T) {
	odd := series(logstest.Start, time.Minute, logstest.Event{Source: "ec2.amazonaws.com", Name: "CreateKeyPair", IP: "203.0.113.5"})
	for _, c := range []struct {
		period logs.Time
		want   int
	}{{0, 1}, {30 * logs.Day, 0}, {logs.Hour, 1}} {
		e := New(Config{Learning: c.period}, All()...)
		raised(t, e, ordinary(logstest.User("alice"))...)
		var b bytes.Buffer
		if err := e.Save(&b); err != nil {
			t.Fatal(err)
		}
		e = New(Config{Learning: c.period}, All()...)
		if err := e.Load(&b); err != nil {
			t.Fatal(err)
		}
		if got := raised(t, e, odd...); len(got) != c.want {
			t.Errorf("learnt for %v: %v", time.Duration(c.period), got)
		}
	}
}

// located is a data base of three places.
func located(a netip.Addr, r *RemoteIP) {
	switch a.As4()[0] {
	case 192:
		r.Country, r.Location, r.Organization = &Country{Code: "DE"}, &Location{52.5, 13.4}, &Organization{ASN: "64500"}
	case 198:
		r.Country, r.Location, r.Organization = &Country{Code: "DE"}, &Location{48.1, 11.6}, &Organization{ASN: "64500"}
	case 203:
		r.Country, r.Location, r.Organization = &Country{Code: "AU"}, &Location{-33.9, 151.2}, &Organization{ASN: "64501"}
	}
}

func TestImpossibleTravel(t *testing.T) {
	for _, c := range []struct {
		ip    string
		after time.Duration
		want  string
	}{
		{"203.0.113.5", time.Hour, "Impact:IAMUser/AnomalousBehavior 8"},
		{"198.51.100.5", time.Hour, ""},     // Berlin to Munich
		{"203.0.113.5", 30 * time.Hour, ""}, // one may fly to Sydney, and does what one always does
		{"198.51.100.5", 10 * time.Minute, "Impact:IAMUser/AnomalousBehavior 8"},
	} {
		e := New(Config{Locate: located}, All()...)
		all := ordinary(logstest.User("alice"))
		raised(t, e, all...)
		at := all[len(all)-1].Time
		got := raised(t, e, series(at.Add(c.after), time.Minute, logstest.Event{Source: "ec2.amazonaws.com", Name: "RunInstances", IP: c.ip})...)
		if s := strings.Join(got, "; "); s != c.want {
			t.Errorf("%s after %v: %q, want %q", c.ip, c.after, s, c.want)
		}
	}
	if km := distance(52.52, 13.40, -33.87, 151.21); km < 16_000 || km > 16_200 {
		t.Errorf("%.0f km from Berlin to Sydney", km)
	}
}

// TestSuspects gives each kind of rare call one that is meant and one that comes
// close.
func TestSuspects(t *testing.T) {
	user, role := logstest.User("mallory"), logstest.Role("deploy", "ci")
	ev := func(service, name string, params object) logstest.Event {
		return logstest.Event{Source: service + ".amazonaws.com", Name: name, Params: params, Identity: role}
	}
	by := func(who map[string]any, e logstest.Event) logstest.Event { e.Identity = who; return e }
	foreign := `{"Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + other + `:root"},"Action":"*","Resource":"*"}]}`
	const admin = `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
	for _, c := range []struct {
		meant logstest.Event
		want  string
		close logstest.Event
	}{
		{ev("guardduty", "DeleteDetector", object{"detectorId": "d"}), anomalousEvasion, ev("guardduty", "GetDetector", nil)},
		{ev("guardduty", "UpdateDetector", object{"enable": false}), anomalousEvasion, ev("guardduty", "UpdateDetector", object{"enable": true})},
		{ev("guardduty", "CreateFilter", object{"action": "ARCHIVE"}), anomalousEvasion, ev("guardduty", "CreateFilter", object{"action": "NOOP"})},
		{ev("config", "StopConfigurationRecorder", nil), anomalousEvasion, ev("config", "StartConfigurationRecorder", nil)},
		{ev("logs", "DeleteLogGroup", object{"logGroupName": "aws-cloudtrail-logs"}), anomalousEvasion, ev("logs", "DeleteLogGroup", object{"logGroupName": "/aws/lambda/f"})},
		{ev("cloudtrail", "UpdateTrail", object{"name": "t", "s3BucketName": "elsewhere"}), anomalousEvasion, ev("cloudtrail", "UpdateTrail", object{"name": "t"})},
		{ev("s3", "PutBucketVersioning", object{"VersioningConfiguration": object{"Status": "Suspended"}}), anomalousEvasion, ev("s3", "PutBucketVersioning", object{"VersioningConfiguration": object{"Status": "Enabled"}})},
		{ev("ec2", "ModifyInstanceMetadataOptions", object{"ModifyInstanceMetadataOptionsRequest": object{"HttpTokens": "optional"}}), anomalousEvasion, ev("ec2", "ModifyInstanceMetadataOptions", object{"ModifyInstanceMetadataOptionsRequest": object{"HttpTokens": "required"}})},
		{ev("iam", "CreateSAMLProvider", nil), anomalousPersistence, ev("iam", "ListSAMLProviders", nil)},
		{ev("iam", "CreateRole", object{"assumeRolePolicyDocument": foreign}), anomalousPersistence, ev("iam", "CreateRole", object{"assumeRolePolicyDocument": strings.ReplaceAll(foreign, other, logstest.Account)})},
		{by(user, ev("lambda", "UpdateFunctionCode20150331v2", nil)), anomalousPersistence, ev("lambda", "UpdateFunctionCode20150331v2", nil)},
		{ev("lambda", "UpdateFunctionConfiguration20150331v2", object{"layers": list{"arn:aws:lambda:eu-west-1:" + other + ":layer:x:1"}}), anomalousPersistence, ev("lambda", "UpdateFunctionConfiguration20150331v2", object{"layers": list{"arn:aws:lambda:eu-west-1:" + logstest.Account + ":layer:x:1"}})},
		{ev("lambda", "AddPermission20150331v2", object{"principal": other}), anomalousPersistence, ev("lambda", "AddPermission20150331v2", object{"principal": "events.amazonaws.com"})},
		{ev("iam", "CreatePolicyVersion", object{"policyDocument": admin}), anomalousEscalation, ev("iam", "CreatePolicyVersion", object{"policyDocument": strings.ReplaceAll(admin, `"Action":"*"`, `"Action":"s3:*"`)})},
		{by(user, ev("iam", "AddUserToGroup", object{"userName": "mallory", "groupName": "g"})), anomalousEscalation, by(user, ev("iam", "AddUserToGroup", object{"userName": "bob", "groupName": "g"}))},
		{ev("sts", "GetFederationToken", nil), anomalousAccess, ev("sts", "GetSessionToken", nil)},
		{ev("ssm", "StartSession", nil), anomalousAccess, ev("ssm", "DescribeSessions", nil)},
		{ev("kms", "PutKeyPolicy", object{"policy": foreign}), anomalousExfil, ev("kms", "PutKeyPolicy", object{"policy": strings.ReplaceAll(foreign, other, logstest.Account)})},
		{ev("kms", "ScheduleKeyDeletion", nil), anomalousImpact, ev("kms", "CancelKeyDeletion", nil)},
		{by(user, ev("bedrock", "InvokeModel", object{"modelId": "m"})), anomalousImpact, ev("bedrock", "InvokeModel", object{"modelId": "m"})},
		{by(user, ev("ec2", "RunInstances", object{"instanceType": "p4d.24xlarge"})), anomalousImpact, by(user, ev("ec2", "RunInstances", object{"instanceType": "t3.micro"}))},
		{ev("iam", "GetAccountAuthorizationDetails", nil), anomalousDiscovery, ev("iam", "GetAccountSummary", nil)},
	} {
		if got := strings.Join(raised(t, New(Config{}, All()...), c.meant), "; "); got != c.want+" 2" && !strings.Contains(got, c.want+" 2;") {
			t.Errorf("%s: %q, want %q", c.meant.Name, got, c.want)
		}
		if got := raised(t, New(Config{}, All()...), c.close); len(got) > 0 {
			t.Errorf("%s, which comes close: %v", c.close.Name, got)
		}
		c.meant.ErrorCode = "AccessDenied"
		if got := raised(t, New(Config{}, All()...), c.meant); len(got) > 0 {
			t.Errorf("%s, refused: %v", c.meant.Name, got)
		}
	}
}

// TestHabitsAreNoSuspects: who is known to make a rare call may go on.
func TestHabitsAreNoSuspects(t *testing.T) {
	session := times(100, func(int) logstest.Event { return logstest.Event{Source: "ssm.amazonaws.com", Name: "StartSession"} })
	e := New(Config{}, All()...)
	if got := raised(t, e, series(logstest.Start.AddDate(0, 0, -10), time.Hour, session[:50]...)...); len(got) != 1 {
		t.Error(got)
	}
	if got := raised(t, e, series(logstest.Start, time.Hour, session[50:]...)...); len(got) != 0 {
		t.Error(got)
	}
}
