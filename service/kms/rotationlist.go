package kms

import (
	"context"
	"slices"
	"strings"

	api "bartizan.dev/api/kms"
)

// rotationOrder sorts rotations by time, materials that were never rotated to
// first.
func rotationOrder(r *api.RotationsListEntry) string {
	return r.RotationDate.UTC().Format("2006-01-02T15:04:05.000") + " " + *r.KeyMaterialId
}

// rotations are the materials of a key that became current by rotation, or all.
func (s *Service) rotations(ctx context.Context, t *target, all bool) ([]api.RotationsListEntry, error) {
	materials, err := s.materials.List(ctx, s.Store, t.path()+"/", "", 0)
	if err != nil {
		return nil, err
	}
	out := []api.RotationsListEntry{}
	for _, e := range materials {
		m := e.Value
		if m.Rotated == nil && !all {
			continue
		}
		r := api.RotationsListEntry{KeyId: &t.arn, KeyMaterialId: &m.ID, KeyMaterialState: m.State, RotationType: m.Kind}
		if m.Rotated != nil {
			r.RotationDate = *m.Rotated
		}
		if t.Origin == api.OriginType_EXTERNAL {
			r.ImportState = api.ImportState_IMPORTED
			if len(m.Wrapped) == 0 {
				r.ImportState = api.ImportState_PENDING_IMPORT
			}
			r.ExpirationModel = m.Expiration
			if m.ValidTo != nil {
				r.ValidTo = *m.ValidTo
			}
			if m.Description != "" {
				r.KeyMaterialDescription = &m.Description
			}
		}
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b api.RotationsListEntry) int { return strings.Compare(rotationOrder(&a), rotationOrder(&b)) })
	return out, nil
}
