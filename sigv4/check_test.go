package sigv4

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

var testCreds = Credentials{AccessKey: testKey, Secret: testSecret}

// signedClaim parses a request signed at testTime, in the header or for expires.
func signedClaim(t testing.TB, service string, expires time.Duration, headers ...string) *Claim {
	t.Helper()
	r := httptest.NewRequest("POST", "http://localhost:4566/", nil)
	var err error
	if expires > 0 {
		var u string
		u, err = Presign(r, testCreds, "us-east-1", service, EmptyHash, testTime, expires)
		r = httptest.NewRequest("POST", u, nil)
	} else {
		err = Sign(r, testCreds, "us-east-1", service, EmptyHash, testTime)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		r.Header.Set(h, "1")
	}
	c := &Claim{}
	if err := c.Parse(r); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSkew(t *testing.T) {
	for service, minutes := range map[string]int{
		"sts": 15, "iam": 15, "dynamodb": 15, "sqs": 15, "s3": 15,
		"kms": 5, "lambda": 5, "route53": 5, "monitoring": 5, "ec2": 5, "secretsmanager": 5,
	} {
		edge := time.Duration(minutes) * time.Minute
		for _, x := range []struct {
			after  time.Duration
			reason Reason
		}{
			{0, 0}, {edge, 0}, {edge + 999*time.Millisecond, 0}, {edge + time.Second, Expired}, {24 * time.Hour, Expired},
			{-edge, 0}, {-edge - time.Second, NotYetValid}, {-24 * time.Hour, NotYetValid},
		} {
			err := signedClaim(t, service, 0).Check(RulesFor(service, ""), testTime.Add(x.after))
			if x.reason == 0 && err != nil || x.reason != 0 && !Is(err, x.reason) {
				t.Errorf("%s %v later: %v, want %v", service, x.after, err, x.reason)
			}
		}
	}
	err := signedClaim(t, "sts", 0).Check(RulesFor("sts", ""), testTime.Add(16*time.Minute))
	if got := err.(*Error).Detail; got != "Signature expired: 20150830T123600Z is now earlier than 20150830T123700Z (20150830T125200Z - 15 min.)" {
		t.Error(got)
	}
	err = signedClaim(t, "kms", 0).Check(RulesFor("kms", ""), testTime.Add(-6*time.Minute))
	if got := err.(*Error).Detail; got != "Signature not yet current: 20150830T123600Z is still later than 20150830T123500Z (20150830T123000Z + 5 min.)" {
		t.Error(got)
	}
}

func TestPresignedWindow(t *testing.T) {
	for _, x := range []struct {
		service        string
		expires, after time.Duration
		reason         Reason
	}{
		{"sts", time.Minute, 15 * time.Minute, 0}, // STS does not look at a shorter one
		{"sts", time.Minute, 15*time.Minute + time.Second, Expired},
		{"sts", time.Hour, time.Hour, 0},
		{"sts", time.Hour, time.Hour + time.Second, Expired},
		{"sts", time.Hour, -16 * time.Minute, NotYetValid},
		{"s3", time.Minute, time.Minute, 0},
		{"s3", time.Minute, time.Minute + time.Second, PresignExpired},
		{"s3", MaxExpires, MaxExpires, 0},
	} {
		err := signedClaim(t, x.service, x.expires).Check(RulesFor(x.service, ""), testTime.Add(x.after))
		if x.reason == 0 && err != nil || x.reason != 0 && !Is(err, x.reason) {
			t.Errorf("%+v: %v", x, err)
		}
	}
	c := signedClaim(t, "s3", time.Minute)
	c.Expires = 0
	want(t, c.Check(RulesFor("s3", ""), testTime), Incomplete)
}

func TestScope(t *testing.T) {
	for _, x := range []struct {
		rules  Rules
		change func(*Claim)
		reason Reason
		detail string
	}{
		{RulesFor("sts", "us-east-1"), nil, 0, ""},
		{RulesFor("sts", ""), nil, 0, ""},
		{RulesFor("sts", "eu-west-1"), nil, ScopeRegion, "Credential should be scoped to a valid region. "},
		{RulesFor("iam", ""), nil, ScopeService, "Credential should be scoped to correct service: 'iam'. "},
		{RulesFor("sts", ""), func(c *Claim) { c.terminator = "aws5_request" }, ScopeTerminator,
			"Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'. "},
		{RulesFor("sts", ""), func(c *Claim) { c.Scope.Date = "20150829" }, ScopeDate,
			"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20150829' != '20150830', from '20150830T123600Z'. "},
		{RulesFor("iam", "eu-west-1"), func(c *Claim) { c.Scope.Date = "20150829" }, ScopeRegion,
			"Credential should be scoped to a valid region. Credential should be scoped to correct service: 'iam'. Date in Credential scope"},
	} {
		c := signedClaim(t, "sts", 0)
		if x.change != nil {
			x.change(c)
		}
		err := c.Check(x.rules, testTime)
		if x.reason == 0 && err != nil || x.reason != 0 && (!Is(err, x.reason) || !strings.HasPrefix(err.(*Error).Detail, x.detail)) {
			t.Errorf("%+v: %v, want %v %q", x.rules, err, x.reason, x.detail)
		}
	}
}

func TestSignedHeaders(t *testing.T) {
	for _, x := range []struct {
		service string
		expires time.Duration
		header  string
		missing string
	}{
		{"kms", 0, "X-Amz-Target", "x-amz-target"},
		{"kms", 0, "X-Amzn-Trace-Id", ""},
		{"kms", 0, "Content-Type", ""},
		{"kms", 0, "X-Amz-Security-Token", ""},
		{"kms", time.Minute, "X-Amz-Security-Token", ""},
		{"kms", time.Minute, "X-Amz-Date", "x-amz-date"},
		{"kms", 0, "X-Amz-Content-Sha256", ""},
		{"s3", 0, "X-Amz-Acl", "x-amz-acl"},
		{"s3", time.Minute, "X-Amz-Security-Token", "x-amz-security-token"},
		{"s3", 0, "X-Amz-Security-Token", "x-amz-security-token"},
	} {
		err := signedClaim(t, x.service, x.expires, x.header).Check(RulesFor(x.service, ""), testTime)
		if x.missing == "" && err != nil || x.missing != "" && (!Is(err, HeadersNotSigned) || err.(*Error).Got != x.missing) {
			t.Errorf("%+v: %v", x, err)
		}
	}
	err := signedClaim(t, "s3", 0, "X-Amz-Tagging", "X-Amz-Meta-S1").Check(RulesFor("s3", ""), testTime)
	if got := err.(*Error).Got; got != "x-amz-meta-s1, x-amz-tagging" {
		t.Error(got)
	}
	rules := RulesFor("kms", "")
	rules.RequireSigned = []string{"content-type"}
	want(t, signedClaim(t, "kms", 0, "Content-Type").Check(rules, testTime), HeadersNotSigned)
	if err := signedClaim(t, "kms", 0).Check(rules, testTime); err != nil {
		t.Error(err)
	}
	c := signedClaim(t, "kms", 0)
	c.SignedHeaders = "x-amz-date"
	want(t, c.Check(RulesFor("kms", ""), testTime), HostNotSigned)
	many := make([]string, maxHeaders+1)
	for i := range many {
		many[i] = fmt.Sprint("h", i)
	}
	want(t, signedClaim(t, "kms", 0, many...).Check(RulesFor("kms", ""), testTime), Incomplete)
}

// A header that is signed but not sent, and a step out of order, never verify.
func TestOrder(t *testing.T) {
	var c Claim
	want(t, c.Check(RulesFor("sts", ""), testTime), Misuse)
	c2 := signedClaim(t, "sts", 0)
	want(t, c2.Verify(nil, testSecret, nil), Misuse)
	want(t, c2.VerifyHead(nil, testSecret), Misuse)
	if err := c2.Check(RulesFor("sts", ""), testTime); err != nil {
		t.Fatal(err)
	}
	want(t, c2.VerifyHead(nil, testSecret), Misuse)
	_, err := c2.Body(strings.NewReader(""))
	want(t, err, Misuse)
	if err := c2.Verify(nil, testSecret, nil); err != nil {
		t.Fatal(err)
	}
	want(t, c2.Verify(nil, testSecret, nil), Misuse) // once
	c2.r.Header.Del("X-Amz-Date")
	if err := c2.Check(RulesFor("sts", ""), testTime); err != nil {
		t.Fatal(err)
	}
	want(t, c2.Verify(nil, testSecret, nil), SignatureMismatch)
	c3, err := streamClaim(t, StreamingPayload, "1", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := c3.Check(RulesFor("s3", ""), docTime); err != nil {
		t.Fatal(err)
	}
	want(t, c3.Verify(nil, docSecret, nil), Misuse)
	c3.Reset()
	if c3.key != [32]byte{} || c3.r != nil || c3.step != 0 {
		t.Error("Reset left something")
	}
}
