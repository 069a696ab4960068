package iam

import (
	"slices"
	"strings"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/policy"
	"bartizan.dev/wire"
)

// checkTags refuses what AWS refuses in a list of tags.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html#id_tags_naming_conventions
func checkTags(tags []iamapi.Tag) error {
	seen := map[string]bool{}
	for _, t := range tags {
		key := fold(t.Key)
		if strings.HasPrefix(key, "aws:") {
			return wire.Errorf("ValidationError", "System tags cannot be added/updated by requester.")
		}
		if seen[key] {
			return invalidInput("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		seen[key] = true
	}
	return nil
}

// setTags adds tags to a list or replaces their values. Keys that differ in
// case alone are the same key; the newer spelling stays.
func setTags(old []tag, add []iamapi.Tag) ([]tag, error) {
	if err := checkTags(add); err != nil {
		return nil, err
	}
	out := slices.Clone(old)
	for _, t := range add {
		i := slices.IndexFunc(out, func(o tag) bool { return strings.EqualFold(o.Key, t.Key) })
		if i < 0 {
			out = append(out, tag{t.Key, t.Value})
		} else {
			out[i] = tag{t.Key, t.Value}
		}
	}
	if len(out) > maxTags {
		return nil, wire.Errorf("LimitExceeded", "The number of tags has reached the maximum limit.").WithStatus(409)
	}
	return out, nil
}

// removeTags removes the keys that are there.
func removeTags(old []tag, keys []string) []tag {
	return slices.DeleteFunc(slices.Clone(old), func(t tag) bool {
		return slices.ContainsFunc(keys, func(k string) bool { return strings.EqualFold(k, t.Key) })
	})
}

func apiTags(tags []tag) []iamapi.Tag {
	var out []iamapi.Tag
	for _, t := range tags {
		out = append(out, iamapi.Tag{Key: t.Key, Value: t.Value})
	}
	return out
}

func policyTags(tags []tag) []policy.Tag {
	var out []policy.Tag
	for _, t := range tags {
		out = append(out, policy.Tag(t))
	}
	return out
}

func requestTags(tags []iamapi.Tag) []policy.Tag {
	var out []policy.Tag
	for _, t := range tags {
		out = append(out, policy.Tag{Key: t.Key, Value: t.Value})
	}
	return out
}

// listTags pages through a resource's tags, in the order of their keys.
func listTags(tags []tag, maxItems *int32, marker *string) ([]iamapi.Tag, *bool, *string, error) {
	p, err := newPage(maxItems, marker)
	if err != nil {
		return nil, nil, nil, err
	}
	list := apiTags(tags)
	slices.SortFunc(list, func(a, b iamapi.Tag) int { return strings.Compare(a.Key, b.Key) })
	out, truncated, next := cut(p, list, func(t iamapi.Tag) string { return t.Key })
	return out, truncated, next, nil
}
