package logs

import (
	"context"
	"errors"

	logsapi "bartizan.dev/api/logs"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// "There is a limit of 10 resource policies per account per Region", of 5,120
// characters each.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
const (
	maxPolicies = 10
	maxDocument = 5120
)

// ofAccount: a policy can belong to one log group on AWS too.
func ofAccount(resource, revision *string) error {
	if resource != nil || revision != nil {
		return invalid("Bartizan has resource policies of accounts, not of single log groups: resourceArn and expectedRevisionId are not supported.")
	}
	return nil
}

// PutResourcePolicy lets services such as events.amazonaws.com write into the
// account's log groups.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutResourcePolicy.html
func (s *Service) PutResourcePolicy(ctx context.Context, in *logsapi.PutResourcePolicyRequest) (*logsapi.PutResourcePolicyResponse, error) {
	if err := ofAccount(in.ResourceArn, in.ExpectedRevisionId); err != nil {
		return nil, err
	}
	if text(in.PolicyName) == "" || text(in.PolicyDocument) == "" {
		return nil, invalid("policyName and policyDocument are required.")
	}
	document := *in.PolicyDocument
	doc, err := policy.Parse([]byte(document))
	if err == nil {
		err = doc.Check(policy.Resource)
	}
	if err != nil || len(document) > maxDocument {
		return nil, invalid("Invalid resource policy document").With(err)
	}
	bound, wrong, err := s.Bind(ctx, document)
	if err != nil {
		return nil, err
	} else if wrong != "" {
		return nil, invalid("Invalid principal in the resource policy document: %s", wrong)
	}
	home := placeOf(ctx).home()
	p := &resourcePolicy{Name: *in.PolicyName, Bound: bound, Updated: s.now().UnixMilli()}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		all, err := s.resource.List(ctx, tx, home, "", maxPolicies)
		if err != nil {
			return err
		}
		_, err = s.resource.Get(ctx, tx, home+p.Name)
		if errors.Is(err, store.ErrNotFound) && len(all) >= maxPolicies {
			return wire.Errorf("LimitExceededException", "Resource limit exceeded.")
		} else if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		return s.resource.Put(ctx, tx, home+p.Name, p)
	})
	if err != nil {
		return nil, err
	}
	shown, err := s.shown(ctx, p)
	return &logsapi.PutResourcePolicyResponse{ResourcePolicy: shown}, err
}

func (s *Service) shown(ctx context.Context, p *resourcePolicy) (*logsapi.ResourcePolicy, error) {
	document, err := s.Show(ctx, p.Bound)
	return &logsapi.ResourcePolicy{PolicyName: &p.Name, PolicyDocument: &document, LastUpdatedTime: &p.Updated, PolicyScope: logsapi.PolicyScope_ACCOUNT}, err
}

// DescribeResourcePolicies lists them by name.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeResourcePolicies.html
func (s *Service) DescribeResourcePolicies(ctx context.Context, in *logsapi.DescribeResourcePoliciesRequest) (*logsapi.DescribeResourcePoliciesResponse, error) {
	if err := ofAccount(in.ResourceArn, nil); err != nil || in.PolicyScope == logsapi.PolicyScope_RESOURCE {
		return nil, ofAccount(new(""), nil)
	}
	pg, err := newPage(in.Limit, in.NextToken)
	if err != nil {
		return nil, err
	}
	home := placeOf(ctx).home()
	found, err := s.resource.List(ctx, s.Store, home, pg.from(home), pg.limit+1)
	if err != nil {
		return nil, err
	}
	out := &logsapi.DescribeResourcePoliciesResponse{ResourcePolicies: []logsapi.ResourcePolicy{}}
	if len(found) > pg.limit {
		found = found[:pg.limit]
		out.NextToken = tokenAfter(found[pg.limit-1].Value.Name)
	}
	for _, e := range found {
		p, err := s.shown(ctx, e.Value)
		if err != nil {
			return nil, err
		}
		out.ResourcePolicies = append(out.ResourcePolicies, *p)
	}
	return out, nil
}

// DeleteResourcePolicy deletes one.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DeleteResourcePolicy.html
func (s *Service) DeleteResourcePolicy(ctx context.Context, in *logsapi.DeleteResourcePolicyRequest) (*logsapi.DeleteResourcePolicyOutput, error) {
	if err := ofAccount(in.ResourceArn, in.ExpectedRevisionId); err != nil {
		return nil, err
	}
	id := placeOf(ctx).home() + text(in.PolicyName)
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		if _, err := s.resource.Get(ctx, tx, id); errors.Is(err, store.ErrNotFound) {
			return wire.Errorf("ResourceNotFoundException", "Policy with name [%s] does not exist.", text(in.PolicyName))
		} else if err != nil {
			return err
		}
		return s.resource.Delete(ctx, tx, id)
	})
	if err != nil {
		return nil, err
	}
	return &logsapi.DeleteResourcePolicyOutput{}, nil
}
