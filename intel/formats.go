package intel

import (
	"bytes"
	"fmt"
	"strings"
	"unsafe"
)

// lines calls f with every line that is not empty, trimmed. The string is a view
// of data, which nobody changes.
func lines(data []byte, f func(number int, line string) error) error {
	for number := 1; len(data) > 0; number++ {
		line := data
		if i := bytes.IndexByte(data, '\n'); i >= 0 {
			line, data = data[:i], data[i+1:]
		} else {
			data = nil
		}
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		if err := f(number, unsafe.String(&line[0], len(line))); err != nil {
			return err
		}
	}
	return nil
}

// text reads one address, range or domain per line. Feeds write comments behind
// # or ;, which no entry contains.
func (l *List) text(data []byte) error {
	return lines(data, func(n int, line string) error {
		if i := strings.IndexAny(line, "#;"); i >= 0 {
			if line = strings.TrimSpace(line[:i]); line == "" {
				return nil
			}
		}
		return l.add(n, line, "")
	})
}

// alienVault reads AlienVault's reputation feed: entry#reliability#risk#type#
// country#city#coordinates#id.
func (l *List) alienVault(data []byte) error {
	seen := false
	err := lines(data, func(n int, line string) error {
		if line[0] == '#' {
			return nil
		}
		entry, rest, ok := strings.Cut(line, "#")
		if !ok {
			l.bad(n, "no # in the line")
			return nil
		}
		seen = true
		threat := ""
		for i := 0; i < 3 && ok; i++ {
			threat, rest, ok = strings.Cut(rest, "#")
		}
		return l.add(n, strings.TrimSpace(entry), strings.TrimSpace(threat))
	})
	if err == nil && !seen {
		return fmt.Errorf("%w: no line has AlienVault's fields, separated by #", ErrFormat)
	}
	return err
}

// columns splits a line of comma-separated values. Quotes are those of CSV; a
// quote that is not closed ends with the line, so that it spoils one line only.
func columns(line string, out []string) []string {
	out = out[:0]
	for {
		line = strings.TrimLeft(line, " \t")
		if strings.HasPrefix(line, `"`) {
			field, rest := quoted(line[1:])
			out = append(out, field)
			i := strings.IndexByte(rest, ',')
			if i < 0 {
				return out
			}
			line = rest[i+1:]
			continue
		}
		field, rest, more := strings.Cut(line, ",")
		out = append(out, strings.TrimRight(field, " \t"))
		if !more {
			return out
		}
		line = rest
	}
}

func quoted(s string) (field, rest string) {
	i := strings.IndexByte(s, '"')
	if i < 0 {
		return s, ""
	}
	if !strings.HasPrefix(s[i+1:], `"`) {
		return s[:i], s[i+1:]
	}
	var b strings.Builder
	for {
		b.WriteString(s[:i])
		s = s[i+1:]
		if !strings.HasPrefix(s, `"`) {
			return b.String(), s
		}
		b.WriteByte('"')
		s = s[1:]
		if i = strings.IndexByte(s, '"'); i < 0 {
			b.WriteString(s)
			return b.String(), ""
		}
	}
}

// csv calls f with the columns of every line after the header, in which header
// must recognise what it needs.
func csv(data []byte, header func(cols []string) bool, f func(n int, cols []string) error) error {
	var cols []string
	known := false
	err := lines(data, func(n int, line string) error {
		if line[0] == '#' {
			return nil
		}
		cols = columns(line, cols)
		if !known {
			if known = header(cols); !known {
				return fmt.Errorf("%w: line %d is not its header", ErrFormat, n)
			}
			return nil
		}
		return f(n, cols)
	})
	if err == nil && !known {
		return fmt.Errorf("%w: it is empty", ErrFormat)
	}
	return err
}

func column(cols []string, name string) int {
	for i, c := range cols {
		if strings.EqualFold(c, name) {
			return i
		}
	}
	return -1
}

func field(cols []string, i int) string {
	if i < 0 || i >= len(cols) {
		return ""
	}
	return cols[i]
}

// otx reads the CSV export of Open Threat Exchange: Indicator type, Indicator,
// Description.
func (l *List) otx(data []byte) error {
	var kind, value, text int
	return csv(data, func(cols []string) bool {
		kind, value, text = column(cols, "Indicator type"), column(cols, "Indicator"), column(cols, "Description")
		return kind >= 0 && value >= 0
	}, func(n int, cols []string) error {
		switch k := strings.ToLower(field(cols, kind)); k {
		case "ipv4", "ipv6", "cidr", "domain", "domain name", "hostname", "fqdn":
			return l.add(n, field(cols, value), field(cols, text))
		case "url", "uri", "email", "cve", "mutex", "filepath", "yara", "ja3", "sslcertfingerprint", "bitcoinaddress":
			l.Other++
		default:
			if strings.HasPrefix(k, "filehash") {
				l.Other++
				return nil
			}
			l.bad(n, "unknown indicator type")
		}
		return nil
	})
}

// proofPoint reads ET Intelligence's CSV: ip or domain, category, score,
// first_seen, last_seen, ports (|).
func (l *List) proofPoint(data []byte) error {
	return csv(data, func(cols []string) bool {
		first := strings.ToLower(field(cols, 0))
		return (first == "ip" || first == "domain") && column(cols, "category") == 1
	}, func(n int, cols []string) error {
		if len(cols) < 5 {
			l.bad(n, "the line has fewer than five columns")
			return nil
		}
		return l.add(n, cols[0], "")
	})
}

// fireEye reads iSIGHT's CSV, whose header names 47 columns; a line may give a
// range, a domain and an address.
func (l *List) fireEye(data []byte) error {
	var cidr, name, addr, family int
	return csv(data, func(cols []string) bool {
		cidr, name, addr, family = column(cols, "cidr"), column(cols, "domain"), column(cols, "ip"), column(cols, "malwareFamily")
		return column(cols, "reportId") >= 0 && (cidr >= 0 || name >= 0 || addr >= 0)
	}, func(n int, cols []string) error {
		used := false
		for _, i := range [...]int{cidr, name, addr} {
			if v := field(cols, i); v != "" {
				used = true
				if err := l.add(n, v, field(cols, family)); err != nil {
					return err
				}
			}
		}
		if !used {
			l.Other++
		}
		return nil
	})
}
