package logs

import "strings"

// The Resolver writes the members of its records always in the same order. They are
// foreseen as the record before had them: where a record has what was foreseen, and
// nothing that needs care (blanks, escapes, values of other kinds), its members are
// found by one comparison each. Every other record is read the long way.

// foreseen is a member with its quotes and colon, and the field it fills.
type foreseen struct {
	text  string
	field uint8
}

// queryFields are the members that are read; their numbers are those of once.
var queryFields = map[string]uint8{
	"query_timestamp": 1, "query_name": 2, "query_type": 3, "query_class": 4, "rcode": 5, "answers": 6, "srcaddr": 7,
	"srcport": 8, "transport": 9, "account_id": 10, "region": 11, "vpc_id": 12, "srcids": 13, "firewall_rule_action": 14,
}

const (
	maxForeseen = 32 // members
	maxLessons  = 64 // how often a file may change its order and be followed
)

// learn takes the order of the record that has been read.
func (p *parser) learn(record string) {
	if p.lessons++; p.lessons > maxLessons {
		return // the order of the last lesson stays
	}
	order := make([]foreseen, 0, maxForeseen)
	seen := map[string]bool{}
	for key := range (Value{record}).Members() {
		if seen[key] || len(order) == maxForeseen {
			p.order = nil
			return
		}
		seen[key] = true
		order = append(order, foreseen{`"` + strings.Clone(key) + `":`, queryFields[key]})
	}
	p.order = order
}

// queryFast reads the record that begins at p.at as it was foreseen; false, and
// nothing is done, when it is another.
func (p *parser) queryFast(q *Query) bool {
	s, i := p.s, p.at+1
	var r Query
	for k := range p.order {
		m := &p.order[k]
		if len(s)-i < len(m.text)+2 || s[i:i+len(m.text)] != m.text {
			return false
		}
		i += len(m.text)
		inside := ""
		switch s[i] {
		case '"':
			end := special(s, i+1)
			if end >= len(s) || s[end] != '"' {
				return false
			}
			inside = s[i+1 : end]
			i = end + 1
		case '[', '{':
			end := valueEnd(s, i)
			if end < 0 {
				return false
			}
			inside = s[i:end]
			i = end
			if m.field != 0 && m.field != 6 && m.field != 13 {
				return false
			}
			if m.field == 6 {
				r.Answers, inside = Value{inside}, ""
			}
		default:
			return false
		}
		if m.field != 0 && !r.fill(m.field, inside) {
			return false
		}
		if i >= len(s) {
			return false
		}
		if k < len(p.order)-1 {
			if s[i] != ',' {
				return false
			}
			i++
		}
	}
	if s[i] != '}' || r.Time == 0 || r.Name == "" {
		return false
	}
	*q = r
	p.at, p.bad = i+1, ""
	return true
}

// fill sets a field to the text of its member; false when it is not of the kind
// that is usual.
func (q *Query) fill(field uint8, s string) (ok bool) {
	switch field {
	case 1:
		q.Time, ok = parseTime(s)
		return ok
	case 2:
		q.Name = s
	case 3:
		q.Type = s
	case 4:
		q.Class = s
	case 5:
		q.Rcode = s
	case 6:
		return q.Answers.raw != ""
	case 7:
		q.Src = addr(s)
	case 8:
		n, ok := number(s, 65535)
		q.SrcPort = uint16(n)
		return ok
	case 9:
		q.Protocol = s
	case 10:
		q.Account = s
	case 11:
		q.Region = s
	case 12:
		q.VPC = s
	case 13:
		const before = `{"instance":"`
		if len(s) < len(before)+2 || s[:len(before)] != before || s[len(s)-2:] != `"}` {
			return false
		}
		inside := s[len(before) : len(s)-2]
		if special(inside, 0) < len(inside) {
			return false
		}
		q.Instance = inside
	case 14:
		q.Blocked = s == "BLOCK"
	}
	return true
}
