package kms

import (
	"context"
	"strings"
	"time"

	api "bartizan.dev/api/kms"
	"bartizan.dev/caller"
	"bartizan.dev/policy"
	"bartizan.dev/store"
)

// defaultPolicy lets the account's own policies decide, as the policy that AWS
// gives a key made without one.
// https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
func defaultPolicy(account string) string {
	return `{
  "Version" : "2012-10-17",
  "Id" : "key-default-1",
  "Statement" : [ {
    "Sid" : "Enable IAM User Permissions",
    "Effect" : "Allow",
    "Principal" : {
      "AWS" : "` + rootARN(account) + `"
    },
    "Action" : "kms:*",
    "Resource" : "*"
  } ]
}`
}

// newPolicy checks a key policy and returns its stored form; without one it is
// the default.
func (s *Service) newPolicy(ctx context.Context, k *key, text *string, bypass *bool) (string, error) {
	if text == nil {
		return defaultPolicy(k.Account), nil
	}
	if len(*text) > maxPolicy {
		return "", exceeded("The key policy has %d bytes; it may have at most %d.", len(*text), maxPolicy)
	}
	doc, err := policy.Parse([]byte(*text))
	if err == nil {
		err = doc.Check(policy.Resource)
	}
	if err != nil {
		return "", malformedPolicy("%s", err.Error())
	}
	bound, wrong, err := s.Bind(ctx, *text)
	if err != nil {
		return "", err
	}
	if wrong != "" {
		return "", malformedPolicy("Policy contains a statement with one or more invalid principals.")
	}
	if bypass == nil || !*bypass {
		if err := s.checkLockout(ctx, k, bound); err != nil {
			return "", err
		}
	}
	return bound, nil
}

// everything is what IAM grants in the lock-out check: only the key policy
// itself can lock anybody out.
const everything = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`

// checkLockout refuses a policy under which its author could not change it
// again.
// https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html#allow-policy-lockout
func (s *Service) checkLockout(ctx context.Context, k *key, bound string) error {
	call := caller.From(ctx)
	id := &call.Identity
	set, err := s.sets.compile(k.Account, bound)
	if err != nil {
		return err
	}
	all, err := policy.Parse([]byte(everything))
	if err != nil {
		return err
	}
	b := &policy.Bindings{Identity: policy.Compile(policy.Labelled{Source: policy.Source{Type: policy.Identity}, Document: all}), Resource: set, Authority: policy.Key}
	r := &policy.Request{
		Principal: policy.Principal{Account: id.Account, ARN: id.ARN, ID: id.ID}, Action: "kms:PutKeyPolicy", Resource: k.arn(), ResourceAccount: k.Account,
	}
	switch id.Kind {
	case caller.Root:
		r.Principal.Kind = policy.Root
	case caller.User:
		r.Principal.Kind = policy.User
	case caller.Role:
		r.Principal.Kind, r.Principal.Issuer = policy.Role, id.Session.IssuerARN
	case caller.Federated: // whose rights are its session policy's
		r.Principal.Kind, r.Principal.Issuer, b.Session = policy.FederatedUser, id.Session.IssuerARN, b.Identity
	case caller.Service:
		r.Principal.Kind, r.Principal.Names, r.Principal.Account = policy.Service, []string{id.Service}, ""
	}
	lockoutConditions(&r.Context, k, call)
	if !policy.Decide(r, b).Allowed {
		return malformedPolicy("The new key policy will not allow you to update the key policy in the future.")
	}
	return nil
}

// lockoutConditions are what the author's next call will have in common with
// this one.
func lockoutConditions(c *policy.Context, k *key, call *caller.Call) {
	id := &call.Identity
	c.Set("aws:PrincipalAccount", id.Account)
	c.Set("aws:userid", id.ID)
	arn := id.ARN
	if id.Kind == caller.Role {
		arn = id.Session.IssuerARN
	}
	c.Set("aws:PrincipalArn", arn)
	if id.Kind == caller.User {
		c.Set("aws:username", id.Name)
	}
	c.SetTime("aws:CurrentTime", call.Time)
	c.SetBool("aws:SecureTransport", call.TLS != "")
	c.Set("aws:RequestedRegion", call.Region)
	if call.Source.IsValid() {
		c.Set("aws:SourceIp", call.Source.String())
	}
	c.SetPairs(staticConditions(&loaded{key: *k}))
	kc := newConditions(0)
	kc.setCall(call)
	c.SetPairs(kc.pairs)
}

// GetKeyPolicy answers the key policy, with the names that the principals in it
// have today.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_GetKeyPolicy.html
func (s *Service) GetKeyPolicy(ctx context.Context, in *api.GetKeyPolicyRequest) (*api.GetKeyPolicyResponse, error) {
	t, err := found(ctx)
	if err != nil {
		return nil, err
	}
	if err := checkPolicyName(in.PolicyName); err != nil {
		return nil, err
	}
	shown, err := s.Show(ctx, t.Policy)
	if err != nil {
		return nil, err
	}
	return &api.GetKeyPolicyResponse{Policy: &shown, PolicyName: new(defaultName)}, nil
}

// checkPolicyName: "The only valid name is default."
func checkPolicyName(name *string) error {
	if name != nil && *name != defaultName {
		return notFound("No such policy exists")
	}
	return nil
}

// PutKeyPolicy replaces the key policy.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html
func (s *Service) PutKeyPolicy(ctx context.Context, in *api.PutKeyPolicyRequest) (*api.PutKeyPolicyOutput, error) {
	t, err := found(ctx)
	if err != nil {
		return nil, err
	}
	if err := checkPolicyName(in.PolicyName); err != nil {
		return nil, err
	}
	if strings.TrimSpace(in.Policy) == "" {
		return nil, malformedPolicy("Policy document is empty.")
	}
	bound, err := s.newPolicy(ctx, &t.key, &in.Policy, in.BypassPolicyLockoutSafetyCheck)
	if err != nil {
		return nil, err
	}
	_, err = s.change(ctx, func(_ store.Tx, l *loaded, _ time.Time) error {
		l.Policy = bound
		return nil
	})
	return &api.PutKeyPolicyOutput{}, err
}

// ListKeyPolicies lists the only policy that a key can have.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_ListKeyPolicies.html
func (s *Service) ListKeyPolicies(ctx context.Context, in *api.ListKeyPoliciesRequest) (*api.ListKeyPoliciesResponse, error) {
	if _, err := found(ctx); err != nil {
		return nil, err
	}
	p, err := newPage(in.Limit, in.Marker, 100, 1000)
	if err != nil {
		return nil, err
	}
	names, next := cut(p, []string{defaultName}, func(s *string) string { return *s })
	return &api.ListKeyPoliciesResponse{PolicyNames: names, NextMarker: next, Truncated: new(next != nil)}, nil
}
