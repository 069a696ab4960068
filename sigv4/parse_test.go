package sigv4

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const (
	testKey    = "AKIDEXAMPLE"
	testSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	hex64      = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
)

var testTime = time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)

func TestParseHeader(t *testing.T) {
	const cred = "Credential=AKIDEXAMPLE/20150830/us-east-1/sts/aws4_request"
	const good = Algorithm + " " + cred + ", SignedHeaders=host;x-amz-date, Signature=" + hex64
	for _, x := range []struct {
		auth, date string
		reason     Reason
		detail     string
	}{
		{good, "20150830T123600Z", 0, ""},
		{strings.ReplaceAll(good, ", ", ","), "20150830T123600Z", 0, ""},
		{strings.ReplaceAll(good, ", ", " , "), "20150830T123600Z", 0, ""},
		{strings.ReplaceAll(good, ", ", " "), "20150830T123600Z", 0, ""},
		{Algorithm, "20150830T123600Z", Incomplete, "Authorization header requires 'Credential' parameter. " +
			"Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. (Hashed"},
		{good, "", Incomplete, "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. (Hashed"},
		{Algorithm + " " + cred, "20150830T123600Z", Incomplete, "Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. "},
		{good + ", Signature=" + hex64, "20150830T123600Z", Incomplete, "Invalid key=value pair"},
		{good + ", Other=1", "20150830T123600Z", Incomplete, "Invalid key=value pair"},
		{good + ", Other", "20150830T123600Z", Incomplete, "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with Base64): '"},
		{good, "201", MalformedDate, "Date must be in ISO-8601 'basic format'. Got '201'. See http://en.wikipedia.org/wiki/ISO_8601"},
		{good, "20150830T123600.5Z", MalformedDate, ""},
		{good, "20150832T123600Z", MalformedDate, ""},
		{good, "2015-08-30T12:36:00Z", MalformedDate, ""},
		{strings.Replace(good, "/sts", "", 1), "20150830T123600Z", MalformedCredential,
			"Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'AKIDEXAMPLE/20150830/us-east-1/aws4_request'"},
		{strings.Replace(good, "AKID", "AK/ID", 1), "20150830T123600Z", MalformedCredential, ""},
		{strings.Replace(good, "AKIDEXAMPLE", "", 1), "20150830T123600Z", MalformedCredential, ""},
		{strings.Replace(good, "AKIDEXAMPLE", strings.Repeat("A", 129), 1), "20150830T123600Z", MalformedCredential, ""},
		{strings.Replace(good, "HMAC-SHA256", "ECDSA-P256-SHA256", 1), "20150830T123600Z", UnsupportedAlgorithm,
			"Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256' (only AWS4-HMAC-SHA256 for now). "},
		{strings.Replace(good, "host;x-amz-date", "x-amz-date;host", 1), "20150830T123600Z", SignatureMismatch, ""},
		{strings.Replace(good, "host;x-amz-date", "host;host", 1), "20150830T123600Z", SignatureMismatch, ""},
		{strings.Replace(good, "host;x-amz-date", "Host;x-amz-date", 1), "20150830T123600Z", SignatureMismatch, ""},
		{strings.Replace(good, "host;x-amz-date", "host;", 1), "20150830T123600Z", 0, ""},
		{strings.Replace(good, "host;x-amz-date", ";host", 1), "20150830T123600Z", SignatureMismatch, ""},
		{"Basic dXNlcjpwYXNz", "20150830T123600Z", UnsupportedScheme, ""},
		{"Bearer abc", "20150830T123600Z", UnsupportedScheme, ""},
		{"AWS AKIDEXAMPLE:sig", "", UnsupportedScheme, ""},
		{"", "", UnsupportedScheme, ""},
		{good + strings.Repeat(" ", maxAuthorization), "20150830T123600Z", Incomplete, ""},
	} {
		r := httptest.NewRequest("POST", "/", nil)
		r.Header.Set("Authorization", x.auth)
		if x.date != "" {
			r.Header.Set("X-Amz-Date", x.date)
		}
		check(t, r, x.reason, x.detail)
	}
}

func check(t *testing.T, r *http.Request, reason Reason, detail string) {
	t.Helper()
	var c Claim
	err := c.Parse(r)
	if reason == 0 {
		if err != nil || c.AccessKey != testKey || c.Scope != (Scope{"20150830", "us-east-1", "sts"}) || !c.Time.Equal(testTime) {
			t.Errorf("%v: %v, %+v", r.Header, err, c)
		}
		return
	}
	if !Is(err, reason) || !strings.Contains(err.(*Error).Detail, detail) {
		t.Errorf("%.200v %.200s: %v, want %v %q", r.Header, r.URL, err, reason, detail)
	}
	want(t, c.Check(RulesFor("sts", ""), testTime), Misuse)
	want(t, c.Verify(nil, testSecret, nil), Misuse)
}

func TestParseDates(t *testing.T) {
	const auth = Algorithm + " Credential=AKIDEXAMPLE/20150830/us-east-1/sts/aws4_request, SignedHeaders=host, Signature=" + hex64
	for _, x := range []struct {
		amz, date []string
		reason    Reason
	}{
		{[]string{"20150830T123600Z"}, []string{"rubbish"}, 0},
		{nil, []string{"20150830T123600Z"}, 0},
		{nil, []string{"Sun, 30 Aug 2015 12:36:00 GMT"}, 0},
		{[]string{"Sun, 30 Aug 2015 12:36:00 GMT"}, nil, MalformedDate},
		{nil, []string{"rubbish"}, MalformedDate},
		{[]string{"20150830T123600Z", "20150830T123600Z"}, nil, Incomplete},
	} {
		r := httptest.NewRequest("POST", "/", nil)
		r.Header["Authorization"] = []string{auth}
		r.Header["X-Amz-Date"], r.Header["Date"] = x.amz, x.date
		check(t, r, x.reason, "")
	}
}

func TestParsePresigned(t *testing.T) {
	const good = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Fus-east-1%2Fsts%2Faws4_request" +
		"&X-Amz-Date=20150830T123600Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=" + hex64
	replace := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatal(old)
		}
		return strings.Replace(good, old, new, 1)
	}
	for _, x := range []struct {
		query  string
		reason Reason
		detail string
	}{
		{good, 0, ""},
		{replace("X-Amz-Algorithm", "X%2dAmz%2dAlgorithm"), 0, ""},
		{replace("&X-Amz-Expires=60", ""), 0, ""},
		{replace("=60", "=604800"), 0, ""},
		{replace("=60", "=604801"), MalformedExpires, "X-Amz-Expires must be less than a week (in seconds)"},
		{replace("=60", "=99999999999999999999"), MalformedExpires, "number"},
		{replace("=60", "=0"), MalformedExpires, ""},
		{replace("=60", "=-1"), MalformedExpires, "non-negative"},
		{replace("=60", "="), MalformedExpires, "number"},
		{replace("=60", "=x"), MalformedExpires, "number"},
		{good + "&X-Amz-Signature=" + hex64, MalformedQuery, "twice"},
		{good + "&X%2DAmz-Credential=x", MalformedQuery, "twice"},
		{good + "&x=%", MalformedQuery, "hex"},
		{good + "&x=%zz", MalformedQuery, "hex"},
		{good + "&%4=1", MalformedQuery, "hex"},
		{good + "&x=" + strings.Repeat("a", maxQuery), MalformedQuery, "long"},
		{good + strings.Repeat("&a", maxParams), MalformedQuery, "long"},
		{replace("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"), UnsupportedAlgorithm, ""},
		{replace("AWS4-HMAC-SHA256", ""), Incomplete, "AWS query-string parameters must include 'X-Amz-Algorithm'. Re-examine the query-string parameters."},
		{"X-Amz-Algorithm=AWS4-HMAC-SHA256", Incomplete, "AWS query-string parameters must include 'X-Amz-Credential'. " +
			"AWS query-string parameters must include 'X-Amz-Signature'. AWS query-string parameters must include 'X-Amz-SignedHeaders'. " +
			"AWS query-string parameters must include 'X-Amz-Date'. Re-examine"},
		{replace("20150830T", "x"), MalformedDate, ""},
		{replace("us-east-1", "us%0aeast"), MalformedCredential, ""},
		{replace("=host", "=Host"), SignatureMismatch, ""},
		{good + "&X-Amz-Security-Token=" + strings.Repeat("a", maxToken+1), Incomplete, "too long"},
		{"a=b", Missing, ""},
		{"", Missing, ""},
	} {
		r := httptest.NewRequest("GET", "/?"+x.query, nil)
		check(t, r, x.reason, x.detail)
	}
	r := httptest.NewRequest("GET", "/?"+good, nil)
	r.Header.Set("Authorization", "Bearer x")
	check(t, r, Ambiguous, "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.")
	r = httptest.NewRequest("GET", "/", nil)
	r.Header["Authorization"] = []string{"Bearer x", "Bearer y"}
	check(t, r, Incomplete, "more than one")
}
