package logs

import (
	"fmt"
	"strings"
)

func indexByte(s string, from int, c byte) int {
	if i := strings.IndexByte(s[from:], c); i >= 0 {
		return from + i
	}
	return -1
}

// sniff decides by the first bytes what the file is, and how it is read.
func (d *Decoder) sniff() error {
	head := d.s.text[d.s.pos:]
	if len(head) > 64<<10 {
		head = head[:64<<10]
	}
	trimmed := strings.TrimLeft(head, " \t\r\n")
	switch {
	case trimmed == "":
		return nil
	case trimmed[0] == '#':
		if !strings.HasPrefix(trimmed, "#separator") && !strings.Contains(trimmed, "#fields") {
			break
		}
		d.Format, d.zeek, d.next = ZeekText, newZeekHeader(), (*Decoder).zeekLines
		return nil
	case trimmed[0] == '{', trimmed[0] == '[':
		return d.sniffJSON(trimmed)
	default:
		line, _, _ := strings.Cut(trimmed, "\n")
		line = trimCR(line)
		if cols := flowHeader(line); cols != nil {
			d.Format, d.cols, d.head, d.next = VPCFlow, cols, line, (*Decoder).flowLines
			d.s.skipLine()
			return nil
		}
		var f Flow
		if flowLine(&f, withoutStamp(line), defaultColumns) == "" && f.Version == 2 {
			d.Format, d.cols, d.next = VPCFlow, defaultColumns, (*Decoder).flowLines
			return nil
		}
	}
	return fmt.Errorf("%s: %w", d.File, ErrFormat)
}

// sniffJSON tells the JSON logs apart by the names of members that only one of
// them has.
func (d *Decoder) sniffJSON(head string) error {
	for _, known := range [...]struct {
		member string
		format Format
		next   func(*Decoder, *Batch) bool
	}{
		{`"digestStartTime"`, Digest, nil},
		{`"Records"`, CloudTrail, (*Decoder).jsonRecords},
		{`"eventVersion"`, CloudTrail, (*Decoder).jsonRecords},
		{`"eventSource"`, CloudTrail, (*Decoder).jsonRecords},
		{`"query_timestamp"`, Resolver, (*Decoder).jsonRecords},
		{`"id.orig_h"`, ZeekJSON, (*Decoder).jsonRecords},
	} {
		if strings.Contains(head, known.member) {
			d.Format, d.next = known.format, known.next
			return nil
		}
	}
	if rest := strings.TrimSpace(head); rest == "[]" || rest == "{}" {
		return nil
	}
	return fmt.Errorf("%s: %w", d.File, ErrFormat)
}

// withoutStamp removes the time that CloudWatch Logs puts before each line of an
// export.
func withoutStamp(line string) string {
	if len(line) > 25 && line[4] == '-' && line[10] == 'T' && line[23] == 'Z' && line[24] == ' ' {
		return line[25:]
	}
	return line
}
