package report

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"bartizan.dev/detect"
	"bartizan.dev/logs"
)

// JSON writes each finding on a line, in AWS's form.
func (r *Result) JSON(w io.Writer) error {
	b := bufio.NewWriter(w)
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	for _, f := range r.Findings {
		if err := e.Encode(f); err != nil {
			return err
		}
	}
	return b.Flush()
}

// Table writes findings for people, two lines each, and a summary.
func (r *Result) Table(w io.Writer) error {
	b := bufio.NewWriter(w)
	rows := [][]string{{"SEVERITY", "TYPE", "WHO", "PEER", "COUNT", "LAST SEEN", "ACCOUNT", "REGION"}}
	for _, f := range r.Findings {
		rows = append(rows, row(f))
	}
	width := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	for i, row := range rows {
		if len(rows) == 1 {
			break
		}
		var line strings.Builder
		for k, cell := range row {
			fmt.Fprintf(&line, "%-*s  ", width[k], cell)
		}
		fmt.Fprintln(b, strings.TrimRight(line.String(), " "))
		if i > 0 {
			fmt.Fprintln(b, "    "+safe(r.Findings[i-1].Description))
		}
	}
	if len(rows) > 1 {
		fmt.Fprintln(b)
	}
	fmt.Fprintln(b, r.summary())
	return b.Flush()
}

func row(f *detect.Finding) []string {
	cells := []string{fmt.Sprintf("%s %.1f", levels[levelOf(f.Severity)].name, f.Severity), f.Type, cut(safe(who(f)), 40), cut(safe(peer(f)), 40),
		fmt.Sprint(f.Service.Count), f.Service.EventLastSeen, safe(f.AccountID), safe(f.Region)}
	for i, c := range cells {
		if c == "" {
			cells[i] = "-"
		}
	}
	return cells
}

func (r *Result) summary() string {
	s := "1 finding"
	if n := len(r.Findings); n != 1 {
		s = fmt.Sprintf("%d findings", n)
	}
	if r.Below > 0 {
		s += fmt.Sprintf(" (and %d below the severity asked for)", r.Below)
	}
	s += fmt.Sprintf(" in %d records of %d files", r.Read.Records, r.logFiles())
	if r.Before > 0 {
		s += fmt.Sprintf("; %d records are from before --since", r.Before)
	}
	return s
}

// logFiles is how many of the files are logs that could be read.
func (r *Result) logFiles() int {
	n := 0
	for _, f := range r.Read.Files {
		if f.Err == nil {
			n++
		}
	}
	return n
}

// Troubles writes what could not be read, with file and offset, and says whether
// it makes the result incomplete: a file could not be opened, or nothing was a
// log.
func (r *Result) Troubles(w io.Writer) (incomplete bool, err error) {
	b := bufio.NewWriter(w)
	known, strange := 0, 0
	for _, f := range r.Read.Files {
		name := safe(f.Path)
		switch {
		case errors.Is(f.Err, logs.ErrFormat):
			strange++
			if strange <= 10 {
				fmt.Fprintf(b, "%s: skipped: it is no log that is known here\n", name)
			}
		case f.Err != nil:
			incomplete = true
			fmt.Fprintf(b, "%s: not read: %s\n", name, safe(f.Err.Error()))
		default:
			known++
			if f.Warning != "" {
				fmt.Fprintf(b, "%s: warning: %s; %d records were read\n", name, safe(f.Warning), f.Records)
			}
			if f.Bad > 0 {
				fmt.Fprintf(b, "%s: bad records that were skipped: %d\n", name, f.Bad)
			}
			for _, bad := range f.BadList {
				fmt.Fprintf(b, "  at %d: %s\n", bad.Offset, safe(bad.Reason))
			}
			if more := f.Bad - int64(len(f.BadList)); more > 0 && f.Bad > 0 {
				fmt.Fprintf(b, "  and %d more\n", more)
			}
		}
	}
	if strange > 10 {
		fmt.Fprintf(b, "and %d more files that are no logs known here\n", strange-10)
	}
	if known == 0 {
		incomplete = true
		fmt.Fprintln(b, "there is no log that is known here")
	}
	return incomplete, b.Flush()
}
