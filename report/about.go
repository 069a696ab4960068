package report

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"bartizan.dev/detect"
)

// levels are AWS's names of severities, the gravest first.
// https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_findings-severity.html
var levels = [...]struct {
	name string
	from float64
}{{"Critical", 9}, {"High", 7}, {"Medium", 4}, {"Low", 1}}

// levelOf is the index of a severity in levels.
func levelOf(severity float64) int {
	for i, l := range levels {
		if severity >= l.from {
			return i
		}
	}
	return len(levels) - 1
}

// ParseSeverity reads a severity: one of AWS's names, or a number from 1 to 10.
func ParseSeverity(s string) (float64, error) {
	for _, l := range levels {
		if strings.EqualFold(s, l.name) {
			return l.from, nil
		}
	}
	if n, err := strconv.ParseFloat(s, 64); err == nil && n >= 1 && n <= 10 {
		return n, nil
	}
	return 0, fmt.Errorf("%q is no severity: want low, medium, high, critical, or a number from 1 to 10", s)
}

// who names the principal or host that a finding is about.
func who(f *detect.Finding) string {
	if d := f.Service.Detection; d != nil && d.Sequence != nil && len(d.Sequence.Actors) > 0 && d.Sequence.Actors[0].User != nil {
		return d.Sequence.Actors[0].User.Name
	}
	if k := f.Resource.AccessKey; k != nil {
		switch {
		case k.UserName != "":
			return k.UserName
		case k.PrincipalID != "":
			return k.PrincipalID
		}
		return k.UserType
	}
	if h := f.Resource.Instance; h != nil {
		if h.InstanceID != "" {
			return h.InstanceID
		}
		for _, n := range h.Interfaces {
			switch {
			case n.PrivateIPAddress != "":
				return n.PrivateIPAddress
			case len(n.IPv6Addresses) > 0:
				return n.IPv6Addresses[0]
			case n.ID != "":
				return n.ID
			}
		}
	}
	for _, b := range f.Resource.Buckets {
		return b.Name
	}
	return ""
}

// address is the remote address, if there is one.
func address(f *detect.Finding) string {
	a := &f.Service.Action
	var r *detect.RemoteIP
	switch {
	case a.APICall != nil:
		r = a.APICall.RemoteIP
	case a.Connection != nil:
		r = a.Connection.RemoteIP
	case a.PortProbe != nil && len(a.PortProbe.Probes) > 0:
		r = a.PortProbe.Probes[0].RemoteIP
	}
	switch {
	case r == nil:
		return ""
	case r.V4 != "":
		return r.V4
	}
	return r.V6
}

// domain is the domain that was asked for, or that called.
func domain(f *detect.Finding) string {
	a := &f.Service.Action
	switch {
	case a.DNSRequest != nil:
		return a.DNSRequest.Domain
	case a.APICall != nil && a.APICall.Domain != nil:
		return a.APICall.Domain.Name
	}
	return ""
}

// api is the call that was made.
func api(f *detect.Finding) string {
	if a := f.Service.Action.APICall; a != nil {
		return a.API
	}
	return ""
}

// peer is where it came from or went to.
func peer(f *detect.Finding) string {
	if a := address(f); a != "" {
		return a
	}
	return domain(f)
}

// safe makes text from logs harmless: what does not print, and what changes the
// direction of writing, is shown as an escape.
func safe(s string) string {
	if plain(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case !unicode.IsPrint(r):
			q := strconv.QuoteRuneToASCII(r)
			b.WriteString(q[1 : len(q)-1])
		default:
			b.WriteRune(r)
		}
		s = s[n:]
	}
	return b.String()
}

func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// cut shortens a text to n characters; the middle goes, since both ends of names
// tell them apart.
func cut(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:(n-1)/2]) + "…" + string(r[len(r)-n/2:])
}
