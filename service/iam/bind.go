package iam

import (
	"context"
	"strings"
)

// Policies of other services' resources name users and roles too. They store
// them as trust policies are stored: see principal.go.

// BindPrincipals returns a resource-based policy with the users and roles in it
// replaced by their unique ids. invalid is the first principal that does not
// exist.
func (s *Service) BindPrincipals(ctx context.Context, document string) (bound, invalid string, err error) {
	bound, err = mapPrincipals(document, func(element, value string) (string, error) {
		if invalid != "" {
			return value, nil
		}
		ok := false
		switch element {
		case "AWS":
			id, err := s.principalID(ctx, s.Store, value)
			if id != "" || err != nil {
				return id, err
			}
		case "Service":
			ok = serviceName(value)
		case "Federated":
			ok = providerName(value)
		case "":
			ok = value == "*"
		}
		if !ok {
			invalid = value
		}
		return value, nil
	})
	return bound, invalid, err
}

// ShowPrincipals is the inverse of BindPrincipals, with today's names.
func (s *Service) ShowPrincipals(ctx context.Context, bound string) (string, error) {
	return s.showTrust(ctx, s.Store, bound)
}

// BindPrincipal returns the stored form of one principal, or "" if it does not
// exist.
func (s *Service) BindPrincipal(ctx context.Context, name string) (string, error) {
	if strings.ContainsAny(name, "*?") {
		return "", nil
	}
	return s.principalID(ctx, s.Store, name)
}

// ShowPrincipal is the inverse of BindPrincipal, with today's name.
func (s *Service) ShowPrincipal(ctx context.Context, bound string) (string, error) {
	return s.shownPrincipal(ctx, s.Store, bound)
}
