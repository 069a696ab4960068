package pattern

// ip is an address; IPv4 ones lie in the first four bytes. An IPv4 address
// written as IPv6 is the IPv4 address, as it is for EventBridge.
type ip struct {
	b  [16]byte
	v6 bool
}

func (a ip) bits() int {
	if a.v6 {
		return 128
	}
	return 32
}

// masked keeps the first n bits.
func (a ip) masked(n int) ip {
	for i := range a.b {
		switch left := n - 8*i; {
		case left <= 0:
			a.b[i] = 0
		case left < 8:
			a.b[i] &= 0xff << (8 - left)
		}
	}
	return a
}

// parseIP reads an address literal: dotted IPv4, or IPv6 without zone and
// without a dotted tail. Nothing is allocated.
func parseIP(s []byte) (ip, bool) {
	if len(s) < 2 || len(s) > 45 {
		return ip{}, false
	}
	for i, c := range s {
		switch {
		case isDigit(c), c|0x20 >= 'a' && c|0x20 <= 'f':
		case c == ':':
			return parseIP6(s)
		case c == '.' && i > 0:
			return parseIP4(s)
		default:
			return ip{}, false
		}
	}
	return ip{}, false
}

func parseIP4(s []byte) (a ip, ok bool) {
	part, digits, value := 0, 0, 0
	for i := 0; ; i++ {
		if i < len(s) && isDigit(s[i]) {
			value = value*10 + int(s[i]-'0')
			digits++
			if value > 255 {
				return ip{}, false
			}
			continue
		}
		if digits == 0 || part > 3 || i < len(s) && s[i] != '.' {
			return ip{}, false
		}
		a.b[part] = byte(value)
		part, digits, value = part+1, 0, 0
		if i == len(s) {
			return a, part == 4
		}
	}
}

func parseIP6(s []byte) (a ip, ok bool) {
	a.v6 = true
	n, gap, i := 0, -1, 0
	if s[0] == ':' {
		if s[1] != ':' {
			return ip{}, false
		}
		gap, i = 0, 2
	}
	for i < len(s) {
		value, digits := 0, 0
		for ; i < len(s) && digits < 5; i, digits = i+1, digits+1 {
			h := unhex(s[i])
			if h < 0 {
				break
			}
			value = value<<4 | h
		}
		if digits == 0 || digits > 4 || n > 14 {
			return ip{}, false
		}
		a.b[n], a.b[n+1] = byte(value>>8), byte(value)
		n += 2
		if i == len(s) {
			break
		}
		if s[i] != ':' || i+1 == len(s) {
			return ip{}, false
		}
		i++
		if s[i] == ':' {
			if gap >= 0 {
				return ip{}, false
			}
			gap = n
			i++
		}
	}
	if gap >= 0 {
		if n == 16 {
			return ip{}, false
		}
		copy(a.b[gap+16-n:], a.b[gap:n])
		clear(a.b[gap : gap+16-n])
	} else if n != 16 {
		return ip{}, false
	}
	return a.unmapped(), true
}

// unmapped turns ::ffff:a.b.c.d into a.b.c.d.
func (a ip) unmapped() ip {
	for i := range 10 {
		if a.b[i] != 0 {
			return a
		}
	}
	if a.b[10] != 0xff || a.b[11] != 0xff {
		return a
	}
	var v4 ip
	copy(v4.b[:4], a.b[12:])
	return v4
}

func unhex(c byte) int {
	switch {
	case isDigit(c):
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}
