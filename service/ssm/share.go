package ssm

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"slices"
	"strings"

	ssmapi "bartizan.dev/api/ssm"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

const (
	maxSharing = 1024 // bytes of a resource policy
	maxSharers = 10   // resource policies of a parameter
)

// PutResourcePolicy shares an advanced parameter with other accounts.
// https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutResourcePolicy.html
func (s *Service) PutResourcePolicy(ctx context.Context, in *ssmapi.PutResourcePolicyRequest) (*ssmapi.PutResourcePolicyResponse, error) {
	bound, err := s.checkSharing(ctx, in.Policy)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(in.Policy))
	made := sharing{ID: rand.Text(), Hash: hex.EncodeToString(sum[:]), Bound: bound}
	if (in.PolicyId == nil) != (in.PolicyHash == nil) {
		return nil, wire.Errorf("ResourcePolicyInvalidParameterException", "To update a policy, both its PolicyId and its PolicyHash are needed.")
	}
	err = s.reshare(ctx, in.ResourceArn, func(p *parameter) error {
		if p.Tier != tierAdvanced {
			return wire.Errorf("ResourcePolicyInvalidParameterException", "To share a parameter, it must be in the advanced parameter tier.")
		}
		if in.PolicyId == nil {
			if len(p.Policies) >= maxSharers {
				return wire.Errorf("ResourcePolicyLimitExceededException", "A parameter can have at most %d resource policies.", maxSharers)
			}
			p.Policies = append(p.Policies, made)
			return nil
		}
		i, err := p.sharing(*in.PolicyId, *in.PolicyHash)
		if err != nil {
			return err
		}
		made.ID = *in.PolicyId
		p.Policies[i] = made
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &ssmapi.PutResourcePolicyResponse{PolicyId: &made.ID, PolicyHash: &made.Hash}, nil
}

// shareable are the actions that a parameter can be shared for.
// https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-shared-parameters.html
var shareable = []string{"ssm:GetParameter", "ssm:GetParameters", "ssm:GetParameterHistory", "ssm:DescribeParameters"}

func isShareable(action string) bool {
	return slices.ContainsFunc(shareable, func(a string) bool { return strings.EqualFold(a, action) })
}

// checkSharing checks a resource policy and returns its stored form.
func (s *Service) checkSharing(ctx context.Context, text string) (string, error) {
	if len(text) > maxSharing {
		return "", wire.Errorf("ResourcePolicyLimitExceededException", "A policy can't be greater than %d bytes in size.", maxSharing)
	}
	malformed := func(reason string) error {
		return wire.Errorf("MalformedResourcePolicyDocumentException", "The specified policy document is malformed or invalid: %s", reason)
	}
	doc, err := policy.Parse([]byte(text))
	if err == nil {
		err = doc.Check(policy.Resource)
	}
	if err != nil {
		return "", malformed(err.Error())
	}
	for i := range doc.Statements {
		st := &doc.Statements[i]
		if len(st.NotAction) > 0 || slices.ContainsFunc(st.Action, func(a string) bool { return !isShareable(a) }) {
			return "", malformed("a parameter can be shared for " + strings.Join(shareable, ", ") + ".")
		}
	}
	bound, wrong, err := s.Bind(ctx, text)
	if err != nil {
		return "", err
	}
	if wrong != "" {
		return "", malformed("it names a principal that does not exist.")
	}
	return bound, nil
}

// DeleteResourcePolicy ends a sharing.
// https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DeleteResourcePolicy.html
func (s *Service) DeleteResourcePolicy(ctx context.Context, in *ssmapi.DeleteResourcePolicyRequest) (*ssmapi.DeleteResourcePolicyResponse, error) {
	if in.DeletionMode == ssmapi.DeletionMode_RollbackMigration {
		return nil, wire.Errorf("ResourcePolicyInvalidParameterException", "DeletionMode RollbackMigration is for documents, which Bartizan does not have.")
	}
	err := s.reshare(ctx, in.ResourceArn, func(p *parameter) error {
		i, err := p.sharing(in.PolicyId, in.PolicyHash)
		if err == nil {
			p.Policies = slices.Delete(p.Policies, i, i+1)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &ssmapi.DeleteResourcePolicyResponse{}, nil
}

// GetResourcePolicies lists the resource policies of a parameter.
// https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetResourcePolicies.html
func (s *Service) GetResourcePolicies(ctx context.Context, in *ssmapi.GetResourcePoliciesRequest) (*ssmapi.GetResourcePoliciesResponse, error) {
	pg, err := newPage(in.MaxResults, in.NextToken, 50)
	if err != nil {
		return nil, wire.Errorf("ResourcePolicyInvalidParameterException", "The specified token isn't valid.")
	}
	p, err := s.shared(ctx, s.Store, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	out := &ssmapi.GetResourcePoliciesResponse{Policies: []ssmapi.GetResourcePoliciesResponseEntry{}}
	skip := pg.after != ""
	for _, h := range p.Policies {
		if skip {
			skip = h.ID != pg.after
			continue
		}
		if len(out.Policies) == pg.limit {
			out.NextToken = tokenAfter(*out.Policies[len(out.Policies)-1].PolicyId)
			break
		}
		document, err := s.Show(ctx, h.Bound)
		if err != nil {
			return nil, err
		}
		out.Policies = append(out.Policies, ssmapi.GetResourcePoliciesResponseEntry{PolicyId: &h.ID, PolicyHash: &h.Hash, Policy: &document})
	}
	return out, nil
}

// sharing finds a resource policy by its id, whose hash must be the newest.
func (p *parameter) sharing(id, hash string) (int, error) {
	i := slices.IndexFunc(p.Policies, func(h sharing) bool { return h.ID == id })
	if i < 0 {
		return 0, wire.Errorf("ResourcePolicyNotFoundException", "No policies with the specified policy ID and hash could be found.")
	}
	if subtle.ConstantTimeCompare([]byte(p.Policies[i].Hash), []byte(hash)) != 1 {
		return 0, wire.Errorf("ResourcePolicyConflictException", "The hash provided in the call doesn't match the stored hash.")
	}
	return i, nil
}

// shared finds the caller's own parameter with an ARN.
func (s *Service) shared(ctx context.Context, r store.Reader, arn string) (*parameter, error) {
	x, err := selectName(placeOf(ctx), arn)
	if err != nil || !x.byARN || x.selector != "" || x.place != placeOf(ctx) {
		return nil, wire.Errorf("ResourcePolicyInvalidParameterException", "ResourceArn must be the ARN of a parameter of this account and Region.")
	}
	p, err := s.lookup(ctx, r, x)
	if err == nil && p == nil {
		err = wire.Errorf("ResourceNotFoundException", "The specified parameter to be shared could not be found.")
	}
	return p, err
}

func (s *Service) reshare(ctx context.Context, arn string, f func(*parameter) error) error {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		p, err := s.shared(ctx, tx, arn)
		if err != nil {
			return err
		}
		if err := f(p); err != nil {
			return err
		}
		return s.parameters.Put(ctx, tx, p.id(), p)
	})
	return err
}

// set compiles the resource policies of a parameter; nil if it has none.
func (p *parameter) set() (*policy.Set, error) {
	var list []policy.Labelled
	for _, h := range p.Policies {
		doc, err := policy.Parse([]byte(h.Bound))
		if err != nil {
			return nil, err
		}
		list = append(list, policy.Labelled{Source: policy.Source{Type: policy.Resource, Name: "resource policy"}, Document: doc})
	}
	if list == nil {
		return nil, nil
	}
	return policy.Compile(list...), nil
}
