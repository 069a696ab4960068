package iam

import (
	"context"
	"errors"
	"strings"
	"time"

	"bartizan.dev/arn"
	"bartizan.dev/policy"
	"bartizan.dev/store"
)

// What Access Analyzer looks at: who may assume which role, and what of their
// rights users and roles have used.

// RoleTrust is a role with its trust policy as GetRole shows it.
type RoleTrust struct{ ARN, Account, Document string }

// RoleTrusts returns up to limit roles of an account that come after the ARN
// after, in the order of their names.
func (s *Service) RoleTrusts(ctx context.Context, account, after string, limit int) ([]RoleTrust, error) {
	list, err := s.roles.List(ctx, s.Store, account+"/", afterID(account, after), limit)
	if err != nil {
		return nil, err
	}
	out := make([]RoleTrust, 0, len(list))
	for _, e := range list {
		text, err := s.showTrust(ctx, s.Store, e.Value.Trust)
		if err != nil {
			return nil, err
		}
		out = append(out, RoleTrust{e.Value.ARN(), e.Value.Account, text})
	}
	return out, nil
}

// RoleTrust returns the role with exactly this ARN; nil if there is none.
func (s *Service) RoleTrust(ctx context.Context, name string) (*RoleTrust, error) {
	a, err := arn.Parse(name)
	if err != nil || a.Service != "iam" {
		return nil, nil
	}
	ro, err := s.roles.Get(ctx, s.Store, afterID(a.Account, name))
	if errors.Is(err, store.ErrNotFound) || err == nil && ro.ARN() != name {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	text, err := s.showTrust(ctx, s.Store, ro.Trust)
	return &RoleTrust{name, ro.Account, text}, err
}

// afterID is the id of the record with an ARN; "" for none.
func afterID(account, name string) string {
	if name == "" {
		return ""
	}
	return recordID(account, name[strings.LastIndexByte(name, '/')+1:])
}

// PrincipalUse is when a user or role was last used; zero times mean never.
type PrincipalUse struct {
	ARN      string
	Role     bool
	Created  time.Time
	Used     time.Time // of a role
	Tags     map[string]string
	Keys     []KeyUse       // active ones
	Password *KeyUse        // nil: none
	Services []NamespaceUse // that the policies let be used
}

// KeyUse is when an access key or a password was made and last used.
type KeyUse struct {
	ID            string
	Created, Used time.Time
}

// NamespaceUse is when a service was last used. Actions are those that the
// policies let be used; they are told only of a service that was used.
type NamespaceUse struct {
	Namespace string
	Used      time.Time
	Actions   []ActionUse
}

// ActionUse is when an action was last used. Name has its prefix.
type ActionUse struct {
	Name string
	Used time.Time
}

// PrincipalUses returns up to limit users, then roles, of an account that come
// after the ARN after.
func (s *Service) PrincipalUses(ctx context.Context, account, after string, limit int) ([]PrincipalUse, error) {
	var out []PrincipalUse
	if !strings.Contains(after, ":role/") {
		users, err := s.users.List(ctx, s.Store, account+"/", afterID(account, after), limit)
		if err != nil {
			return nil, err
		}
		for _, e := range users {
			one, err := s.userUse(ctx, e.Value)
			if err != nil {
				return nil, err
			}
			out = append(out, *one)
		}
		after = ""
	}
	if len(out) == limit {
		return out, nil
	}
	roles, err := s.roles.List(ctx, s.Store, account+"/", afterID(account, after), limit-len(out))
	if err != nil {
		return nil, err
	}
	for _, e := range roles {
		one, err := s.roleUse(ctx, e.Value)
		if err != nil {
			return nil, err
		}
		out = append(out, *one)
	}
	return out, nil
}

// PrincipalARNs returns the ARNs of up to limit users, then roles, of an account
// that come after the ARN after.
func (s *Service) PrincipalARNs(ctx context.Context, account, after string, limit int) ([]string, error) {
	var out []string
	if !strings.Contains(after, ":role/") {
		users, err := s.users.List(ctx, s.Store, account+"/", afterID(account, after), limit)
		if err != nil {
			return nil, err
		}
		for _, e := range users {
			out = append(out, e.Value.ARN())
		}
		after = ""
	}
	if len(out) == limit {
		return out, nil
	}
	roles, err := s.roles.List(ctx, s.Store, account+"/", afterID(account, after), limit-len(out))
	if err != nil {
		return nil, err
	}
	for _, e := range roles {
		out = append(out, e.Value.ARN())
	}
	return out, nil
}

func (s *Service) userUse(ctx context.Context, u *user) (*PrincipalUse, error) {
	out := &PrincipalUse{ARN: u.ARN(), Created: u.Created, Tags: tagMap(u.Tags)}
	ids, err := s.keys.By(ctx, s.Store, "owner", recordID(u.Account, u.Name), "", 0)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		k, err := s.keys.Get(ctx, s.Store, id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		} else if err != nil {
			return nil, err
		}
		if !k.Active {
			continue
		}
		one := KeyUse{ID: k.ID, Created: k.Created}
		if use, err := s.lastUse(ctx, k.ID); err != nil {
			return nil, err
		} else if use != nil {
			one.Used = use.Time
		}
		out.Keys = append(out.Keys, one)
	}
	if u.Login != nil {
		out.Password = &KeyUse{Created: u.Login.Created, Used: u.Login.LastUsed}
	}
	held, err := s.heldByUser(ctx, s.Store, u)
	if err != nil {
		return nil, err
	}
	out.Services, err = s.namespaceUses(ctx, &u.holder, held)
	return out, err
}

func (s *Service) roleUse(ctx context.Context, ro *role) (*PrincipalUse, error) {
	out := &PrincipalUse{ARN: ro.ARN(), Role: true, Created: ro.Created, Tags: tagMap(ro.Tags)}
	use, err := s.lastUse(ctx, ro.ID)
	if err != nil {
		return nil, err
	}
	if use != nil {
		out.Used = use.Time
	}
	if strings.HasPrefix(ro.Path, "/aws-service-role/") {
		return out, nil // its policy is not the account's to change
	}
	held, err := s.held(ctx, s.Store, ro.ARN(), &ro.holder)
	if err != nil {
		return nil, err
	}
	out.Services, err = s.namespaceUses(ctx, &ro.holder, held)
	return out, err
}

func tagMap(tags []tag) map[string]string {
	out := map[string]string{}
	for _, t := range tags {
		out[t.Key] = t.Value
	}
	return out
}

// namespaceUses is what a principal's policies let be used, with when it was.
func (s *Service) namespaceUses(ctx context.Context, h *holder, held []policy.Labelled) ([]NamespaceUse, error) {
	used, err := s.accessOf(ctx, s.Store, h.Account, h.ID)
	if err != nil {
		return nil, err
	}
	documents := make([]*policy.Document, len(held))
	for i := range held {
		documents[i] = held[i].Document
	}
	var out []NamespaceUse
	for _, v := range s.usable(documents) {
		one := NamespaceUse{Namespace: v.Namespace}
		if used != nil && used.Services[v.Namespace] != nil {
			use := used.Services[v.Namespace]
			one.Used = use.Time
			one.Actions = s.actionUses(documents, v.Namespace, use.Actions)
		}
		out = append(out, one)
	}
	return out, nil
}

// actionUses lists the actions of a service that some statement allows.
func (s *Service) actionUses(documents []*policy.Document, namespace string, used map[string]seen) (out []ActionUse) {
	sv, ok := s.reference().Service(namespace)
	if !ok {
		return nil
	}
	for i := range sv.Actions {
		a := &sv.Actions[i]
		name := sv.Prefix + ":" + a.Name
		if allows(documents, name) {
			out = append(out, ActionUse{name, used[a.Name].Time})
		}
	}
	return out
}

// allows reports whether a document allows an action on something.
func allows(documents []*policy.Document, action string) bool {
	for _, d := range documents {
		for i := range d.Statements {
			st := &d.Statements[i]
			if st.Effect != policy.Allow {
				continue
			}
			match := st.NotAction != nil
			for _, pattern := range append(st.Action, st.NotAction...) {
				if policy.MatchAction(pattern, action) {
					match = st.NotAction == nil
					break
				}
			}
			if match {
				return true
			}
		}
	}
	return false
}

// HeldPolicy is an identity-based policy of a user or role.
type HeldPolicy struct {
	ID       string // ARN of a managed policy, name of an inline one
	Updated  time.Time
	Document *policy.Document
}

// HeldPolicies returns the policies of the user or role with the ARN; none if
// there is no such principal.
func (s *Service) HeldPolicies(ctx context.Context, name string) ([]HeldPolicy, error) {
	a, err := arn.Parse(name)
	if err != nil {
		return nil, nil
	}
	about, err := s.holderOf(ctx, a, name)
	if about == nil || err != nil {
		return nil, err
	}
	held, err := s.held(ctx, s.Store, name, about)
	if err != nil {
		return nil, err
	}
	out := make([]HeldPolicy, 0, len(held))
	for _, l := range held {
		one := HeldPolicy{ID: l.Source.Name, Document: l.Document, Updated: about.Created}
		if l.Source.Managed {
			one.ID = l.Source.ARN
			if p, err := s.policies.Get(ctx, s.Store, recordID(a.Account, policyName(strings.TrimPrefix(l.Source.ARN, rootPrefix(a.Account))))); err == nil {
				one.Updated = p.Updated
			} else if !errors.Is(err, store.ErrNotFound) {
				return nil, err
			}
		}
		out = append(out, one)
	}
	return out, nil
}

func rootPrefix(account string) string { return "arn:aws:iam::" + account + ":policy" }

func (s *Service) holderOf(ctx context.Context, a arn.ARN, name string) (*holder, error) {
	switch k, _ := a.Type(); kind(k) {
	case aUser:
		u, err := s.users.Get(ctx, s.Store, afterID(a.Account, name))
		if err != nil {
			return nil, ignoreNotFound(err)
		}
		return &u.holder, nil
	case aRole:
		ro, err := s.roles.Get(ctx, s.Store, afterID(a.Account, name))
		if err != nil {
			return nil, ignoreNotFound(err)
		}
		return &ro.holder, nil
	}
	return nil, nil
}
