package iam

import (
	"context"
	"fmt"
	"slices"
	"strings"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/policy"
)

// GetContextKeysForCustomPolicy lists the condition keys that policies given
// as text ask for, in conditions and as variables.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetContextKeysForCustomPolicy.html
func (s *Service) GetContextKeysForCustomPolicy(_ context.Context, in *iamapi.GetContextKeysForCustomPolicyRequest) (*iamapi.GetContextKeysForPolicyResponse, error) {
	keys := contextKeys{}
	if err := keys.given(in.PolicyInputList); err != nil {
		return nil, err
	}
	return &iamapi.GetContextKeysForPolicyResponse{ContextKeyNames: keys.sorted()}, nil
}

// GetContextKeysForPrincipalPolicy lists the condition keys that all policies
// of a user (with its groups), group or role ask for, those of its permissions
// boundary included, since the simulation needs them.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetContextKeysForPrincipalPolicy.html
func (s *Service) GetContextKeysForPrincipalPolicy(ctx context.Context, in *iamapi.GetContextKeysForPrincipalPolicyRequest) (*iamapi.GetContextKeysForPolicyResponse, error) {
	src, err := s.source(ctx, s.Store, in.PolicySourceArn)
	if err != nil {
		return nil, err
	}
	all := src.policies
	if src.boundedBy != nil {
		all = append(all, *src.boundedBy)
	}
	keys := contextKeys{}
	for _, p := range all {
		doc, err := policy.Parse([]byte(p.text))
		if err != nil {
			return nil, unreadable("policy "+p.id, err)
		}
		keys.add(doc)
	}
	if err := keys.given(in.PolicyInputList); err != nil {
		return nil, err
	}
	return &iamapi.GetContextKeysForPolicyResponse{ContextKeyNames: keys.sorted()}, nil
}

// contextKeys is a set of condition keys, by their lower case: their names
// have no case. The first spelling stays.
type contextKeys map[string]string

func (c contextKeys) add(doc *policy.Document) {
	for _, name := range doc.ContextKeys() {
		if low := strings.ToLower(name); c[low] == "" {
			c[low] = name
		}
	}
}

// given adds the keys of policies of the request. Any policy will do: those of
// resources have keys too.
func (c contextKeys) given(texts []string) error {
	for i, text := range texts {
		doc, err := policy.Parse([]byte(text))
		if err != nil {
			return notAPolicy(fmt.Sprintf("PolicyInputList.%d", i+1), policy.Identity, err)
		}
		c.add(doc)
	}
	return nil
}

func (c contextKeys) sorted() []string {
	out := make([]string, 0, len(c))
	for _, name := range c {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}
