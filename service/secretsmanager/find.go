package secretsmanager

import (
	"context"
	"errors"
	"strings"

	secretsmanagerapi "bartizan.dev/api/secretsmanager"
	"bartizan.dev/arn"
	"bartizan.dev/caller"
	"bartizan.dev/store"
)

// checkName: "The secret name can contain ASCII letters, numbers, and the
// following characters: /_+=.@-", and AWS's message adds the exclamation mark.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
func checkName(name string) error {
	for i := range len(name) {
		c := name[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("/_+=.@!-", c) >= 0 {
			continue
		}
		return errName
	}
	return nil
}

// checkToken refuses a ClientRequestToken that is missing or could not be a
// version's id.
func checkToken(token *string) error {
	if token == nil {
		return errToken
	}
	for i := range len(*token) {
		if c := (*token)[i]; c <= ' ' || c > '~' {
			return invalidParameter("ClientRequestToken may have printable ASCII characters only.")
		}
	}
	return nil
}

// secretID is what a SecretId says: a name, a complete ARN, or one without its
// last seven characters.
type secretID struct {
	place
	name   string
	suffix string // empty: any
}

// parseID reads a SecretId. One that ends with a hyphen and six characters is
// taken for a complete ARN.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot.html#ARN_secretnamehyphen
func parseID(ctx context.Context, id string) (secretID, error) {
	out := secretID{place: placeOf(ctx), name: id}
	if !strings.HasPrefix(id, "arn:") {
		return out, checkName(id)
	}
	a, err := arn.Parse(id)
	if err != nil || a.Partition != arn.Partition || a.Service != "secretsmanager" || !arn.IsAccount(a.Account) || !strings.HasPrefix(a.Resource, "secret:") {
		return out, errNotFound
	}
	out.place, out.name = place{a.Account, a.Region}, strings.TrimPrefix(a.Resource, "secret:")
	if a.Region != caller.From(ctx).Region {
		return out, errNotFound
	}
	if name, suffix, ok := cutSuffix(out.name); ok {
		out.name, out.suffix = name, suffix
	}
	if checkName(out.name) != nil {
		return out, errNotFound
	}
	return out, nil
}

func cutSuffix(name string) (before, suffix string, ok bool) {
	i := len(name) - 7
	if i < 1 || name[i] != '-' {
		return "", "", false
	}
	for _, c := range []byte(name[i+1:]) {
		if strings.IndexByte(suffixAlphabet, c) < 0 {
			return "", "", false
		}
	}
	return name[:i], name[i+1:], true
}

// find returns the secret that a SecretId means.
func (s *Service) find(ctx context.Context, r store.Reader, id string) (*secret, error) {
	ref, err := parseID(ctx, id)
	if err != nil {
		return nil, err
	}
	return s.get(ctx, r, ref)
}

func (s *Service) get(ctx context.Context, r store.Reader, ref secretID) (*secret, error) {
	v, err := s.secrets.Get(ctx, r, ref.key(ref.name))
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrTooLarge) {
		return nil, errNotFound
	} else if err != nil {
		return nil, err
	}
	if ref.suffix != "" && ref.suffix != v.Suffix {
		return nil, errNotFound
	}
	return v, nil
}

// active is find for operations that a secret marked for deletion refuses.
func (s *Service) active(ctx context.Context, id string) (*secret, error) {
	v, err := s.find(ctx, s.Store, id)
	if err == nil && !v.Deleted.IsZero() {
		return nil, errDeleted
	}
	return v, err
}

// writable is active for operations that a replica refuses, as does a secret
// that another service manages when the call does not come through it.
func (s *Service) writable(ctx context.Context, id string) (*secret, error) {
	v, err := s.active(ctx, id)
	if err != nil {
		return nil, err
	}
	return v, v.changeable(ctx)
}

func (v *secret) changeable(ctx context.Context) error {
	if v.Primary != "" {
		return errReplica
	}
	if v.Owner != "" && owner(ctx) != v.Owner {
		return invalidRequest("You can't perform this operation on the secret because it is managed by the service %s. Use that service to change it.", v.Owner)
	}
	return nil
}

// owner is the service that a call comes from or through, such as rds; "" for
// one that a user made.
func owner(ctx context.Context) string {
	c := caller.From(ctx)
	principal := c.Identity.Service
	if len(c.Via) > 0 {
		principal = c.Via[len(c.Via)-1]
	}
	name, _, _ := strings.Cut(principal, ".")
	return name
}

// change runs fn on a secret in a transaction and keeps what it made of it, for
// the replicas too: those in other Regions in the same transaction, the one in
// another account, which has a key of its own, after it.
func (s *Service) change(ctx context.Context, was *secret, fn func(store.Tx, *secret) error) (*secret, error) {
	var out *secret
	behind := false
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		v, err := s.same(ctx, tx, was)
		if err != nil {
			return err
		}
		if !v.Deleted.IsZero() {
			return errDeleted
		}
		before, to := v.shared(), v.Across
		if err := fn(tx, v); err != nil {
			return err
		}
		out = v
		if behind = v.Across.live() && v.Across.stillHolds(to) && !sameLabels(before, v.shared()); behind {
			if err := s.setAcross(ctx, tx, v, secretsmanagerapi.StatusType_InProgress, ""); err != nil {
				return err
			}
		}
		return s.save(ctx, tx, v)
	})
	if err == nil && behind {
		s.copyAcross(ctx, out)
	}
	return out, err
}

// save writes a secret that has changed.
func (s *Service) save(ctx context.Context, tx store.Tx, v *secret) error {
	v.Changed = s.now()
	if err := s.secrets.Put(ctx, tx, v.key(), v); err != nil {
		return err
	}
	return s.mirror(ctx, tx, v)
}
