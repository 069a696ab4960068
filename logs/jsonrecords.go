package logs

import "strings"

// jsonState is where in a JSON file the decoder stands: in none, one or two
// brackets around the records.
type jsonState struct {
	array  bool // in an array of records
	object bool // which is the member Records of an object
}

// jsonRecords reads {"Records":[…]}, [ … ] and records one after the other, mixed
// as they may be.
func (d *Decoder) jsonRecords(b *Batch) bool {
	s := &d.s
	for !b.full() {
		s.pos = blank(s.text, s.pos)
		if s.pos >= len(s.text) {
			if !s.more() {
				if d.state.array || d.state.object {
					d.warn("the file is cut off; what it holds has been read")
				}
				return false
			}
			continue
		}
		switch c := s.text[s.pos]; {
		case c == '{':
			if !d.state.array && !d.state.object && d.enter() {
				continue
			}
			if !d.one(b) {
				return false
			}
		case c == '[' && !d.state.array:
			d.state.array = true
			s.pos++
		case c == ']' && d.state.array:
			d.state.array = false
			s.pos++
		case c == '}' && d.state.object && !d.state.array:
			d.state.object = false
			s.pos++
		case c == ',' && d.state.array:
			s.pos++
		case c == ',' && d.state.object:
			if !d.member() {
				return false
			}
		default:
			d.fault("neither a record nor the end of them")
			if !d.resume(s.pos + 1) {
				return false
			}
		}
	}
	return true
}

// enter goes into {"Records":[; false when the object is a record itself.
func (d *Decoder) enter() bool {
	s := &d.s
	for len(s.text)-s.pos < 256 && s.more() { // room for the name and some blanks
	}
	t := s.text
	i := blank(t, s.pos+1)
	if !strings.HasPrefix(t[i:], `"Records"`) {
		return false
	}
	i = blank(t, i+len(`"Records"`))
	if i >= len(t) || t[i] != ':' {
		return false
	}
	i = blank(t, i+1)
	if strings.HasPrefix(t[i:], "null") {
		s.pos = i + len("null")
		d.state.object = true
		return true
	}
	if i >= len(t) || t[i] != '[' {
		return false
	}
	s.pos = i + 1
	d.state = jsonState{array: true, object: true}
	return true
}

// member skips a further member of the object around the records.
func (d *Decoder) member() bool {
	s := &d.s
	for {
		i := keyEnd(s.text, blank(s.text, s.pos+1))
		if i >= 0 {
			i = valueEnd(s.text, i)
		}
		if i >= 0 {
			s.pos = i
			return true
		}
		if i == wrong || !s.room() || !s.more() {
			d.bad(s.offset(), "what follows the records is not JSON")
			return false
		}
	}
}

// one reads the record at pos into b; false when the file ends within it.
func (d *Decoder) one(b *Batch) bool {
	s, p := &d.s, &d.p
	for {
		p.s, p.at = s.text, s.pos
		undo, other := d.parse(b)
		switch {
		case p.at >= 0:
			if p.bad != "" {
				undo(b)
				if !d.lost {
					d.bad(s.offset(), p.bad)
				}
			} else if other {
				undo(b)
				d.Other++
			} else {
				d.lost = false
				if d.OnText != nil {
					d.tell(b, s.text[s.pos:p.at])
				}
			}
			s.pos = p.at
			return true
		case p.at == short && s.room():
			undo(b)
			if s.more() {
				continue
			}
			if s.err != nil && len(s.text) > s.pos {
				d.bad(s.offset(), "the file ends within the record")
				s.pos = len(s.text)
				d.warn("the file is cut off; what it holds has been read")
			}
			return false
		default:
			undo(b)
			reason := "the record is not JSON"
			if p.at == short {
				reason = "the record is too long"
			}
			d.fault(reason)
			return d.resume(s.pos + 1)
		}
	}
}

// fault counts a record that is not JSON, once until the next good one.
func (d *Decoder) fault(reason string) {
	if !d.lost {
		d.bad(d.s.offset(), reason)
	}
	d.lost = true
}

// parse reads one record of the file's format. undo takes it out of the batch.
func (d *Decoder) parse(b *Batch) (undo func(*Batch), other bool) {
	p := &d.p
	switch d.Format {
	case Resolver:
		p.query(grow(&b.Queries))
		return dropQuery, false
	case ZeekJSON:
		r := &d.rec
		*r = zeekRecord{}
		p.bad = ""
		object(p, r, "the record", zeekMember)
		if p.at < 0 || p.bad != "" {
			return dropNothing, false
		}
		return d.zeekRecord(b)
	}
	c := grow(&b.Calls)
	p.call(c)
	return dropCall, c.Type == "AwsCloudTrailInsight"
}

func dropCall(b *Batch)  { drop(&b.Calls) }
func dropQuery(b *Batch) { drop(&b.Queries) }
func dropFlow(b *Batch)  { drop(&b.Flows) }
func dropNothing(*Batch) {}

// resume looks from i on for where records go on after one that is not JSON: the
// next line, or the next event, which always begins with its version.
func (d *Decoder) resume(i int) bool {
	const begin = `{"eventVersion"`
	s := &d.s
	for {
		text := s.text[min(i, len(s.text)):]
		next := strings.IndexByte(text, '\n')
		if k := strings.Index(text, begin); k >= 0 && (next < 0 || k < next) {
			next = k
		}
		if next >= 0 {
			s.pos = i + next
			return true
		}
		// Keep as much as the beginning of an event may take.
		s.pos = max(s.pos, len(s.text)-len(begin))
		if !s.more() {
			s.pos = len(s.text)
			return false
		}
		i = s.pos
	}
}

// tell hands out the record that was put into b last.
func (d *Decoder) tell(b *Batch, text string) {
	switch d.Format {
	case CloudTrail:
		c := &b.Calls[len(b.Calls)-1]
		d.OnText(Text{Account: c.Account, Region: c.Region, Text: text})
	case Resolver:
		q := &b.Queries[len(b.Queries)-1]
		d.OnText(Text{Account: q.Account, Region: q.Region, Text: text})
	}
}
