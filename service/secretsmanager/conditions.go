package secretsmanager

import (
	"slices"
	"strconv"
	"strings"

	secretsmanagerapi "bartizan.dev/api/secretsmanager"
	"bartizan.dev/policy"
)

// The condition keys of Secrets Manager.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecretsmanager.html#awssecretsmanager-policy-keys

func pair(name, value string) policy.Pair {
	return policy.Pair{Key: "secretsmanager:" + name, Values: []string{value}}
}

func appendText(keys []policy.Pair, name string, value *string) []policy.Pair {
	if value == nil {
		return keys
	}
	return append(keys, pair(name, *value))
}

func appendBool(keys []policy.Pair, name string, value *bool) []policy.Pair {
	if value == nil {
		return keys
	}
	return append(keys, pair(name, strconv.FormatBool(*value)))
}

func appendInt(keys []policy.Pair, name string, value *int64) []policy.Pair {
	if value == nil {
		return keys
	}
	return append(keys, pair(name, strconv.FormatInt(*value, 10)))
}

// appendKey: the KMS key as the call names it, and by its ARN. The ARN of an
// alias is the alias's own: which key that is, KMS decides when it is asked.
func appendKey(keys []policy.Pair, at place, key *string) []policy.Pair {
	if key == nil || *key == "" {
		return keys
	}
	return append(keys, pair("KmsKeyId", *key), pair("KmsKeyArn", keyARN(at, *key)))
}

func appendRegions(keys []policy.Pair, regions []secretsmanagerapi.ReplicaRegionType, force *bool) []policy.Pair {
	var list []string
	for _, r := range regions {
		if r.Region != nil {
			list = append(list, *r.Region)
		}
	}
	if len(list) > 0 {
		keys = append(keys, policy.Pair{Key: "secretsmanager:AddReplicaRegions", Values: list, Multi: true})
	}
	return appendBool(keys, "ForceOverwriteReplicaSecret", force)
}

// retagged is a touch of a secret that has other tags.
func retagged(t policy.Touch, tags []policy.Tag) policy.Touch {
	t.ResourceTags = tags
	t.Keys = slices.DeleteFunc(slices.Clone(t.Keys), func(p policy.Pair) bool {
		return strings.HasPrefix(p.Key, "secretsmanager:ResourceTag/")
	})
	for _, o := range tags {
		t.Keys = append(t.Keys, pair("ResourceTag/"+o.Key, o.Value))
	}
	return t
}

func requestTags(tags []secretsmanagerapi.Tag) []policy.Tag {
	var out []policy.Tag
	for _, t := range tags {
		one := policy.Tag{}
		if t.Key != nil {
			one.Key = *t.Key
		}
		if t.Value != nil {
			one.Value = *t.Value
		}
		out = append(out, one)
	}
	return out
}
