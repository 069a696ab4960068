package route53

import (
	"fmt"
	"slices"
	"strings"
)

// parseName reads a domain name in Route 53's form: letters in either case, any
// printable character, and \ooo, three octal digits, for other bytes. The dot at
// the end may be missing. It returns the name as Route 53 shows it, and in wire
// form.
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DomainNameFormat.html
func parseName(text string) (shown, wire string, err error) {
	if text == "" {
		return "", "", problem("DomainNameEmpty", "Domain name is empty", text)
	}
	if text == "." {
		return ".", "\x00", nil
	}
	var labels []string
	var label []byte
	end := func() error {
		switch {
		case len(label) == 0:
			return problem("DomainLabelEmpty", "Domain label is empty", text)
		case len(label) > 63:
			return problem("DomainLabelTooLong", "Domain label is too long", text)
		}
		labels = append(labels, string(label))
		label = label[:0]
		return nil
	}
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '.':
			if err := end(); err != nil {
				return "", "", err
			}
			continue
		case c == '\\':
			b, ok := octal(text[i+1:])
			if !ok {
				return "", "", problem("InvalidEscapeSequence", "Escape is not a backslash and three octal digits", text)
			}
			c, i = b, i+3
		case c <= ' ' || c > '~':
			return "", "", problem("UnsupportedCharacter", "Value contains unsupported characters", text)
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		label = append(label, c)
		if len(label) > 255 {
			return "", "", problem("DomainNameTooLong", "Domain name is too long", text)
		}
	}
	if len(label) > 0 {
		if err := end(); err != nil {
			return "", "", err
		}
	}
	var show, out strings.Builder
	for _, l := range labels {
		out.WriteByte(byte(len(l)))
		out.WriteString(l)
		for i := range len(l) {
			showByte(&show, l, i)
		}
		show.WriteByte('.')
	}
	out.WriteByte(0)
	if out.Len() > 255 {
		return "", "", problem("DomainNameTooLong", "Domain name is too long", text)
	}
	return show.String(), out.String(), nil
}

// showByte writes a byte of a label. A star is written \052 unless it is the
// whole label.
func showByte(w *strings.Builder, label string, i int) {
	c := label[i]
	switch {
	case 'a' <= c && c <= 'z', '0' <= c && c <= '9', strings.IndexByte("-_", c) >= 0, c == '*' && len(label) == 1:
		w.WriteByte(c)
	case c > ' ' && c <= '~' && c != '.' && c != '\\' && c != '*':
		w.WriteByte(c)
	default:
		fmt.Fprintf(w, `\%03o`, c)
	}
}

// octal reads three octal digits.
func octal(text string) (byte, bool) {
	if len(text) < 3 {
		return 0, false
	}
	n := 0
	for _, c := range []byte(text[:3]) {
		if c < '0' || c > '7' {
			return 0, false
		}
		n = n*8 + int(c-'0')
	}
	return byte(n), n < 256
}

// sortName has the labels of a shown name in reverse order.
func sortName(name string) string {
	labels := strings.Split(strings.TrimSuffix(name, "."), ".")
	slices.Reverse(labels)
	return strings.Join(labels, ".") + "."
}

// within reports whether a name, in wire form, is at or below another.
func within(name, zone string) bool {
	for len(name) > len(zone) {
		name = name[1+name[0]:]
	}
	return name == zone
}

// problem is how Route 53 says what is wrong with a name or a value.
func problem(code, message, value string) error {
	return fmt.Errorf("FATAL problem: %s (%s) encountered with '%s'", code, message, value)
}
