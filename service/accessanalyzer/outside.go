package accessanalyzer

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	accessanalyzerapi "bartizan.dev/api/accessanalyzer"
	"bartizan.dev/policy"
	"bartizan.dev/policy/analysis"
)

// external is who from outside the zone a resource's policy lets in, within its
// account's resource control policies: one finding for each principal and
// condition. A policy that cannot be decided gives an error.
func (s *Service) external(ctx context.Context, r *Resource, kind accessanalyzerapi.ResourceType, zone analysis.Zone) ([]finding, error) {
	doc, err := r.document()
	if doc == nil || err != nil {
		return nil, err
	}
	list, restriction, err := s.outsiders(ctx, doc, r.Account, zone)
	if err != nil {
		return nil, err
	}
	byKey := map[string]*finding{}
	var order []string
	for _, e := range list {
		f := finding{Kind: accessanalyzerapi.FindingType_ExternalAccess, Principal: map[string]string{e.Type: e.Principal}, Condition: e.Condition, ResourceType: kind, Restriction: restriction}
		key := f.identity()
		if byKey[key] == nil {
			byKey[key] = &f
			order = append(order, key)
		}
		old := byKey[key]
		old.Public = old.Public || e.Public
		for _, action := range e.Actions {
			if !slices.Contains(old.Actions, action) {
				old.Actions = append(old.Actions, action)
			}
		}
	}
	out := make([]finding, 0, len(order))
	for _, key := range order {
		f := byKey[key]
		slices.Sort(f.Actions)
		out = append(out, *f)
	}
	return out, nil
}

// document is the resource's policy and a statement for each principal that has
// grants; nil if there is neither.
func (r *Resource) document() (*policy.Document, error) {
	if r.Document == "" && len(r.Grants) == 0 {
		return nil, nil
	}
	doc := &policy.Document{Version: policy.Version2012}
	if r.Document != "" {
		var err error
		if doc, err = policy.Parse([]byte(r.Document)); err != nil {
			return nil, fmt.Errorf("the policy cannot be read: %w", err)
		}
	}
	for _, who := range slices.Sorted(maps.Keys(r.Grants)) {
		doc.Statements = append(doc.Statements, policy.Statement{
			Effect: policy.Allow, Principal: &policy.Principals{AWS: []string{who}}, Action: r.Grants[who], Resource: []string{"*"},
		})
	}
	return doc, nil
}

// outsiders asks who gets access by a policy and past the Deny statements of the
// account's resource control policies. Their Allow statements take nothing away:
// RCPFullAWSAccess cannot be detached. Where that cannot be decided, the policy
// is asked alone, and the finding says so.
// https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_ExternalAccessDetails.html
func (s *Service) outsiders(ctx context.Context, doc *policy.Document, account string, zone analysis.Zone) ([]analysis.External, accessanalyzerapi.ResourceControlPolicyRestriction, error) {
	bound := *doc
	bound.Statements = slices.Clone(doc.Statements)
	if s.ResourceControls != nil {
		controls, err := s.ResourceControls(ctx, account)
		if err != nil {
			return nil, "", err
		}
		for _, c := range controls {
			for _, st := range c.Statements {
				if st.Effect == policy.Deny {
					bound.Statements = append(bound.Statements, st)
				}
			}
		}
	}
	if len(bound.Statements) == len(doc.Statements) {
		list, err := s.exact.Access(doc, zone)
		return list, accessanalyzerapi.ResourceControlPolicyRestriction_NOT_APPLICABLE, err
	}
	bound.Version = policy.Version2012 // RCPs have variables; a policy of 2008 is asked with them all the same
	if list, err := s.exact.Access(&bound, zone); err == nil && (doc.Version == policy.Version2012 || !hasVariables(doc)) {
		return list, accessanalyzerapi.ResourceControlPolicyRestriction_APPLIED, nil
	}
	list, err := s.exact.Access(doc, zone)
	return list, accessanalyzerapi.ResourceControlPolicyRestriction_FAILED_TO_EVALUATE_RCP, err
}

// hasVariables reports whether a document has text that would be a variable in
// another version.
func hasVariables(doc *policy.Document) bool {
	text, err := json.Marshal(doc)
	return err != nil || strings.Contains(string(text), "${")
}

// identity is what makes a finding the same finding when it is found again.
func (f *finding) identity() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s|%s|%s|%s", f.Kind, f.Key, f.Namespace, f.Error)
	for _, m := range []map[string]string{f.Principal, f.Condition} {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			fmt.Fprintf(&b, "|%q=%q", k, m[k])
		}
		b.WriteByte(';')
	}
	return b.String()
}
