package sts

import (
	"maps"
	"slices"
	"strings"

	stsapi "bartizan.dev/api/sts"
	"bartizan.dev/caller"
	"bartizan.dev/oidc"
	"bartizan.dev/policy"
)

// setKeys makes the condition keys of a token; name is the issuer's URL without
// its scheme. Subject and audience stay with the session.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif
func (w *webIdentity) setKeys(name string, claims oidc.Claims, audiences, whole []string) {
	key := func(claim string, values []string, multi bool) {
		w.keys = append(w.keys, policy.Pair{Key: name + ":" + claim, Values: values, Multi: multi})
	}
	key("aud", audiences, len(audiences) > 1)
	key("oaud", whole, len(whole) > 1)
	key("sub", []string{w.subject}, false)
	w.kept = []caller.Tag{{Key: name + ":aud", Value: w.audience}, {Key: name + ":sub", Value: w.subject}}
	if methods, ok := claims.Strings("amr"); ok && len(methods) > 0 {
		key("amr", methods, true)
	}
	further := []string{"email"}
	if name == "token.actions.githubusercontent.com" {
		further = append(further, "actor", "actor_id", "enterprise_id", "environment", "job_workflow_ref", "ref", "repository", "repository_id", "workflow")
	}
	for _, claim := range further {
		if v := claims.String(claim); v != "" {
			key(claim, []string{v}, false)
		}
	}
}

// Claims that are meant for AWS.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html#id_session-tags_adding-assume-role-idp
const (
	claimTags       = "https://aws.amazon.com/tags"
	claimTag        = claimTags + "/principal_tags/" // the flattened form
	claimTransitive = claimTags + "/transitive_tag_keys"
	claimSource     = "https://aws.amazon.com/source_identity"
)

// setSession reads session tags and the source identity. A claim that is there
// but cannot be understood refuses the token: what an administrator decides by
// must not be missing in silence.
func (w *webIdentity) setSession(claims oidc.Claims) error {
	values := map[string]any{}
	var transitive any
	if nested, there := claims[claimTags]; there {
		object, ok := nested.(map[string]any)
		if !ok {
			return badClaim(claimTags)
		}
		for name, v := range object {
			switch tags, isObject := v.(map[string]any); {
			case name == "principal_tags" && isObject:
				maps.Copy(values, tags)
			case name == "transitive_tag_keys":
				transitive = v
			default:
				return badClaim(claimTags)
			}
		}
	}
	for name, v := range claims {
		if key, ok := strings.CutPrefix(name, claimTag); ok {
			if _, twice := values[key]; twice {
				return badClaim(name)
			}
			values[key] = v
		}
	}
	if flat, there := claims[claimTransitive]; there {
		if transitive != nil {
			return badClaim(claimTransitive)
		}
		transitive = flat
	}
	if err := w.setTags(values, transitive); err != nil {
		return err
	}
	if _, there := claims[claimSource]; there {
		if w.source = claims.String(claimSource); w.source == "" {
			return badClaim(claimSource)
		}
	}
	return checkSource(w.source)
}

func (w *webIdentity) setTags(values map[string]any, transitive any) error {
	for _, key := range slices.Sorted(maps.Keys(values)) {
		v, ok := oidc.Claims(values).Strings(key) // a string, or a list of one
		if !ok || len(v) != 1 {
			return badClaim(claimTag + key)
		}
		w.tags = append(w.tags, stsapi.Tag{Key: key, Value: v[0]})
	}
	if transitive != nil {
		var ok bool
		if w.transitive, ok = (oidc.Claims{"": transitive}).Strings(""); !ok {
			return badClaim(claimTransitive)
		}
	}
	return checkFederatedTags(w.tags)
}

func badClaim(name string) error {
	return invalidToken("The claim %.200s is not valid.", name)
}
