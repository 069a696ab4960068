package logs

import (
	"math/bits"
	"net/netip"
)

// flowFast reads the field that begins at i, if it has the usual form of its
// column, and returns where it ends; 0 when it has not.
func flowFast(f *Flow, c column, line string, i int) int {
	switch c {
	case srcAddr, dstAddr, pktSrcAddr, pktDstAddr:
		a, end := quad(line, i)
		if end == 0 {
			return 0
		}
		switch c {
		case srcAddr:
			f.Src = a
		case dstAddr:
			f.Dst = a
		case pktSrcAddr:
			f.PktSrc = a
		default:
			f.PktDst = a
		}
		return end
	case accountID:
		end := blankFrom(line, i)
		f.Account = usual(line[i:end])
		return end
	case interfaceID:
		end := blankFrom(line, i)
		f.Interface = usual(line[i:end])
		return end
	case instanceID:
		end := blankFrom(line, i)
		f.Instance = usual(line[i:end])
		return end
	case logStatus:
		end := blankFrom(line, i)
		f.Status = usual(line[i:end])
		return end
	case action:
		if len(line)-i >= 6 && (len(line)-i == 6 || line[i+6] == ' ') {
			if line[i:i+6] == "ACCEPT" {
				return i + 6
			}
			if line[i:i+6] == "REJECT" {
				f.Reject = true
				return i + 6
			}
		}
		return 0
	case srcPort, dstPort, protocol, packets, octets, start, end, version, tcpFlags:
		return flowNumber(f, c, line, i)
	}
	return 0
}

// usual is a text, or nothing when it is a dash.
func usual(s string) string {
	if s == "-" {
		return ""
	}
	return s
}

// flowNumber reads a number of at most 18 digits that its column may have.
func flowNumber(f *Flow, c column, line string, i int) int {
	var n uint64
	from := i
	for i < len(line) {
		d := line[i] - '0'
		if d > 9 {
			break
		}
		n = n*10 + uint64(d)
		i++
	}
	if i == from || i-from > 18 || i < len(line) && line[i] != ' ' {
		return 0
	}
	switch c {
	case packets:
		f.Packets = n
		return i
	case octets:
		f.Bytes = n
		return i
	case start, end:
		if n > 1<<40 {
			return 0
		}
		if c == start {
			f.Start = Time(n) * Second
		} else {
			f.End = Time(n) * Second
		}
		return i
	}
	if n > 65535 {
		return 0
	}
	switch c {
	case srcPort:
		f.SrcPort = uint16(n)
	case dstPort:
		f.DstPort = uint16(n)
	case tcpFlags:
		f.TCPFlags = uint16(n)
	case protocol:
		if n > 255 {
			return 0
		}
		f.Protocol = uint8(n)
	default:
		if n > 99 {
			return 0
		}
		f.Version = uint8(n)
	}
	return i
}

// quad reads an IPv4 address; end is 0 when there is none.
func quad(s string, i int) (a netip.Addr, end int) {
	var x uint32
	for part := 0; ; part++ {
		if i >= len(s) {
			return a, 0
		}
		v := uint32(s[i] - '0')
		if v > 9 {
			return a, 0
		}
		i++
		for n := 1; i < len(s); n++ {
			d := uint32(s[i] - '0')
			if d > 9 {
				break
			}
			if v = v*10 + d; n == 3 || v > 255 {
				return a, 0
			}
			i++
		}
		x = x<<8 | v
		if part == 3 {
			break
		}
		if i >= len(s) || s[i] != '.' {
			return a, 0
		}
		i++
	}
	if i < len(s) && s[i] != ' ' {
		return a, 0
	}
	return netip.AddrFrom4([4]byte{byte(x >> 24), byte(x >> 16), byte(x >> 8), byte(x)}), i
}

// blankFrom is where the next blank is, or the end, eight bytes at a time.
func blankFrom(s string, i int) int {
	for ; i+8 <= len(s); i += 8 {
		x := load(s, i) ^ ' '*ones
		if m := (x - ones) &^ x & highs; m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
	}
	for i < len(s) && s[i] != ' ' {
		i++
	}
	return i
}
