package kms

import (
	"context"
	"errors"
	"maps"
	"slices"

	api "bartizan.dev/api/kms"
	"bartizan.dev/arn"
	"bartizan.dev/caller"
	"bartizan.dev/policy"
	"bartizan.dev/store"
)

// https://docs.aws.amazon.com/kms/latest/developerguide/grant-authorization.html
func (s *Service) grantRules() policy.Rules {
	return policy.Rules{
		"CreateGrant": policy.On(s.touchCreateGrant),
		"ListGrants": policy.On(func(ctx context.Context, in *api.ListGrantsRequest) ([]policy.Touch, error) {
			return s.touchGrants(ctx, use{action: "kms:ListGrants", keyID: in.KeyId})
		}),
		"ListRetirableGrants": policy.On(func(ctx context.Context, in *api.ListRetirableGrantsRequest) ([]policy.Touch, error) {
			touch := policy.Touch{Action: "kms:ListRetirableGrants"}
			// No policy can allow it to a service, which may ask for its own.
			if id := &caller.From(ctx).Identity; id.Kind == caller.Service && in.RetiringServicePrincipal != nil && *in.RetiringServicePrincipal == id.Service {
				touch.Grant = &policy.Source{Type: policy.Grant, Name: id.Service}
			}
			return []policy.Touch{touch}, nil
		}),
		"RevokeGrant": policy.On(func(ctx context.Context, in *api.RevokeGrantRequest) ([]policy.Touch, error) {
			return s.touchGrants(ctx, use{action: "kms:RevokeGrant", keyID: in.KeyId})
		}),
		"RetireGrant": policy.On(s.touchRetireGrant),
	}
}

func (s *Service) touchGrants(ctx context.Context, u use) ([]policy.Touch, error) {
	call := caller.From(ctx)
	u.more = func(c *conditions) { c.setBool("kms:GrantIsForAWSResource", new(forService(call))) }
	t, touch, err := s.touch(ctx, u)
	call.Found = t
	return []policy.Touch{touch}, err
}

// forService is kms:GrantIsForAWSResource.
func forService(call *caller.Call) bool {
	return len(call.Via) > 0 || call.Identity.Kind == caller.Service
}

func (s *Service) touchCreateGrant(ctx context.Context, in *api.CreateGrantRequest) ([]policy.Touch, error) {
	call := caller.From(ctx)
	t, touch, err := s.touch(ctx, use{
		action: "kms:CreateGrant", grant: api.GrantOperation_CreateGrant, keyID: in.KeyId, tokens: in.GrantTokens,
		fits: func(parent *grant) bool { return parent.covers(in) },
		more: func(c *conditions) {
			c.setBool("kms:GrantIsForAWSResource", new(forService(call)))
			operations := make([]string, len(in.Operations))
			for i, o := range in.Operations {
				operations[i] = string(o)
			}
			c.setAll("kms:GrantOperations", operations)
			for key, value := range map[string]*string{
				"kms:GranteePrincipal": in.GranteePrincipal, "kms:RetiringPrincipal": in.RetiringPrincipal,
				"kms:GranteeServicePrincipal": in.GranteeServicePrincipal, "kms:RetiringServicePrincipal": in.RetiringServicePrincipal,
			} {
				if value != nil {
					c.set(key, *value)
				}
			}
			setConstraints(c, in.Constraints)
		},
	})
	call.Found = t
	return []policy.Touch{touch}, err
}

// setConstraints sets kms:GrantConstraintType and its like. The encryption
// context of a grant is that of its constraints.
// https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-encryption-context
func setConstraints(c *conditions, g *api.GrantConstraints) {
	if g == nil {
		return
	}
	var kinds []string
	pairs := map[string]string{}
	if g.EncryptionContextEquals != nil {
		kinds = append(kinds, "EncryptionContextEquals")
		maps.Copy(pairs, g.EncryptionContextEquals)
	}
	if g.EncryptionContextSubset != nil {
		kinds = append(kinds, "EncryptionContextSubset")
		maps.Copy(pairs, g.EncryptionContextSubset)
	}
	if ec, err := newContext(pairs); err == nil {
		c.setContext(&ec)
	}
	if g.SourceArn != nil {
		kinds = append(kinds, "SourceArn")
		c.set("kms:GrantConstraintSourceArn", *g.SourceArn)
	}
	if len(kinds) == 1 {
		c.set("kms:GrantConstraintType", kinds[0])
	} else if len(kinds) > 1 {
		c.setAll("kms:GrantConstraintType", kinds)
	}
}

// covers reports whether a grantee may create a grant by its own: one that gives
// no operation more and is bound at least as strictly.
// https://docs.aws.amazon.com/kms/latest/developerguide/create-grant-overview.html#grant-creategrant
func (g *grant) covers(in *api.CreateGrantRequest) bool {
	for _, o := range in.Operations {
		if !slices.Contains(g.Operations, o) {
			return false
		}
	}
	var equals, subset map[string]string
	source := ""
	if c := in.Constraints; c != nil {
		equals, subset = c.EncryptionContextEquals, c.EncryptionContextSubset
		if c.SourceArn != nil {
			source = *c.SourceArn
		}
	}
	if g.SourceARN != "" && g.SourceARN != source {
		return false
	}
	switch {
	case g.Equals != nil:
		return equals != nil && equalContext(equals, g.Equals)
	case g.Subset != nil:
		return equals != nil && contains(equals, g.Subset) || equals == nil && contains(subset, g.Subset)
	}
	return true
}

// retirement is what the rule of RetireGrant has found.
type retirement struct {
	grant *grant // nil: there is none
	key   ref
}

// touchRetireGrant: a grant may be retired by its retiring principal, by its
// grantee if it says so, and by the account that made it, which passes the right
// on by IAM.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_RetireGrant.html
func (s *Service) touchRetireGrant(ctx context.Context, in *api.RetireGrantRequest) ([]policy.Touch, error) {
	const action = "kms:RetireGrant"
	call := caller.From(ctx)
	own := []policy.Touch{{Action: action}}
	var id string
	var err error
	switch {
	case in.GrantToken != nil && in.KeyId == nil && in.GrantId == nil:
		if id, err = s.openToken(ctx, *in.GrantToken); err != nil {
			return own, err
		}
	case in.GrantToken == nil && in.KeyId != nil && in.GrantId != nil:
		r, err := parseRef(call, *in.KeyId, false)
		if err != nil {
			return own, err
		}
		id = r.path() + "/" + *in.GrantId
	default:
		return own, invalid("You must specify either a grant token, or a grant ID and a key ID, but not both.")
	}
	account, region, rest := splitPath(id)
	keyID := rest[:len(rest)-len(lastPart(rest))-1]
	r := ref{account: account, region: region, id: keyID}
	g, err := s.grants.Get(ctx, s.Store, id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return own, err
	}
	call.Found = &retirement{g, r}
	_, touch, err := s.touchRef(ctx, use{action: action, more: func(c *conditions) {
		if g != nil {
			setConstraints(c, g.constraints())
		}
	}}, r)
	if err != nil || g == nil {
		return []policy.Touch{touch}, err
	}
	if s.retires(g, &call.Identity) {
		touch.Grant = &policy.Source{Type: policy.Grant, Name: g.ID, ARN: r.arn()}
	} else {
		by, err := s.sets.compile(account, delegation(g.Issuer, action))
		if err != nil {
			return own, err
		}
		touch.Policy = policy.Join(touch.Policy, by)
	}
	return []policy.Touch{touch}, nil
}

func lastPart(s string) string {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] == '/' {
			return s[i+1:]
		}
	}
	return s
}

// retires reports whether the grant itself lets the caller retire it.
func (s *Service) retires(g *grant, id *caller.Identity) bool {
	for _, name := range granteeNames(id) {
		if id.Kind != caller.Root && name == rootARN(id.Account) {
			continue // the account passes its rights on by IAM only
		}
		if name == g.Retiring || name == g.RetiringService {
			return true
		}
		if name == g.grantee() && slices.Contains(g.Operations, api.GrantOperation_RetireGrant) {
			return true
		}
	}
	return false
}

// checkPrincipalARN refuses what cannot be a grantee.
func checkPrincipalARN(name string) error {
	a, err := arn.Parse(name)
	if err != nil || a.Partition != arn.Partition || a.Service != "iam" && a.Service != "sts" || !arn.IsAccount(a.Account) {
		return badARN(name)
	}
	return nil
}
