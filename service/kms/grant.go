package kms

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	api "bartizan.dev/api/kms"
	"bartizan.dev/arn"
	"bartizan.dev/caller"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

func badARN(name string) *wire.Error {
	return wire.Errorf("InvalidArnException", "Invalid ARN: %s", name)
}

// newGrant reads a CreateGrant request, for the key of the call.
func (s *Service) newGrant(ctx context.Context, l *loaded, in *api.CreateGrantRequest) (*grant, error) {
	var id [32]byte
	rand.Read(id[:])
	g := &grant{
		ID: hex.EncodeToString(id[:]), Key: l.path(), Created: s.now(), Issuer: rootARN(caller.From(ctx).Identity.Account),
		Operations: slices.Compact(slices.Sorted(slices.Values(in.Operations))),
	}
	if in.Name != nil {
		g.Name = *in.Name
	}
	var err error
	if g.Grantee, err = s.bindGrantee(ctx, in.GranteePrincipal); err != nil {
		return nil, err
	}
	if g.Retiring, err = s.bindGrantee(ctx, in.RetiringPrincipal); err != nil {
		return nil, err
	}
	if in.GranteeServicePrincipal != nil {
		g.GranteeService = *in.GranteeServicePrincipal
	}
	if in.RetiringServicePrincipal != nil {
		g.RetiringService = *in.RetiringServicePrincipal
	}
	if c := in.Constraints; c != nil {
		g.Equals, g.Subset = c.EncryptionContextEquals, c.EncryptionContextSubset
		if c.SourceArn != nil {
			g.SourceARN = *c.SourceArn
		}
	}
	return g, g.check(l)
}

// bindGrantee checks a principal and returns what it is stored as.
func (s *Service) bindGrantee(ctx context.Context, name *string) (string, error) {
	if name == nil {
		return "", nil
	}
	if err := checkPrincipalARN(*name); err != nil {
		return "", err
	}
	bound, err := s.BindPrincipal(ctx, *name)
	if err == nil && bound == "" {
		return "", badARN(*name)
	}
	return bound, err
}

// check refuses a grant that does not fit together or does not fit the key.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateGrant.html
func (g *grant) check(l *loaded) error {
	switch {
	case (g.Grantee == "") == (g.GranteeService == ""):
		return invalid("You must specify exactly one of GranteePrincipal and GranteeServicePrincipal.")
	case g.Retiring != "" && g.RetiringService != "":
		return invalid("You can specify RetiringPrincipal or RetiringServicePrincipal, but not both.")
	case g.GranteeService != "" && (g.SourceARN == "" || g.Retiring == "" && g.RetiringService == ""):
		return invalid("A grant to a service principal requires the SourceArn constraint and a retiring principal.")
	case (g.Equals != nil || g.Subset != nil) && !l.symmetric():
		return invalid("Encryption context constraints are valid for symmetric encryption KMS keys only.")
	}
	for _, pairs := range [...]map[string]string{g.Equals, g.Subset} {
		if len(pairs) > maxConstraint {
			return invalid("An encryption context constraint can have at most %d pairs.", maxConstraint)
		}
		for _, v := range pairs {
			if utf8.RuneCountInString(v) > maxConstraintValue {
				return invalid("A value of an encryption context constraint can have at most %d characters.", maxConstraintValue)
			}
		}
	}
	for _, o := range g.Operations {
		if !slices.Contains(grantable(l), o) {
			return invalid("Grant operation %s is not valid for %s, a %s key for %s.", o, l.arn, l.Spec, l.Usage)
		}
	}
	return nil
}

// grantable are the operations that a grant on a key may give.
// https://docs.aws.amazon.com/kms/latest/developerguide/grants.html#terms-grant-operations
func grantable(l *loaded) []api.GrantOperation {
	out := []api.GrantOperation{api.GrantOperation_CreateGrant, api.GrantOperation_DescribeKey, api.GrantOperation_RetireGrant}
	if l.Spec != api.KeySpec_SYMMETRIC_DEFAULT && l.Usage != api.KeyUsageType_GENERATE_VERIFY_MAC {
		out = append(out, api.GrantOperation_GetPublicKey)
	}
	switch l.Usage {
	case api.KeyUsageType_ENCRYPT_DECRYPT:
		out = append(out, api.GrantOperation_Encrypt, api.GrantOperation_Decrypt, api.GrantOperation_ReEncryptFrom, api.GrantOperation_ReEncryptTo)
		if l.symmetric() {
			out = append(out, api.GrantOperation_GenerateDataKey, api.GrantOperation_GenerateDataKeyWithoutPlaintext,
				api.GrantOperation_GenerateDataKeyPair, api.GrantOperation_GenerateDataKeyPairWithoutPlaintext)
		}
	case api.KeyUsageType_SIGN_VERIFY:
		out = append(out, api.GrantOperation_Sign, api.GrantOperation_Verify)
	case api.KeyUsageType_GENERATE_VERIFY_MAC:
		out = append(out, api.GrantOperation_GenerateMac, api.GrantOperation_VerifyMac)
	case api.KeyUsageType_KEY_AGREEMENT:
		out = append(out, api.GrantOperation_DeriveSharedSecret)
	case api.KeyUsageType_ENCAPSULATE_DECAPSULATE:
		out = append(out, api.GrantOperation_Encapsulate, api.GrantOperation_Decapsulate)
	}
	return out
}

// grants refuses a new grant on a key that is in no state for it.
func (l *loaded) grants(now time.Time) error {
	return l.need(now, api.KeyState_Enabled, api.KeyState_Unavailable)
}

// same reports whether two grants say the same.
func (g *grant) same(o *grant) bool {
	return g.Name == o.Name && g.Grantee == o.Grantee && g.Retiring == o.Retiring && g.GranteeService == o.GranteeService &&
		g.RetiringService == o.RetiringService && g.Issuer == o.Issuer && slices.Equal(g.Operations, o.Operations) &&
		maps.Equal(g.Equals, o.Equals) && (g.Equals == nil) == (o.Equals == nil) &&
		maps.Equal(g.Subset, o.Subset) && (g.Subset == nil) == (o.Subset == nil) && g.SourceARN == o.SourceARN
}

// CreateGrant lets a principal use a key. With a name, the same request again
// answers the same grant; the token is a new one each time.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateGrant.html
func (s *Service) CreateGrant(ctx context.Context, in *api.CreateGrantRequest) (*api.CreateGrantResponse, error) {
	t, err := found(ctx)
	if err != nil {
		return nil, err
	}
	if err := t.customers(); err != nil && len(caller.From(ctx).Via) == 0 {
		return nil, err
	}
	if err := t.grants(s.Clock.Now()); err != nil {
		return nil, err
	}
	g, err := s.newGrant(ctx, t.loaded, in)
	if err != nil {
		return nil, err
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	made := g
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		l, err := s.fresh(ctx, tx, t.path())
		if err != nil {
			return err
		}
		if err := l.grants(s.Clock.Now()); err != nil {
			return err
		}
		if g.Name != "" {
			mine, err := s.loadGrants(ctx, tx, g.Key+"|"+g.grantee())
			if err != nil {
				return err
			}
			if i := slices.IndexFunc(mine, func(o heldGrant) bool { return g.same(o.grant) }); i >= 0 {
				made = mine[i].grant
				return nil
			}
		}
		made = g
		return s.insertGrant(ctx, tx, g)
	})
	if err != nil {
		return nil, err
	}
	token, err := s.newToken(ctx, made)
	return &api.CreateGrantResponse{GrantId: &made.ID, GrantToken: &token}, err
}

// ListGrants lists the grants of a key.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_ListGrants.html
func (s *Service) ListGrants(ctx context.Context, in *api.ListGrantsRequest) (*api.ListGrantsResponse, error) {
	t, err := found(ctx)
	if err != nil {
		return nil, err
	}
	p, err := newPage(in.Limit, in.Marker, 50, 100)
	if err != nil {
		return nil, err
	}
	if in.GranteePrincipal != nil && in.GranteeServicePrincipal != nil {
		return nil, invalid("You can specify GranteePrincipal or GranteeServicePrincipal, but not both.")
	}
	if in.GrantId != nil {
		return s.oneGrant(ctx, t, in)
	}
	grantee := ""
	if in.GranteeServicePrincipal != nil {
		grantee = *in.GranteeServicePrincipal
	} else if in.GranteePrincipal != nil {
		if grantee, err = s.bindGrantee(ctx, in.GranteePrincipal); err != nil {
			return nil, err
		}
	}
	var entries []store.Entry[grant]
	var next *string
	if grantee != "" {
		entries, next, err = pageBy(ctx, s.Store, &s.grants, "grantee", t.path()+"|"+grantee, p)
	} else {
		entries, next, err = pageOf(ctx, s.Store, &s.grants, t.path()+"/", p)
	}
	if err != nil {
		return nil, err
	}
	return s.grantList(ctx, entries, next)
}

// oneGrant answers ListGrants for one grant id, if it fits the other filters.
func (s *Service) oneGrant(ctx context.Context, t *target, in *api.ListGrantsRequest) (*api.ListGrantsResponse, error) {
	g, err := s.grants.Get(ctx, s.Store, t.path()+"/"+*in.GrantId)
	if errors.Is(err, store.ErrNotFound) {
		return s.grantList(ctx, nil, nil)
	} else if err != nil {
		return nil, err
	}
	shown, err := s.shownGrant(ctx, g)
	if err != nil {
		return nil, err
	}
	if in.GranteePrincipal != nil && (shown.GranteePrincipal == nil || *shown.GranteePrincipal != *in.GranteePrincipal) ||
		in.GranteeServicePrincipal != nil && g.GranteeService != *in.GranteeServicePrincipal {
		return s.grantList(ctx, nil, nil)
	}
	return s.grantList(ctx, []store.Entry[grant]{{ID: g.id(), Value: g}}, nil)
}

func (s *Service) grantList(ctx context.Context, entries []store.Entry[grant], next *string) (*api.ListGrantsResponse, error) {
	out := &api.ListGrantsResponse{Grants: []api.GrantListEntry{}, NextMarker: next, Truncated: new(next != nil)}
	for _, e := range entries {
		shown, err := s.shownGrant(ctx, e.Value)
		if err != nil {
			return nil, err
		}
		out.Grants = append(out.Grants, *shown)
	}
	return out, nil
}

func (s *Service) shownGrant(ctx context.Context, g *grant) (*api.GrantListEntry, error) {
	account, region, id := splitPath(g.Key)
	out := &api.GrantListEntry{
		KeyId: new(keyARN(account, region, id)), GrantId: &g.ID, Name: new(g.Name), CreationDate: g.Created, IssuingAccount: &g.Issuer, Operations: g.Operations,
	}
	for _, f := range []struct {
		to   **string
		from string
	}{{&out.GranteePrincipal, g.Grantee}, {&out.RetiringPrincipal, g.Retiring}} {
		if f.from == "" {
			continue
		}
		shown, err := s.ShowPrincipal(ctx, f.from)
		if err != nil {
			return nil, err
		}
		*f.to = &shown
	}
	if g.GranteeService != "" {
		out.GranteeServicePrincipal = &g.GranteeService
	}
	if g.RetiringService != "" {
		out.RetiringServicePrincipal = &g.RetiringService
	}
	out.Constraints = g.constraints()
	return out, nil
}

// constraints are the grant's, or nil.
func (g *grant) constraints() *api.GrantConstraints {
	if g.Equals == nil && g.Subset == nil && g.SourceARN == "" {
		return nil
	}
	out := &api.GrantConstraints{EncryptionContextEquals: g.Equals, EncryptionContextSubset: g.Subset}
	if g.SourceARN != "" {
		out.SourceArn = &g.SourceARN
	}
	return out
}

// ListRetirableGrants lists the grants in the Region that a principal of the
// account may retire, on keys of other accounts too.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_ListRetirableGrants.html
func (s *Service) ListRetirableGrants(ctx context.Context, in *api.ListRetirableGrantsRequest) (*api.ListGrantsResponse, error) {
	p, err := newPage(in.Limit, in.Marker, 50, 100)
	if err != nil {
		return nil, err
	}
	if (in.RetiringPrincipal == nil) == (in.RetiringServicePrincipal == nil) {
		return nil, invalid("You must specify exactly one of RetiringPrincipal and RetiringServicePrincipal.")
	}
	call := caller.From(ctx)
	value := ""
	if in.RetiringServicePrincipal != nil {
		if call.Identity.Kind != caller.Service {
			return nil, invalid("RetiringServicePrincipal can be used by service principals only.")
		}
		value = retiringIn(call.Identity.Account, call.Region, *in.RetiringServicePrincipal)
	} else {
		name, err := s.bindGrantee(ctx, in.RetiringPrincipal)
		if err != nil {
			return nil, err
		}
		if a, err := arn.Parse(*in.RetiringPrincipal); err != nil || a.Account != call.Identity.Account {
			return nil, invalid("RetiringPrincipal must be a principal of your account.")
		}
		value = retiringIn("", call.Region, name)
	}
	entries, next, err := pageBy(ctx, s.Store, &s.grants, "retiring", value, p)
	if err != nil {
		return nil, err
	}
	return s.grantList(ctx, entries, next)
}

// RevokeGrant ends a grant, at once.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_RevokeGrant.html
func (s *Service) RevokeGrant(ctx context.Context, in *api.RevokeGrantRequest) (*api.RevokeGrantOutput, error) {
	t, err := found(ctx)
	if err != nil {
		return nil, err
	}
	if err := t.need(s.Clock.Now(), api.KeyState_Enabled, api.KeyState_Disabled, api.KeyState_PendingImport, api.KeyState_Unavailable, api.KeyState_PendingDeletion, api.KeyState_PendingReplicaDeletion); err != nil {
		return nil, err
	}
	return &api.RevokeGrantOutput{}, s.endGrant(ctx, t.path(), in.GrantId, in.DryRun)
}

// RetireGrant ends a grant for those whom it was made for.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_RetireGrant.html
func (s *Service) RetireGrant(ctx context.Context, in *api.RetireGrantRequest) (*api.RetireGrantOutput, error) {
	r := caller.From(ctx).Found.(*retirement)
	if r.grant == nil {
		if in.GrantId != nil {
			return nil, noGrant(*in.GrantId)
		}
		return nil, badToken()
	}
	return &api.RetireGrantOutput{}, s.endGrant(ctx, r.grant.Key, r.grant.ID, in.DryRun)
}

func noGrant(id string) *wire.Error { return notFound("Grant ID %s not found", id) }

func (s *Service) endGrant(ctx context.Context, path, id string, dry *bool) error {
	if strings.Contains(id, "/") {
		return noGrant(id)
	}
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		g, err := s.grants.Get(ctx, tx, path+"/"+id)
		if errors.Is(err, store.ErrNotFound) {
			return noGrant(id)
		} else if err != nil {
			return err
		}
		if err := dryRun(dry); err != nil {
			return err
		}
		return s.removeGrant(ctx, tx, g)
	})
	return err
}
