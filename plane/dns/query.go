package dns

import "encoding/binary"

const (
	headerLen = 12
	recordLen = 12 // of a record with a pointer as owner, without its data
	optLen    = 11
	classIN   = 1

	maxName = 255

	// maxUDP is the largest answer over UDP, whatever a client allows: it goes
	// through every path unfragmented (RFC 9715, section 3).
	maxUDP = 1232
	minUDP = 512
)

// Bits of the header's flags (RFC 1035, section 4.1.1).
const (
	flagQR = 1 << 15
	flagAA = 1 << 10
	flagTC = 1 << 9
	flagRD = 1 << 8
	flagCD = 1 << 4
)

// Response codes.
const (
	rcodeOK       = 0
	rcodeFormat   = 1
	rcodeFailed   = 2
	rcodeNoName   = 3
	rcodeNoOpcode = 4
	rcodeRefused  = 5
	rcodeVersion  = 16 // BADVERS, in EDNS
)

// query is what a packet asks. The zero value is none.
type query struct {
	name   [maxName]byte // in lower case
	length int           // of name
	typ    uint16
	class  uint16
	flags  uint16
	end    int // of the question in the packet

	edns    bool
	do      bool
	version byte
	size    int
}

// parse reads a packet. What it returns besides ok is the response code for a
// packet that is no proper query; a packet that must not be answered at all
// gives drop.
func (q *query) parse(b []byte) (code int, drop bool) {
	if len(b) < headerLen {
		return 0, true
	}
	q.flags = binary.BigEndian.Uint16(b[2:])
	if q.flags&flagQR != 0 {
		return 0, true
	}
	if q.flags>>11&15 != 0 {
		return rcodeNoOpcode, false
	}
	if binary.BigEndian.Uint16(b[4:]) != 1 || binary.BigEndian.Uint32(b[6:]) != 0 {
		return rcodeFormat, false
	}
	at := headerLen
	for {
		if at >= len(b) || b[at] > 63 {
			return rcodeFormat, false // no compression in a question
		}
		l := int(b[at])
		if at+1+l > len(b) || q.length+1+l > maxName {
			return rcodeFormat, false
		}
		q.name[q.length] = byte(l)
		for i, c := range b[at+1 : at+1+l] {
			if 'A' <= c && c <= 'Z' {
				c += 'a' - 'A'
			}
			q.name[q.length+1+i] = c
		}
		q.length += 1 + l
		at += 1 + l
		if l == 0 {
			break
		}
	}
	if at+4 > len(b) {
		return rcodeFormat, false
	}
	q.typ, q.class = binary.BigEndian.Uint16(b[at:]), binary.BigEndian.Uint16(b[at+2:])
	q.end = at + 4
	return q.additional(b[q.end:], int(binary.BigEndian.Uint16(b[10:])))
}

// additional looks for the OPT record (RFC 6891, section 6.1).
func (q *query) additional(b []byte, n int) (code int, drop bool) {
	for range n {
		owner := skipName(b)
		if owner < 0 || len(b) < owner+10 {
			return rcodeFormat, false
		}
		r := b[owner:]
		length := int(binary.BigEndian.Uint16(r[8:]))
		if len(r) < 10+length {
			return rcodeFormat, false
		}
		if binary.BigEndian.Uint16(r) == typeOPT {
			if q.edns || owner != 1 {
				return rcodeFormat, false
			}
			q.edns, q.size, q.version, q.do = true, int(binary.BigEndian.Uint16(r[2:])), r[5], r[6]&0x80 != 0
		}
		b = r[10+length:]
	}
	if q.version > 0 {
		return rcodeVersion, false
	}
	return rcodeOK, false
}

// skipName is the length of the name that b begins with, or -1.
func skipName(b []byte) int {
	for at := 0; at < len(b) && at < maxName; {
		switch l := int(b[at]); {
		case l == 0:
			return at + 1
		case l >= 0xC0:
			if at+2 > len(b) {
				return -1
			}
			return at + 2
		case l > 63:
			return -1
		default:
			at += 1 + l
		}
	}
	return -1
}

// limit is how long the answer may be.
func (q *query) limit(stream bool) int {
	if stream {
		return 65535
	}
	if !q.edns {
		return minUDP
	}
	return min(max(q.size, minUDP), maxUDP)
}
