package server

import (
	"bartizan.dev/caller"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"bartizan.dev/service/iam"
	"bartizan.dev/service/organizations"
)

// iamPrincipal is the service that centralized root access trusts.
const iamPrincipal = "iam.amazonaws.com"

// membership tells IAM where an account stands in its organization.
func (s *Server) membership(ctx context.Context, account string) (*iam.Membership, error) {
	org := s.organizations
	if org == nil {
		return nil, nil
	}
	b, err := org.Bounds(ctx, account)
	if err != nil || b == nil || b.Organization == "" || b.Suspended {
		return nil, err
	}
	m := &iam.Membership{Organization: b.Organization, Management: b.Management}
	var errs [3]error
	m.AllFeatures, errs[0] = org.AllFeatures(ctx, b.Organization)
	m.Trusted, errs[1] = org.ServiceAccess(ctx, b.Organization, iamPrincipal)
	m.Delegated, errs[2] = org.DelegatedAdministrator(ctx, account, iamPrincipal)
	return m, errors.Join(errs[:]...)
}

// placed finds what IAM's reports on organizations are about.
func (s *Server) placed(ctx context.Context, path, policyID string) (*iam.Place, error) {
	org := s.organizations
	if org == nil {
		return nil, nil
	}
	path = strings.TrimSuffix(path, "/")
	levels, err := org.Controls(ctx, path)
	if errors.Is(err, organizations.ErrNoEntity) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	id, _, _ := strings.Cut(path, "/")
	p := &iam.Place{Organization: id, Levels: texts(levels)}
	if policyID != "" {
		c, err := org.Control(ctx, id, policyID)
		if errors.Is(err, organizations.ErrNoEntity) {
			return nil, nil
		} else if err != nil {
			return nil, err
		}
		p.Policy = c.Content
	}
	for m, err := range org.EntityAccounts(ctx, path) {
		if errors.Is(err, organizations.ErrNoEntity) {
			return nil, nil
		} else if err != nil {
			return nil, err
		}
		manages, err := org.IsManagement(ctx, m.ID)
		if err != nil {
			return nil, err
		}
		if manages && !strings.HasSuffix(path, "/"+m.ID) {
			continue
		}
		at, err := org.Path(ctx, m.ID)
		if err != nil {
			return nil, err
		}
		account := iam.PlacedAccount{ID: m.ID, Path: strings.TrimSuffix(at, "/")}
		p.Accounts = append(p.Accounts, account)
		if policyID == "" {
			continue
		}
		holds, err := org.Controls(ctx, account.Path)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(holds, func(level []organizations.Control) bool {
			return slices.ContainsFunc(level, func(c organizations.Control) bool { return c.ID == policyID })
		}) {
			p.Bound = append(p.Bound, account)
		}
	}
	return p, nil
}

func texts(levels [][]organizations.Control) [][]string {
	var out [][]string
	for _, level := range levels {
		list := []string{}
		for _, c := range level {
			list = append(list, c.Content)
		}
		out = append(out, list)
	}
	return out
}

// resetRootPassword gives the root user of an account a new password and returns
// it: what account recovery by e-mail is on AWS.
func (s *Server) resetRootPassword(ctx context.Context, account string) (string, error) {
	ok, err := s.iam.HasAccount(ctx, account)
	if err != nil {
		return "", err
	}
	if !ok {
		return "", fmt.Errorf("there is no account %q", account)
	}
	random, err := caller.NewSecret()
	if err != nil {
		return "", err
	}
	password := random[:24] + "aA1!" // of every kind that a password policy can ask for
	return password, s.iam.SetRootPassword(ctx, account, password)
}
