package kms

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"bartizan.dev/store"
)

const grantCounts = "grants/" // PATH: how many grants a key has

// insertGrant writes a grant, unless the key has its fill.
func (s *Service) insertGrant(ctx context.Context, tx store.Tx, g *grant) error {
	n, err := s.grantCount(ctx, tx, g.Key)
	if err != nil {
		return err
	}
	if n >= s.Quotas.Grants {
		account, region, id := splitPath(g.Key)
		return exceeded("%s has reached its quota of %d grants.", keyARN(account, region, id), s.Quotas.Grants)
	}
	if err := tx.Put(ctx, grantCounts+g.Key, strconv.AppendInt(nil, int64(n+1), 10)); err != nil {
		return err
	}
	return s.grants.Insert(ctx, tx, g.id(), g)
}

func (s *Service) removeGrant(ctx context.Context, tx store.Tx, g *grant) error {
	n, err := s.grantCount(ctx, tx, g.Key)
	if err != nil {
		return err
	}
	if err := tx.Put(ctx, grantCounts+g.Key, strconv.AppendInt(nil, int64(n-1), 10)); err != nil {
		return err
	}
	return s.grants.Delete(ctx, tx, g.id())
}

func (s *Service) grantCount(ctx context.Context, r store.Reader, path string) (int, error) {
	item, err := r.Get(ctx, grantCounts+path)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	} else if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(string(item.Value))
	if err != nil {
		return 0, fmt.Errorf("kms: the number of grants of %s: %w", path, err)
	}
	return n, nil
}
