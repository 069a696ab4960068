package cloudtrail

import (
	"context"
	"strings"

	cloudtrailapi "bartizan.dev/api/cloudtrail"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// maxPolicy bounds a resource policy, in bytes: the model's limit.
const maxPolicy = 8192

// shareable are the actions that a resource policy can let others do; the rest is
// for the owner, whatever it says.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/security_iam_resource-based-policy-examples.html
var shareable = []string{"StartQuery", "CancelQuery", "DescribeQuery", "GetQueryResults", "ListQueries", "GetEventDataStore"}

// compiled is an event data store's resource policy, or nil.
func (d *dataStore) compiled() (*policy.Set, error) {
	if d.Policy == "" {
		return nil, nil
	}
	doc, err := policy.Parse([]byte(d.Policy))
	if err != nil {
		return nil, err
	}
	return policy.Compile(policy.Labelled{Source: policy.Source{Type: policy.Resource, ARN: d.arn(), Name: "resource policy"}, Document: doc}), nil
}

// owned is the event data store of a call about resource policies.
func (s *Service) owned(ctx context.Context, r store.Reader, name string) (*dataStore, error) {
	switch {
	case !strings.HasPrefix(name, "arn:"):
		return nil, wire.Errorf("ResourceARNNotValidException", "The provided resource ARN %s is not valid.", name)
	case strings.Contains(name, ":channel/") || strings.Contains(name, ":dashboard/"):
		return nil, wire.Errorf("ResourceTypeNotSupportedException", "Resources of this type are not built in Bartizan.")
	case !strings.Contains(name, ":eventdatastore/"):
		return nil, wire.Errorf("ResourceTypeNotSupportedException", "Resource policies of this type of resource are not supported.")
	}
	if _, _, err := locateStore(placeOf(ctx), name); err != nil {
		return nil, wire.Errorf("ResourceARNNotValidException", "The provided resource ARN %s is not valid.", name)
	}
	d, err := s.dataStore(ctx, r, name)
	if err != nil && wire.AsError(err).Code == "EventDataStoreNotFoundException" {
		return nil, wire.Errorf("ResourceNotFoundException", "The resource %s was not found.", name)
	}
	return d, err
}

// setPolicy changes the policy of an event data store; f gets what it was.
func (s *Service) setPolicy(ctx context.Context, name string, f func(old string) (string, error)) error {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		d, err := s.owned(ctx, tx, name)
		if err != nil {
			return err
		}
		if d.Policy, err = f(d.Policy); err != nil {
			return err
		}
		return s.stores.Put(ctx, tx, d.id(), d)
	})
	return err
}

func noPolicy(name string) error {
	return wire.Errorf("ResourcePolicyNotFoundException", "The resource %s has no resource-based policy.", name)
}

// PutResourcePolicy lets others use an event data store.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_PutResourcePolicy.html
func (s *Service) PutResourcePolicy(ctx context.Context, in *cloudtrailapi.PutResourcePolicyRequest) (*cloudtrailapi.PutResourcePolicyResponse, error) {
	invalid := func(format string, args ...any) error {
		return wire.Errorf("ResourcePolicyNotValidException", format, args...)
	}
	if len(in.ResourcePolicy) > maxPolicy {
		return nil, invalid("The resource-based policy is larger than %d characters.", maxPolicy)
	}
	doc, err := policy.Parse([]byte(in.ResourcePolicy))
	if err == nil {
		err = doc.Check(policy.Resource)
	}
	if err != nil {
		return nil, invalid("The resource-based policy is not valid: %s", err)
	}
	bound, wrong, err := s.Bind(ctx, in.ResourcePolicy)
	if err != nil {
		return nil, err
	} else if wrong != "" {
		return nil, invalid("The resource-based policy names a principal that does not exist: %s", wrong)
	}
	if err := s.setPolicy(ctx, in.ResourceArn, func(string) (string, error) { return bound, nil }); err != nil {
		return nil, err
	}
	return &cloudtrailapi.PutResourcePolicyResponse{ResourceArn: &in.ResourceArn, ResourcePolicy: &in.ResourcePolicy}, nil
}

// GetResourcePolicy returns who may use an event data store.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_GetResourcePolicy.html
func (s *Service) GetResourcePolicy(ctx context.Context, in *cloudtrailapi.GetResourcePolicyRequest) (*cloudtrailapi.GetResourcePolicyResponse, error) {
	d, err := s.owned(ctx, s.Store, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	if d.Policy == "" {
		return nil, noPolicy(in.ResourceArn)
	}
	document, err := s.Show(ctx, d.Policy)
	return &cloudtrailapi.GetResourcePolicyResponse{ResourceArn: &in.ResourceArn, ResourcePolicy: &document}, err
}

// DeleteResourcePolicy lets nobody else use an event data store any more.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_DeleteResourcePolicy.html
func (s *Service) DeleteResourcePolicy(ctx context.Context, in *cloudtrailapi.DeleteResourcePolicyRequest) (*cloudtrailapi.DeleteResourcePolicyResponse, error) {
	err := s.setPolicy(ctx, in.ResourceArn, func(old string) (string, error) {
		if old == "" {
			return "", noPolicy(in.ResourceArn)
		}
		return "", nil
	})
	if err != nil {
		return nil, err
	}
	return &cloudtrailapi.DeleteResourcePolicyResponse{}, nil
}
