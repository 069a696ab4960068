package secretsmanager

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	secretsmanagerapi "bartizan.dev/api/secretsmanager"
)

// ListSecrets lists the account's secrets in a Region.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecrets.html
func (s *Service) ListSecrets(ctx context.Context, in *secretsmanagerapi.ListSecretsRequest) (*secretsmanagerapi.ListSecretsResponse, error) {
	f, err := newFilters(in.Filters)
	if err != nil {
		return nil, err
	}
	p, err := newPage(in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	keep := func(v *secret) bool {
		return (v.Deleted.IsZero() || on(in.IncludePlannedDeletion)) && f.match(v)
	}
	descending := in.SortOrder == secretsmanagerapi.SortOrderType_desc
	list, next, err := s.page(ctx, placeOf(ctx), p, keep, order(in.SortBy), descending)
	if err != nil {
		return nil, err
	}
	out := &secretsmanagerapi.ListSecretsResponse{SecretList: make([]secretsmanagerapi.SecretListEntry, 0, len(list)), NextToken: next}
	for _, v := range list {
		out.SecretList = append(out.SecretList, s.entry(v))
	}
	return out, nil
}

// order returns what secrets are sorted by; the name tells those apart that are
// alike.
func order(by secretsmanagerapi.SortByType) func(*secret) string {
	date := func(of func(*secret) time.Time) func(*secret) string {
		return func(v *secret) string { return of(v).UTC().Format("2006-01-02T15:04:05.000") + " " + v.Name }
	}
	switch by {
	case secretsmanagerapi.SortByType_name:
		return func(v *secret) string { return v.Name }
	case secretsmanagerapi.SortByType_last_accessed_date:
		return date(func(v *secret) time.Time { return v.Accessed })
	case secretsmanagerapi.SortByType_last_changed_date:
		return date(func(v *secret) time.Time { return v.Changed })
	}
	return date(func(v *secret) time.Time { return v.Created })
}

// chunk is how many records are read at a time.
const chunk = 500

// page reads all secrets of a place and returns the page of those to keep that
// come after the token's, in order. It holds no more than a page of them.
func (s *Service) page(ctx context.Context, at place, p page, keep func(*secret) bool, place func(*secret) string, descending bool) ([]*secret, *string, error) {
	compare := func(a, b string) int { return strings.Compare(a, b) }
	if descending {
		compare = func(a, b string) int { return strings.Compare(b, a) }
	}
	type item struct {
		place string
		*secret
	}
	var best []item // at most a page and one more, sorted
	for after := ""; ; {
		list, err := s.secrets.List(ctx, s.Store, at.id()+"/", after, chunk)
		if err != nil {
			return nil, nil, err
		}
		for _, e := range list {
			after = e.ID
			if !keep(e.Value) {
				continue
			}
			x := item{place(e.Value), e.Value}
			if p.after != "" && compare(x.place, p.after) <= 0 {
				continue
			}
			i, _ := slices.BinarySearchFunc(best, x, func(a, b item) int { return compare(a.place, b.place) })
			if i > p.limit {
				continue
			}
			best = slices.Insert(best, i, x)
			best = best[:min(len(best), p.limit+1)]
		}
		if len(list) < chunk {
			break
		}
	}
	var next *string
	if len(best) > p.limit {
		best = best[:p.limit]
		next = nextToken(best[p.limit-1].place)
	}
	out := make([]*secret, len(best))
	for i, x := range best {
		out[i] = x.secret
	}
	return out, next, nil
}

// filters are those of ListSecrets and BatchGetSecretValue: a secret must match
// each of them, by any of its values.
type filters []filter

type filter struct {
	key    secretsmanagerapi.FilterNameStringType
	values []string
}

func newFilters(in []secretsmanagerapi.Filter) (filters, error) {
	var out filters
	for _, f := range in {
		switch {
		case f.Key == "":
			return nil, invalidParameter("Invalid filter key")
		case len(f.Values) == 0:
			return nil, invalidParameter("Invalid filter values for key: %s", f.Key)
		}
		out = append(out, filter{f.Key, f.Values})
	}
	return out, nil
}

func (f filters) match(v *secret) bool {
	for i := range f {
		if !slices.ContainsFunc(f[i].values, func(value string) bool { return f[i].matches(v, value) }) {
			return false
		}
	}
	return true
}

// matches: "You can prefix your search value with an exclamation mark in order to
// perform negation filters."
func (f *filter) matches(v *secret, value string) bool {
	if wanted, negated := strings.CutPrefix(value, "!"); negated {
		return !f.plainly(v, wanted)
	}
	return f.plainly(v, value)
}

// plainly: prefixes, with case but in descriptions; "all" and descriptions go
// word by word.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_Filter.html
func (f *filter) plainly(v *secret, value string) bool {
	begins := func(text string) bool { return strings.HasPrefix(text, value) }
	switch f.key {
	case secretsmanagerapi.FilterNameStringType_name:
		return begins(v.Name)
	case secretsmanagerapi.FilterNameStringType_description:
		return inWords(value, v.Description)
	case secretsmanagerapi.FilterNameStringType_tag_key:
		return slices.ContainsFunc(v.Tags, func(t tag) bool { return begins(t.Key) })
	case secretsmanagerapi.FilterNameStringType_tag_value:
		return slices.ContainsFunc(v.Tags, func(t tag) bool { return begins(t.Value) })
	case secretsmanagerapi.FilterNameStringType_primary_region:
		return begins(cmp.Or(v.Origin, v.Region))
	case secretsmanagerapi.FilterNameStringType_owning_service:
		return v.Owner != "" && begins(v.Owner)
	}
	all := []string{v.Name, v.Description, cmp.Or(v.Origin, v.Region), v.Owner}
	for _, t := range v.Tags {
		all = append(all, t.Key, t.Value)
	}
	return inWords(value, all...)
}

// inWords reports whether each word of value begins some word of the texts,
// without regard to case.
func inWords(value string, texts ...string) bool {
	wanted := words(value)
	var have []string
	for _, t := range texts {
		have = append(have, words(t)...)
	}
	for _, w := range wanted {
		if !slices.ContainsFunc(have, func(h string) bool { return strings.HasPrefix(h, w) }) {
			return false
		}
	}
	return len(wanted) > 0
}

func words(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return strings.ContainsRune(" \t\n/-_+=.@:,;!", r) })
}
