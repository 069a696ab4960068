package organizations

import (
	"context"
	"errors"
	"slices"
	"strings"

	api "bartizan.dev/api/organizations"
	"bartizan.dev/arn"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

func (s *Service) delegationRules() policy.Rules {
	return policy.Rules{
		"PutResourcePolicy": rule(s, "PutResourcePolicy", management, func(ctx context.Context, o *organization, in *api.PutResourcePolicyRequest) ([]policy.Touch, error) {
			t := policy.Touch{Resource: o.arnOf("resourcepolicy", "*")}
			d, err := s.delegations.Get(ctx, s.Store, o.ID)
			if err == nil {
				t.Resource, t.ResourceTags = o.arnOf("resourcepolicy", d.ID), policyTags(d.Tags)
			} else if !errors.Is(err, store.ErrNotFound) {
				return nil, err
			}
			return tagging(t, in.Tags), nil
		}),
		"DescribeResourcePolicy": onNothing[api.DescribeResourcePolicyInput](s, "DescribeResourcePolicy", readers),
		"DeleteResourcePolicy":   onNothing[api.DeleteResourcePolicyInput](s, "DeleteResourcePolicy", management),
	}
}

func noResourcePolicy() *wire.Error {
	return wire.Errorf("ResourcePolicyNotFoundException", "You specified a resource policy that doesn't exist.")
}

// PutResourcePolicy sets the policy by which members may do what else the
// management account alone does. It holds from the next call on.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_PutResourcePolicy.html
func (s *Service) PutResourcePolicy(ctx context.Context, in *api.PutResourcePolicyRequest) (*api.PutResourcePolicyResponse, error) {
	tags, err := newTags(in.Tags)
	if err != nil {
		return nil, err
	}
	var o *organization
	var d *delegation
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		if o, err = s.managedAll(ctx, tx); err != nil {
			return err
		}
		if err := checkDelegation(o, in.Content); err != nil {
			return err
		}
		d, err = s.delegations.Get(ctx, tx, o.ID)
		switch {
		case errors.Is(err, store.ErrNotFound):
			d = &delegation{Org: o.ID, ID: newID("rp-", 8), Tags: tags}
		case err != nil:
			return err
		case len(in.Tags) > 0:
			return invalid("UPDATE_EXISTING_RESOURCE_POLICY_WITH_TAGS_NOT_SUPPORTED", "You can only add tags when you create the resource policy. Use the TagResource API instead.")
		}
		d.Content = in.Content
		return s.delegations.Put(ctx, tx, o.ID, d)
	})
	if err != nil {
		return nil, err
	}
	return &api.PutResourcePolicyResponse{ResourcePolicy: apiDelegation(o, d)}, nil
}

// DescribeResourcePolicy shows it.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeResourcePolicy.html
func (s *Service) DescribeResourcePolicy(ctx context.Context, _ *api.DescribeResourcePolicyInput) (*api.DescribeResourcePolicyResponse, error) {
	o, err := s.inAll(ctx, s.Store)
	if err != nil {
		return nil, err
	}
	d, err := s.delegations.Get(ctx, s.Store, o.ID)
	if d, err = found(d, err, noResourcePolicy()); err != nil {
		return nil, err
	}
	return &api.DescribeResourcePolicyResponse{ResourcePolicy: apiDelegation(o, d)}, nil
}

// DeleteResourcePolicy takes it away.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_DeleteResourcePolicy.html
func (s *Service) DeleteResourcePolicy(ctx context.Context, _ *api.DeleteResourcePolicyInput) (*api.DeleteResourcePolicyOutput, error) {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		o, err := s.managedAll(ctx, tx)
		if err != nil {
			return err
		}
		d, err := s.delegations.Get(ctx, tx, o.ID)
		if _, err = found(d, err, noResourcePolicy()); err != nil {
			return err
		}
		return s.delegations.Delete(ctx, tx, o.ID)
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteResourcePolicyOutput{}, nil
}

func apiDelegation(o *organization, d *delegation) *api.ResourcePolicy {
	return &api.ResourcePolicy{ResourcePolicySummary: &api.ResourcePolicySummary{Id: &d.ID, Arn: new(o.arnOf("resourcepolicy", d.ID))}, Content: &d.Content}
}

// checkDelegation checks a resource policy: actions of Organizations that may be
// delegated, resources of this organization, principals with an account.
// NotAction and NotResource are refused since June 2026.
// https://docs.aws.amazon.com/organizations/latest/userguide/orgs-policy-delegate-update.html
func checkDelegation(o *organization, text string) error {
	doc, err := policy.Parse([]byte(text))
	if err == nil {
		err = doc.Check(policy.Resource)
	}
	if err != nil {
		return invalid("INVALID_RESOURCE_POLICY_JSON", "The provided resource policy is not valid.").With(err)
	}
	for i := range doc.Statements {
		st := &doc.Statements[i]
		switch {
		case st.NotAction != nil || st.NotResource != nil:
			return invalid("INVALID_RESOURCE_POLICY_JSON", "The provided resource policy must not contain NotAction or NotResource.")
		case st.NotPrincipal != nil || !namesAccounts(st.Principal):
			return invalid("INVALID_PRINCIPAL", "You specified an invalid principal element in the policy.")
		case !allOf(st.Action, delegable):
			return invalid("UNSUPPORTED_ACTION_IN_RESOURCE_POLICY", "The provided resource policy contains an action that is not supported.")
		case !allOf(st.Resource, o.owns):
			return invalid("UNSUPPORTED_RESOURCE_IN_RESOURCE_POLICY", "The provided resource policy contains a resource that is not supported.")
		}
		for _, c := range st.Condition {
			if strings.EqualFold(c.Key, "organizations:PolicyType") && !allOf(c.Values, knownType) {
				return invalid("UNSUPPORTED_POLICY_TYPE_IN_RESOURCE_POLICY", "The provided resource policy contains a policy type that is not supported.")
			}
		}
	}
	return nil
}

func allOf(list []string, ok func(string) bool) bool {
	return !slices.ContainsFunc(list, func(s string) bool { return !ok(s) })
}

// namesAccounts: accounts, and users and roles of accounts. "*" stands for
// everyone in the conditions of the statement.
func namesAccounts(p *policy.Principals) bool {
	if p == nil || len(p.Service)+len(p.Federated)+len(p.Canonical) > 0 {
		return false
	}
	return allOf(p.AWS, func(s string) bool {
		a, err := arn.Parse(s)
		return s == "*" || arn.IsAccount(s) || err == nil && arn.IsAccount(a.Account) && (a.Service == "iam" || a.Service == "sts")
	})
}

// delegable: reading, and everything about policies.
func delegable(action string) bool {
	service, name, _ := strings.Cut(strings.ToLower(action), ":")
	if service != "organizations" {
		return false
	}
	if strings.HasPrefix(name, "list") || strings.HasPrefix(name, "describe") {
		return true
	}
	return slices.Contains([]string{"attachpolicy", "createpolicy", "deletepolicy", "detachpolicy", "disablepolicytype", "enablepolicytype",
		"tagresource", "untagresource", "updatepolicy"}, name)
}

// owns: everything, or what belongs to the organization's management account,
// or AWS's own policies.
func (o *organization) owns(resource string) bool {
	if resource == "*" {
		return true
	}
	a, err := arn.Parse(resource)
	return err == nil && a.Service == "organizations" && (a.Account == o.Management || a.Account == "aws" || a.Account == "*")
}

func knownType(t string) bool {
	if strings.ContainsAny(t, "*?") {
		return true
	}
	return t == string(api.PolicyType_SERVICE_CONTROL_POLICY) || t == string(api.PolicyType_RESOURCE_CONTROL_POLICY) ||
		slices.Contains(managementTypes[:], api.PolicyType(t))
}

// managementTypes are the types that effective policies are computed of.
var managementTypes = [...]api.PolicyType{
	api.PolicyType_TAG_POLICY, api.PolicyType_BACKUP_POLICY, api.PolicyType_AISERVICES_OPT_OUT_POLICY, api.PolicyType_CHATBOT_POLICY,
	api.PolicyType_DECLARATIVE_POLICY_EC2, api.PolicyType_SECURITYHUB_POLICY, api.PolicyType_SECURITYHUB_CSPM_POLICY,
	api.PolicyType_INSPECTOR_POLICY, api.PolicyType_UPGRADE_ROLLOUT_POLICY, api.PolicyType_BEDROCK_POLICY, api.PolicyType_S3_POLICY,
	api.PolicyType_NETWORK_SECURITY_DIRECTOR_POLICY, api.PolicyType_GUARDDUTY_POLICY,
}
