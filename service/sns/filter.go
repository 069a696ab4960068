package sns

import (
	"context"
	"errors"

	"bartizan.dev/pattern"
	"bartizan.dev/store"
)

// Bounds of a filter policy.
// https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html
const (
	maxFilter       = 256 << 10
	maxKeys         = 5
	maxCombinations = 150
)

// checkFilter reads a filter policy. What is wrong is told in AWS's words.
func checkFilter(source string, body bool) error {
	if len(source) > maxFilter {
		return invalid("FilterPolicy: Filter policy is too large")
	}
	p, err := pattern.Parse(source)
	if err != nil {
		reason := err.Error()
		if e, ok := errors.AsType[*pattern.Error](err); ok {
			reason = e.Reason
		}
		return invalid("FilterPolicy: %s", reason)
	}
	switch s := p.Shape(); {
	case s.Nested && !body:
		return invalid("Filter policy scope MessageAttributes does not support nested filter policy")
	case s.Keys > maxKeys:
		return invalid("FilterPolicy: Filter policy can not have more than 5 keys")
	case s.Combinations > maxCombinations:
		return invalid("FilterPolicy: Filter policy is too complex")
	}
	return nil
}

// audience are the subscriptions of a topic that get messages, with their filter
// policies compiled into two matchers. It is kept in a cache that follows the
// records.
type audience struct {
	all        []string // ids of those without a filter
	attributes *pattern.Set[string]
	body       *pattern.Set[string]
}

func (s *Service) loadAudience(ctx context.Context, r store.Reader, key string) (*audience, error) {
	found, err := s.subscriptions.List(ctx, r, key+"/", "", 0)
	if err != nil {
		return nil, err
	}
	out := new(audience)
	attributes, body := map[string]*pattern.Pattern{}, map[string]*pattern.Pattern{}
	for _, e := range found {
		v := e.Value
		if v.Pending || v.gone() {
			continue
		}
		if v.Filter == "" {
			out.all = append(out.all, e.ID)
			continue
		}
		into := attributes
		if v.Body {
			into = body
		}
		if into[e.ID], err = pattern.Parse(v.Filter); err != nil {
			return nil, err
		}
	}
	out.attributes, out.body = compiled(attributes), compiled(body)
	return out, nil
}

func compiled(patterns map[string]*pattern.Pattern) *pattern.Set[string] {
	if len(patterns) == 0 {
		return nil
	}
	set := pattern.NewSet[string]()
	set.Update(patterns)
	return set
}

// of are the ids of the subscriptions that get a message. A message that is no
// JSON object matches no filter policy of the scope MessageBody.
func (a *audience) of(c *content) []string {
	out := append([]string(nil), a.all...)
	if a.attributes != nil {
		list := make([]pattern.Attribute, 0, len(c.Attributes))
		for _, x := range c.Attributes {
			list = append(list, pattern.Attribute{Name: x.Name, Type: x.Type, Value: x.Value})
		}
		found, err := a.attributes.Match(nil, pattern.AttributeEvent(nil, list))
		if err == nil || errors.Is(err, pattern.ErrUndecided) {
			out = append(out, found...)
		}
	}
	if a.body != nil {
		found, err := a.body.Match(nil, []byte(c.Message))
		if err == nil || errors.Is(err, pattern.ErrUndecided) {
			out = append(out, found...)
		}
	}
	return out
}
