package server

import (
	"context"
	"errors"
	"fmt"

	"bartizan.dev/keys"
)

// RotateKeys makes a new root key and a new barrier key, and seals every value
// again under the new one. The old root key stays in its file, so that backups
// made before can still be read. It returns how many values were sealed again.
//
// Of several nodes on one database one does it. The others go on, and need a
// copy of its root key when they start the next time.
func (s *Server) RotateKeys(ctx context.Context) (int, error) {
	// First the old root key: were ours not the newest, as another node has
	// rotated since, we would make one that fits nothing.
	if err := s.store.RewrapRoot(ctx); errors.Is(err, keys.ErrUnseal) {
		return 0, fmt.Errorf("the root key was rotated at another node: copy that node's in place of this one's (%s), restart, and try again: %w", s.custodian.Describe(), err)
	} else if err != nil {
		return 0, err
	}
	if err := s.custodian.Rotate(ctx); err != nil {
		return 0, err
	}
	if err := s.store.RewrapRoot(ctx); err != nil {
		return 0, err
	}
	if err := s.store.RotateBarrier(ctx); err != nil {
		return 0, err
	}
	return s.store.Reseal(ctx)
}
