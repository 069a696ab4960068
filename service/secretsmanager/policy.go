package secretsmanager

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"

	secretsmanagerapi "bartizan.dev/api/secretsmanager"
	"bartizan.dev/arn"
	"bartizan.dev/caller"
	"bartizan.dev/policy"
	"bartizan.dev/policy/analysis"
	"bartizan.dev/policy/lint"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// defaultPolicy is the name of the policy that users write.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListResourcePolicies.html
const defaultPolicy = "default"

// acrossPolicy is the name of the policy that a replica has that is associated from
// another account.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_cross-account-replication.html
const acrossPolicy = "cross-account-replication"

// principal is the service as roles trust it.
const principal = "secretsmanager.amazonaws.com"

// attachedPolicy is one of a secret's resource policies, as it is stored.
type attachedPolicy struct{ name, source, text string }

// policies are a secret's: the one that users write comes first.
func (v *secret) policies() (out []attachedPolicy) {
	if v.Policy != "" {
		out = append(out, attachedPolicy{defaultPolicy, "resource policy", v.Policy})
	}
	if v.From != nil {
		out = append(out, attachedPolicy{acrossPolicy, acrossPolicy, acceptance(v)})
	}
	return out
}

// acceptance lets the account of a replica's primary associate it.
func acceptance(v *secret) string {
	a, _ := arn.Parse(v.From.ARN) // it was parsed when it was written
	return `{"Version":"2012-10-17","Statement":[{"Sid":"CrossAccountReplication","Effect":"Allow","Principal":{"AWS":"` +
		arn.New("iam", "", a.Account, "root") + `"},"Action":"` + accept + `","Resource":"` + v.arn() + `"}]}`
}

// accept is the action that AssociateCrossAccountReplica needs on the replica.
const accept = "secretsmanager:AcceptCrossAccountReplication"

var (
	errPolicySyntax    = wire.Errorf("MalformedPolicyDocumentException", "This resource policy contains a syntax error.")
	errPolicyPrincipal = wire.Errorf("MalformedPolicyDocumentException", "This resource policy contains an unsupported principal.")
	errPublic          = wire.Errorf("PublicPolicyException", "The BlockPublicPolicy parameter is set to true, and the resource policy did not prevent broad access to the secret.")
)

// PutResourcePolicy writes a secret's resource policy.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutResourcePolicy.html
func (s *Service) PutResourcePolicy(ctx context.Context, in *secretsmanagerapi.PutResourcePolicyRequest) (*secretsmanagerapi.PutResourcePolicyResponse, error) {
	if err := onlyDefault(in.PolicyName); err != nil {
		return nil, err
	}
	was, err := s.writable(ctx, in.SecretId)
	if err != nil {
		return nil, err
	}
	doc, bound, err := s.document(ctx, in.ResourcePolicy)
	if err != nil {
		return nil, err
	}
	if on(in.BlockPublicPolicy) {
		if err := s.notPublic(doc); err != nil {
			return nil, err
		}
	}
	if out, err := locksOut(ctx, was, bound); err != nil {
		return nil, err
	} else if out {
		return nil, invalidParameter("The resource policy would deny you secretsmanager:PutResourcePolicy and secretsmanager:DeleteResourcePolicy, so that you could not change it again.")
	}
	if _, err := s.change(ctx, was, func(_ store.Tx, v *secret) error { v.Policy = bound; return nil }); err != nil {
		return nil, err
	}
	return &secretsmanagerapi.PutResourcePolicyResponse{ARN: new(was.arn()), Name: &was.Name, PolicyName: new(defaultPolicy)}, nil
}

// onlyDefault: "You can modify only the default policy."
func onlyDefault(name *string) error {
	if name != nil && *name != defaultPolicy {
		return invalidParameter("You can modify only the default policy.")
	}
	return nil
}

// document reads a resource policy and refuses what AWS refuses. bound is its
// stored form.
func (s *Service) document(ctx context.Context, text string) (doc *policy.Document, bound string, err error) {
	doc, err = policy.Parse([]byte(text))
	if err == nil {
		err = doc.Check(policy.Resource)
	}
	if err != nil {
		return nil, "", errPolicySyntax.With(err)
	}
	bound, invalid, err := s.Bind(ctx, text)
	if err == nil && invalid != "" {
		err = errPolicyPrincipal
	}
	return doc, bound, err
}

// notPublic decides exactly whether a policy lets strangers in. What cannot be
// decided is taken for public.
func (s *Service) notPublic(doc *policy.Document) error {
	r, err := s.exact.Public(doc, "AWS::SecretsManager::Secret")
	switch {
	case errors.Is(err, analysis.ErrTooComplex):
		return errPublic.With(err)
	case err != nil:
		if _, ok := errors.AsType[*analysis.UnsupportedError](err); ok {
			return errPublic.With(err)
		}
		return err
	case !r.Pass:
		return errPublic
	}
	return nil
}

// locksOut reports whether a policy would deny its writer to change it again,
// whatever else holds: statements with conditions depend on the next call.
func locksOut(ctx context.Context, v *secret, bound string) (bool, error) {
	doc, err := policy.Parse([]byte(bound))
	if err != nil {
		return false, err
	}
	doc.Statements = slices.DeleteFunc(doc.Statements, func(st policy.Statement) bool { return len(st.Condition) > 0 })
	id := &caller.From(ctx).Identity
	kinds := map[caller.Kind]policy.Kind{caller.Root: policy.Root, caller.User: policy.User, caller.Role: policy.Role, caller.Federated: policy.FederatedUser}
	kind, ok := kinds[id.Kind]
	if !ok {
		return false, nil
	}
	r := &policy.Request{Resource: v.arn(), ResourceAccount: v.Account,
		Principal: policy.Principal{Kind: kind, Account: id.Account, ARN: id.ARN, ID: id.ID}}
	if id.Session != nil {
		r.Principal.Issuer = id.Session.IssuerARN
	}
	set := policy.Compile(policy.Labelled{Source: policy.Source{Type: policy.Resource, ARN: v.arn()}, Document: doc})
	for _, action := range []string{"PutResourcePolicy", "DeleteResourcePolicy"} {
		r.Action = "secretsmanager:" + action
		if d := policy.Decide(r, &policy.Bindings{Resource: set}); !d.Explicit {
			return false, nil
		}
	}
	return true, nil
}

// GetResourcePolicy returns a secret's resource policy, if it has one.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetResourcePolicy.html
func (s *Service) GetResourcePolicy(ctx context.Context, in *secretsmanagerapi.GetResourcePolicyRequest) (*secretsmanagerapi.GetResourcePolicyResponse, error) {
	v, err := s.active(ctx, in.SecretId)
	if err != nil {
		return nil, err
	}
	name := cmp.Or(text(in.PolicyName), defaultPolicy)
	out := &secretsmanagerapi.GetResourcePolicyResponse{ARN: new(v.arn()), Name: &v.Name, PolicyName: &name}
	for _, p := range v.policies() {
		if p.name != name {
			continue
		}
		shown, err := s.Show(ctx, p.text)
		out.ResourcePolicy = &shown
		return out, err
	}
	if name != defaultPolicy {
		return nil, wire.Errorf("ResourceNotFoundException", "Secrets Manager can't find the specified resource policy.")
	}
	return out, nil
}

// DeleteResourcePolicy removes it; that there is none is no error.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DeleteResourcePolicy.html
func (s *Service) DeleteResourcePolicy(ctx context.Context, in *secretsmanagerapi.DeleteResourcePolicyRequest) (*secretsmanagerapi.DeleteResourcePolicyResponse, error) {
	if err := onlyDefault(in.PolicyName); err != nil {
		return nil, err
	}
	was, err := s.writable(ctx, in.SecretId)
	if err != nil {
		return nil, err
	}
	if _, err := s.change(ctx, was, func(_ store.Tx, v *secret) error { v.Policy = ""; return nil }); err != nil {
		return nil, err
	}
	return &secretsmanagerapi.DeleteResourcePolicyResponse{ARN: new(was.arn()), Name: &was.Name, PolicyName: new(defaultPolicy)}, nil
}

// ListResourcePolicies lists the names of a secret's resource policies: "default
// first, followed by any other policies in alphabetical order."
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListResourcePolicies.html
func (s *Service) ListResourcePolicies(ctx context.Context, in *secretsmanagerapi.ListResourcePoliciesRequest) (*secretsmanagerapi.ListResourcePoliciesResponse, error) {
	v, err := s.active(ctx, in.SecretId)
	if err != nil {
		return nil, err
	}
	p, err := newPage(in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &secretsmanagerapi.ListResourcePoliciesResponse{ResourcePolicies: []secretsmanagerapi.ResourcePolicySummary{}}
	all := v.policies()
	if i := slices.IndexFunc(all, func(a attachedPolicy) bool { return a.name == p.after }); i >= 0 {
		all = all[i+1:]
	}
	for i := range all {
		if i == p.limit {
			out.NextToken = nextToken(all[i-1].name)
			break
		}
		out.ResourcePolicies = append(out.ResourcePolicies, secretsmanagerapi.ResourcePolicySummary{PolicyName: &all[i].name})
	}
	return out, nil
}

// ValidateResourcePolicy makes AWS's three checks: syntax, broad access, and that
// the caller is not locked out.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ValidateResourcePolicy.html
func (s *Service) ValidateResourcePolicy(ctx context.Context, in *secretsmanagerapi.ValidateResourcePolicyRequest) (*secretsmanagerapi.ValidateResourcePolicyResponse, error) {
	at := placeOf(ctx)
	v := &secret{Account: at.account, Region: at.region, Name: "*", Suffix: "*"} // any of the account's
	if in.SecretId != nil {
		var err error
		if v, err = s.active(ctx, *in.SecretId); err != nil {
			return nil, err
		}
	}
	out := &secretsmanagerapi.ValidateResourcePolicyResponse{ValidationErrors: []secretsmanagerapi.ValidationErrorsEntry{}}
	fail := func(check, message string) {
		out.ValidationErrors = append(out.ValidationErrors, secretsmanagerapi.ValidationErrorsEntry{CheckName: &check, ErrorMessage: &message})
	}
	if !json.Valid([]byte(in.ResourcePolicy)) {
		return nil, errPolicySyntax
	}
	doc, bound, err := s.document(ctx, in.ResourcePolicy)
	if e, ok := errors.AsType[*wire.Error](err); ok {
		fail("SyntaxCheck", e.Message)
	} else if err != nil {
		return nil, err
	}
	for _, f := range lint.Validate([]byte(in.ResourcePolicy), lint.Options{Type: lint.Resource, Reference: s.Reference}) {
		if f.Type == lint.Error {
			fail("SyntaxCheck", f.Code+": "+f.Details)
		}
	}
	if err == nil {
		if err := s.notPublic(doc); is(err, errPublic) {
			fail("PublicPolicyCheck", "The resource policy grants broad access to the secret.")
		} else if err != nil {
			return nil, err
		}
		if locked, err := locksOut(ctx, v, bound); err != nil {
			return nil, err
		} else if locked {
			fail("LockoutCheck", "The resource policy would deny you secretsmanager:PutResourcePolicy and secretsmanager:DeleteResourcePolicy.")
		}
	}
	out.PolicyValidationPassed = new(len(out.ValidationErrors) == 0)
	return out, nil
}
