package kms

import (
	"context"
	"maps"
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
	path := t.path()
	if any, err := s.granted.Get(ctx, path); err != nil || !any {
		return err
	}
	call := caller.From(ctx)
	grants, err := s.grants_.Get(ctx, path+"|"+strings.Join(granteeNames(&call.Identity), "\n"))
	if err != nil {
		return err
	}
	for _, g := range grants {
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
		touch.Grant = &policy.Source{Type: policy.Grant, Name: g.ID, ARN: t.arn}
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
	switch id.Kind {
	case caller.User:
		return []string{id.ID, rootARN(id.Account)}
	case caller.Role:
		return []string{id.Session.IssuerID, id.ID, rootARN(id.Account)}
	case caller.Federated:
		return []string{id.ARN, rootARN(id.Account)}
	case caller.Root:
		return []string{rootARN(id.Account)}
	case caller.Service:
		return []string{id.Service}
	}
	return nil
}

func (s *Service) loadGranted(ctx context.Context, r store.Reader, path string) (bool, error) {
	items, err := s.grants.List(ctx, r, path+"/", "", 1)
	return len(items) > 0, err
}

// loadGrants reads the grants of a key, path, for the names that follow it.
func (s *Service) loadGrants(ctx context.Context, r store.Reader, name string) ([]*grant, error) {
	path, grantees, _ := strings.Cut(name, "|")
	var out []*grant
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
			if err != nil {
				return nil, err
			}
			out = append(out, g)
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
	if g.Equals != nil && !maps.Equal(g.Equals, ec.pairs) {
		return false
	}
	return contains(ec.pairs, g.Subset)
}

func contains(all, part map[string]string) bool {
	for k, v := range part {
		if got, ok := all[k]; !ok || got != v {
			return false
		}
	}
	return true
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
