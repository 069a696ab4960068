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
