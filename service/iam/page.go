package iam

import (
	"encoding/base64"

	"bartizan.dev/wire"
)

// defaultItems is how many items a page has unless MaxItems says otherwise.
const defaultItems = 100

// A page is what all List operations share: MaxItems, Marker, IsTruncated.
type page struct {
	after string // id of the last item of the page before
	limit int
}

// newPage reads MaxItems and Marker. A marker is the id of the last item, in
// base64; it is no secret and gives no rights.
func newPage(maxItems *int32, marker *string) (page, error) {
	p := page{limit: defaultItems}
	if maxItems != nil {
		p.limit = int(*maxItems)
	}
	if marker != nil {
		raw, err := base64.URLEncoding.DecodeString(*marker)
		if err != nil {
			return p, wire.Errorf("ValidationError", "Invalid Marker: %s", *marker)
		}
		p.after = string(raw)
	}
	return p, nil
}

// markerFor is the marker that continues after the id.
func markerFor(id string) *string {
	return new(base64.URLEncoding.EncodeToString([]byte(id)))
}

// cut returns the items of a page out of a sorted list that is in memory, and
// the marker of the next page. id gives an item's place in the order.
func cut[T any](p page, items []T, id func(T) string) (out []T, truncated *bool, marker *string) {
	out = []T{}
	last := p.after
	for _, item := range items {
		if p.after != "" && id(item) <= p.after {
			continue
		}
		if len(out) == p.limit {
			return out, new(true), markerFor(last)
		}
		out = append(out, item)
		last = id(item)
	}
	return out, new(false), nil
}
