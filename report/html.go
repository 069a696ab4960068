package report

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"

	"bartizan.dev/detect"
)

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Parse(pageText))

// maxDetails bounds how many findings the page shows one by one: more would make
// it too heavy to open.
const maxDetails = 1000

type pageData struct {
	Version, Made  string
	Span           string
	Tiles          []tile
	Timeline       template.HTML
	Charts         []chart
	Findings       []detail
	Left           int // findings that are not shown one by one
	Files          int
	Records, Bytes string
	Before         string
	Lists          []string
	Troubles       string
}

type tile struct{ Class, Label, Value string }

type chart struct {
	Title, Note string
	SVG         template.HTML
}

type detail struct {
	Class, Level, Severity, Type, Who, Peer, Text, Title string
	Account, Region, First, Last, File, JSON             string
	Count                                                int
}

// HTML writes one page that holds everything it needs: no scripts, no files from
// elsewhere. made is the time that stands on it.
func (r *Result) HTML(w io.Writer, version string, made time.Time, lists []string) error {
	var troubles strings.Builder
	if _, err := r.Troubles(&troubles); err != nil {
		return err
	}
	d := pageData{Version: version, Made: made.UTC().Format("2006-01-02 15:04 UTC"), Span: r.span(), Tiles: r.tiles(), Timeline: r.timeline(), Charts: r.charts(),
		Files: r.logFiles(), Records: grouped(r.Read.Records), Bytes: size(r.Read.Bytes), Troubles: troubles.String()}
	if r.Before > 0 {
		d.Before = grouped(r.Before)
	}
	for _, l := range lists {
		d.Lists = append(d.Lists, safe(l))
	}
	for i, f := range r.Findings {
		if i == maxDetails {
			d.Left = len(r.Findings) - maxDetails
			break
		}
		one, err := r.detail(f)
		if err != nil {
			return err
		}
		d.Findings = append(d.Findings, one)
	}
	b := bufio.NewWriter(w)
	if err := page.Execute(b, d); err != nil {
		return err
	}
	return b.Flush()
}

func (r *Result) detail(f *detect.Finding) (detail, error) {
	text, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return detail{}, err
	}
	lines := strings.Split(string(text), "\n")
	for i := range lines {
		lines[i] = safe(lines[i])
	}
	l := levelOf(f.Severity)
	return detail{
		Class: fmt.Sprintf("s%d", l), Level: levels[l].name, Severity: fmt.Sprintf("%.1f", f.Severity), Type: f.Type, Who: safe(who(f)), Peer: safe(peer(f)), Title: safe(f.Title), Text: safe(f.Description),
		Account: safe(f.AccountID), Region: safe(f.Region), First: f.Service.EventFirstSeen, Last: f.Service.EventLastSeen, File: safe(r.Files[f.ID]), JSON: strings.Join(lines, "\n"), Count: f.Service.Count,
	}, nil
}

func (r *Result) tiles() []tile {
	var count [len(levels)]int
	for _, f := range r.Findings {
		count[levelOf(f.Severity)]++
	}
	var out []tile
	for i, l := range levels {
		out = append(out, tile{fmt.Sprintf("s%d", i), l.name, grouped(int64(count[i]))})
	}
	out = append(out, tile{"", "Records", grouped(r.Read.Records)}, tile{"", "Files", grouped(int64(r.logFiles()))})
	if r.Below > 0 {
		out = append(out, tile{"", "Below the limit", grouped(int64(r.Below))})
	}
	return out
}

// span is the time the records are from.
func (r *Result) span() string {
	first, last, ok := r.bounds()
	if !ok {
		return "no records"
	}
	form := "2006-01-02 15:00"
	return first.Format(form) + " to " + last.Format(form) + " UTC"
}

// bounds are the first and the end of the last hour with records.
func (r *Result) bounds() (first, last time.Time, ok bool) {
	for h := range r.Hours {
		t := time.Unix(h*3600, 0).UTC()
		if !ok || t.Before(first) {
			first = t
		}
		if end := t.Add(time.Hour); !ok || end.After(last) {
			last = end
		}
		ok = true
	}
	return first, last, ok
}

// grouped writes a number with thin spaces between thousands.
func grouped(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	return s
}

func size(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1f kB", float64(n)/1e3)
}
