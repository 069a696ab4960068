package ssm

import (
	"context"
	"encoding/base64"
	"strings"

	"bartizan.dev/wire"
)

// page is what the listing operations share.
type page struct {
	after string // name or version of the last item of the page before
	limit int
}

// newPage reads MaxResults and NextToken. A token is the last name, in base64
// behind a letter; it is no secret and gives no rights.
func newPage(limit *int32, token *string, most int) (page, error) {
	p := page{limit: most}
	if limit != nil {
		p.limit = min(int(*limit), most)
	}
	if token != nil && *token != "" {
		raw, err := base64.RawURLEncoding.DecodeString(*token)
		if err != nil || len(raw) < 2 || raw[0] != 'P' || strings.ContainsRune(string(raw), 0) {
			return p, wire.Errorf("InvalidNextToken", "The specified token isn't valid.")
		}
		p.after = string(raw[1:])
	}
	return p, nil
}

func tokenAfter(name string) *string {
	return new(base64.RawURLEncoding.EncodeToString([]byte("P" + name)))
}

// maxLooked bounds how many parameters one call looks at: AWS, too, answers
// fewer than it could, with a token to go on.
const maxLooked = 2000

// list returns the parameters that begin with prefix and that want likes.
func (s *Service) list(ctx context.Context, at place, prefix string, p page, want func(*parameter) bool) (out []*parameter, next *string, err error) {
	home := at.id("")
	after := p.after
	for looked := 0; ; {
		start := ""
		if after != "" {
			start = home + after
		}
		found, err := s.parameters.List(ctx, s.Store, home+prefix, start, 200)
		if err != nil {
			return nil, nil, err
		}
		for _, e := range found {
			looked++
			if want(e.Value) {
				if len(out) == p.limit {
					return out, tokenAfter(after), nil
				}
				out = append(out, e.Value)
			}
			after = strings.TrimPrefix(e.ID, home)
		}
		if len(found) < 200 {
			return out, nil, nil
		}
		if looked >= maxLooked {
			return out, tokenAfter(after), nil
		}
	}
}
