package intel

import (
	"net/netip"
	"strings"
)

// parsePrefix reads an address or a CIDR range; host bits are cleared. Fast for
// IPv4, which is nearly all of every list.
func parsePrefix(s string) (netip.Prefix, bool) {
	addr, bits, hasBits := strings.Cut(s, "/")
	if a, ok := parseIPv4(addr); ok {
		n := 32
		if hasBits {
			if n, ok = parseBits(bits, 32); !ok {
				return netip.Prefix{}, false
			}
		}
		return netip.PrefixFrom(a, n).Masked(), true
	}
	if strings.IndexByte(addr, ':') < 0 || strings.IndexByte(addr, '%') >= 0 {
		return netip.Prefix{}, false
	}
	a, err := netip.ParseAddr(addr)
	if err != nil {
		return netip.Prefix{}, false
	}
	if a.Is4In6() {
		a, hasBits = a.Unmap(), false // ::ffff:1.2.3.4 is the address itself
	}
	n := a.BitLen()
	if hasBits {
		var ok bool
		if n, ok = parseBits(bits, n); !ok {
			return netip.Prefix{}, false
		}
	}
	return netip.PrefixFrom(a, n).Masked(), true
}

func parseBits(s string, most int) (int, bool) {
	if len(s) == 0 || len(s) > 3 {
		return 0, false
	}
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, n <= most
}

// parseIPv4 reads a dotted quad without leading zeros, which some systems read
// as octal.
func parseIPv4(s string) (netip.Addr, bool) {
	var out [4]byte
	field, digits, value := 0, 0, 0
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			if digits > 0 && value == 0 {
				return netip.Addr{}, false
			}
			value = value*10 + int(c-'0')
			digits++
			if value > 255 {
				return netip.Addr{}, false
			}
		case c == '.':
			if digits == 0 || field == 3 {
				return netip.Addr{}, false
			}
			out[field] = byte(value)
			field++
			digits, value = 0, 0
		default:
			return netip.Addr{}, false
		}
	}
	if field != 3 || digits == 0 {
		return netip.Addr{}, false
	}
	out[3] = byte(value)
	return netip.AddrFrom4(out), true
}

// looksLikeAddress keeps mistyped addresses such as 300.1.1.1 or 10.0.0.0/33 from
// being taken for domains.
func looksLikeAddress(s string) bool {
	return s != "" && strings.Trim(s, "0123456789./") == "" || strings.IndexByte(s, ':') >= 0
}

// parseDomain reads a domain, or *.domain, in lower case without a dot at its
// end. The reason is empty when it can be used.
func parseDomain(s string) (name string, below bool, reason string) {
	s = strings.TrimSuffix(s, ".")
	if rest, ok := strings.CutPrefix(s, "*."); ok {
		s, below = rest, true
	}
	if s == "" {
		return "", false, "no entry"
	}
	if len(s) > 253 {
		return "", false, "the domain is longer than 253 characters"
	}
	label, dots, upper := 0, 0, false
	for i := range len(s) {
		c := s[i]
		switch {
		case c == '.':
			if label == 0 {
				return "", false, "the domain has an empty label"
			}
			label = 0
			dots++
			continue
		case c >= 'A' && c <= 'Z':
			upper = true
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return "", false, "neither an IP address nor a domain"
		}
		if label++; label > 63 {
			return "", false, "the domain has a label longer than 63 characters"
		}
	}
	if label == 0 {
		return "", false, "the domain has an empty label"
	}
	if dots == 0 {
		return "", false, "a domain needs two labels" // a whole top-level domain is a mistake
	}
	if upper {
		return strings.ToLower(s), below, ""
	}
	return strings.Clone(s), below, ""
}
