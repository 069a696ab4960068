package analysis

import (
	"encoding/base64"
	"math/big"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"bartizan.dev/policy"
)

// valueGlobs returns what the values of a textual condition without variables
// match, for the purpose of cutting the key's values into cells.
func valueGlobs(op operator, c *policy.Condition, v policy.Version) []*glob {
	var out []*glob
	for _, text := range c.Values {
		switch op.test {
		case "arnequals", "arnlike":
			if g := arnValue(text, v); g != nil {
				out = append(out, g)
			}
		case "binaryequals":
			if b, err := base64.StdEncoding.DecodeString(text); err == nil {
				out = append(out, newGlob(text, chars(string(b), false)))
			}
		case "bool", "stringequalsignorecase":
			out = append(out, newGlob(text, textTokens(text, v, false, true, nil)))
		default:
			out = append(out, newGlob(text, textTokens(text, v, op.test == "stringlike", false, nil)))
		}
	}
	return out
}

// textTokens returns a policy string as tokens; wild: it has wildcards. A
// variable becomes what symbol makes of it.
func textTokens(text string, v policy.Version, wild, fold bool, symbol func(string) token) []token {
	var out []token
	for _, p := range pieces(text, v) {
		switch {
		case p.variable:
			out = append(out, symbol(p.text))
		case wild && !p.plain:
			out = append(out, wilds(p.text, true)...)
		default:
			out = append(out, chars(p.text, fold)...)
		}
	}
	return out
}

// arnValue returns what a value of an ARN operator matches; nil: nothing.
func arnValue(text string, v policy.Version) *glob {
	fields := []string{"*", "*", "*", "*", "*", "*"}
	if text != "*" {
		if fields = parts(text, v); len(fields) < 6 {
			return nil
		}
	}
	var tokens []token
	for i, f := range fields {
		for _, t := range textTokens(f, v, true, false, nil) {
			t.colon = i == 5
			tokens = append(tokens, t)
		}
		if i < 5 {
			tokens = append(tokens, token{kind: char, char: ':'})
		}
	}
	return newGlob(text, tokens)
}

// anARN matches every value that is an ARN: those a key of that type may have.
func anARN() *glob {
	tokens := chars("arn:", false)
	for i := 1; i < 6; i++ {
		k := many
		if i == 1 || i == 2 || i == 5 {
			k = some
		}
		tokens = append(tokens, token{kind: k, colon: i == 5})
		if i < 5 {
			tokens = append(tokens, token{kind: char, char: ':'})
		}
	}
	return newGlob("arn:*", tokens)
}

// numbers returns numbers such that every order relation to the bounds has
// one: each bound, one between each two neighbours, and one at either end.
func numbers(bounds []string) []string {
	var sorted []*big.Rat
	for _, s := range bounds {
		if _, err := strconv.ParseFloat(s, 64); err != nil || strings.ContainsAny(s, "xX_pPnN") {
			continue // matches nothing
		}
		if r, ok := new(big.Rat).SetString(s); ok {
			sorted = append(sorted, r)
		}
	}
	if len(sorted) == 0 {
		return []string{"1"}
	}
	slices.SortFunc(sorted, (*big.Rat).Cmp)
	out := slices.Clone(bounds)
	step := big.NewRat(1, 1)
	for i, r := range sorted {
		out = append(out, decimal(new(big.Rat).Sub(r, step)), decimal(r), decimal(new(big.Rat).Add(r, step)))
		if i > 0 {
			mid := new(big.Rat).Add(sorted[i-1], r)
			out = append(out, decimal(mid.Quo(mid, big.NewRat(2, 1))))
		}
	}
	return out
}

func decimal(r *big.Rat) string {
	if r.IsInt() {
		return r.Num().String()
	}
	f, _ := r.Float64()
	return strconv.FormatFloat(f, 'f', -1, 64)
}

// instants returns dates such that every order relation to the bounds has one.
func instants(bounds []string) []string {
	out := slices.Clone(bounds)
	var sorted []time.Time
	for _, s := range bounds {
		if t, ok := parseInstant(s); ok {
			sorted = append(sorted, t)
		}
	}
	if len(sorted) == 0 {
		return append(out, "2026-01-01T00:00:00Z")
	}
	slices.SortFunc(sorted, time.Time.Compare)
	for i, t := range sorted {
		out = append(out, date(t.Add(-time.Second)), date(t), date(t.Add(time.Second)))
		if i > 0 {
			out = append(out, date(sorted[i-1].Add(t.Sub(sorted[i-1])/2)))
		}
	}
	return out
}

func date(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// parseInstant reads what package policy reads as a date.
func parseInstant(s string) (time.Time, bool) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return time.Unix(n, 0), true
	}
	s = strings.ToUpper(s)
	for _, layout := range []string{
		time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02", "2006-01",
	} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// addresses returns addresses such that every combination of networks that has
// an address has one of them: where each network begins, and what follows it.
func addresses(networks []string) []string {
	out := []string{"0.0.0.0", "::"}
	for _, s := range networks {
		if !strings.Contains(s, "/") {
			if a, err := netip.ParseAddr(s); err == nil {
				a = a.Unmap().WithZone("")
				out = append(out, a.String())
				if next := a.Next(); next.IsValid() {
					out = append(out, next.String())
				}
			}
			continue
		}
		p, err := netip.ParsePrefix(s)
		if err != nil {
			continue
		}
		out = append(out, p.Masked().Addr().String())
		if next := last(p).Next(); next.IsValid() {
			out = append(out, next.String())
		}
	}
	return out
}

// last returns the highest address of p.
func last(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// spellings returns other ways to write a number, date or address, for keys
// that are compared as text as well.
func spellings(s string) []string {
	out := []string{s}
	if a, err := netip.ParseAddr(s); err == nil && a.Is4() {
		return append(out, "::ffff:"+s)
	}
	if _, err := strconv.ParseFloat(s, 64); err == nil {
		if strings.ContainsAny(s, ".eE") {
			return append(out, s+"0")
		}
		return append(out, s+".0", s+".00")
	}
	if t, ok := parseInstant(s); ok {
		out = append(out, date(t), t.UTC().Format("2006-01-02T15:04:05.999999999+00:00"))
	}
	return out
}

func decimalInt(n int64) string { return strconv.FormatInt(n, 10) }
