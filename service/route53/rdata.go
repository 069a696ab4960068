package route53

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

const maxData = 65535

// parseValue reads a value of a record as Route 53 takes it, and returns its wire
// form.
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/ResourceRecordTypes.html
func parseValue(typ, value string) ([]byte, error) {
	switch typ {
	case "A":
		a, err := netip.ParseAddr(value)
		if err != nil || !a.Is4() {
			return nil, problem("ARRDATAIllegalIPv4Address", "Value is not a valid IPv4 address", value)
		}
		return a.AsSlice(), nil
	case "AAAA":
		a, err := netip.ParseAddr(value)
		if err != nil || !a.Is6() || a.Zone() != "" {
			return nil, problem("AAAARRDATAIllegalIPv6Address", "Value is not a valid IPv6 address", value)
		}
		return a.AsSlice(), nil
	case "CNAME", "NS", "PTR":
		_, name, err := parseName(value)
		return []byte(name), err
	case "MX":
		return fields(value, "MXRRDATANotTwoFields", 1, "16")
	case "SRV":
		return fields(value, "SRVRRDATANotFourFields", 1, "16", "16", "16")
	case "SOA":
		return parseSOA(value)
	case "TXT", "SPF":
		return parseText(value)
	}
	return parseOther(typ, value)
}

// fields reads numbers and then a name.
func fields(value, code string, names int, bits ...string) ([]byte, error) {
	parts := strings.Fields(value)
	if len(parts) != len(bits)+names || strings.ContainsAny(value, "\t\r\n") {
		return nil, problem(code, "Value has the wrong number of fields", value)
	}
	var out []byte
	for i := range bits {
		n, err := strconv.ParseUint(parts[i], 10, 16)
		if err != nil {
			return nil, problem("NumberOutOfRange", "Value should be a number from 0 to 65535", value)
		}
		out = binary.BigEndian.AppendUint16(out, uint16(n))
	}
	_, name, err := parseName(parts[len(bits)])
	return append(out, name...), err
}

func parseSOA(value string) ([]byte, error) {
	parts := strings.Fields(value)
	if len(parts) != 7 || strings.ContainsAny(value, "\t\r\n") {
		return nil, problem("SOARRDATANotSevenFields", "Value does not have seven fields", value)
	}
	var out []byte
	for _, p := range parts[:2] {
		_, name, err := parseName(p)
		if err != nil {
			return nil, err
		}
		out = append(out, name...)
	}
	for _, p := range parts[2:] {
		n, err := strconv.ParseUint(p, 10, 32)
		if err != nil {
			return nil, problem("NumberOutOfRange", "Value should be a number from 0 to 4294967295", value)
		}
		out = binary.BigEndian.AppendUint32(out, uint32(n))
	}
	return out, nil
}

// parseText reads strings in quotation marks. Inside, \" is a mark, \\ a
// backslash, and \ooo a byte.
func parseText(value string) ([]byte, error) {
	var out []byte
	rest := value
	for {
		rest = strings.TrimLeft(rest, " ")
		if rest == "" && out != nil {
			break
		}
		if rest == "" || rest[0] != '"' {
			return nil, problem("InvalidCharacterString", "Value should be enclosed in quotation marks", value)
		}
		s, after, err := quoted(rest[1:], value)
		if err != nil {
			return nil, err
		}
		out = append(append(out, byte(len(s))), s...)
		rest = after
	}
	if len(out) > 4000+4000/255+1 { // "The maximum length of a value in a TXT record is 4,000 characters."
		return nil, problem("TXTRDATATooLong", "Value is too long", value)
	}
	return out, nil
}

func quoted(rest, value string) (s []byte, after string, err error) {
	for i := 0; i < len(rest); i++ {
		c := rest[i]
		switch {
		case c == '"':
			if len(s) > 255 {
				return nil, "", problem("CharacterStringTooLong", "Value is too long", value)
			}
			return s, rest[i+1:], nil
		case c == '\\' && i+1 < len(rest) && (rest[i+1] == '"' || rest[i+1] == '\\'):
			i++
			c = rest[i]
		case c == '\\':
			b, ok := octal(rest[i+1:])
			if !ok {
				return nil, "", problem("InvalidEscapeSequence", "Escape is not a backslash and three octal digits", value)
			}
			c, i = b, i+3
		case c < ' ' || c > '~':
			return nil, "", problem("UnsupportedCharacter", "Value contains unsupported characters", value)
		}
		s = append(s, c)
	}
	return nil, "", problem("InvalidCharacterString", "Value should be enclosed in quotation marks", value)
}

// parseOther reads the types whose presentation is that of zone files. Nothing is
// let through that a zone file takes for more than one record's data.
func parseOther(typ, value string) ([]byte, error) {
	bad := problem(typ+"RRDATAInvalid", "Value is not valid for the type "+typ, value)
	inside := false
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c < ' ' || c > '~':
			return nil, problem("UnsupportedCharacter", "Value contains unsupported characters", value)
		case c == '\\':
			i++
		case c == '"':
			inside = !inside
		case !inside && strings.IndexByte("();$@", c) >= 0:
			return nil, bad
		}
	}
	code, known := dns.StringToType[typ]
	if !known || inside || strings.TrimSpace(value) == "" || strings.HasPrefix(strings.TrimSpace(value), `\#`) {
		return nil, bad
	}
	rr, err := dns.NewRR(". 0 IN " + typ + " " + value + "\n")
	if err != nil || rr == nil || rr.Header().Rrtype != code {
		return nil, bad
	}
	buf := make([]byte, maxData)
	n, err := dns.PackRR(rr, buf, 0, nil, false)
	if err != nil || n < 11 {
		return nil, bad
	}
	return buf[11:n:n], nil
}
