package events

import (
	"encoding/base64"
	"strings"
)

// page is what the listing operations share.
type page struct {
	after string // name of the last item of the page before
	limit int
}

// newPage reads Limit and NextToken. A token is the last name, in base64 behind
// a letter; it is no secret and gives no rights.
func newPage(limit *int32, token *string) (page, error) {
	p := page{limit: 100}
	if limit != nil {
		p.limit = int(*limit)
	}
	if token != nil && *token != "" {
		raw, err := base64.RawURLEncoding.DecodeString(*token)
		if err != nil || len(raw) < 2 || raw[0] != 'E' || strings.ContainsRune(string(raw), 0) {
			return p, errToken
		}
		p.after = string(raw[1:])
	}
	return p, nil
}

// cut shortens a listing, of which one more than the limit was read, to a page.
func cut[T any](all []T, p page, name func(*T) string) (out []T, next *string) {
	if len(all) <= p.limit {
		return all, nil
	}
	out = all[:p.limit]
	return out, new(base64.RawURLEncoding.EncodeToString([]byte("E" + name(&out[len(out)-1]))))
}

// from is the start of a listing below home.
func (p page) from(home string) string {
	if p.after == "" {
		return ""
	}
	return home + p.after
}

func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// orNil is a pointer to what is not empty.
func orNil(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
