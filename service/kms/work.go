package kms

import (
	"context"
	"errors"
	"strings"
	"time"

	"bartizan.dev/keys"
	"bartizan.dev/store"
	"bartizan.dev/work"
)

// What happens later. The id of a job is the path of a key, or the id of a
// material's record.
const (
	jobDelete = "delete" // a key is deleted for good
	jobRotate = "rotate" // a key gets a new material
	jobExpire = "expire" // an imported material is deleted at its end

	jobDestroy = "destroy" // a deleted key is destroyed in its HSM
)

func (s *Service) handlers() map[string]work.Handler {
	return map[string]work.Handler{
		jobDelete: work.InTx(s.doDelete),
		jobRotate: s.doRotate,
		jobExpire: work.InTx(s.doExpire),

		jobDestroy: s.doDestroy,
	}
}

func (s *Service) plan(ctx context.Context, tx store.Tx, kind, id string, due time.Time) error {
	return s.queue.Add(ctx, tx, work.Job{Kind: kind, ID: id, Due: due})
}

// doDestroy destroys a key in its HSM, and tries again while that cannot be
// reached. A store that was deleted meanwhile leaves its keys to the cluster, as
// AWS does.
func (s *Service) doDestroy(ctx context.Context, j work.Job) (func(store.Tx) error, error) {
	cut := strings.LastIndexByte(j.ID, '/')
	c, err := s.stores.Get(ctx, s.Store, j.ID[:cut])
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	v, err := s.vault(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := v.Destroy(ctx, j.ID[cut+1:]); err != nil && !errors.Is(err, keys.ErrNoKey) {
		return nil, err
	}
	return nil, nil
}
