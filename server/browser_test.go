package server

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"bartizan.dev/sigv4"
)

// TestStrangePages: a web page that signs with the keys of bartizan dev gets
// nothing done, neither from its own site nor by a name of its own for this
// host; programs and the pages of this host do.
func TestStrangePages(t *testing.T) {
	c := newClient(t)
	const mozilla = "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0"
	for name, tc := range map[string]struct {
		host    string
		headers map[string]string
		want    int
	}{
		"a program":                         {"localhost:4566", nil, 200},
		"a program by any name":             {"aws.attacker.example", nil, 200},
		"a page of another site":            {"localhost:4566", map[string]string{"Sec-Fetch-Site": "cross-site", "User-Agent": mozilla}, 403},
		"without metadata":                  {"localhost:4566", map[string]string{"Origin": "https://attacker.example", "User-Agent": mozilla}, 403},
		"of nowhere":                        {"localhost:4566", map[string]string{"Origin": "null"}, 403},
		"a page that rebinds its name":      {"attacker.example:4566", map[string]string{"User-Agent": mozilla}, 403},
		"in other clothes":                  {"attacker.example:4566", map[string]string{"User-Agent": "aws-cli/2", "Accept-Language": "en"}, 403},
		"an address within a name":          {"127.0.0.1.attacker.example", map[string]string{"User-Agent": mozilla}, 403},
		"this host's own page":              {"localhost:4566", map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost:4566", "User-Agent": mozilla}, 200},
		"a page of this host, another port": {"localhost:4566", map[string]string{"Sec-Fetch-Site": "same-site", "Origin": "http://localhost:3000", "User-Agent": mozilla}, 200},
		"an old browser there":              {"127.0.0.1:4566", map[string]string{"Origin": "http://127.0.0.1:3000", "User-Agent": mozilla}, 200},
		"what a person typed":               {"bartizan:4566", map[string]string{"Sec-Fetch-Site": "none", "User-Agent": mozilla}, 200},
	} {
		r := httptest.NewRequest("GET", "http://"+tc.host+"/?Action=GetCallerIdentity&Version=2011-06-15", http.NoBody)
		for k, v := range tc.headers {
			r.Header.Set(k, v)
		}
		if err := sigv4.Sign(r, devKeys, "us-east-1", "sts", sigv4.HashPayload(nil), time.Now()); err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		c.handler.ServeHTTP(w, r)
		if w.Code != tc.want {
			t.Errorf("%s: %d, want %d: %s", name, w.Code, tc.want, w.Body)
		}
	}
}
