package secretsmanager

import (
	"cmp"
	"context"
	"errors"
	"slices"

	secretsmanagerapi "bartizan.dev/api/secretsmanager"
	"bartizan.dev/arn"
	"bartizan.dev/policy"
	"bartizan.dev/store"
)

// Rules declares what the operations touch.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecretsmanager.html
func (s *Service) Rules() policy.Rules {
	return policy.Rules{
		"AssociateCrossAccountReplica": policy.On(s.touchAssociate),
		"DisassociateCrossAccountReplica": on1(s, "DisassociateCrossAccountReplica", func(in *secretsmanagerapi.DisassociateCrossAccountReplicaRequest) string {
			return in.SecretId
		}),
		"BatchGetSecretValue":          policy.On(s.touchBatch),
		"CancelRotateSecret":           on1(s, "CancelRotateSecret", func(in *secretsmanagerapi.CancelRotateSecretRequest) string { return in.SecretId }),
		"CreateSecret":                 policy.On(s.touchCreate),
		"DeleteResourcePolicy":         policy.On(s.touchUnpolicy),
		"DeleteSecret":                 policy.On(s.touchDelete),
		"DescribeSecret":               on1(s, "DescribeSecret", func(in *secretsmanagerapi.DescribeSecretRequest) string { return in.SecretId }),
		"GetRandomPassword":            policy.OnAny(policy.Touch{Action: "secretsmanager:GetRandomPassword"}),
		"GetResourcePolicy":            on1(s, "GetResourcePolicy", func(in *secretsmanagerapi.GetResourcePolicyRequest) string { return in.SecretId }),
		"GetSecretValue":               policy.On(s.touchGet),
		"ListResourcePolicies":         on1(s, "ListResourcePolicies", func(in *secretsmanagerapi.ListResourcePoliciesRequest) string { return in.SecretId }),
		"ListSecretVersionIds":         on1(s, "ListSecretVersionIds", func(in *secretsmanagerapi.ListSecretVersionIdsRequest) string { return in.SecretId }),
		"ListSecrets":                  policy.OnAny(policy.Touch{Action: "secretsmanager:ListSecrets"}),
		"PutResourcePolicy":            policy.On(s.touchPolicy),
		"PutSecretValue":               on1(s, "PutSecretValue", func(in *secretsmanagerapi.PutSecretValueRequest) string { return in.SecretId }),
		"RemoveRegionsFromReplication": on1(s, "RemoveRegionsFromReplication", func(in *secretsmanagerapi.RemoveRegionsFromReplicationRequest) string { return in.SecretId }),
		"ReplicateSecretToRegions":     policy.On(s.touchReplicate),
		"RestoreSecret":                on1(s, "RestoreSecret", func(in *secretsmanagerapi.RestoreSecretRequest) string { return in.SecretId }),
		"RotateSecret":                 policy.On(s.touchRotate),
		"StopReplicationToReplica":     policy.On(s.touchStop),
		"TagResource":                  policy.On(s.touchTag),
		"UntagResource":                policy.On(s.touchUntag),
		"UpdateSecret":                 policy.On(s.touchUpdate),
		"UpdateSecretVersionStage":     policy.On(s.touchStage),
		"ValidateResourcePolicy":       policy.On(s.touchValidate),
	}
}

// Resource is the type of a resource as CloudTrail's events name it.
func Resource(name string) string {
	if a, err := arn.Parse(name); err == nil && a.Service == "secretsmanager" {
		return "AWS::SecretsManager::Secret"
	}
	return ""
}

// on1 is the rule of an operation that touches one secret, with no condition keys
// but the secret's own.
func on1[I any](s *Service, action string, id func(*I) string) policy.Rule {
	return policy.On(func(ctx context.Context, in *I) ([]policy.Touch, error) {
		t, _, err := s.touch(ctx, action, id(in))
		return []policy.Touch{t}, err
	})
}

// attached is what decisions need of a secret: its policy, tags and condition
// keys. It is kept in a cache that follows the record.
type attached struct {
	arn, suffix string
	account     string
	function    string // that rotates it
	copied      bool   // a replica in another account than its primary
	set         *policy.Set
	tags        []policy.Tag
	keys        []policy.Pair
}

func (s *Service) loadPolicy(ctx context.Context, r store.Reader, key string) (*attached, error) {
	v, err := s.secrets.Get(ctx, r, key)
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrTooLarge) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	a := &attached{arn: v.arn(), suffix: v.Suffix, account: v.Account, function: v.Rotation.Function, copied: v.From != nil}
	for _, t := range v.Tags {
		a.tags = append(a.tags, policy.Tag(t))
		a.keys = append(a.keys, pair("ResourceTag/"+t.Key, t.Value))
	}
	a.keys = append(a.keys, pair("SecretId", a.arn), pair("SecretPrimaryRegion", cmp.Or(v.Origin, v.Region)))
	if a.function != "" {
		a.keys = append(a.keys, pair("resource/AllowRotationLambdaArn", a.function))
	}
	if v.Type != "" {
		a.keys = append(a.keys, pair("resource/Type", v.Type))
	}
	var list []policy.Labelled
	for _, p := range v.policies() {
		doc, err := policy.Parse([]byte(p.text))
		if err != nil {
			return nil, err
		}
		list = append(list, policy.Labelled{Source: policy.Source{Type: policy.Resource, ARN: a.arn, Name: p.source}, Document: doc})
	}
	if list != nil {
		a.set = policy.Compile(list...)
	}
	return a, nil
}

// touch is the touch of a secret, and the secret itself or nil. Of one that does
// not exist the touch says no more than the call did.
func (s *Service) touch(ctx context.Context, action, id string) (policy.Touch, *attached, error) {
	t := policy.Touch{Action: "secretsmanager:" + action}
	ref, err := parseID(ctx, id)
	if err != nil {
		return t, nil, err
	}
	t.Account = ref.account
	a, err := s.policies.Get(ctx, ref.key(ref.name))
	if err != nil {
		return t, nil, err
	}
	if a == nil || ref.suffix != "" && ref.suffix != a.suffix {
		t.Resource = arn.New("secretsmanager", ref.region, ref.account, "secret:"+ref.name)
		if ref.suffix != "" {
			t.Resource += "-" + ref.suffix
		}
		t.Keys = []policy.Pair{pair("SecretId", t.Resource)}
		return t, nil, nil
	}
	t.Resource, t.Policy, t.ResourceTags, t.Keys = a.arn, a.set, a.tags, slices.Clip(a.keys)
	return t, a, nil
}

func (s *Service) touchBatch(_ context.Context, in *secretsmanagerapi.BatchGetSecretValueRequest) ([]policy.Touch, error) {
	out := []policy.Touch{{Action: "secretsmanager:BatchGetSecretValue"}}
	if len(in.Filters) > 0 {
		out = append(out, policy.Touch{Action: "secretsmanager:ListSecrets"})
	}
	return out, nil
}

// touchCreate decides about the ARN that the secret will have.
func (s *Service) touchCreate(ctx context.Context, in *secretsmanagerapi.CreateSecretRequest) ([]policy.Touch, error) {
	at := placeOf(ctx)
	t := policy.Touch{
		Action:   "secretsmanager:CreateSecret",
		Resource: arn.New("secretsmanager", at.region, at.account, "secret:"+in.Name+"-"+suffixOf(ctx, in.Name)),
		Keys:     []policy.Pair{pair("Name", in.Name)},
	}
	t.Keys = appendText(t.Keys, "Description", in.Description)
	t.Keys = appendText(t.Keys, "Type", in.Type)
	t.Keys = appendKey(t.Keys, at, in.KmsKeyId)
	t.Keys = appendRegions(t.Keys, in.AddReplicaRegions, in.ForceOverwriteReplicaSecret)
	t.RequestTags = requestTags(in.Tags)
	out := []policy.Touch{t}
	if len(in.Tags) > 0 {
		t.Action = "secretsmanager:TagResource"
		out = append(out, t)
	}
	if len(in.AddReplicaRegions) > 0 {
		t.Action = "secretsmanager:ReplicateSecretToRegions"
		out = append(out, t)
	}
	if in.CrossAccountPrimaryARN != nil { // which attaches a policy to the replica
		t.Action = "secretsmanager:PutResourcePolicy"
		t.Keys = append(slices.Clip(t.Keys), pair("PolicyName", acrossPolicy))
		out = append(out, t)
	}
	return out, nil
}

func (s *Service) touchDelete(ctx context.Context, in *secretsmanagerapi.DeleteSecretRequest) ([]policy.Touch, error) {
	t, _, err := s.touch(ctx, "DeleteSecret", in.SecretId)
	t.Keys = appendBool(t.Keys, "ForceDeleteWithoutRecovery", in.ForceDeleteWithoutRecovery)
	t.Keys = appendInt(t.Keys, "RecoveryWindowInDays", in.RecoveryWindowInDays)
	return []policy.Touch{t}, err
}

// touchGet: a call that names neither version nor label asks for AWSCURRENT.
func (s *Service) touchGet(ctx context.Context, in *secretsmanagerapi.GetSecretValueRequest) ([]policy.Touch, error) {
	t, _, err := s.touch(ctx, "GetSecretValue", in.SecretId)
	t.Keys = appendText(t.Keys, "VersionId", in.VersionId)
	switch {
	case in.VersionStage != nil:
		t.Keys = append(t.Keys, pair("VersionStage", *in.VersionStage))
	case in.VersionId == nil:
		t.Keys = append(t.Keys, pair("VersionStage", current))
	}
	return []policy.Touch{t}, err
}

func (s *Service) touchPolicy(ctx context.Context, in *secretsmanagerapi.PutResourcePolicyRequest) ([]policy.Touch, error) {
	t, _, err := s.touch(ctx, "PutResourcePolicy", in.SecretId)
	t.Keys = appendBool(t.Keys, "BlockPublicPolicy", in.BlockPublicPolicy)
	t.Keys = append(t.Keys, pair("PolicyName", cmp.Or(text(in.PolicyName), defaultPolicy)))
	return []policy.Touch{t}, err
}

func (s *Service) touchUnpolicy(ctx context.Context, in *secretsmanagerapi.DeleteResourcePolicyRequest) ([]policy.Touch, error) {
	t, _, err := s.touch(ctx, "DeleteResourcePolicy", in.SecretId)
	t.Keys = append(t.Keys, pair("PolicyName", cmp.Or(text(in.PolicyName), defaultPolicy)))
	return []policy.Touch{t}, err
}

func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// touchAssociate: the caller needs rights on both secrets, and to hand over the
// role. AcceptCrossAccountReplication is no operation but what the replica's
// policy lets the primary's account do.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_cross-account-replication.html
func (s *Service) touchAssociate(ctx context.Context, in *secretsmanagerapi.AssociateCrossAccountReplicaRequest) ([]policy.Touch, error) {
	t, _, err := s.touch(ctx, "AssociateCrossAccountReplica", in.SecretId)
	if err != nil {
		return nil, err
	}
	get := t
	get.Action = "secretsmanager:GetSecretValue"
	accept, _, err := s.touch(ctx, "AcceptCrossAccountReplication", in.CrossAccountReplicaARN)
	if err != nil {
		return nil, err
	}
	out := []policy.Touch{t, get, accept}
	if in.ReplicationRoleARN != nil {
		out = append(out, policy.Touch{Action: "iam:PassRole", Resource: *in.ReplicationRoleARN, Keys: []policy.Pair{{Key: "iam:PassedToService", Values: []string{principal}}}})
	}
	return out, nil
}

// touchStop: of a replica in another account, the policy that its making attached
// goes away too.
func (s *Service) touchStop(ctx context.Context, in *secretsmanagerapi.StopReplicationToReplicaRequest) ([]policy.Touch, error) {
	t, a, err := s.touch(ctx, "StopReplicationToReplica", in.SecretId)
	out := []policy.Touch{t}
	if a != nil && a.copied {
		t.Action = "secretsmanager:DeleteResourcePolicy"
		t.Keys = append(slices.Clip(t.Keys), pair("PolicyName", acrossPolicy))
		out = append(out, t)
	}
	return out, err
}

func (s *Service) touchReplicate(ctx context.Context, in *secretsmanagerapi.ReplicateSecretToRegionsRequest) ([]policy.Touch, error) {
	t, _, err := s.touch(ctx, "ReplicateSecretToRegions", in.SecretId)
	t.Keys = appendRegions(t.Keys, in.AddReplicaRegions, in.ForceOverwriteReplicaSecret)
	return []policy.Touch{t}, err
}

// touchRotate: "You also need lambda:InvokeFunction permissions on the rotation
// function." Without it, who may rotate one secret could have any function run.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_RotateSecret.html
func (s *Service) touchRotate(ctx context.Context, in *secretsmanagerapi.RotateSecretRequest) ([]policy.Touch, error) {
	t, a, err := s.touch(ctx, "RotateSecret", in.SecretId)
	if err != nil {
		return nil, err
	}
	t.Keys = appendText(t.Keys, "RotationLambdaARN", in.RotationLambdaARN)
	t.Keys = appendText(t.Keys, "ExternalSecretRotationRoleArn", in.ExternalSecretRotationRoleArn)
	t.Keys = appendBool(t.Keys, "RotateImmediately", in.RotateImmediately)
	t.Keys = appendBool(t.Keys, "ModifyRotationRules", new(in.RotationRules != nil))
	out := []policy.Touch{t}
	function := ""
	if a != nil {
		function = a.function
	}
	if in.RotationLambdaARN != nil {
		function = *in.RotationLambdaARN
	}
	if function != "" {
		invoke := policy.Touch{Action: "lambda:InvokeFunction", Resource: function}
		if f, err := arn.Parse(function); err == nil {
			invoke.Account = f.Account
		}
		out = append(out, invoke)
	}
	return out, nil
}

// touchTag decides twice, with the tags before and after: "If successfully
// completing this operation would result in you losing your permissions for this
// secret, then the operation is blocked and returns an Access Denied error."
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_TagResource.html
func (s *Service) touchTag(ctx context.Context, in *secretsmanagerapi.TagResourceRequest) ([]policy.Touch, error) {
	t, a, err := s.touch(ctx, "TagResource", in.SecretId)
	t.RequestTags = requestTags(in.Tags)
	if a == nil {
		return []policy.Touch{t}, err
	}
	after := slices.Clone(a.tags)
	for _, n := range t.RequestTags {
		if i := slices.IndexFunc(after, func(o policy.Tag) bool { return o.Key == n.Key }); i >= 0 {
			after[i] = n
		} else {
			after = append(after, n)
		}
	}
	return []policy.Touch{t, retagged(t, after)}, err
}

func (s *Service) touchUntag(ctx context.Context, in *secretsmanagerapi.UntagResourceRequest) ([]policy.Touch, error) {
	t, a, err := s.touch(ctx, "UntagResource", in.SecretId)
	t.Keys = append(t.Keys, policy.Pair{Key: "aws:TagKeys", Values: in.TagKeys, Multi: true})
	if a == nil {
		return []policy.Touch{t}, err
	}
	after := slices.DeleteFunc(slices.Clone(a.tags), func(o policy.Tag) bool { return slices.Contains(in.TagKeys, o.Key) })
	return []policy.Touch{t, retagged(t, after)}, err
}

func (s *Service) touchUpdate(ctx context.Context, in *secretsmanagerapi.UpdateSecretRequest) ([]policy.Touch, error) {
	t, _, err := s.touch(ctx, "UpdateSecret", in.SecretId)
	if err != nil {
		return nil, err
	}
	t.Keys = appendText(t.Keys, "Description", in.Description)
	t.Keys = appendText(t.Keys, "Type", in.Type)
	at := placeOf(ctx)
	at.account = t.Account
	t.Keys = appendKey(t.Keys, at, in.KmsKeyId)
	return []policy.Touch{t}, nil
}

func (s *Service) touchStage(ctx context.Context, in *secretsmanagerapi.UpdateSecretVersionStageRequest) ([]policy.Touch, error) {
	t, _, err := s.touch(ctx, "UpdateSecretVersionStage", in.SecretId)
	t.Keys = append(t.Keys, pair("VersionStage", in.VersionStage))
	return []policy.Touch{t}, err
}

// touchValidate: "Required permissions: secretsmanager:ValidateResourcePolicy and
// secretsmanager:PutResourcePolicy."
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ValidateResourcePolicy.html
func (s *Service) touchValidate(ctx context.Context, in *secretsmanagerapi.ValidateResourcePolicyRequest) ([]policy.Touch, error) {
	t := policy.Touch{Action: "secretsmanager:ValidateResourcePolicy"}
	if in.SecretId != nil {
		var err error
		if t, _, err = s.touch(ctx, "ValidateResourcePolicy", *in.SecretId); err != nil {
			return nil, err
		}
	}
	put := t
	put.Action = "secretsmanager:PutResourcePolicy"
	return []policy.Touch{t, put}, nil
}
