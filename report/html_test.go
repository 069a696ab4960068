package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"bartizan.dev/logs/logstest"
)

var update = flag.Bool("update", false, "write testdata/page.golden anew")

func aPage(t *testing.T) string {
	t.Helper()
	hostile := logstest.Event{ID: "hostile", Identity: logstest.User("</text><script>alert(1)</script>\u202e"), Source: "cloudtrail.amazonaws.com", Name: "DeleteTrail", Params: object{"name": "\"><img src=x onerror=alert(1)>"}, IP: "198.51.100.66"}
	r := analyze(t, Options{Intel: threats(t)}, map[string][]byte{
		"trail.json": logstest.Records(stop(logstest.Account, 0), stop(logstest.Account, 300), hostile.JSON()),
		"flow.log":   logstest.FlowLog(true, logstest.Version2, badFlow()), "dns.log": logstest.ResolverLog(badQuery()), "bad.json": []byte("{\"Records\":[{\"eventVersion\":\"1.11\"},7]}"),
	})
	var b bytes.Buffer
	if err := r.HTML(&b, "v1", time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), []string{"feed (c2, 2 entries)"}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestPage compares the structure of the page: its elements that carry meaning,
// their texts and the number of bars in each chart.
func TestPage(t *testing.T) {
	text := aPage(t)
	var out strings.Builder
	d := xml.NewDecoder(strings.NewReader(text))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	depth, inside := 0, ""
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch x := token.(type) {
		case xml.StartElement:
			inside = x.Name.Local
			label := ""
			for _, a := range x.Attr {
				if a.Name.Local == "class" || a.Name.Local == "aria-label" || a.Name.Local == "id" {
					label += " " + a.Value
				}
			}
			switch inside {
			case "main", "section", "h1", "h2", "div", "svg", "details", "rect", "summary":
				fmt.Fprintf(&out, "%s%s%s\n", strings.Repeat(" ", depth), inside, label)
			}
			depth++
		case xml.EndElement:
			depth--
			inside = ""
		case xml.CharData:
			if s := strings.TrimSpace(string(x)); s != "" && strings.Contains(" h1 h2 small b text ", " "+inside+" ") {
				fmt.Fprintf(&out, "%s%q\n", strings.Repeat(" ", depth), s)
			}
		}
	}
	if depth != 0 {
		t.Errorf("elements are not closed: %d", depth)
	}
	const file = "testdata/page.golden"
	if *update {
		if err := os.WriteFile(file, []byte(out.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if out.String() != string(want) {
		t.Errorf("the page is another one (-update writes it anew):\n%s", out.String())
	}
}

// TestPageIsWhole: nothing is loaded, nothing is run, and what logs hold stays
// text.
func TestPageIsWhole(t *testing.T) {
	text := aPage(t)
	for _, never := range []string{"<script", "<img", "<link", "<iframe", "src=", "href=", "url(", "@import", "\u202e"} {
		if strings.Contains(text, never) && !(never == "src=" && !regexp.MustCompile(`<[^>]*src=`).MatchString(text)) {
			t.Errorf("the page holds %s", never)
		}
	}
	for _, want := range []string{"default-src 'none'", "prefers-color-scheme: dark", "&lt;/text&gt;&lt;script&gt;", "bad records", "feed (c2, 2 entries)"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
}

func TestPageOfNothing(t *testing.T) {
	r := analyze(t, Options{}, map[string][]byte{"empty.json": []byte(`{"Records":[]}`)})
	var b bytes.Buffer
	if err := r.HTML(&b, "v1", time.Now(), nil); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "Nothing was found.") || strings.Contains(b.String(), "NaN") {
		t.Error(b.String())
	}
}
