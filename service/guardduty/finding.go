package guardduty

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	guarddutyapi "bartizan.dev/api/guardduty"
	"bartizan.dev/store"
)

// ranked is a finding with what it is sorted by.
type ranked struct {
	*finding
	key string
}

// after is where a page ends: what the last finding is sorted by, and its id.
func (r *ranked) after() string { return r.key + "\x00" + r.ID }

// collect returns the findings that meet the criteria.
func (s *Service) collect(ctx context.Context, d *detector, c criteria, f func(*finding, map[string]any) error) error {
	ids, err := s.seenBy(ctx, s.Store, d)
	if err != nil {
		return err
	}
	const page = 500
	for _, id := range ids {
		for after := ""; ; {
			all, err := s.findings.List(ctx, s.Store, id+"/", after, page)
			if err != nil {
				return err
			}
			for _, e := range all {
				tree, err := e.Value.tree()
				if err != nil {
					return err
				}
				if c.match(tree) {
					if err := f(e.Value, tree); err != nil {
						return err
					}
				}
			}
			if len(all) < page {
				break
			}
			after = all[len(all)-1].ID
		}
	}
	return nil
}

// sorted is the path of an attribute to sort by.
func sorted(in *guarddutyapi.SortCriteria) (path []string, down bool, err error) {
	if in == nil {
		return nil, false, nil
	}
	if text(in.AttributeName) != "" {
		at := attributes[*in.AttributeName]
		if at == "" {
			return nil, false, invalid("sortCriteria.attributeName")
		}
		path = strings.Split(at, ".")
	}
	return path, in.OrderBy == guarddutyapi.OrderBy_DESC, nil
}

// sortKey is what stands at a path, in a form in which texts sort as numbers do.
func sortKey(tree map[string]any, path []string) string {
	if path == nil {
		return ""
	}
	at := valuesAt(nil, tree, path)
	if len(at) == 0 {
		return ""
	}
	if at[0].isNum {
		return fmt.Sprintf("%024.6f", at[0].number)
	}
	return at[0].text
}

// order sorts findings by key, then by id.
func order(all []ranked, down bool) {
	slices.SortFunc(all, func(a, b ranked) int {
		c := cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.ID, b.ID))
		if down {
			return -c
		}
		return c
	})
}

// ListFindings lists ids of findings.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_ListFindings.html
func (s *Service) ListFindings(ctx context.Context, in *guarddutyapi.ListFindingsRequest) (*guarddutyapi.ListFindingsResponse, error) {
	d, err := s.find(ctx, s.Store, in.DetectorId)
	if err != nil {
		return nil, err
	}
	p, err := newPage(in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	c, err := compile(in.FindingCriteria, false)
	if err != nil {
		return nil, err
	}
	path, down, err := sorted(in.SortCriteria)
	if err != nil {
		return nil, err
	}
	lastKey, lastID, ok := strings.Cut(p.after, "\x00")
	if p.after != "" && !ok {
		return nil, errToken
	}
	var all []ranked
	err = s.collect(ctx, d, c, func(f *finding, tree map[string]any) error {
		r := ranked{f, sortKey(tree, path)}
		at := cmp.Or(cmp.Compare(r.key, lastKey), cmp.Compare(r.ID, lastID))
		if p.after == "" || !down && at > 0 || down && at < 0 {
			all = append(all, r)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	order(all, down)
	out := &guarddutyapi.ListFindingsResponse{FindingIds: []string{}}
	all, out.NextToken = cut(all, p, func(r *ranked) string { return r.after() })
	for _, r := range all {
		out.FindingIds = append(out.FindingIds, r.ID)
	}
	return out, nil
}

// finding finds a finding that a detector's owner sees.
func (s *Service) finding(ctx context.Context, r store.Reader, seen []string, id string) (*finding, string, error) {
	for _, detector := range seen {
		if strings.ContainsRune(id, 0) {
			break
		}
		at := findingID(detector, id)
		f, err := s.findings.Get(ctx, r, at)
		if !errors.Is(err, store.ErrNotFound) {
			return f, at, err
		}
	}
	return nil, "", store.ErrNotFound
}

// GetFindings shows findings. Those that are not there are left out.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_GetFindings.html
func (s *Service) GetFindings(ctx context.Context, in *guarddutyapi.GetFindingsRequest) (*guarddutyapi.GetFindingsResponse, error) {
	d, err := s.find(ctx, s.Store, in.DetectorId)
	if err != nil {
		return nil, err
	}
	seen, err := s.seenBy(ctx, s.Store, d)
	if err != nil {
		return nil, err
	}
	path, down, err := sorted(in.SortCriteria)
	if err != nil {
		return nil, err
	}
	var all []ranked
	for i, id := range in.FindingIds {
		if slices.Contains(in.FindingIds[:i], id) {
			continue
		}
		f, _, err := s.finding(ctx, s.Store, seen, id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		} else if err != nil {
			return nil, err
		}
		tree, err := f.tree()
		if err != nil {
			return nil, err
		}
		all = append(all, ranked{f, sortKey(tree, path)})
	}
	if in.SortCriteria != nil {
		order(all, down)
	}
	out := &guarddutyapi.GetFindingsResponse{Findings: make([]guarddutyapi.Finding, len(all))}
	for i, r := range all {
		if err := r.show(&out.Findings[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// show fills AWS's shape, whose members have the names that detect's JSON has.
func (f *finding) show(out *guarddutyapi.Finding) error {
	data, err := json.Marshal(&f.Finding)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, out); err != nil {
		return err
	}
	out.Service.UserFeedback = orNil(f.Feedback)
	return nil
}

// eachNamed changes the findings with some ids in one transaction.
func (s *Service) eachNamed(ctx context.Context, detectorID string, ids []string, f func(*finding)) error {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		d, err := s.find(ctx, tx, detectorID)
		if err != nil {
			return err
		}
		if err := s.free(ctx, tx, d); err != nil {
			return err
		}
		seen, err := s.seenBy(ctx, tx, d)
		if err != nil {
			return err
		}
		for _, id := range ids {
			v, at, err := s.finding(ctx, tx, seen, id)
			if errors.Is(err, store.ErrNotFound) {
				return errNothing
			} else if err != nil {
				return err
			}
			f(v)
			if err := s.findings.Put(ctx, tx, at, v); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

// ArchiveFindings archives findings: they stay, and nobody is told of them again.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_ArchiveFindings.html
func (s *Service) ArchiveFindings(ctx context.Context, in *guarddutyapi.ArchiveFindingsRequest) (*guarddutyapi.ArchiveFindingsResponse, error) {
	return &guarddutyapi.ArchiveFindingsResponse{}, s.eachNamed(ctx, in.DetectorId, in.FindingIds, func(f *finding) { f.Service.Archived = true })
}

// UnarchiveFindings takes findings back from the archive.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_UnarchiveFindings.html
func (s *Service) UnarchiveFindings(ctx context.Context, in *guarddutyapi.UnarchiveFindingsRequest) (*guarddutyapi.UnarchiveFindingsResponse, error) {
	return &guarddutyapi.UnarchiveFindingsResponse{}, s.eachNamed(ctx, in.DetectorId, in.FindingIds, func(f *finding) { f.Service.Archived, f.Suppressed = false, false })
}

// UpdateFindingsFeedback notes whether findings were useful.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_UpdateFindingsFeedback.html
func (s *Service) UpdateFindingsFeedback(ctx context.Context, in *guarddutyapi.UpdateFindingsFeedbackRequest) (*guarddutyapi.UpdateFindingsFeedbackResponse, error) {
	return &guarddutyapi.UpdateFindingsFeedbackResponse{}, s.eachNamed(ctx, in.DetectorId, in.FindingIds, func(f *finding) {
		f.Feedback, f.Comments = string(in.Feedback), text(in.Comments)
	})
}
