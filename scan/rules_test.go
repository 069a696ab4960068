package scan

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bartizan.dev/sarif"
)

func TestRulesFile(t *testing.T) {
	dir := t.TempDir()
	token := pat(1)
	write(t, dir, map[string]string{
		"tree/a.txt":    "corp_12345678 corp_99999999\n",
		"tree/b.txt":    token,
		"tree/skip/c":   "corp_12345678",
		"own.toml":      "title = 'own'\n[[rules]]\nid = 'corp'\ndescription = 'Corp key'\nregex = '''corp_(\\d{8})'''\nkeywords = ['corp_']\n[[rules.allowlists]]\nregexes = ['^9+$']\n[[allowlists]]\npaths = ['^skip/']\n",
		"extend.toml":   "[extend]\nuseDefault = true\ndisabledRules = ['generic-api-key']\n[[rules]]\nid = 'github-pat'\n[[rules.allowlists]]\npaths = ['b\\.txt$']\n",
		"layered.toml":  "[extend]\npath = 'own.toml'\n[[rules]]\nid = 'corp'\nregex = 'corp_[1-5]+'\n",
		"and.toml":      "[extend]\npath = 'own.toml'\n[[rules]]\nid = 'corp'\n[[rules.allowlists]]\ncondition = 'AND'\npaths = ['a.txt']\nstopwords = ['2345']\n",
		"badre.toml":    "[[rules]]\nid = 'x'\nregex = '('\n",
		"unknown.toml":  "[[rules]]\nid = 'x'\nregex = 'x'\ncolour = 'red'\n",
		"required.toml": "[[rules]]\nid = 'x'\nregex = 'x'\n[[rules.required]]\nid = 'y'\n",
		"loop.toml":     "[extend]\npath = 'loop.toml'\n",
		"url.toml":      "[extend]\nurl = 'https://example.com'\n",
	})
	scan := func(file string) *Result {
		t.Helper()
		rules, err := Load(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		return run(t, Options{Path: filepath.Join(dir, "tree"), Tree: true, Rules: rules})
	}
	want(t, scan("own.toml"), "a.txt:1 12345678")
	want(t, scan("extend.toml"))
	want(t, scan("layered.toml"), "a.txt:1 corp_12345")
	want(t, scan("and.toml"))
	for _, bad := range []string{"badre.toml", "unknown.toml", "required.toml", "loop.toml", "url.toml", "none.toml"} {
		if _, err := Load(filepath.Join(dir, bad)); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}

func FuzzRules(f *testing.F) {
	f.Add("[[rules]]\nid='x'\nregex='a(b)'\nkeywords=['a']\nsecretGroup=1\n[rules.allowlist]\nregexes=['b']\n")
	f.Add("[extend]\nuseDefault=true\n[allowlist]\npaths=['x']\n")
	f.Fuzz(func(t *testing.T, text string) {
		b := newBuilder()
		if len(text) > 4<<10 || strings.Contains(text, "extend") || b.parse(text, t.TempDir(), 0) != nil {
			return
		}
		b.build()
	})
}

func TestKnown(t *testing.T) {
	dir := t.TempDir()
	a, b, c := pat(1), pat(2), pat(3)
	write(t, dir, map[string]string{"tree/a": a, "tree/b": b, "tree/c": c})
	opt := Options{Path: filepath.Join(dir, "tree"), Tree: true}
	all := run(t, opt)
	report, err := json.Marshal(map[string]any{"findings": []*Finding{find(t, all, a)}})
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, map[string]string{
		"report.json": string(report), "lines": "# ours\n" + find(t, all, b).Fingerprint + " # accepted by Ann\nc:github-pat:1\n", "bad.json": "{}",
	})
	for file, left := range map[string]int{"report.json": 2, "lines": 1} {
		if opt.Known, err = LoadKnown(filepath.Join(dir, file)); err != nil {
			t.Fatal(err)
		}
		if r := run(t, opt); len(r.Findings) != left || r.Known != 3-left {
			t.Errorf("%s leaves %d, and knows %d", file, len(r.Findings), r.Known)
		}
	}
	if _, err := LoadKnown(filepath.Join(dir, "bad.json")); err == nil {
		t.Error("a baseline without findings was taken")
	}
	// The fingerprint stays when the line moves, and differs between files.
	write(t, dir, map[string]string{"tree/a": "\n\n" + a, "tree/b": a})
	again := run(t, Options{Path: filepath.Join(dir, "tree"), Tree: true})
	prints := map[string]bool{}
	for i := range again.Findings {
		prints[again.Findings[i].Fingerprint] = true
	}
	if !prints[find(t, all, a).Fingerprint] || len(prints) != 3 {
		t.Errorf("fingerprints %v", prints)
	}
}

func FuzzKnown(f *testing.F) {
	f.Add("{\"findings\": [{\"fingerprint\": \"x\"}]}")
	f.Add("a # b\n\n#c")
	f.Fuzz(func(t *testing.T, text string) {
		if k, err := readKnown(strings.NewReader(text)); err == nil && k.names == nil {
			t.Error("nothing, and no error")
		}
	})
}

// TestSARIF checks what the schema of SARIF 2.1.0 demands of what we write.
func TestSARIF(t *testing.T) {
	dir := t.TempDir()
	token := pat(1)
	write(t, dir, map[string]string{"a b/x:y%\n.txt": "\n" + token, "k.p12": "x"})
	var b bytes.Buffer
	r := run(t, Options{Path: dir, Tree: true})
	if err := SARIF(&b, r.Findings, "v1"); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), token) || strings.Contains(b.String(), token[5:20]) {
		t.Error("the secret is in it")
	}
	d := json.NewDecoder(&b)
	d.DisallowUnknownFields()
	var log sarif.Log
	if err := d.Decode(&log); err != nil {
		t.Fatal(err)
	}
	if log.Version != "2.1.0" || !strings.Contains(log.Schema, "2.1.0") || len(log.Runs) != 1 {
		t.Fatalf("%+v", log)
	}
	one := log.Runs[0]
	if one.Tool.Driver.Name == "" || one.Tool.Driver.Rules == nil || one.Results == nil || len(one.Results) != 2 {
		t.Fatalf("%+v", one)
	}
	for _, res := range one.Results {
		place := res.Locations[0].Place
		if res.Message.Text == "" || res.Level != "error" || one.Tool.Driver.Rules[res.RuleIndex].ID != res.RuleID || len(res.Fingerprints) != 1 {
			t.Errorf("%+v", res)
		}
		if g := place.Region; g != nil && (g.Start < 1 || g.End < g.Start) {
			t.Errorf("%+v", g)
		}
		if uri := place.Artifact.URI; uri != "a%20b/x%3Ay%25%0A.txt" && uri != "k.p12" {
			t.Errorf("uri %q", uri)
		}
	}
	b.Reset()
	if err := SARIF(&b, nil, "v1"); err != nil || !strings.Contains(b.String(), `"results": []`) {
		t.Errorf("without finds: %s %v", b.String(), err)
	}
}

// TestRulesAreThePinned says what to do when the rules are moved to a newer
// release: read their changes, then change the count.
func TestRulesAreThePinned(t *testing.T) {
	rules, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	if len(rules.rules) != 222 {
		t.Errorf("%d rules", len(rules.rules))
	}
	if _, err := os.Stat("rules/LICENSE.gitleaks"); err != nil {
		t.Error(err)
	}
}
