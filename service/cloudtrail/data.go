package cloudtrail

import (
	"context"
	"slices"
	"strings"

	cloudtrailapi "bartizan.dev/api/cloudtrail"
	"bartizan.dev/store"
)

// dataSuffix is what the Region of a data event has behind it in the trail. The
// gateway writes it.
const dataSuffix = "/data"

// LogsData reports whether a trail or an event data store wants an account's data
// events about a type of resources. Who cannot tell says yes: what is recorded
// and not wanted is delivered to nobody.
func (s *Service) LogsData(ctx context.Context, account, kind string) bool {
	kinds, err := s.data.Get(ctx, account)
	if err != nil || slices.Contains(kinds, kind) {
		return true
	}
	if s.Organization == nil {
		return false
	}
	org, _, _, err := s.Organization(ctx, account)
	if err != nil || org == "" {
		return err != nil
	}
	kinds, err = s.data.Get(ctx, orgKey+org)
	return err != nil || slices.Contains(kinds, kind)
}

const orgKey = "org/"

// loadData finds the types for an account, or for a whole organization.
func (s *Service) loadData(ctx context.Context, r store.Reader, key string) ([]string, error) {
	var out []string
	if org, ok := strings.CutPrefix(key, orgKey); ok {
		ids, err := s.trails.By(ctx, r, "org", org, "", 0)
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			t, err := s.trails.Get(ctx, r, id)
			if err != nil {
				return nil, err
			}
			out = append(out, t.dataTypes()...)
		}
		return out, nil
	}
	trails, err := s.trails.List(ctx, r, key+"/", "", 0)
	if err != nil {
		return nil, err
	}
	for _, e := range trails {
		out = append(out, e.Value.dataTypes()...)
	}
	stores, err := s.stores.List(ctx, r, key+"/", "", 0)
	for _, e := range stores {
		if e.Value.Status == cloudtrailapi.EventDataStoreStatus_ENABLED {
			out = append(out, dataTypes(e.Value.Selectors)...)
		}
	}
	return out, err
}

// dataTypes are the types whose data events a trail logs now.
func (r *record) dataTypes() []string {
	if !r.Logging {
		return nil
	}
	out := dataTypes(r.Advanced)
	for i := range r.Selectors {
		for j := range r.Selectors[i].DataResources {
			out = append(out, text(r.Selectors[i].DataResources[j].Type))
		}
	}
	return out
}

// dataTypes are those of selectors: each of data events has one.
func dataTypes(list []cloudtrailapi.AdvancedEventSelector) (out []string) {
	for i := range list {
		for _, f := range list[i].FieldSelectors {
			if f.Field == "resources.type" {
				out = append(out, f.Equals...)
			}
		}
	}
	return out
}
