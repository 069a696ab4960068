package report

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"

	"bartizan.dev/detect"
)

// most is how many bars a chart has at most.
const most = 12

// bar is one bar: how much of it is of which severity.
type bar struct {
	label string
	parts [len(levels)]int
	sum   int
}

// tally adds findings up by a label. Findings without one are left out.
func tally(all []*detect.Finding, label func(*detect.Finding) string, n func(*detect.Finding) int) []bar {
	index := map[string]int{}
	var bars []bar
	for _, f := range all {
		l := label(f)
		if l == "" {
			continue
		}
		i, ok := index[l]
		if !ok {
			i = len(bars)
			index[l] = i
			bars = append(bars, bar{label: l})
		}
		bars[i].parts[levelOf(f.Severity)] += n(f)
		bars[i].sum += n(f)
	}
	slices.SortStableFunc(bars, func(a, b bar) int {
		return cmp.Or(cmp.Compare(b.sum, a.sum), strings.Compare(a.label, b.label))
	})
	return bars
}

func (r *Result) charts() []chart {
	one := func(*detect.Finding) int { return 1 }
	times := func(f *detect.Finding) int { return f.Service.Count }
	severity := tally(r.Findings, func(f *detect.Finding) string { return levels[levelOf(f.Severity)].name }, one)
	slices.SortFunc(severity, func(a, b bar) int { return cmp.Compare(worst(a), worst(b)) })
	return []chart{
		draw("Findings by severity", "", severity),
		draw("Findings by type", "", tally(r.Findings, func(f *detect.Finding) string { return f.Type }, one)),
		draw("Top principals and hosts", "sightings", tally(r.Findings, who, times)),
		draw("Top addresses", "sightings", tally(r.Findings, address, times)),
		draw("Top domains", "sightings", tally(r.Findings, domain, times)),
		draw("Top APIs", "sightings", tally(r.Findings, api, times)),
	}
}

func worst(b bar) int {
	for i, n := range b.parts {
		if n > 0 {
			return i
		}
	}
	return len(b.parts)
}

// draw makes a chart of bars that lie. Its colours are classes of the page.
func draw(title, note string, bars []bar) chart {
	c := chart{Title: title, Note: note}
	if len(bars) == 0 {
		return c
	}
	if len(bars) > most {
		c.Note = strings.TrimPrefix(fmt.Sprintf("%s, the first %d of %d", note, most, len(bars)), ", ")
		bars = bars[:most]
	}
	const width, height, left, right = 640, 26, 290, 60
	top := 1
	for _, b := range bars {
		top = max(top, b.sum)
	}
	var s strings.Builder
	fmt.Fprintf(&s, `<svg viewBox="0 0 %d %d" role="img" aria-label="%s">`, width, height*len(bars), attr(title))
	for i, b := range bars {
		y := i * height
		label := safe(b.label)
		fmt.Fprintf(&s, `<g><title>%s: %d</title><text class="label" x="%d" y="%d" text-anchor="end">%s</text>`, attr(label), b.sum, left-10, y+17, attr(cut(label, 37)))
		x := float64(left)
		for l, n := range b.parts {
			if n == 0 {
				continue
			}
			w := float64(n) / float64(top) * (width - left - right)
			fmt.Fprintf(&s, `<rect class="s%d" x="%.1f" y="%d" width="%.1f" height="%d"/>`, l, x, y+4, max(w, 1), height-8)
			x += max(w, 1)
		}
		fmt.Fprintf(&s, `<text class="value" x="%.1f" y="%d">%s</text></g>`, x+6, y+17, grouped(int64(b.sum)))
	}
	s.WriteString("</svg>")
	c.SVG = template.HTML(s.String())
	return c
}

func attr(s string) string { return template.HTMLEscapeString(valid(s)) }

// steps are the lengths of time that a column of the time line may stand for.
var steps = []time.Duration{time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour, 48 * time.Hour, 7 * 24 * time.Hour, 14 * 24 * time.Hour, 28 * 24 * time.Hour}

// timeline draws when findings were first seen, by severity, and below how many
// records there were.
func (r *Result) timeline() template.HTML {
	first, last, ok := r.bounds()
	if !ok {
		return ""
	}
	step := steps[0]
	for _, s := range steps {
		if step = s; last.Sub(first) <= 72*s {
			break
		}
	}
	for last.Sub(first) > 72*step { // logs of decades, or a clock that was wrong
		step *= 2
	}
	n := int((last.Sub(first) + step - 1) / step)
	columns := make([]bar, n)
	records := make([]int64, n)
	at := func(t time.Time) int { return max(0, min(n-1, int(t.Sub(first)/step))) }
	for _, f := range r.Findings {
		if t, err := time.Parse(time.RFC3339, f.Service.EventFirstSeen); err == nil {
			c := &columns[at(t)]
			c.parts[levelOf(f.Severity)]++
			c.sum++
		}
	}
	for h, count := range r.Hours {
		records[at(time.Unix(h*3600, 0))] += count
	}
	return template.HTML(drawTimeline(first, step, columns, records))
}

func drawTimeline(first time.Time, step time.Duration, columns []bar, records []int64) string {
	const width, left, upper, lower, gap = 1000.0, 50.0, 150.0, 46.0, 12.0
	topFindings, topRecords := 1, int64(1)
	for i, c := range columns {
		topFindings, topRecords = max(topFindings, c.sum), max(topRecords, records[i])
	}
	var s strings.Builder
	fmt.Fprintf(&s, `<svg viewBox="0 0 %.0f %.0f" role="img" aria-label="Findings and records over time">`, width, upper+gap+lower+26)
	each := (width - left) / float64(len(columns))
	bar := min(each*0.86, 40)
	for i, c := range columns {
		x := left + float64(i)*each + (each-bar)/2
		from := first.Add(time.Duration(i) * step).Format("2006-01-02 15:04")
		fmt.Fprintf(&s, `<g><title>%s UTC: %d findings, %s records</title>`, from, c.sum, grouped(records[i]))
		y := upper
		for l, n := range c.parts {
			if n == 0 {
				continue
			}
			h := float64(n) / float64(topFindings) * (upper - 14)
			y -= h
			fmt.Fprintf(&s, `<rect class="s%d" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`, l, x, y, bar, h)
		}
		h := float64(records[i]) / float64(topRecords) * lower
		fmt.Fprintf(&s, `<rect class="records" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/></g>`, x, upper+gap+lower-h, bar, h)
	}
	fmt.Fprintf(&s, `<line class="axis" x1="%.0f" x2="%.0f" y1="%.0f" y2="%.0f"/><line class="axis" x1="%.0f" x2="%.0f" y1="%.0f" y2="%.0f"/>`,
		left, width, upper, upper, left, width, upper+gap+lower, upper+gap+lower)
	fmt.Fprintf(&s, `<text class="value" x="%.0f" y="14" text-anchor="end">%s</text><text class="value" x="%.0f" y="%.0f" text-anchor="end">0</text><text class="value" x="%.0f" y="%.0f" text-anchor="end">%s</text>`,
		left-8, grouped(int64(topFindings)), left-8, upper, left-8, upper+gap+10, short(topRecords))
	form := "01-02 15:04"
	if step >= 24*time.Hour {
		form = "2006-01-02"
	}
	for k := range 6 { // six dates below
		i := k * len(columns) / 6
		if k > 0 && i == (k-1)*len(columns)/6 {
			continue
		}
		fmt.Fprintf(&s, `<text class="value" x="%.1f" y="%.0f">%s</text>`, left+float64(i)*each, upper+gap+lower+18, first.Add(time.Duration(i)*step).Format(form))
	}
	s.WriteString("</svg>")
	return s.String()
}

// short writes a large number in few characters.
func short(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1fG", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1fM", float64(n)/1e6)
	case n >= 1e4:
		return fmt.Sprintf("%.0fk", float64(n)/1e3)
	}
	return grouped(n)
}
