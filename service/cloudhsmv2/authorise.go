package cloudhsmv2

import (
	"context"
	"strings"

	hsmapi "bartizan.dev/api/cloudhsmv2"
	"bartizan.dev/arn"
	"bartizan.dev/policy"
	"bartizan.dev/wire"
)

// Rules declares what the operations touch.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudhsm.html
func (s *Service) Rules() policy.Rules {
	everywhere := func(action string) policy.Rule { return policy.OnAny(policy.Touch{Action: "cloudhsm:" + action}) }
	return policy.Rules{
		"CreateCluster": policy.On(func(_ context.Context, in *hsmapi.CreateClusterRequest) ([]policy.Touch, error) {
			return []policy.Touch{{Action: "cloudhsm:CreateCluster", RequestTags: requestTags(in.TagList)}}, nil
		}),
		"DescribeClusters": everywhere("DescribeClusters"),
		"DescribeBackups":  everywhere("DescribeBackups"),
		"DeleteHsm":        everywhere("DeleteHsm"),
		"CreateHsm": policy.On(func(ctx context.Context, in *hsmapi.CreateHsmRequest) ([]policy.Touch, error) {
			return s.on(ctx, "CreateHsm", in.ClusterId)
		}),
		"DeleteCluster": policy.On(func(ctx context.Context, in *hsmapi.DeleteClusterRequest) ([]policy.Touch, error) {
			return s.on(ctx, "DeleteCluster", in.ClusterId)
		}),
		"InitializeCluster": policy.On(func(ctx context.Context, in *hsmapi.InitializeClusterRequest) ([]policy.Touch, error) {
			return s.on(ctx, "InitializeCluster", in.ClusterId)
		}),
		"ModifyCluster": policy.On(func(ctx context.Context, in *hsmapi.ModifyClusterRequest) ([]policy.Touch, error) {
			return s.on(ctx, "ModifyCluster", in.ClusterId)
		}),
		"ListTags": policy.On(func(ctx context.Context, in *hsmapi.ListTagsRequest) ([]policy.Touch, error) {
			return s.on(ctx, "ListTags", in.ResourceId)
		}),
		"TagResource": policy.On(func(ctx context.Context, in *hsmapi.TagResourceRequest) ([]policy.Touch, error) {
			t, err := s.on(ctx, "TagResource", in.ResourceId)
			if err == nil {
				t[0].RequestTags = requestTags(in.TagList)
			}
			return t, err
		}),
		"UntagResource": policy.On(func(ctx context.Context, in *hsmapi.UntagResourceRequest) ([]policy.Touch, error) {
			t, err := s.on(ctx, "UntagResource", in.ResourceId)
			if err == nil {
				t[0].Keys = []policy.Pair{{Key: "aws:TagKeys", Values: in.TagKeyList, Multi: true}}
			}
			return t, err
		}),
		"CopyBackupToRegion": policy.On(func(ctx context.Context, in *hsmapi.CopyBackupToRegionRequest) ([]policy.Touch, error) {
			t, err := s.on(ctx, "CopyBackupToRegion", in.BackupId)
			if err == nil {
				t[0].RequestTags = requestTags(in.TagList)
			}
			return t, err
		}),
		"DeleteBackup": policy.On(func(ctx context.Context, in *hsmapi.DeleteBackupRequest) ([]policy.Touch, error) {
			return s.on(ctx, "DeleteBackup", in.BackupId)
		}),
		"ModifyBackupAttributes": policy.On(func(ctx context.Context, in *hsmapi.ModifyBackupAttributesRequest) ([]policy.Touch, error) {
			return s.on(ctx, "ModifyBackupAttributes", in.BackupId)
		}),
		"RestoreBackup": policy.On(func(ctx context.Context, in *hsmapi.RestoreBackupRequest) ([]policy.Touch, error) {
			return s.on(ctx, "RestoreBackup", in.BackupId)
		}),
		"PutResourcePolicy": policy.On(func(ctx context.Context, in *hsmapi.PutResourcePolicyRequest) ([]policy.Touch, error) {
			return onARN(ctx, "PutResourcePolicy", in.ResourceArn), nil
		}),
		"GetResourcePolicy": policy.On(func(ctx context.Context, in *hsmapi.GetResourcePolicyRequest) ([]policy.Touch, error) {
			return onARN(ctx, "GetResourcePolicy", in.ResourceArn), nil
		}),
		"DeleteResourcePolicy": policy.On(func(ctx context.Context, in *hsmapi.DeleteResourcePolicyRequest) ([]policy.Touch, error) {
			return onARN(ctx, "DeleteResourcePolicy", in.ResourceArn), nil
		}),
	}
}

// on is the touch of an operation on a cluster or a backup. For one that does
// not exist it has no tags.
func (s *Service) on(ctx context.Context, action, id string) ([]policy.Touch, error) {
	at := placeOf(ctx)
	kind, _, _ := strings.Cut(id, "-")
	t := policy.Touch{Action: "cloudhsm:" + action, Resource: at.arn(kind, id), Account: at.account}
	c, err := s.find(ctx, s.Store, at, id)
	if err == nil {
		for _, g := range c.Tags {
			t.ResourceTags = append(t.ResourceTags, policy.Tag(g))
		}
	} else if e := wire.AsError(err); e.Fault {
		return nil, err
	}
	return []policy.Touch{t}, nil
}

// onARN is the touch of an operation on whatever an ARN names.
func onARN(ctx context.Context, action string, name *string) []policy.Touch {
	t := policy.Touch{Action: "cloudhsm:" + action, Account: placeOf(ctx).account}
	if name != nil {
		t.Resource = *name
		if a, err := arn.Parse(*name); err == nil {
			t.Account = a.Account
		}
	}
	return []policy.Touch{t}
}

func requestTags(tags []hsmapi.Tag) []policy.Tag {
	var out []policy.Tag
	for _, t := range tags {
		out = append(out, policy.Tag{Key: t.Key, Value: t.Value})
	}
	return out
}

// Resource names the type of a resource for the trail.
func Resource(name string) string {
	a, err := arn.Parse(name)
	if err != nil || a.Service != "cloudhsm" {
		return ""
	}
	switch kind, _ := a.Type(); kind {
	case "cluster":
		return "AWS::CloudHSM::Cluster"
	case "backup":
		return "AWS::CloudHSM::Backup"
	}
	return ""
}
