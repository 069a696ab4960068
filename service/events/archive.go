package events

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	eventsapi "bartizan.dev/api/events"
	"bartizan.dev/arn"
	"bartizan.dev/pattern"
	"bartizan.dev/store"
	"bartizan.dev/work"
)

// archive keeps the events of a bus that match its pattern.
type archive struct {
	Home        place // Name is the archive's
	UID         string
	Bus         place
	Description string `json:",omitzero"`
	Pattern     string `json:",omitzero"` // empty takes every event
	Days        int32  `json:",omitzero"` // 0 keeps for ever
	Created     time.Time
}

func (a *archive) arn() string { return archiveARN(a.Home) }

func archiveARN(p place) string { return arn.New("events", p.Region, p.Account, "archive/"+p.Name) }

// tally is how much an archive holds.
type tally struct{ Count, Bytes int64 }

func archived(uid string) string { return "archived/" + uid + "/" }

// instant is the key of a time, in the order of times.
func instant(t time.Time) string { return fmt.Sprintf("%012x", max(t.UnixMilli(), 0)) }

// loadArchives adds the archives of a bus to its routes.
func (s *Service) loadArchives(ctx context.Context, r store.Reader, bus string, out *routes, changes map[string]*pattern.Pattern) error {
	ids, err := s.archives.By(ctx, r, "bus", bus, "", 0)
	if err != nil {
		return err
	}
	for _, id := range ids {
		a, err := s.archives.Get(ctx, r, id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		} else if err != nil {
			return err
		}
		if a.Pattern == "" {
			out.archives = append(out.archives, a.UID)
		} else if changes["\x00"+a.UID], err = pattern.Parse(a.Pattern); err != nil {
			return err
		}
	}
	return nil
}

// archive keeps events in their archives.
func (s *Service) archive(ctx context.Context, tx store.Tx, todo []matched) error {
	more := map[string]tally{}
	for _, m := range todo {
		for _, uid := range m.archives {
			at, err := time.Parse(time.RFC3339, m.event.Time)
			if err != nil {
				return err
			}
			if err := tx.Put(ctx, archived(uid)+instant(at)+"-"+m.event.ID, m.text); err != nil {
				return err
			}
			t := more[uid]
			more[uid] = tally{t.Count + 1, t.Bytes + int64(len(m.text))}
		}
	}
	for uid, t := range more {
		if err := s.count(ctx, tx, uid, t.Count, t.Bytes); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) count(ctx context.Context, tx store.Tx, uid string, count, bytes int64) error {
	t, err := s.tallies.Get(ctx, tx, uid)
	if errors.Is(err, store.ErrNotFound) {
		t = new(tally)
	} else if err != nil {
		return err
	}
	t.Count, t.Bytes = t.Count+count, t.Bytes+bytes
	return s.tallies.Put(ctx, tx, uid, t)
}

// checkArchive refuses what an archive cannot have.
func checkArchive(eventPattern, key *string) error {
	if text(key) != "" {
		return notValid("KmsKeyIdentifier", "Bartizan seals every event with its own keys, and takes no customer managed key for an archive.")
	}
	if text(eventPattern) != "" {
		if _, err := pattern.Parse(*eventPattern); err != nil {
			return errPattern(err)
		}
	}
	return nil
}

// CreateArchive begins to keep the events of a bus.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_CreateArchive.html
func (s *Service) CreateArchive(ctx context.Context, in *eventsapi.CreateArchiveRequest) (*eventsapi.CreateArchiveResponse, error) {
	if err := checkArchive(in.EventPattern, in.KmsKeyIdentifier); err != nil {
		return nil, err
	}
	if _, ok := placeOfARN(in.EventSourceArn); !ok {
		return nil, notValid("EventSourceArn", "Provided Arn is not in correct format.")
	}
	p, err := own(ctx, in.EventSourceArn)
	if err != nil {
		return nil, err
	}
	a := &archive{Home: place{p.Account, p.Region, in.ArchiveName}, UID: newID(), Bus: p, Description: text(in.Description), Pattern: text(in.EventPattern), Created: s.now()}
	if in.RetentionDays != nil {
		a.Days = *in.RetentionDays
	}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		if _, err := s.bus(ctx, tx, p); err != nil {
			return err
		}
		all, err := s.archives.List(ctx, tx, p.home(), "", s.Quotas.Archives)
		if err != nil {
			return err
		}
		if err := s.archives.Insert(ctx, tx, a.Home.key(), a); err != nil {
			return err
		}
		if len(all) >= s.Quotas.Archives {
			return errLimit
		}
		return s.queue.Add(ctx, tx, work.Job{Kind: jobRetain, ID: a.UID, Due: a.Created.Add(time.Hour), Payload: []byte(a.Home.key())})
	})
	if errors.Is(err, store.ErrExists) {
		return nil, alreadyExists("Archive %s already exists.", in.ArchiveName)
	} else if err != nil {
		return nil, err
	}
	return &eventsapi.CreateArchiveResponse{ArchiveArn: new(a.arn()), State: eventsapi.ArchiveState_ENABLED, CreationTime: a.Created}, nil
}

func (s *Service) archiveNamed(ctx context.Context, r store.Reader, name string) (*archive, error) {
	home, _ := placeOf(ctx, "")
	home.Name = name
	a, err := s.archives.Get(ctx, r, home.key())
	if errors.Is(err, store.ErrNotFound) {
		return nil, notFound("Archive %s does not exist.", name)
	}
	return a, err
}

// tally reads how much an archive holds.
func (s *Service) tally(ctx context.Context, a *archive) (*tally, error) {
	t, err := s.tallies.Get(ctx, s.Store, a.UID)
	if errors.Is(err, store.ErrNotFound) {
		return new(tally), nil
	}
	return t, err
}

// DescribeArchive shows an archive.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_DescribeArchive.html
func (s *Service) DescribeArchive(ctx context.Context, in *eventsapi.DescribeArchiveRequest) (*eventsapi.DescribeArchiveResponse, error) {
	a, err := s.archiveNamed(ctx, s.Store, in.ArchiveName)
	if err != nil {
		return nil, err
	}
	t, err := s.tally(ctx, a)
	if err != nil {
		return nil, err
	}
	return &eventsapi.DescribeArchiveResponse{
		ArchiveArn: new(a.arn()), ArchiveName: &a.Home.Name, EventSourceArn: new(a.Bus.arn()), Description: orNil(a.Description), EventPattern: orNil(a.Pattern),
		State: eventsapi.ArchiveState_ENABLED, RetentionDays: &a.Days, SizeBytes: &t.Bytes, EventCount: &t.Count, CreationTime: a.Created,
	}, nil
}

// UpdateArchive changes an archive. What it holds already stays.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_UpdateArchive.html
func (s *Service) UpdateArchive(ctx context.Context, in *eventsapi.UpdateArchiveRequest) (*eventsapi.UpdateArchiveResponse, error) {
	if err := checkArchive(in.EventPattern, in.KmsKeyIdentifier); err != nil {
		return nil, err
	}
	if in.EventPattern == nil && in.RetentionDays == nil && in.Description == nil {
		return nil, invalid("At least one of EventPattern, RetentionDays or Description must be provided.")
	}
	var a *archive
	_, err := s.Store.Update(ctx, func(tx store.Tx) (err error) {
		if a, err = s.archiveNamed(ctx, tx, in.ArchiveName); err != nil {
			return err
		}
		if in.EventPattern != nil {
			a.Pattern = *in.EventPattern
		}
		if in.RetentionDays != nil {
			a.Days = *in.RetentionDays
		}
		if in.Description != nil {
			a.Description = *in.Description
		}
		return s.archives.Put(ctx, tx, a.Home.key(), a)
	})
	if err != nil {
		return nil, err
	}
	return &eventsapi.UpdateArchiveResponse{ArchiveArn: new(a.arn()), State: eventsapi.ArchiveState_ENABLED, CreationTime: a.Created}, nil
}

// DeleteArchive deletes an archive; its events go soon after.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_DeleteArchive.html
func (s *Service) DeleteArchive(ctx context.Context, in *eventsapi.DeleteArchiveRequest) (*eventsapi.DeleteArchiveResponse, error) {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		a, err := s.archiveNamed(ctx, tx, in.ArchiveName)
		if err != nil {
			return err
		}
		if err := s.queue.Add(ctx, tx, work.Job{Kind: jobRetain, ID: a.UID, Due: s.now(), Payload: []byte(a.Home.key())}); err != nil {
			return err
		}
		return s.archives.Delete(ctx, tx, a.Home.key())
	})
	if err != nil {
		return nil, err
	}
	return &eventsapi.DeleteArchiveResponse{}, nil
}

// ListArchives lists the account's archives by name, all or those of a bus, with a
// prefix or in a state.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_ListArchives.html
func (s *Service) ListArchives(ctx context.Context, in *eventsapi.ListArchivesRequest) (*eventsapi.ListArchivesResponse, error) {
	given := 0
	for _, set := range []bool{in.NamePrefix != nil, in.EventSourceArn != nil, in.State != ""} {
		if set {
			given++
		}
	}
	if given > 1 {
		return nil, invalid("At most one filter is allowed for ListArchives. Use either : State, EventSourceArn, or NamePrefix.")
	}
	pg, err := newPage(in.Limit, in.NextToken)
	if err != nil {
		return nil, err
	}
	if in.EventSourceArn != nil {
		p, err := own(ctx, *in.EventSourceArn)
		if err != nil {
			return nil, err
		}
		if _, err := s.bus(ctx, s.Store, p); err != nil {
			return nil, err
		}
	}
	home, _ := placeOf(ctx, "")
	found, err := s.archives.List(ctx, s.Store, home.home()+text(in.NamePrefix), pg.from(home.home()), 0)
	if err != nil {
		return nil, err
	}
	out := &eventsapi.ListArchivesResponse{Archives: []eventsapi.Archive{}}
	for _, e := range found {
		a := e.Value
		if in.EventSourceArn != nil && *in.EventSourceArn != a.Bus.arn() || in.State != "" && in.State != eventsapi.ArchiveState_ENABLED {
			continue
		}
		t, err := s.tally(ctx, a)
		if err != nil {
			return nil, err
		}
		out.Archives = append(out.Archives, eventsapi.Archive{
			ArchiveName: &a.Home.Name, EventSourceArn: new(a.Bus.arn()), State: eventsapi.ArchiveState_ENABLED, RetentionDays: &a.Days,
			SizeBytes: &t.Bytes, EventCount: &t.Count, CreationTime: a.Created,
		})
	}
	out.Archives, out.NextToken = cut(out.Archives, pg, func(a *eventsapi.Archive) string { return *a.ArchiveName })
	return out, nil
}

// perJob is how many events one transaction deletes or replays.
const perJob = 100

// doRetain deletes what an archive has kept long enough, or all of one that is
// gone, and comes again.
func (s *Service) doRetain(ctx context.Context, tx store.Tx, j work.Job) error {
	a, err := s.archives.Get(ctx, tx, string(j.Payload))
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	now := s.now()
	gone := err != nil || a.UID != j.ID
	items, n, size := []store.Item(nil), 0, int64(0)
	if gone || a.Days > 0 {
		if items, err = tx.List(ctx, store.Range{Prefix: archived(j.ID), Limit: perJob}); err != nil {
			return err
		}
	}
	for _, item := range items {
		if !gone && strings.TrimPrefix(item.Key, archived(j.ID)) >= instant(now.AddDate(0, 0, -int(a.Days))) {
			break
		}
		if err := tx.Delete(ctx, item.Key); err != nil {
			return err
		}
		n++
		size += int64(len(item.Value))
	}
	next := now.Add(time.Hour)
	if n == perJob {
		next = now.Add(time.Millisecond)
	} else if gone {
		return s.tallies.Delete(ctx, tx, j.ID)
	}
	if err := s.count(ctx, tx, j.ID, -int64(n), -size); err != nil {
		return err
	}
	return s.queue.Add(ctx, tx, work.Job{Kind: jobRetain, ID: j.ID, Due: next, Payload: j.Payload})
}
