package metadata

import (
	"net/http/httptest"
	"testing"
)

// TestRebinding: a web page that has its own name resolve to this host gets
// neither a token nor, where tokens are not needed, the credentials.
func TestRebinding(t *testing.T) {
	f := newFixture(t)
	f.instance(func(i *Instance) { i.AllowV1 = true })
	for host, want := range map[string]int{
		"attacker.example": 403, "attacker.example:1338": 403, "169.254.169.254.attacker.example": 403, "127.0.0.1.nip.io:80": 403, "localhost.attacker.example": 403,
		"169.254.169.254": 200, "127.0.0.1:1338": 200, "[fd00:ec2::254]": 200, "localhost:1338": 200, "LOCALHOST": 200, "imds.localhost": 200,
		"bartizan:1338": 200, "instance-data.ec2.internal": 200, "": 200,
	} {
		put := httptest.NewRequest("PUT", "/latest/api/token", nil)
		put.Host = host
		put.Header.Set(headerTTL, "60")
		get := httptest.NewRequest("GET", credentialsPath+"host", nil)
		get.Host = host
		w := httptest.NewRecorder()
		if f.Instance().ServeHTTP(w, put); w.Code != want {
			t.Errorf("PUT at %q: %d, want %d", host, w.Code, want)
		}
		w = httptest.NewRecorder()
		if f.Instance().ServeHTTP(w, get); w.Code != want {
			t.Errorf("GET at %q: %d, want %d", host, w.Code, want)
		}
	}
}
