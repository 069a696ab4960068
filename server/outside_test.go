package server

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestOutside: customers' endpoints are not this machine, whatever they are
// called, except in development; redirects are not followed.
func TestOutside(t *testing.T) {
	endpoint := httptest.NewServer(http.RedirectHandler("/elsewhere", http.StatusFound))
	defer endpoint.Close()
	port := endpoint.URL[strings.LastIndexByte(endpoint.URL, ':'):]
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]"} {
		res, err := outside(time.Second, false).Get("http://" + host + port)
		if err == nil {
			res.Body.Close()
			t.Errorf("%s is called", host)
		} else if host != "localhost" && !strings.Contains(err.Error(), errNotOutside.Error()) {
			t.Errorf("%s: %v", host, err)
		}
	}
	for _, host := range []string{"169.254.169.254", "0.0.0.0", "224.0.0.1"} {
		if res, err := outside(time.Second, true).Get("http://" + host + port); err == nil || !strings.Contains(err.Error(), errNotOutside.Error()) {
			t.Errorf("%s: %v %v", host, res, err)
		}
	}
	res, err := outside(time.Second, true).Get(endpoint.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusFound {
		t.Errorf("%d", res.StatusCode)
	}
}
