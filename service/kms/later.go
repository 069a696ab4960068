package kms

import (
	"context"
	"time"

	api "bartizan.dev/api/kms"
	"bartizan.dev/store"
	"bartizan.dev/work"
)

func (s *Service) randomFromStore(context.Context, string, int) (*api.GenerateRandomResponse, error) {
	return nil, unsupported("custom key stores are not built")
}
func (s *Service) provisionInStore(context.Context, *key, *api.CreateKeyRequest, time.Time) (*keyMaterial, error) {
	return nil, unsupported("custom key stores are not built")
}
func (s *Service) describeStore(context.Context, store.Reader, *loaded, *api.KeyMetadata) error {
	return nil
}
func (s *Service) leaveStore(context.Context, store.Tx, *key) error     { return nil }
func (s *Service) leaveRelatives(context.Context, store.Tx, *key) error { return nil }
func (s *Service) promoteImported(context.Context, store.Tx, *key, time.Time) error {
	return unsupported("import is not built")
}
func (s *Service) doExpire(context.Context, store.Tx, work.Job) error { return nil }
