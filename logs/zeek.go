package logs

import (
	"math"
	"strconv"
	"strings"
)

// zeekRecord is a line of Zeek's conn.log or dns.log, before it becomes flows or
// a query. https://docs.zeek.org/en/current/logs/conn.html and …/dns.html
type zeekRecord struct {
	kind         string // _path, or what the header or the fields say
	ts, duration string
	uid          string
	src, dst     string
	sport, dport string
	proto        string
	service      string
	state        string
	packets      [2]string // orig, resp
	bytes        [2]string // IP bytes, or payload where those are missing
	payload      [2]string
	query        string
	qtype        string
	qclass       string
	rcode        string
	answers      string
	answersJSON  Value
}

// zeekField finds the place of a field; nil for those that are not used.
func (r *zeekRecord) field(name string) *string {
	switch name {
	case "ts":
		return &r.ts
	case "uid":
		return &r.uid
	case "id.orig_h":
		return &r.src
	case "id.orig_p":
		return &r.sport
	case "id.resp_h":
		return &r.dst
	case "id.resp_p":
		return &r.dport
	case "proto":
		return &r.proto
	case "service":
		return &r.service
	case "duration":
		return &r.duration
	case "conn_state":
		return &r.state
	case "orig_pkts":
		return &r.packets[0]
	case "resp_pkts":
		return &r.packets[1]
	case "orig_ip_bytes":
		return &r.bytes[0]
	case "resp_ip_bytes":
		return &r.bytes[1]
	case "orig_bytes":
		return &r.payload[0]
	case "resp_bytes":
		return &r.payload[1]
	case "query":
		return &r.query
	case "qtype_name":
		return &r.qtype
	case "qclass_name":
		return &r.qclass
	case "rcode_name":
		return &r.rcode
	case "answers":
		return &r.answers
	case "_path":
		return &r.kind
	}
	return nil
}

// isQuery and isFlow tell the two logs apart, and from Zeek's others.
func (r *zeekRecord) isQuery() bool { return r.kind == "dns" || r.kind == "" && r.query != "" }
func (r *zeekRecord) isFlow() bool  { return r.kind == "conn" || r.kind == "" && r.state != "" }

// flow makes the record's one or two flows: Zeek writes a connection, flow logs
// write its directions.
func (r *zeekRecord) flow(f, reply *Flow) (two bool, reason string) {
	*f = Flow{Zeek: true, Interface: r.uid, Status: r.state, Application: r.service}
	var ok bool
	if f.Start, ok = stamp(r.ts); !ok {
		return false, "ts is not a time"
	}
	if f.Src, f.Dst = addr(r.src), addr(r.dst); !f.Src.IsValid() || !f.Dst.IsValid() {
		return false, "id.orig_h or id.resp_h is not an address"
	}
	sport, ok1 := number(r.sport, 65535)
	dport, ok2 := number(r.dport, 65535)
	if !ok1 || !ok2 {
		return false, "id.orig_p or id.resp_p is not a port"
	}
	f.SrcPort, f.DstPort = uint16(sport), uint16(dport)
	f.End = f.Start
	if r.duration != "" {
		d, err := strconv.ParseFloat(r.duration, 64)
		if err != nil || !(d >= 0 && d < math.MaxInt32) {
			return false, "duration is not a number"
		}
		f.End += Time(d * 1000)
	}
	switch r.proto {
	case "tcp":
		f.Protocol = 6
	case "udp":
		f.Protocol = 17
	case "icmp":
		f.Protocol = 1
		if f.Src.Is6() {
			f.Protocol = 58
		}
	}
	switch r.state {
	case "S0", "REJ", "RSTOS0", "SH":
		f.Reject = true
	}
	f.Packets, f.Bytes = r.volume(0)
	packets, octets := r.volume(1)
	if packets == 0 && octets == 0 {
		return false, ""
	}
	*reply = *f
	reply.Src, reply.Dst, reply.SrcPort, reply.DstPort = f.Dst, f.Src, f.DstPort, f.SrcPort
	reply.Packets, reply.Bytes, reply.Reply = packets, octets, true
	return true, ""
}

func (r *zeekRecord) volume(side int) (packets, octets uint64) {
	packets, _ = number(r.packets[side], math.MaxInt64)
	octets, ok := number(r.bytes[side], math.MaxInt64)
	if !ok {
		octets, _ = number(r.payload[side], math.MaxInt64)
	}
	return packets, octets
}

func (r *zeekRecord) fill(q *Query) (reason string) {
	*q = Query{ID: r.uid, Src: addr(r.src), Server: addr(r.dst), Name: r.query, Type: r.qtype, Rcode: r.rcode, Protocol: strings.ToUpper(r.proto), Answers: r.answersJSON, answers: r.answers}
	var ok bool
	if q.Time, ok = stamp(r.ts); !ok {
		return "ts is not a time"
	}
	if !q.Src.IsValid() {
		return "id.orig_h is not an address"
	}
	port, ok := number(r.sport, 65535)
	if !ok {
		return "id.orig_p is not a port"
	}
	q.SrcPort = uint16(port)
	q.Class = r.qclass
	if r.qclass == "C_INTERNET" {
		q.Class = "IN"
	}
	return ""
}

// zeekMember reads a member of Zeek's JSON, where numbers are numbers.
func zeekMember(p *parser, r *zeekRecord, key string) {
	at := r.field(key)
	if at == nil {
		p.skip()
		return
	}
	switch p.s[p.at] {
	case '"':
		*at = p.text(key)
	case '[':
		if v := p.value(); key == "answers" {
			r.answersJSON = v
		} else {
			p.refuse(key, " is an array")
		}
	default:
		v := p.value()
		if v.Kind() == '{' {
			p.refuse(key, " is an object")
			return
		}
		*at = v.Text()
		if key == "ts" && strings.ContainsAny(*at, "eE") {
			if f, err := strconv.ParseFloat(*at, 64); err == nil {
				*at = strconv.FormatFloat(f, 'f', 6, 64)
			}
		}
	}
	if key == "ts" && len(*at) > 10 && (*at)[4] == '-' { // LogAscii::json_timestamps = JSON::TS_ISO8601
		if t, ok := parseTime(*at); ok {
			*at = strconv.FormatFloat(float64(t)/1000, 'f', 3, 64)
		}
	}
}

// zeekHeader is what the lines with # of a text log say.
type zeekHeader struct {
	separator    byte
	unset, empty string
	set          byte
	kind         string
	fields       []string
}

func newZeekHeader() zeekHeader {
	return zeekHeader{separator: '\t', unset: "-", empty: "(empty)", set: ','}
}

func (h *zeekHeader) line(s string) {
	if v, ok := strings.CutPrefix(s, "#separator "); ok {
		if x, ok := strings.CutPrefix(v, `\x`); ok {
			if n, err := strconv.ParseUint(x, 16, 8); err == nil {
				h.separator = byte(n)
			}
		} else if len(v) == 1 {
			h.separator = v[0]
		}
		return
	}
	name, rest, _ := cut(s, h.separator)
	switch name {
	case "#set_separator":
		if len(rest) == 1 {
			h.set = rest[0]
		}
	case "#unset_field":
		h.unset = rest
	case "#empty_field":
		h.empty = rest
	case "#path":
		h.kind = rest
	case "#fields":
		h.fields = strings.Split(rest, string(rune(h.separator)))
	}
}

// record reads one line of values.
func (h *zeekHeader) record(r *zeekRecord, line string) (reason string) {
	if h.fields == nil {
		return "no #fields line before it"
	}
	*r = zeekRecord{kind: h.kind}
	more := true
	var word string
	for _, name := range h.fields {
		if !more {
			return "too few fields"
		}
		word, line, more = cut(line, h.separator)
		if word == h.unset || word == h.empty {
			continue
		}
		if at := r.field(name); at != nil {
			*at = word
		}
	}
	if more {
		return "too many fields"
	}
	if h.set != ',' {
		r.answers = strings.ReplaceAll(r.answers, string(rune(h.set)), ",")
	}
	return ""
}
