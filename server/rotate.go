package server

import "context"

// RotateKeys makes a new root key and a new barrier key, and seals every value
// again under the new one. The old root key stays in its file, so that backups
// made before can still be read. It returns how many values were sealed again.
func (s *Server) RotateKeys(ctx context.Context) (int, error) {
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
