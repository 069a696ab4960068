package guardduty

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"time"

	"bartizan.dev/store"
	"bartizan.dev/work"
)

// publish sends the event of a finding as it is now. A run that dies after that is
// repeated: EventBridge promises at least one, as with AWS.
func (s *Service) publish(ctx context.Context, j work.Job) (func(store.Tx) error, error) {
	f, err := s.findings.Get(ctx, s.Store, j.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	if !f.Service.Archived {
		detail, err := f.detail()
		if err != nil {
			return nil, err
		}
		to := []string{f.AccountID}
		// "The administrator account receives the events of its members."
		admin, err := s.administrator(ctx, s.Store, place{f.AccountID, f.Region})
		if err != nil {
			return nil, err
		}
		if admin != nil {
			to = append(to, admin.Admin.Account)
		}
		for _, account := range to {
			if err := s.Publish(ctx, Event{Account: account, Region: f.Region, DetailType: "GuardDuty Finding", Detail: detail}); err != nil {
				return nil, err
			}
		}
	}
	sent, at, told := f.Changed, s.now(), !f.Service.Archived
	return func(tx store.Tx) error {
		f, err := s.findings.Get(ctx, tx, j.ID)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		} else if err != nil {
			return err
		}
		f.Due = time.Time{}
		if told {
			f.Published = at
		}
		if told && !f.Changed.Equal(sent) { // it was seen again meanwhile
			d, err := s.detectors.Get(ctx, tx, place{f.AccountID, f.Region}.id())
			if errors.Is(err, store.ErrNotFound) {
				return nil
			} else if err != nil {
				return err
			}
			if err := s.announce(ctx, tx, d, f, at); err != nil {
				return err
			}
		}
		return s.findings.Put(ctx, tx, j.ID, f)
	}, nil
}

// detail is a finding as events and exports show it: AWS's JSON, with < > & as
// they are.
func (f *finding) detail() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(&f.Finding)
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'}), err
}

// expire deletes a finding that has not changed for 90 days.
func (s *Service) expire(ctx context.Context, tx store.Tx, j work.Job) error {
	f, err := s.findings.Get(ctx, tx, j.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	if due := f.Changed.Add(kept); due.After(s.now()) {
		return s.queue.Add(ctx, tx, work.Job{Kind: jobExpire, ID: j.ID, Due: due})
	}
	return errors.Join(s.findings.Delete(ctx, tx, j.ID), s.queue.Cancel(ctx, tx, jobPublish, j.ID))
}
