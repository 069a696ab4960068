package logs

import (
	"errors"
	"io"
)

// flowLines reads the lines of a VPC flow log.
func (d *Decoder) flowLines(b *Batch) bool {
	for !b.full() {
		offset := d.s.offset()
		line, ok, long := d.s.line()
		if long {
			d.bad(offset, "the line is too long")
			d.s.skipLine()
			continue
		}
		if !ok {
			return false
		}
		if line == "" {
			continue
		}
		if d.cutLine() {
			d.bad(offset, "the file ends within the line")
			return false
		}
		f := grow(&b.Flows)
		reason := flowLine(f, withoutStamp(line), d.cols)
		switch {
		case reason != "":
			drop(&b.Flows)
			if line[0]|0x20 >= 'a' { // logs that were put together keep their headers
				if cols := flowHeader(line); cols != nil {
					d.cols, d.head = cols, line
					continue
				}
			}
			d.bad(offset, reason)
		case f.Status == "NODATA" || f.Status == "SKIPDATA":
			drop(&b.Flows)
			d.Other++
		case !f.Src.IsValid() && !f.PktSrc.IsValid():
			drop(&b.Flows)
			d.bad(offset, "no source address")
		case d.OnText != nil:
			d.OnText(Text{Account: f.Account, Region: f.Region, Header: d.head, Text: line})
		}
	}
	return true
}

// cutLine says whether the line just returned is the last of a file that is cut
// off, and so may have lost its end.
func (d *Decoder) cutLine() bool {
	s := &d.s
	return s.pos == len(s.text) && errors.Is(s.err, io.ErrUnexpectedEOF) && s.text[len(s.text)-1] != '\n'
}

// zeekLines reads the lines of Zeek's text logs.
func (d *Decoder) zeekLines(b *Batch) bool {
	for !b.full() {
		offset := d.s.offset()
		line, ok, long := d.s.line()
		if long {
			d.bad(offset, "the line is too long")
			d.s.skipLine()
			continue
		}
		if !ok {
			return false
		}
		if line == "" {
			continue
		}
		if line[0] == '#' {
			d.zeek.line(line)
			continue
		}
		if d.cutLine() {
			d.bad(offset, "the file ends within the line")
			return false
		}
		if reason := d.zeek.record(&d.rec, line); reason != "" {
			d.bad(offset, reason)
			continue
		}
		d.p.bad = ""
		undo, other := d.zeekRecord(b)
		if d.p.bad != "" {
			undo(b)
			d.bad(offset, d.p.bad)
		} else if other {
			d.Other++
		}
	}
	return true
}

// zeekRecord makes flows or a query of d.rec.
func (d *Decoder) zeekRecord(b *Batch) (undo func(*Batch), other bool) {
	switch {
	case d.rec.isQuery():
		d.p.bad = d.rec.fill(grow(&b.Queries))
		return dropQuery, false
	case d.rec.isFlow():
		grow(&b.Flows)
		reply := grow(&b.Flows)
		two, reason := d.rec.flow(&b.Flows[len(b.Flows)-2], reply)
		d.p.bad = reason
		if !two {
			drop(&b.Flows)
		}
		return dropFlow, false
	}
	return dropNothing, true
}
