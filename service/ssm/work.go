package ssm

import (
	"context"
	"encoding/json"

	"bartizan.dev/store"
	"bartizan.dev/work"
)

// jobExpire deletes a parameter when its Expiration policy says so. The id of
// the job is the parameter's, its payload where it lies.
const jobExpire = "expire"

type expiring struct{ Account, Region, Name string }

// plan schedules the end of p, or calls it off.
func (s *Service) plan(ctx context.Context, tx store.Tx, p *parameter) error {
	at := p.expires()
	if at.IsZero() {
		return s.queue.Cancel(ctx, tx, jobExpire, p.ID)
	}
	payload, err := json.Marshal(expiring{p.Account, p.Region, p.Name})
	if err != nil {
		return err
	}
	return s.queue.Add(ctx, tx, work.Job{Kind: jobExpire, ID: p.ID, Due: at, Payload: payload})
}

func (s *Service) expire(ctx context.Context, tx store.Tx, j work.Job) error {
	var e expiring
	if err := json.Unmarshal(j.Payload, &e); err != nil {
		return err
	}
	p, err := s.find(ctx, tx, place{e.Account, e.Region}, e.Name)
	if err != nil || p == nil || p.ID != j.ID || p.expires().IsZero() || p.expires().After(s.Clock.Now()) {
		return err
	}
	return s.drop(ctx, tx, p)
}

// drop deletes a parameter with all its versions.
func (s *Service) drop(ctx context.Context, tx store.Tx, p *parameter) error {
	for n := p.Oldest; n <= p.Number; n++ {
		if err := s.versions.Delete(ctx, tx, p.versionID(n)); err != nil {
			return err
		}
	}
	if _, err := s.change(ctx, tx, p.place(), p.Tier, -1); err != nil {
		return err
	}
	if err := s.queue.Cancel(ctx, tx, jobExpire, p.ID); err != nil {
		return err
	}
	return s.parameters.Delete(ctx, tx, p.id())
}
