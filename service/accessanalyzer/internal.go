package accessanalyzer

import (
	"context"
	"errors"
	"slices"
	"strings"

	accessanalyzerapi "bartizan.dev/api/accessanalyzer"
)

// maxPrincipals bounds how many users and roles one resource is held against.
const maxPrincipals = 100_000

// errPrincipals is the error of a finding where there are more.
var errPrincipals = errors.New("there are too many users and roles to tell which of them have access")

// actionsOn are the actions that internal access is told by. Resources of other
// types are looked at from outside only, as AWS does with keys and secrets.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-resources.html
var actionsOn = map[accessanalyzerapi.ResourceType][]string{
	accessanalyzerapi.ResourceType_AWS__IAM__Role: {"sts:AssumeRole"},
}

// includes reports whether an internal access analyzer looks at a resource: one
// that all parts of some inclusion name.
func (a *analyzer) includes(r *Resource, kind accessanalyzerapi.ResourceType) bool {
	return actionsOn[kind] != nil && slices.ContainsFunc(a.Inclusions, func(i inclusion) bool {
		return (len(i.Accounts) == 0 || slices.Contains(i.Accounts, r.Account)) &&
			(len(i.Types) == 0 || slices.Contains(i.Types, kind)) &&
			(len(i.Resources) == 0 || slices.Contains(i.Resources, r.ARN))
	})
}

// internalAccess finds which users and roles of the zone may use a resource, by
// all policies that bear on them now: one finding for each.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-findings-view.html
func (s *Service) internalAccess(ctx context.Context, a *analyzer, kind accessanalyzerapi.ResourceType, r *Resource) ([]finding, error) {
	if !a.includes(r, kind) {
		return nil, nil
	}
	accounts, err := s.zone(ctx, a)
	if err != nil {
		return nil, err
	}
	var out []finding
	asked := 0
	for _, account := range accounts {
		for after := ""; ; {
			list, err := s.Principals(ctx, account, after, scanPage)
			if err != nil {
				return nil, err
			}
			for _, name := range list {
				after = name
				if asked++; asked > maxPrincipals {
					return nil, errPrincipals
				}
				if name == r.ARN {
					continue
				}
				actions, err := s.Allows(ctx, name, r.ARN, actionsOn[kind])
				if err != nil {
					return nil, err
				}
				if len(actions) > 0 {
					out = append(out, internalFinding(name, account, r, actions))
				}
			}
			if len(list) < scanPage {
				break
			}
		}
	}
	return out, nil
}

func internalFinding(name, account string, r *Resource, actions []string) finding {
	f := finding{
		Kind: accessanalyzerapi.FindingType_InternalAccess, Principal: map[string]string{"AWS": name}, Actions: actions,
		Access: accessanalyzerapi.InternalAccessType_INTRA_ACCOUNT,
	}
	if account != r.Account {
		f.Access = accessanalyzerapi.InternalAccessType_INTRA_ORG
	}
	return f
}

func (f *finding) internalDetails() *accessanalyzerapi.InternalAccessDetails {
	kind := accessanalyzerapi.PrincipalType_IAM_USER
	if strings.Contains(f.Principal["AWS"], ":role/") {
		kind = accessanalyzerapi.PrincipalType_IAM_ROLE
	}
	// SCPs and RCPs were asked with everything else: what they take away is not
	// found at all, so there is no restriction to tell.
	return &accessanalyzerapi.InternalAccessDetails{
		Action: f.Actions, Condition: orEmpty(f.Condition), Principal: f.Principal, PrincipalOwnerAccount: new(accountOf(f.Principal["AWS"])),
		AccessType: f.Access, PrincipalType: kind, Sources: f.sources(),
	}
}
