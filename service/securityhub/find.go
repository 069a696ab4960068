package securityhub

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	api "bartizan.dev/api/securityhub"
	"bartizan.dev/store"
)

var errToken = invalid("Invalid parameter 'NextToken'. The provided token is not valid.")

// found is a finding with where it is stored.
type found struct {
	key  string
	body json.RawMessage
	asff ASFF
	sort []any // values of the sort criteria
}

// each calls do for the findings of some accounts in the order of their keys,
// after a key, until it says that it has enough.
func (s *Service) each(ctx context.Context, r store.Reader, homes []place, after string, wants filter, do func(*found) (more bool)) error {
	for _, p := range homes {
		prefix := p.home() + "/"
		from := ""
		if after != "" {
			if last := prefix + "\xff"; after > last {
				continue
			}
			from = max(after, prefix)
		}
		for {
			list, err := s.findings.List(ctx, r, prefix, from, 200)
			if err != nil {
				return err
			}
			for _, e := range list {
				a, err := e.Value.read()
				if err != nil {
					return err
				}
				if wants.wants(a) && !do(&found{key: e.ID, body: e.Value.Body, asff: a}) {
					return nil
				}
			}
			if len(list) < 200 {
				break
			}
			from = list[len(list)-1].ID
		}
	}
	return nil
}

// GetFindings finds findings by filters.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_GetFindings.html
func (s *Service) GetFindings(ctx context.Context, in *api.GetFindingsRequest) (*api.GetFindingsResponse, error) {
	if _, err := s.hub(ctx, s.Store); err != nil {
		return nil, err
	}
	wants, err := compile(in.Filters, forSearch, s.now())
	if err != nil {
		return nil, err
	}
	order, err := newOrder(in.SortCriteria)
	if err != nil {
		return nil, err
	}
	hits, next, err := s.search(ctx, wants, order, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	bodies := make([]json.RawMessage, len(hits))
	for i, h := range hits {
		bodies[i] = h.body
	}
	out := &api.GetFindingsResponse{NextToken: next}
	out.Findings, err = s.codec.show(bodies)
	return out, err
}

// mark is where a page ends.
type mark struct {
	Key  string `json:"k"`
	Sort []any  `json:"s,omitempty"`
}

func (m *mark) token() *string {
	b, err := json.Marshal(m)
	if err != nil {
		return nil
	}
	return new(base64.RawURLEncoding.EncodeToString(b))
}

func readMark(token *string) (*mark, error) {
	if text(token) == "" {
		return nil, nil
	}
	m := new(mark)
	raw, err := base64.RawURLEncoding.DecodeString(*token)
	if err != nil || len(raw) > 8<<10 || json.Unmarshal(raw, m) != nil || m.Key == "" || strings.ContainsRune(m.Key, 0) {
		return nil, errToken
	}
	return m, nil
}

// search is a page of the caller's findings.
func (s *Service) search(ctx context.Context, wants filter, order order, limit *int32, token *string) ([]*found, *string, error) {
	from, err := readMark(token)
	if err != nil {
		return nil, nil, err
	}
	n := 100 // "the maximum number of findings to return"
	if limit != nil {
		n = int(*limit)
	}
	homes, err := s.visible(ctx, s.Store)
	if err != nil {
		return nil, nil, err
	}
	if len(order) == 0 {
		return s.unsorted(ctx, homes, wants, from, n)
	}
	if from != nil && len(from.Sort) != len(order) {
		return nil, nil, errToken
	}
	// A page of a sorted list is the best n that come after the mark: no more than
	// twice as many are kept at a time.
	var best []*found
	trim := func() {
		slices.SortFunc(best, order.compare)
		best = best[:min(len(best), n+1)]
	}
	err = s.each(ctx, s.Store, homes, "", wants, func(f *found) bool {
		f.sort = order.of(f.asff)
		if from == nil || order.compare(f, &found{key: from.Key, sort: from.Sort}) > 0 {
			if best = append(best, f); len(best) > 2*n+100 {
				trim()
			}
		}
		return true
	})
	if trim(); len(best) <= n {
		return best, nil, err
	}
	last := best[n-1]
	return best[:n], (&mark{last.key, last.sort}).token(), err
}

func (s *Service) unsorted(ctx context.Context, homes []place, wants filter, from *mark, n int) (out []*found, next *string, err error) {
	after := ""
	if from != nil {
		after = from.Key
	}
	err = s.each(ctx, s.Store, homes, after, wants, func(f *found) bool {
		if len(out) == n {
			next = (&mark{Key: out[n-1].key}).token()
			return false
		}
		out = append(out, f)
		return true
	})
	return out, next, err
}

// order is how findings are sorted.
type order []criterion

type criterion struct {
	path []string
	desc bool
}

// newOrder takes the names of filters and of fields: both are in use.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_SortCriterion.html
func newOrder(all []api.SortCriterion) (order, error) {
	var out order
	for _, c := range all {
		name := text(c.Field)
		top, _, _ := strings.Cut(name, ".")
		if _, known := fields[name]; !known && !isField(top) {
			return nil, invalid("Invalid parameter 'SortCriteria'. %s is not a field that findings can be sorted by.", clip(name))
		}
		out = append(out, criterion{pathOf(name), c.SortOrder == api.SortOrder_desc})
	}
	if len(out) > 10 {
		return nil, invalid("Invalid parameter 'SortCriteria'. data should NOT have more than 10 items")
	}
	return out, nil
}

var findingType = reflect.TypeFor[api.AwsSecurityFinding]()

func isField(name string) bool {
	_, ok := findingType.FieldByName(name)
	return ok
}

func (o order) of(a ASFF) []any {
	out := make([]any, len(o))
	for i, c := range o {
		if v := spread(nil, map[string]any(a), c.path); len(v) > 0 {
			if out[i] = v[0]; !isScalar(v[0]) {
				out[i] = word(v[0])
			}
		}
	}
	return out
}

func isScalar(v any) bool {
	switch v.(type) {
	case string, float64:
		return true
	}
	return false
}

func (o order) compare(a, b *found) int {
	for i, c := range o {
		n := compareValues(a.sort[i], b.sort[i])
		if c.desc {
			n = -n
		}
		if n != 0 {
			return n
		}
	}
	return strings.Compare(a.key, b.key)
}

// compareValues: what is missing comes first, then numbers, then texts.
func compareValues(a, b any) int {
	rank := func(v any) int {
		switch v.(type) {
		case nil:
			return 0
		case float64:
			return 1
		}
		return 2
	}
	if n := rank(a) - rank(b); n != 0 {
		return n
	}
	if x, ok := a.(float64); ok {
		switch y := b.(float64); {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	}
	return strings.Compare(word(a), word(b))
}
