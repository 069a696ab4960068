package sts

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	stsapi "bartizan.dev/api/sts"
	"bartizan.dev/arn"
	"bartizan.dev/caller"
	"bartizan.dev/policy"
	"bartizan.dev/wire"
)

// A federated is what a verified token or assertion says, in the form that
// AssumeRoleWithWebIdentity and AssumeRoleWithSAML have in common. The
// operation's rule makes it, before anything is decided; the handler reads it
// from the caller's Proof.
type federated struct {
	keys       []policy.Pair // condition keys of the decision
	kept       []caller.Tag  // those that stay with the session
	tags       []stsapi.Tag
	transitive []string
	source     string // source identity
	provider   string // its ARN or domain name
}

// checkRoleARN refuses what cannot be the ARN of a role and returns its account.
func checkRoleARN(name string) (account string, err error) {
	a, err := arn.Parse(name)
	if err != nil || a.Partition != arn.Partition || a.Service != "iam" || !arn.IsAccount(a.Account) || !strings.HasPrefix(a.Resource, "role/") {
		return "", wire.Errorf("ValidationError", "Request ARN is invalid")
	}
	return a.Account, nil
}

// touchFederated: the role's trust policy must allow the provider the action,
// with the keys of what was presented.
func (s *Service) touchFederated(ctx context.Context, action, roleARN, sessionName string, f *federated) ([]policy.Touch, error) {
	account, err := checkRoleARN(roleARN)
	if err != nil {
		return nil, err
	}
	touch := policy.Touch{
		Action: "sts:" + action, Resource: roleARN, Account: account, Authority: policy.RoleTrust,
		Keys: append([]policy.Pair{{Key: "sts:RoleSessionName", Values: []string{sessionName}}}, f.keys...),
	}
	role, err := s.Role(ctx, roleARN)
	switch {
	case err == nil:
		touch.Policy, touch.ResourceTags = role.Trust, role.Tags
	case !errors.Is(err, ErrNoRole):
		return nil, err
	}
	return sessionTouches(touch, f.tags, f.transitive, f.source), nil
}

// sessionTouches adds what a session is to carry to the touch of assuming a
// role; tags and a source identity are actions of their own.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_monitor.html
func sessionTouches(touch policy.Touch, tags []stsapi.Tag, transitive []string, source string) []policy.Touch {
	if source != "" {
		touch.Keys = append(touch.Keys, policy.Pair{Key: "sts:SourceIdentity", Values: []string{source}})
	}
	touch.RequestTags = toTags(tags)
	if len(transitive) > 0 {
		touch.Keys = append(touch.Keys, policy.Pair{Key: "sts:TransitiveTagKeys", Values: transitive, Multi: true})
	}
	touches := []policy.Touch{touch}
	if len(tags) > 0 {
		touch.Action = "sts:TagSession"
		touches = append(touches, touch)
	}
	if source != "" {
		touch.Action = "sts:SetSourceIdentity"
		touches = append(touches, touch)
	}
	return touches
}

// granted is what both operations answer.
type granted struct {
	credentials *stsapi.Credentials
	user        *stsapi.AssumedRoleUser
	size        sizes
	source      *string
}

// asked is what both operations are asked.
type asked struct {
	role, session string
	seconds       *int32
	until         time.Time // the session's latest end; zero: none
	policy        *string
	policies      []stsapi.PolicyDescriptorType
	tokenSize     *int32
}

// assume makes a role session for a federated caller. before, if not nil, runs
// when all else has been checked.
func (s *Service) assume(ctx context.Context, f *federated, in asked, before func() error) (*granted, error) {
	role, err := s.Role(ctx, in.role)
	if err != nil { // the role vanished between authorisation and now
		return nil, &wire.Error{Code: "AccessDenied", Status: 403, Message: "The role " + in.role + " cannot be assumed.", Cause: err}
	}
	seconds, err := assumeSeconds(&caller.From(ctx).Identity, role, in.seconds)
	if err != nil {
		return nil, err
	}
	session := caller.Session{
		Issued: s.Now().Truncate(time.Second), IssuerARN: role.ARN, IssuerID: role.ID, IssuerName: role.Name,
		Provider: f.provider, Keys: f.kept, SourceIdentity: f.source,
	}
	session.Expires = until(session.Issued, seconds)
	if !in.until.IsZero() && in.until.Before(session.Expires) {
		session.Expires = in.until.Truncate(time.Second)
	}
	if err := inheritTags(&session, nil, f.tags, f.transitive); err != nil {
		return nil, err
	}
	if err := s.sessionPolicies(ctx, &session, role.Account, in.policy, in.policies); err != nil {
		return nil, err
	}
	if before != nil {
		if err := before(); err != nil {
			return nil, err
		}
	}
	id := caller.Identity{
		Kind: caller.Role, Account: role.Account, Name: in.session,
		ID:      role.ID + ":" + in.session,
		ARN:     arn.New("sts", "", role.Account, "assumed-role/"+role.Name+"/"+in.session),
		Session: &session,
	}
	out := &granted{user: &stsapi.AssumedRoleUser{AssumedRoleId: id.ID, Arn: id.ARN}}
	if out.credentials, out.size, err = s.issue(id, in.tokenSize); err != nil {
		return nil, err
	}
	if f.source != "" {
		out.source = &f.source
	}
	return out, nil
}

func invalidToken(format string, args ...any) *wire.Error {
	return wire.Errorf("InvalidIdentityToken", format, args...)
}

var sessionNamePattern = regexp.MustCompile(`^[a-zA-Z_0-9+=,.@-]{2,64}$`)

// checkSource refuses a source identity that a provider may not give.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_saml.html#troubleshoot_saml_invalid-sourceidentity
func checkSource(source string) error {
	if source != "" && (!sessionNamePattern.MatchString(source) || strings.HasPrefix(strings.ToLower(source), "aws:")) {
		return invalidToken(`Source Identity must match [a-zA-Z_0-9+=,.@-]{2,64} and not begin with "aws:"`)
	}
	return nil
}

// tagPattern is that of session tags in requests, which the model checks.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_Tag.html
var tagPattern = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)

// checkFederatedTags refuses session tags that a request could not have.
func checkFederatedTags(tags []stsapi.Tag) error {
	if len(tags) > maxTags {
		return invalidToken("The token has more than %d session tags.", maxTags)
	}
	for _, t := range tags {
		if n := len([]rune(t.Key)); n < 1 || n > 128 || len([]rune(t.Value)) > 256 || !tagPattern.MatchString(t.Key) || !tagPattern.MatchString(t.Value) {
			return invalidToken("The session tag %.128q is not valid.", t.Key)
		}
	}
	return nil
}

// errNoProof ends a call whose rule did not verify anything.
var errNoProof = fmt.Errorf("sts: a federated call without its proof: this is a bug")
