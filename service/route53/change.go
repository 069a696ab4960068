package route53

import (
	"context"
	"errors"
	"time"

	route53api "bartizan.dev/api/route53"
	"bartizan.dev/store"
	"bartizan.dev/wire"
	"bartizan.dev/work"
)

const (
	jobForget = "forget" // the id is that of a change
	// keepChanges is how long GetChange knows of a change.
	keepChanges = 30 * 24 * time.Hour
)

// submit notes that a transaction is a change.
func (s *Service) submit(ctx context.Context, tx store.Tx, comment string) (*change, error) {
	c := &change{ID: newID("C"), Comment: comment, Submitted: s.now().UnixMilli()}
	key := account(ctx) + "/" + c.ID
	if err := s.changes.Insert(ctx, tx, key, c); err != nil {
		return nil, err
	}
	return c, s.queue.Add(ctx, tx, work.Job{Kind: jobForget, ID: key, Due: s.now().Add(keepChanges)})
}

func (s *Service) doForget(ctx context.Context, tx store.Tx, j work.Job) error {
	return s.changes.Delete(ctx, tx, j.ID)
}

func (c *change) shown(status route53api.ChangeStatus) *route53api.ChangeInfo {
	out := &route53api.ChangeInfo{Id: "/change/" + c.ID, Status: status, SubmittedAt: time.UnixMilli(c.Submitted).UTC()}
	if c.Comment != "" {
		out.Comment = &c.Comment
	}
	return out
}

// GetChange tells whether a change is answered by the DNS servers. It waits for
// that on this node, which takes milliseconds.
// https://docs.aws.amazon.com/Route53/latest/APIReference/API_GetChange.html
func (s *Service) GetChange(ctx context.Context, in *route53api.GetChangeRequest) (*route53api.GetChangeResponse, error) {
	id := bareID(in.Id)
	c, err := s.changes.Get(ctx, s.Store, account(ctx)+"/"+id)
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrTooLarge) {
		return nil, wire.Errorf("NoSuchChange", "A change with the specified change ID %s does not exist.", id)
	} else if err != nil {
		return nil, err
	}
	if s.Served != nil {
		if err := s.Served(ctx); err != nil {
			return nil, err
		}
	}
	return &route53api.GetChangeResponse{ChangeInfo: c.shown(route53api.ChangeStatus_INSYNC)}, nil
}
