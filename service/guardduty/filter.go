package guardduty

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	guarddutyapi "bartizan.dev/api/guardduty"
	"bartizan.dev/arn"
	"bartizan.dev/store"
)

// maxFilters of a detector.
// https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_limits.html
const maxFilters = 100

func (d *detector) under(kind, name string) string {
	return arn.New("guardduty", d.Place.Region, d.Place.Account, "detector/"+d.ID+"/"+kind+"/"+name)
}

// suppresses says whether a filter archives a new finding.
// https://docs.aws.amazon.com/guardduty/latest/ug/findings_suppression-rule.html
func (s *Service) suppresses(ctx context.Context, r store.Reader, d *detector, f *finding) (bool, error) {
	rulers, err := s.ruling(ctx, r, d.Place, d.ID)
	if err != nil {
		return false, err
	}
	var all []store.Entry[filter]
	for _, id := range rulers {
		some, err := s.filters.List(ctx, r, id+"/", "", 0)
		if err != nil {
			return false, err
		}
		all = append(all, some...)
	}
	tree, err := f.tree()
	if err != nil {
		return false, err
	}
	for _, e := range all {
		if e.Value.Action != guarddutyapi.FilterAction_ARCHIVE {
			continue
		}
		c, err := compile(&e.Value.Criteria, true)
		if err != nil {
			return false, err
		}
		if c.match(tree) {
			return true, nil
		}
	}
	return false, nil
}

// checkFilterName: "Valid characters include period (.), underscore (_), dash (-),
// and alphanumeric characters. A whitespace is considered to be an invalid
// character."
func checkFilterName(name string) error {
	ok := func(c rune) bool {
		return c == '.' || c == '_' || c == '-' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
	}
	if strings.ContainsFunc(name, func(c rune) bool { return !ok(c) }) {
		return invalid("name")
	}
	return nil
}

// rank gives a filter its place and moves the others on. 0 is the last place.
func (s *Service) rank(ctx context.Context, tx store.Tx, f *filter, rank int32) error {
	all, err := s.filters.List(ctx, tx, f.Detector+"/", "", 0)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(e store.Entry[filter]) bool { return e.Value.Name == f.Name })
	slices.SortFunc(all, func(a, b store.Entry[filter]) int { return int(a.Value.Rank - b.Value.Rank) })
	if f.Rank = int32(len(all)) + 1; rank != 0 {
		f.Rank = min(f.Rank, rank)
	}
	for i, e := range all {
		at := int32(i) + 1
		if at >= f.Rank {
			at++
		}
		if e.Value.Rank != at {
			e.Value.Rank = at
			if err := s.filters.Put(ctx, tx, e.ID, e.Value); err != nil {
				return err
			}
		}
	}
	return s.filters.Put(ctx, tx, filterID(f.Detector, f.Name), f)
}

// CreateFilter saves criteria under a name. With the action ARCHIVE it suppresses
// findings that are new from now on.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_CreateFilter.html
func (s *Service) CreateFilter(ctx context.Context, in *guarddutyapi.CreateFilterRequest) (*guarddutyapi.CreateFilterResponse, error) {
	if err := errors.Join(checkFilterName(in.Name), checkTags(in.Tags)); err != nil {
		return nil, err
	}
	if _, err := compile(in.FindingCriteria, true); err != nil {
		return nil, err
	}
	if in.FindingCriteria == nil || len(in.FindingCriteria.Criterion) == 0 {
		return nil, invalid("findingCriteria")
	}
	now := s.now()
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		d, err := s.find(ctx, tx, in.DetectorId)
		if err != nil {
			return err
		}
		if err := s.free(ctx, tx, d); err != nil {
			return err
		}
		f := &filter{Detector: d.ID, Name: in.Name, Description: text(in.Description), Action: in.Action, Criteria: *in.FindingCriteria, Token: text(in.ClientToken), Tags: maps.Clone(in.Tags), Created: now, Updated: now, Version: 1}
		if f.Action == "" {
			f.Action = guarddutyapi.FilterAction_NOOP
		}
		all, err := s.filters.List(ctx, tx, d.ID+"/", "", 0)
		if err != nil {
			return err
		}
		for _, e := range all {
			if e.Value.Name == f.Name && f.Token != "" && e.Value.Token == f.Token {
				return nil // the same call again
			}
			if e.Value.Name == f.Name {
				return rejected(invalidInput, "The request is rejected because a filter with the given name already exists.")
			}
		}
		if len(all) >= maxFilters {
			return rejected("LimitExceededException", "The request is rejected because the current account has reached the limit of %d filters.", maxFilters)
		}
		rank := int32(1)
		if in.Rank != nil {
			rank = *in.Rank
		}
		return s.rank(ctx, tx, f, rank)
	})
	return &guarddutyapi.CreateFilterResponse{Name: in.Name}, err
}

func (s *Service) filter(ctx context.Context, r store.Reader, detectorID, name string) (*detector, *filter, error) {
	d, err := s.find(ctx, r, detectorID)
	if err != nil {
		return nil, nil, err
	}
	if checkFilterName(name) != nil {
		return nil, nil, errNothing
	}
	f, err := s.filters.Get(ctx, r, filterID(d.ID, name))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil, errNothing
	}
	return d, f, err
}

// GetFilter shows a filter.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_GetFilter.html
func (s *Service) GetFilter(ctx context.Context, in *guarddutyapi.GetFilterRequest) (*guarddutyapi.GetFilterResponse, error) {
	_, f, err := s.filter(ctx, s.Store, in.DetectorId, in.FilterName)
	if err != nil {
		return nil, err
	}
	out := &guarddutyapi.GetFilterResponse{
		Name: f.Name, Description: orNil(f.Description), Action: f.Action, Rank: &f.Rank, FindingCriteria: &f.Criteria, Tags: f.Tags,
		CreatedAt: f.Created, UpdatedAt: f.Updated, Version: &f.Version,
	}
	if out.Tags == nil {
		out.Tags = map[string]string{}
	}
	return out, nil
}

// UpdateFilter changes a filter.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_UpdateFilter.html
func (s *Service) UpdateFilter(ctx context.Context, in *guarddutyapi.UpdateFilterRequest) (*guarddutyapi.UpdateFilterResponse, error) {
	if _, err := compile(in.FindingCriteria, true); err != nil {
		return nil, err
	}
	if in.FindingCriteria != nil && len(in.FindingCriteria.Criterion) == 0 {
		return nil, invalid("findingCriteria")
	}
	now := s.now()
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		d, f, err := s.filter(ctx, tx, in.DetectorId, in.FilterName)
		if err != nil {
			return err
		}
		if err := s.free(ctx, tx, d); err != nil {
			return err
		}
		if in.Description != nil {
			f.Description = *in.Description
		}
		if in.Action != "" {
			f.Action = in.Action
		}
		if in.FindingCriteria != nil {
			f.Criteria = *in.FindingCriteria
		}
		f.Updated, f.Version = now, f.Version+1
		if in.Rank != nil {
			return s.rank(ctx, tx, f, *in.Rank)
		}
		return s.filters.Put(ctx, tx, filterID(f.Detector, f.Name), f)
	})
	return &guarddutyapi.UpdateFilterResponse{Name: in.FilterName}, err
}

// DeleteFilter deletes a filter. What it has archived stays so.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_DeleteFilter.html
func (s *Service) DeleteFilter(ctx context.Context, in *guarddutyapi.DeleteFilterRequest) (*guarddutyapi.DeleteFilterResponse, error) {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		d, f, err := s.filter(ctx, tx, in.DetectorId, in.FilterName)
		if err != nil {
			return err
		}
		if err := s.free(ctx, tx, d); err != nil {
			return err
		}
		// The last place, so that the others close up.
		if err := s.rank(ctx, tx, f, 0); err != nil {
			return err
		}
		return s.filters.Delete(ctx, tx, filterID(f.Detector, f.Name))
	})
	return &guarddutyapi.DeleteFilterResponse{}, err
}

// ListFilters lists the names of filters.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_ListFilters.html
func (s *Service) ListFilters(ctx context.Context, in *guarddutyapi.ListFiltersRequest) (*guarddutyapi.ListFiltersResponse, error) {
	d, err := s.find(ctx, s.Store, in.DetectorId)
	if err != nil {
		return nil, err
	}
	out := &guarddutyapi.ListFiltersResponse{FilterNames: []string{}}
	out.FilterNames, out.NextToken, err = listNames(ctx, s.Store, &s.filters, d.ID+"/", in.MaxResults, in.NextToken)
	return out, err
}

// listNames lists what lies below home by name.
func listNames[T any](ctx context.Context, r store.Reader, c *store.Collection[T], home string, limit *int32, token *string) ([]string, *string, error) {
	p, err := newPage(limit, token)
	if err != nil {
		return nil, nil, err
	}
	from, err := p.from(home)
	if err != nil {
		return nil, nil, err
	}
	all, err := c.List(ctx, r, home, from, p.limit+1)
	if err != nil {
		return nil, nil, err
	}
	names := make([]string, 0, len(all))
	for _, e := range all {
		names = append(names, strings.TrimPrefix(e.ID, home))
	}
	names, next := cut(names, p, func(s *string) string { return *s })
	return names, next, nil
}
