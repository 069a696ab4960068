package detect

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"bartizan.dev/logs/logstest"
)

func TestIssuedCredentials(t *testing.T) {
	host := logstest.Instance("web", "i-0fedcba9876543210")
	at := func(ip string) logstest.Event {
		return logstest.Event{Source: "s3.amazonaws.com", Name: "ListBuckets", Identity: host, IP: ip}
	}
	asn := func(a netip.Addr, r *RemoteIP) {
		r.Organization = &Organization{ASN: "16509"}
		if a.As4()[0] == 95 {
			r.Organization.ASN = "24940"
		}
	}
	task := func(ip string) logstest.Event {
		return logstest.Event{Source: "s3.amazonaws.com", Name: "ListBuckets", Identity: logstest.Role("worker", "f"), IP: ip}
	}
	issue := logstest.Event{Source: "sts.amazonaws.com", Name: "AssumeRole", Identity: logstest.Service("lambda.amazonaws.com"), IP: "lambda.amazonaws.com",
		Response: object{"credentials": object{"accessKeyId": logstest.Role("worker", "f")["accessKeyId"]}}}
	for _, c := range []struct {
		name   string
		events []logstest.Event
		locate func(netip.Addr, *RemoteIP)
		want   string
	}{
		{"at home", []logstest.Event{at("3.120.44.81"), at("3.120.44.81"), at("10.0.0.7")}, nil, ""},
		{"from a server of somebody else's", []logstest.Event{at("95.217.34.6")}, nil, instanceOutside + " 5"},
		{"after it was used at home", []logstest.Event{at("3.120.44.81"), at("95.217.34.6")}, nil, instanceOutside + " 8"},
		{"by its autonomous system", []logstest.Event{at("95.217.34.6")}, asn, instanceOutside + " 8"},
		{"a network of Amazon's that the list has not", []logstest.Event{at("140.1.2.3")}, asn, ""},
		{"from two networks of Amazon's", []logstest.Event{at("3.120.44.81"), at("54.170.1.1"), at("3.120.44.81")}, nil, instanceInside + " 8"},
		{"networks of examples", []logstest.Event{at("192.0.2.1"), at("192.0.2.99")}, nil, ""},
		{"two of them", []logstest.Event{at("192.0.2.1"), at("203.0.113.1")}, nil, instanceOutside + " 8"},
		{"a function", []logstest.Event{issue, task("3.120.44.81")}, nil, ""},
		{"a function's elsewhere", []logstest.Event{issue, task("95.217.34.6")}, nil, resourceOutside + " 5"},
		{"a role of nobody's", []logstest.Event{task("95.217.34.6")}, nil, ""},
		{"a session that only looks like an instance", []logstest.Event{{Source: "s3.amazonaws.com", Name: "ListBuckets", Identity: logstest.Role("web", "i-am-a-person"), IP: "95.217.34.6"}}, nil, ""},
	} {
		e := New(Config{Locate: c.locate}, All()...)
		all := series(logstest.Start, time.Minute, c.events...)
		if got := strings.Join(raised(t, e, all...), "; "); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if got := raised(t, e, all...); len(got) > 0 {
			t.Errorf("%s, the same log again: %v", c.name, got)
		}
	}
	// The home moves with the instance's address once its credentials are over.
	e := New(Config{}, All()...)
	if got := raised(t, e, series(logstest.Start, 13*time.Hour, at("3.120.44.81"), at("54.170.1.1"))...); len(got) > 0 {
		t.Error(got)
	}
	// Addresses of one's own are no remote ones.
	e = New(Config{Home: []netip.Prefix{netip.MustParsePrefix("95.217.0.0/16")}}, All()...)
	if got := raised(t, e, at("95.217.34.6")); len(got) > 0 {
		t.Error(got)
	}
	// A VPC endpoint of another account.
	calls := scan(t, at("10.0.0.7").JSON())
	calls[0].VPCEndpointID, calls[0].VPCEndpoint = "vpce-1", other
	e = New(Config{}, All()...)
	e.Call(&calls[0])
	if f := e.Findings(); len(f) != 1 || f[0].Type != instanceInside {
		t.Errorf("%d findings", len(f))
	}
}

func TestConsoleLoginsAroundTheWorld(t *testing.T) {
	login := func(ip, result string) logstest.Event {
		return logstest.Event{Source: "signin.amazonaws.com", Name: "ConsoleLogin", Type: "AwsConsoleSignIn", IP: ip, Response: object{"ConsoleLogin": result}, Additional: object{"MFAUsed": "Yes"}}
	}
	const around1 = loginAround + " 5"
	for _, c := range []struct {
		name   string
		step   time.Duration
		locate func(netip.Addr, *RemoteIP)
		events []logstest.Event
		want   string
	}{
		{"two countries", 20 * time.Minute, located, []logstest.Event{login("192.0.2.1", "Success"), login("203.0.113.1", "Success")}, around1},
		{"two countries in two hours", 2 * time.Hour, located, []logstest.Event{login("192.0.2.1", "Success"), login("203.0.113.1", "Success")}, ""},
		{"one country", time.Minute, located, []logstest.Event{login("192.0.2.1", "Success"), login("198.51.100.1", "Success")}, ""},
		{"three networks", time.Minute, nil, []logstest.Event{login("192.0.2.1", "Success"), login("203.0.113.1", "Success"), login("198.51.100.1", "Success")}, around1},
		{"two networks", time.Minute, nil, []logstest.Event{login("192.0.2.1", "Success"), login("203.0.113.1", "Success"), login("192.0.2.1", "Success")}, ""},
		{"failures", time.Minute, located, []logstest.Event{login("192.0.2.1", "Success"), login("203.0.113.1", "Failure")}, ""},
	} {
		e := New(Config{Locate: c.locate}, consoleLogins())
		if got := strings.Join(raised(t, e, series(logstest.Start, c.step, c.events...)...), "; "); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
