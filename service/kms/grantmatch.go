package kms

import (
	"context"
	"errors"
	"slices"
	"strings"

	api "bartizan.dev/api/kms"
	"bartizan.dev/caller"
	"bartizan.dev/policy"
	"bartizan.dev/store"
)

// grantFor looks for a grant that allows the caller the operation on the key.
// Most keys have none, which one look into a cache tells. Otherwise what is read
// are the grants of this caller, however many the key has for others.
func (s *Service) grantFor(ctx context.Context, t *target, u *use, touch *policy.Touch) error {
	if any, err := s.granted.Get(ctx, t.name); err != nil || !any {
		return err
	}
	call := caller.From(ctx)
	grants, err := s.grants_.Get(ctx, grantsOf(t.name, &call.Identity))
	if err != nil {
		return err
	}
	for i := range grants {
		g := grants[i].grant
		if !slices.Contains(g.Operations, u.grant) || !g.sourceIs(call) || !g.admits(u.grant, &t.context) || u.fits != nil && !u.fits(g) {
			continue
		}
		if call.Identity.Kind != caller.Root && strings.HasSuffix(g.Grantee, ":root") {
			// To the account, which passes it on by its own policies, as with a key
			// policy that names it.
			set, err := s.sets.compile(t.Account, delegation(g.Grantee, u.action))
			if err != nil {
				return err
			}
			touch.Policy = policy.Join(t.set, set)
			continue
		}
		touch.Grant = &grants[i].source
		return nil
	}
	return nil
}

func delegation(account, action string) string {
	return `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"` + account + `"},"Action":"` + action + `","Resource":"*"}}`
}

// granteeNames are the names under which a caller can be a grantee.
// https://docs.aws.amazon.com/kms/latest/developerguide/create-grant-overview.html
func granteeNames(id *caller.Identity) []string {
	var names []string
	own, account := ownNames(id)
	for _, name := range own {
		if name != "" {
			names = append(names, name)
		}
	}
	if account {
		names = append(names, rootARN(id.Account))
	}
	return names
}

// ownNames are those of a caller alone. account says that grants to its account
// are for it too.
func ownNames(id *caller.Identity) (own [2]string, account bool) {
	switch id.Kind {
	case caller.User:
		return [2]string{id.ID}, true
	case caller.Role:
		return [2]string{id.Session.IssuerID, id.ID}, true
	case caller.Federated:
		return [2]string{id.ARN}, true
	case caller.Root:
		return own, true
	case caller.Service:
		return [2]string{id.Service}, false
	}
	return own, false
}

// grantsOf names the grants of a key for a caller: what loadGrants reads. It is
// granteeNames in one allocation.
func grantsOf(path string, id *caller.Identity) string {
	var room [256]byte
	b := append(append(room[:0], path...), '|')
	own, account := ownNames(id)
	for _, name := range own {
		if name != "" {
			b = append(append(b, name...), '\n')
		}
	}
	if account {
		b = append(append(append(b, rootBefore...), id.Account...), rootAfter...)
	}
	return string(b)
}

// heldGrant is a grant with the name that decisions know it by. It is shared by
// calls and does not change.
type heldGrant struct {
	*grant
	source policy.Source
}

func (s *Service) loadGranted(ctx context.Context, r store.Reader, path string) (bool, error) {
	items, err := s.grants.List(ctx, r, path+"/", "", 1)
	return len(items) > 0, err
}

// loadGrants reads the grants of a key, path, for the names that follow it.
func (s *Service) loadGrants(ctx context.Context, r store.Reader, name string) ([]heldGrant, error) {
	path, grantees, _ := strings.Cut(name, "|")
	account, region, keyID := splitPath(path)
	key := ref{account: account, region: region, id: keyID}
	var out []heldGrant
	for grantee := range strings.SplitSeq(grantees, "\n") {
		if grantee == "" {
			continue
		}
		ids, err := s.grants.By(ctx, r, "grantee", path+"|"+grantee, "", 0)
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			g, err := s.grants.Get(ctx, r, id)
			if errors.Is(err, store.ErrNotFound) {
				continue // ended since the index was read
			} else if err != nil {
				return nil, err
			}
			out = append(out, heldGrant{g, policy.Source{Type: policy.Grant, Name: g.ID, ARN: key.arn()}})
		}
	}
	return out, nil
}

// sourceIs reports whether the call of a service is for the resource that the
// grant is for.
func (g *grant) sourceIs(call *caller.Call) bool {
	return g.SourceARN == "" || g.SourceARN == call.SourceARN
}

// admits reports whether the grant's constraints hold. They are on operations
// that take an encryption context; the others are not bound by them.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_GrantConstraints.html
func (g *grant) admits(op api.GrantOperation, ec *encryptionContext) bool {
	if !takesContext(op) {
		return true
	}
	if g.Equals != nil && !equalContext(ec.pairs, g.Equals) {
		return false
	}
	return contains(ec.pairs, g.Subset)
}

// equalContext reports whether a context is what a constraint asks for. In a
// constraint, keys are not case-sensitive; values are.
func equalContext(context, constraint map[string]string) bool {
	return len(context) == len(constraint) && contains(context, constraint) && contains(constraint, context)
}

func contains(all, part map[string]string) bool {
	for k, v := range part {
		if all[k] == v && v != "" {
			continue
		}
		if !has(all, k, v) {
			return false
		}
	}
	return true
}

func has(all map[string]string, key, value string) bool {
	for k, v := range all {
		if v == value && strings.EqualFold(k, key) {
			return true
		}
	}
	return false
}

func takesContext(op api.GrantOperation) bool {
	switch op {
	case api.GrantOperation_Encrypt, api.GrantOperation_Decrypt, api.GrantOperation_ReEncryptFrom, api.GrantOperation_ReEncryptTo,
		api.GrantOperation_GenerateDataKey, api.GrantOperation_GenerateDataKeyWithoutPlaintext,
		api.GrantOperation_GenerateDataKeyPair, api.GrantOperation_GenerateDataKeyPairWithoutPlaintext:
		return true
	}
	return false
}
