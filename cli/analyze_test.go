package cli

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bartizan.dev/intel"
	"bartizan.dev/logs"
	"bartizan.dev/logs/logstest"
	"bartizan.dev/report"
)

func analyze(t *testing.T, args ...string) (code int, out, say string) {
	t.Helper()
	var o, e bytes.Buffer
	code = Run(context.Background(), append([]string{"analyze"}, args...), Env{Out: &o, Err: &e, Getenv: func(string) string { return "" }})
	return code, o.String(), e.String()
}

// TestAnalyzeWithFetchedList takes a list over HTTPS and refuses what is not.
func TestAnalyzeWithFetchedList(t *testing.T) {
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/list":
			if _, err := w.Write([]byte("198.51.100.66\n")); err != nil {
				t.Error(err)
			}
		case "/plain":
			http.Redirect(w, r, "http://127.0.0.1:1/list", http.StatusFound)
		default:
			http.NotFound(w, r)
		}
	}))
	defer srv.Close()
	old := listClient.Transport
	listClient.Transport = srv.Client().Transport
	defer func() { listClient.Transport = old }()
	log := filepath.Join(t.TempDir(), "a.json")
	if err := os.WriteFile(log, logstest.Records(logstest.Event{Source: "iam.amazonaws.com", Name: "CreateUser", IP: "198.51.100.66"}.JSON()), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, say := analyze(t, log, "--threat-list", "Tor="+srv.URL+"/list"); code != 1 || !strings.Contains(out, "UnauthorizedAccess:IAMUser/TorIPCaller") || say != "" {
		t.Errorf("%d %s %s", code, out, say)
	}
	if code, out, _ := analyze(t, log); code != 0 || !strings.Contains(out, "0 findings") {
		t.Errorf("%d %s", code, out)
	}
	for place, want := range map[string]string{srv.URL + "/none": "404", srv.URL + "/plain": "not HTTPS", strings.Replace(srv.URL, "https", "http", 1) + "/list": "https://", "no-such-file": "no such file"} {
		if code, _, say := analyze(t, log, "--threat-list", place); code != 2 || !strings.Contains(say, want) {
			t.Errorf("%s: %d %s", place, code, say)
		}
	}
}

// TestListFormats: a list says itself what it is.
func TestListFormats(t *testing.T) {
	for text, want := range map[string]intel.Format{
		"1.2.3.4 # a comment\n": intel.TXT,
		"# AlienVault\n1.2.3.4#4#2#Scanning Host#CN#Beijing#39,116#3\n": intel.AlienVault,
		"Indicator type, Indicator, Description\nIPv4,1.2.3.4,x\n":      intel.OTXCSV,
		`{"objects":[{"type":"ipv4-addr","value":"1.2.3.4"}]}`:          intel.STIX,
	} {
		path := filepath.Join(t.TempDir(), "list")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		l, err := readList(context.Background(), path, intel.Custom, intel.ThreatEntities)
		if err != nil || l.Format != want || l.Entries != 1 {
			t.Errorf("%q: %v %+v", text, err, l)
		}
	}
}

func TestProgressLine(t *testing.T) {
	var p report.Progress
	p.Bytes.Store(25)
	p.Files.Store(1)
	p.Records.Store(3000)
	if got := progressLine(&p, 4, 100, 2*time.Second); got != "1 of 4 files, 3000 records, 1500/s, 0 findings, 6s left" {
		t.Error(got)
	}
	if got := progressLine(&p, 1, 0, 2*time.Second); strings.Contains(got, "left") {
		t.Error(got)
	}
	showAnalysis(Env{Err: &bytes.Buffer{}}, &p, []logs.Input{{Path: "-"}})()
}
