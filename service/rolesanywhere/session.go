package rolesanywhere

import (
	"context"
	"crypto/x509"
	"errors"
	"slices"
	"time"

	rolesapi "bartizan.dev/api/rolesanywhere"
	stsapi "bartizan.dev/api/sts"
	"bartizan.dev/arn"
	"bartizan.dev/caller"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// proof is what the rule of CreateSession has found to be true.
type proof struct {
	leaf  *x509.Certificate
	trust *trust
}

// touchCreateSession decides whether the certificate that signed the call is
// trusted. No policy of the account has a say in that; the role's trust policy
// has, when the role is assumed. A call that names no trust anchor of ours
// belongs to no account, and is in no trail.
// https://docs.aws.amazon.com/rolesanywhere/latest/userguide/authentication.html
func (s *Service) touchCreateSession(ctx context.Context, in *rolesapi.CreateSessionRequest) ([]policy.Touch, error) {
	call := caller.From(ctx)
	chain, ok := call.Identity.Proof.([]*x509.Certificate)
	if !ok || call.Identity.Kind != caller.Certificate || in.Cert == nil {
		return nil, denied("CreateSession must be signed with the key of an X.509 certificate.")
	}
	name, err := one("trustAnchorArn", in.TrustAnchorArn, in.BodyTrustAnchorArn)
	if err != nil {
		return nil, err
	}
	t, err := s.trustOf(ctx, name, call.Region)
	if err != nil {
		return nil, err
	}
	at := t.anchor.place()
	touch := policy.Touch{
		Action: "rolesanywhere:CreateSession", Resource: at.arn(s.anchors.name, t.anchor.ID), Account: at.account,
		ResourceTags: policyTags(t.anchor.Tags),
	}
	if err := t.accept(chain, s.Now()); err != nil {
		return []policy.Touch{touch}, err
	}
	call.Identity.Proof = &proof{chain[0], t}
	touch.Grant = &policy.Source{Type: policy.Grant, ARN: touch.Resource, Name: "trust anchor"}
	return []policy.Touch{touch}, nil
}

// one returns a parameter that may stand in the query or in the body.
func one(name string, query, body *string) (string, error) {
	switch {
	case query != nil && body != nil && *query != *body:
		return "", invalid("%s is given twice, and not the same", name)
	case query != nil:
		return *query, nil
	case body != nil:
		return *body, nil
	}
	return "", invalid("1 validation error detected: Value at '%s' failed to satisfy constraint: Member must not be null", name)
}

// errUntrusted is the answer where there is no trust anchor, and where it is
// disabled: strangers are not told which.
var errUntrusted = denied("Untrusted signing certificate: the trust anchor does not exist in this Region, or is disabled")

// trustOf returns the enabled trust anchor of an ARN.
func (s *Service) trustOf(ctx context.Context, name, region string) (*trust, error) {
	a, err := arn.Parse(name)
	if err != nil || a.Region != region {
		return nil, errUntrusted
	}
	found, err := s.anchors.find(ctx, s.Store, place{a.Account, a.Region}, name)
	if e, ok := errors.AsType[*wire.Error](err); ok && !e.Fault {
		return nil, errUntrusted
	} else if err != nil {
		return nil, err
	}
	t, err := s.trusts.Get(ctx, found.place().id(found.ID))
	if errors.Is(err, store.ErrNotFound) {
		return nil, errUntrusted
	} else if err != nil {
		return nil, err
	}
	if !t.anchor.Enabled {
		return nil, errUntrusted
	}
	return t, nil
}

// CreateSession gives credentials of a role to the holder of a certificate.
// https://docs.aws.amazon.com/rolesanywhere/latest/userguide/authentication-create-session.html
func (s *Service) CreateSession(ctx context.Context, in *rolesapi.CreateSessionRequest) (*rolesapi.CreateSessionResponse, error) {
	p, ok := caller.From(ctx).Identity.Proof.(*proof)
	if !ok {
		return nil, errors.New("rolesanywhere: CreateSession without proof: this is a bug")
	}
	credentials, err := s.session(ctx, in, p)
	who, noteErr := s.note(ctx, p.trust.anchor.place(), p.leaf, in.InstanceProperties, err != nil)
	if err != nil {
		return nil, err
	}
	if noteErr != nil {
		return nil, noteErr
	}
	return &rolesapi.CreateSessionResponse{
		CredentialSet: []rolesapi.CredentialResponse{*credentials}, SubjectArn: s.subjects.arn(&who.head),
	}, nil
}

func (s *Service) session(ctx context.Context, in *rolesapi.CreateSessionRequest, p *proof) (*rolesapi.CredentialResponse, error) {
	at := p.trust.anchor.place()
	name, err := one("profileArn", in.ProfileArn, in.BodyProfileArn)
	if err != nil {
		return nil, err
	}
	role, err := one("roleArn", in.RoleArn, in.BodyRoleArn)
	if err != nil {
		return nil, err
	}
	profile, err := s.profiles.find(ctx, s.Store, at, name)
	if err != nil {
		return nil, err
	}
	switch {
	case !profile.Enabled:
		return nil, denied("The profile %s is disabled", name)
	case !slices.Contains(profile.Roles, role):
		return nil, denied("Unable to assume role for %s: the profile does not have it", role)
	case in.RoleSessionName != nil && !profile.AcceptName:
		return nil, denied("The profile does not accept a custom role session name")
	}
	ask, err := profile.request(p.leaf, role, in)
	if err != nil {
		return nil, err
	}
	got, err := s.sts.AssumeRole(s.asService(ctx, p, ask.Tags), ask)
	if err != nil {
		return nil, assumeError(role, err)
	}
	return &rolesapi.CredentialResponse{
		AssumedRoleUser: &rolesapi.AssumedRoleUser{Arn: &got.AssumedRoleUser.Arn, AssumedRoleId: &got.AssumedRoleUser.AssumedRoleId},
		Credentials: &rolesapi.Credentials{
			AccessKeyId: &got.Credentials.AccessKeyId, SecretAccessKey: &got.Credentials.SecretAccessKey,
			SessionToken: &got.Credentials.SessionToken, Expiration: got.Credentials.Expiration,
		},
		PackedPolicySize: got.PackedPolicySize, RoleArn: &role, SourceIdentity: got.SourceIdentity,
	}, nil
}

// maxManaged is how many managed policies AssumeRole takes.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
const maxManaged = 10

// request makes the call of AssumeRole: the shorter of the durations that
// profile and call name, the profile's session policies, the certificate's
// attributes.
func (p *profile) request(leaf *x509.Certificate, role string, in *rolesapi.CreateSessionRequest) (*stsapi.AssumeRoleRequest, error) {
	source, err := sourceIdentity(leaf)
	if err != nil {
		return nil, err
	}
	out := &stsapi.AssumeRoleRequest{
		RoleArn: role, RoleSessionName: sessionName(leaf.SerialNumber), SourceIdentity: &source,
		DurationSeconds: new(p.Duration), Policy: text(p.Policy),
	}
	if in.RoleSessionName != nil {
		out.RoleSessionName = *in.RoleSessionName
	}
	if in.DurationSeconds != nil {
		out.DurationSeconds = new(min(p.Duration, *in.DurationSeconds))
	}
	if len(p.Managed) > maxManaged {
		return nil, invalid("A session can have at most %d managed policies; the profile has %d.", maxManaged, len(p.Managed))
	}
	for _, arn := range p.Managed {
		out.PolicyArns = append(out.PolicyArns, stsapi.PolicyDescriptorType{Arn: new(arn)})
	}
	for _, t := range p.sessionTags(leaf) {
		out.Tags = append(out.Tags, stsapi.Tag{Key: t.Key, Value: t.Value})
	}
	return out, nil
}

// asService is the context in which the service assumes a role. The trust policy
// sees the certificate's attributes as tags of the principal, and the trust
// anchor as the source.
func (s *Service) asService(ctx context.Context, p *proof, tags []stsapi.Tag) context.Context {
	at := p.trust.anchor.place()
	call := *caller.From(ctx)
	out := caller.AsService(ctx, principal, at.account, at.region, s.Now())
	inner := caller.From(out)
	inner.RequestID, inner.Source, inner.UserAgent, inner.TLS = call.RequestID, call.Source, call.UserAgent, call.TLS
	keys := []caller.Tag{
		{Key: "aws:SourceArn", Value: at.arn(s.anchors.name, p.trust.anchor.ID)},
		{Key: "aws:SourceAccount", Value: at.account},
	}
	for _, t := range tags {
		keys = append(keys, caller.Tag{Key: "aws:PrincipalTag/" + t.Key, Value: t.Value})
	}
	inner.Identity.Session = &caller.Session{Issued: s.Now().Truncate(time.Second), Keys: keys}
	return out
}

// assumeError is the answer when the role cannot be assumed.
func assumeError(role string, err error) error {
	e, ok := errors.AsType[*wire.Error](err)
	switch {
	case !ok || e.Fault:
		return err
	case e.Code == "AccessDenied":
		return denied("Unable to assume role for %s", role).With(err)
	}
	return invalid("%s", e.Message).With(err)
}
