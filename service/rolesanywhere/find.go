package rolesanywhere

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"

	"bartizan.dev/arn"
	"bartizan.dev/store"
)

// find returns the resource that an identifier names: its id, its ARN or the
// ARN of its alias. What is another account's or Region's is not found.
// https://docs.aws.amazon.com/rolesanywhere/latest/userguide/resource-aliases.html
func (k *kind[T]) find(ctx context.Context, r store.Reader, at place, identifier string) (*T, error) {
	id := identifier
	if strings.HasPrefix(identifier, "arn:") {
		a, err := arn.Parse(identifier)
		if err != nil || a.Service != "rolesanywhere" || a.Account != at.account || a.Region != at.region {
			return nil, notFound(k.title())
		}
		if alias, ok := strings.CutPrefix(a.Resource, "alias/"+k.name+"/"); ok {
			e, err := k.OneBy(ctx, r, "alias", at.id(alias))
			return e.Value, k.absent(err)
		}
		var ok bool
		if id, ok = strings.CutPrefix(a.Resource, k.name+"/"); !ok {
			return nil, notFound(k.title())
		}
	}
	if id == "" || strings.Contains(id, "/") {
		return nil, notFound(k.title())
	}
	v, err := k.Get(ctx, r, at.id(id))
	return v, k.absent(err)
}

func (k *kind[T]) absent(err error) error {
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrNUL) {
		return notFound(k.title())
	}
	return err
}

func (k *kind[T]) title() string {
	switch k.name {
	case "trust-anchor":
		return "TrustAnchor"
	case "crl":
		return "Crl"
	}
	return strings.ToUpper(k.name[:1]) + k.name[1:]
}

// insert writes a new resource. limit is how many the place may have; 0: any.
func (k *kind[T]) insert(ctx context.Context, tx store.Tx, v *T, limit int) error {
	h := k.head(v)
	if limit > 0 {
		have, err := k.List(ctx, tx, h.place().prefix(), "", limit)
		if err != nil {
			return err
		}
		if len(have) >= limit {
			return invalid("The account has reached its quota of %d %ss in this Region.", limit, k.name)
		}
	}
	if err := k.freeAlias(ctx, tx, h); err != nil {
		return err
	}
	return k.Insert(ctx, tx, h.place().id(h.ID), v)
}

// change applies f to a resource and writes it.
func (k *kind[T]) change(ctx context.Context, s *Service, identifier string, f func(tx store.Tx, v *T) error) (out *T, err error) {
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		v, err := k.find(ctx, tx, placeOf(ctx), identifier)
		if err != nil {
			return err
		}
		h := k.head(v)
		alias := h.Alias
		if err := f(tx, v); err != nil {
			return err
		}
		if h.Alias != alias {
			if err := k.freeAlias(ctx, tx, h); err != nil {
				return err
			}
		}
		h.Updated = s.Now().UTC()
		out = v
		return k.Put(ctx, tx, h.place().id(h.ID), v)
	})
	return out, err
}

// freeAlias refuses an alias that another resource of the kind has.
func (k *kind[T]) freeAlias(ctx context.Context, r store.Reader, h *head) error {
	if h.Alias == "" {
		return nil
	}
	e, err := k.OneBy(ctx, r, "alias", h.place().id(h.Alias))
	if errors.Is(err, store.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	if k.head(e.Value).ID != h.ID {
		return invalid("The alias %s belongs to another %s. Remove it there first.", h.Alias, k.name)
	}
	return nil
}

const (
	defaultPage = 50
	maxPage     = 1000
)

// page reads one page of the account's resources in the Region, in the order of
// their ids. A token is the last id, in base64; it is no secret.
func (k *kind[T]) page(ctx context.Context, s *Service, token *string, size *int32) (list []*T, next *string, err error) {
	at, n, after := placeOf(ctx), defaultPage, ""
	if size != nil {
		if *size < 1 {
			return nil, nil, invalid("Page size must be at least 1")
		}
		n = min(int(*size), maxPage)
	}
	if token != nil {
		raw, err := base64.RawURLEncoding.DecodeString(*token)
		if err != nil || len(raw) == 0 {
			return nil, nil, invalid("Invalid nextToken")
		}
		after = at.id(string(raw))
	}
	entries, err := k.List(ctx, s.Store, at.prefix(), after, n+1)
	if err != nil {
		return nil, nil, err
	}
	for i, e := range entries {
		if i == n {
			next = new(base64.RawURLEncoding.EncodeToString([]byte(k.head(list[n-1]).ID)))
			break
		}
		list = append(list, e.Value)
	}
	return list, next, nil
}

// text is a string of an answer, absent if it is empty.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// aliasARN is the second ARN of a resource with an alias.
func (k *kind[T]) aliasARN(h *head) *string {
	if h.Alias == "" {
		return nil
	}
	return new(h.place().arn("alias/"+k.name, h.Alias))
}

func (k *kind[T]) arn(h *head) *string { return new(h.place().arn(k.name, h.ID)) }
