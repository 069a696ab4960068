package iamtoolbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	iamtoolboxapi "bartizan.dev/api/iamtoolbox"
	"bartizan.dev/caller"
	"bartizan.dev/policy"
	"bartizan.dev/policy/explain"
	"bartizan.dev/wire"
)

// pageSize is how many evaluations one answer has.
const pageSize = 100

// GetRequestAuthorizationDetails tells what a denial was decided from.
// https://docs.aws.amazon.com/iam-toolbox/latest/APIReference/API_GetRequestAuthorizationDetails.html
func (s *Service) GetRequestAuthorizationDetails(ctx context.Context, in *iamtoolboxapi.GetRequestAuthorizationDetailsInput) (*iamtoolboxapi.GetRequestAuthorizationDetailsOutput, error) {
	e, err := s.denial(ctx, in.AuthorizationId)
	if err != nil {
		return nil, err
	}
	first := 0
	if in.NextToken != nil {
		if first, err = strconv.Atoi(*in.NextToken); err != nil || first < 0 || first >= len(e.Evaluations) {
			return nil, wire.Errorf("ValidationException", "The next token is not valid.")
		}
	}
	out := &iamtoolboxapi.GetRequestAuthorizationDetailsOutput{RequestContext: values(e.Context)}
	for i := range e.Policies {
		out.Policies = append(out.Policies, s.info(e, i))
	}
	for i := first; i < min(first+pageSize, len(e.Evaluations)); i++ {
		ev, err := s.evaluation(ctx, e, i)
		if err != nil {
			return nil, err
		}
		out.Evaluations = append(out.Evaluations, *ev)
	}
	if first+pageSize < len(e.Evaluations) {
		out.NextToken = new(strconv.Itoa(first + pageSize))
	}
	return out, nil
}

// GetRequestAuthorizationPolicy returns a policy as it was when it denied.
// https://docs.aws.amazon.com/iam-toolbox/latest/APIReference/API_GetRequestAuthorizationPolicy.html
func (s *Service) GetRequestAuthorizationPolicy(ctx context.Context, in *iamtoolboxapi.GetRequestAuthorizationPolicyInput) (*iamtoolboxapi.GetRequestAuthorizationPolicyOutput, error) {
	e, err := s.denial(ctx, in.AuthorizationId)
	if err != nil {
		return nil, err
	}
	for i := range e.Policies {
		if uri(e, i) == in.PolicyUri {
			text, err := s.texts(ctx, e)(e.Policies[i].Document)
			if err != nil {
				return nil, err
			}
			return &iamtoolboxapi.GetRequestAuthorizationPolicyOutput{PolicyDocument: text}, nil
		}
	}
	return nil, notFound()
}

// denial finds evidence by its authorization id alone.
func (s *Service) denial(ctx context.Context, id string) (*explain.Evidence, error) {
	if explain.EventID(id) == "" {
		return nil, notFound()
	}
	e, err := s.find(ctx, caller.From(ctx).Identity.Account, id)
	if errors.Is(err, errNotFound) {
		return nil, notFound()
	}
	return e, err
}

func values(pairs []policy.Pair) map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	for _, p := range pairs {
		var v any = p.Values
		if !p.Multi && len(p.Values) == 1 {
			v = p.Values[0]
		}
		if text, err := json.Marshal(v); err == nil { // strings always can
			out[p.Key] = text
		}
	}
	return out
}

// uri names a policy within its evidence: managed ones by ARN.
func uri(e *explain.Evidence, i int) string {
	if p := &e.Policies[i]; p.Managed {
		return p.ARN
	}
	return fmt.Sprintf("policy-%d-%s", i, e.Policies[i].Document)
}

var policyTypes = map[policy.Type]iamtoolboxapi.PolicyType{
	policy.Identity: iamtoolboxapi.PolicyType_IDENTITY_BASED_POLICY,
	policy.Boundary: iamtoolboxapi.PolicyType_PERMISSIONS_BOUNDARY,
	policy.Session:  iamtoolboxapi.PolicyType_SESSION_POLICY,
	policy.Resource: iamtoolboxapi.PolicyType_RESOURCE_BASED_POLICY,
	policy.Trust:    iamtoolboxapi.PolicyType_RESOURCE_BASED_POLICY,
	policy.Grant:    iamtoolboxapi.PolicyType_RESOURCE_BASED_POLICY,
	policy.SCP:      iamtoolboxapi.PolicyType_SERVICE_CONTROL_POLICY,
	policy.RCP:      iamtoolboxapi.PolicyType_RESOURCE_CONTROL_POLICY,
	policy.Endpoint: iamtoolboxapi.PolicyType_VPC_ENDPOINT_POLICY,
}

func (s *Service) info(e *explain.Evidence, i int) iamtoolboxapi.PolicyInfo {
	p := &e.Policies[i]
	out := iamtoolboxapi.PolicyInfo{Type: policyTypes[p.Type], Uri: new(uri(e, i)), Inline: new(!p.Managed)}
	for _, at := range attachedTo(e, i) {
		out.AttachedTo = append(out.AttachedTo, iamtoolboxapi.AttachedTo{Arn: &at})
	}
	if p.Type == policy.Trust {
		out.PolicySource = map[string]string{"type": "ROLE_TRUST_POLICY", "typeName": "IAM role trust policy"}
	}
	return out
}

// attachedTo is what holds a policy: a target of the organization, the
// resource, or the principal.
func attachedTo(e *explain.Evidence, i int) (out []string) {
	p := &e.Policies[i]
	switch p.Type {
	case policy.SCP:
		return targets(e.Targets, e.Evaluations[len(e.Evaluations)-1].SCP, i)
	case policy.RCP:
		for k := range e.Evaluations {
			for _, t := range targets(e.Evaluations[k].Targets, e.Evaluations[k].RCP, i) {
				if !slices.Contains(out, t) {
					out = append(out, t)
				}
			}
		}
		return out
	}
	if !p.Managed && p.ARN != "" {
		return []string{p.ARN}
	}
	if e.Principal.Issuer != "" {
		return []string{e.Principal.Issuer}
	}
	return []string{e.Principal.ARN}
}

func targets(all []string, levels [][]int, i int) (out []string) {
	for l, list := range levels {
		if l < len(all) && slices.Contains(list, i) {
			out = append(out, all[l])
		}
	}
	return out
}
