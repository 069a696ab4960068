package kms

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"bartizan.dev/store"
)

// count keeps the number of an account's customer managed keys in a Region, and
// refuses one too many. AWS's own keys do not count.
// https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html#kms-keys-limit
func (s *Service) count(ctx context.Context, tx store.Tx, k *key, more int) error {
	name := "count/" + k.Account + "/" + k.Region
	n := 0
	item, err := tx.Get(ctx, name)
	switch {
	case err == nil:
		if n, err = strconv.Atoi(string(item.Value)); err != nil {
			return fmt.Errorf("kms: the number of keys: %w", err)
		}
	case !errors.Is(err, store.ErrNotFound):
		return err
	}
	if n += more; more > 0 && n > s.Quotas.Keys {
		return exceeded("The account has reached its quota of %d KMS keys in this Region.", s.Quotas.Keys)
	}
	return tx.Put(ctx, name, strconv.AppendInt(nil, int64(n), 10))
}
