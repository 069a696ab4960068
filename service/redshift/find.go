package redshift

import (
	"context"
	"errors"
	"slices"
	"strings"

	"bartizan.dev/store"
	"bartizan.dev/wire"
)

func invalid(format string, args ...any) error {
	return wire.Errorf("InvalidParameterValue", format, args...)
}

func (k *kind[T]) notFound(id string) error {
	return wire.Errorf(k.title+"NotFoundFault", "The %s %s does not exist.", k.words, id).WithStatus(400)
}

// find returns a resource of a place.
func (k *kind[T]) find(ctx context.Context, r store.Reader, at place, id string) (*T, error) {
	v, err := k.Get(ctx, r, at.id(id))
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrNUL) {
		return nil, k.notFound(id)
	}
	return v, err
}

// maxIdentifier is how long an identifier may be: what Redshift's other
// identifiers may be.
const maxIdentifier = 255

// checkIdentifier: letters, digits and hyphens, beginning with a letter, with no
// two hyphens in a row and none at the end, as Redshift's identifiers are.
// https://docs.aws.amazon.com/redshift/latest/APIReference/API_CreateCluster.html
func (k *kind[T]) checkIdentifier(id string) error {
	bad := id == "" || len(id) > maxIdentifier || strings.Contains(id, "--") || strings.HasSuffix(id, "-")
	for i, c := range []byte(id) {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c != '-' && (c < '0' || c > '9')) {
			bad = true
		}
	}
	if bad {
		return invalid("The %s identifier %s is not valid. Identifiers must begin with a letter; must contain only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two consecutive hyphens.", k.words, id)
	}
	return nil
}

// insert writes a new resource of a place that may have so many.
func (k *kind[T]) insert(ctx context.Context, s store.Store, v *T, limit int) error {
	h := k.head(v)
	_, err := s.Update(ctx, func(tx store.Tx) error {
		have, err := k.List(ctx, tx, h.place().prefix(), "", limit)
		if err != nil {
			return err
		}
		if len(have) >= limit {
			// The fault that exists comes first, as it is about this identifier.
			if _, err := k.Get(ctx, tx, h.place().id(h.ID)); errors.Is(err, store.ErrNotFound) {
				return wire.Errorf(k.title+"QuotaExceededFault", "The account has reached its quota of %d %ss in this Region.", limit, k.words)
			}
		}
		return k.Insert(ctx, tx, h.place().id(h.ID), v)
	})
	if errors.Is(err, store.ErrExists) {
		return wire.Errorf(k.title+"AlreadyExistsFault", "The %s %s already exists.", k.words, h.ID)
	}
	return err
}

// remove deletes a resource.
func (k *kind[T]) remove(ctx context.Context, s store.Store, id string) error {
	at := placeOf(ctx)
	_, err := s.Update(ctx, func(tx store.Tx) error {
		if _, err := k.find(ctx, tx, at, id); err != nil {
			return err
		}
		return k.Delete(ctx, tx, at.id(id))
	})
	return err
}

// query is what the three Describe operations have in common.
type query struct {
	id           *string
	size         *int32
	marker       *string
	keys, values []string
}

// describe lists the resources of a place that a query is about.
func (k *kind[T]) describe(ctx context.Context, s store.Store, q query) (list []*T, next *string, err error) {
	at := placeOf(ctx)
	if q.id != nil {
		v, err := k.find(ctx, s, at, *q.id)
		if err != nil {
			return nil, nil, err
		}
		if !tagged(k.head(v), q.keys, q.values) {
			return nil, nil, nil
		}
		return []*T{v}, nil, nil
	}
	entries, err := k.List(ctx, s, at.prefix(), "", 0)
	if err != nil {
		return nil, nil, err
	}
	var names []string
	for _, e := range entries {
		if h := k.head(e.Value); tagged(h, q.keys, q.values) {
			list, names = append(list, e.Value), append(names, h.ID)
		}
	}
	from, to, next, err := window(names, q.marker, q.size)
	if err != nil {
		return nil, nil, err
	}
	return list[from:to], next, nil
}

// tagged says whether a resource has one of the keys and one of the values, each
// if there are any.
func tagged(h *head, keys, values []string) bool {
	has := func(want []string, of func(tag) string) bool {
		return len(want) == 0 || slices.ContainsFunc(h.Tags, func(t tag) bool { return slices.Contains(want, of(t)) })
	}
	return has(keys, func(t tag) string { return t.Key }) && has(values, func(t tag) string { return t.Value })
}

// window returns the part of a sorted list that begins after the marker, which
// is the name of the last one before it.
func window(names []string, marker *string, size *int32) (from, to int, next *string, err error) {
	most := 100
	if size != nil {
		if most = int(*size); most < 20 || most > 100 {
			return 0, 0, nil, invalid("Invalid value %d for MaxRecords. Must be between 20 and 100", most)
		}
	}
	if marker != nil && *marker != "" {
		i, found := slices.BinarySearch(names, *marker)
		if !found {
			return 0, 0, nil, invalid("The parameter Marker is invalid.")
		}
		from = i + 1
	}
	to = min(from+most, len(names))
	if to < len(names) {
		next = &names[to-1]
	}
	return from, to, next, nil
}
