package guardduty

import (
	"encoding/base64"
	"strings"
)

// page is what the listing operations share.
type page struct {
	after string // id of the last item of the page before
	limit int
}

// newPage reads MaxResults and NextToken. A token is the id of the last item; it
// is no secret and gives no rights.
func newPage(limit *int32, token *string) (page, error) {
	p := page{limit: 50}
	if limit != nil {
		p.limit = int(*limit)
	}
	if text(token) != "" {
		raw, err := base64.RawURLEncoding.DecodeString(*token)
		if err != nil || len(raw) < 2 || raw[0] != 'G' {
			return p, errToken
		}
		p.after = string(raw[1:])
	}
	return p, nil
}

// from is the start of a listing of what lies below home.
func (p page) from(home string) (string, error) {
	if strings.ContainsRune(p.after, 0) {
		return "", errToken
	}
	if p.after == "" {
		return "", nil
	}
	return home + p.after, nil
}

// cut shortens a listing, of which one more than the limit was read, to a page.
func cut[T any](all []T, p page, id func(*T) string) (out []T, next *string) {
	if len(all) <= p.limit {
		return all, nil
	}
	out = all[:p.limit]
	return out, pageToken(id(&out[len(out)-1]))
}

func pageToken(after string) *string {
	return new(base64.RawURLEncoding.EncodeToString([]byte("G" + after)))
}
