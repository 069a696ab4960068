package lint

import (
	"slices"
	"strings"
)

// trustActions are what a role trust policy may speak of.
var trustActions = []string{
	"sts:assumerole", "sts:assumerolewithsaml", "sts:assumerolewithwebidentity",
	"sts:tagsession", "sts:setsourceidentity", "sts:setcontext",
}

const gitHub = "token.actions.githubusercontent.com"

// provider returns what kind of identity provider a federated principal is,
// saml or oidc, and its host with path, the prefix of its condition keys.
func provider(p string) (kind, host string) {
	if _, name, ok := strings.Cut(p, ":saml-provider/"); ok && strings.HasPrefix(p, "arn:") {
		return "saml", name
	}
	if _, name, ok := strings.Cut(p, ":oidc-provider/"); ok && strings.HasPrefix(p, "arn:") {
		return "oidc", lower(name)
	}
	host, _, _ = strings.Cut(p, "/")
	if strings.Contains(host, ".") && !strings.ContainsAny(host, ": *?") && !strings.HasPrefix(host, ".") && !strings.HasSuffix(host, ".") {
		return "oidc", lower(p)
	}
	return "", ""
}

// trust checks what only role trust policies have.
func (l *linter) trust(s *statement) {
	if !l.isTrust(s) {
		return
	}
	declared := l.ResourceType == RoleTrust
	if declared && s.notPrincipal {
		l.about("ROLE_TRUST_POLICY_SYNTAX_ERROR_NOTPRINCIPAL", atKey(s.principal))
	}
	if declared && s.resource.node != nil {
		l.about("ROLE_TRUST_POLICY_SYNTAX_ERROR_RESOURCE", atKey(s.resource.node))
	}
	if declared && s.everyone && !s.notPrincipal {
		l.about("ROLE_TRUST_POLICY_UNSUPPORTED_WILDCARD_IN_PRINCIPAL", at(s.principal))
	}
	l.mismatched(s)
	l.redundantSessions(s)
	for _, p := range s.principals {
		switch p.kind {
		case "Federated":
			l.federated(s, p)
		case "Service":
			l.rolesAnywhere(s, p)
		}
	}
}

func (l *linter) federated(s *statement, p principal) {
	kind, host := provider(p.text)
	switch {
	case kind == "" && !p.wild():
		l.about("INVALID_FEDERATED_PRINCIPAL_SYNTAX_IN_ROLE_TRUST_POLICY", at(p.node))
	case kind == "oidc" && s.allow && host == gitHub:
		l.gitHub(s, p)
	case kind == "oidc" && s.allow && !slices.ContainsFunc(s.conditions, func(c *condition) bool { return strings.HasPrefix(c.key, host+":") }):
		l.about("MISSING_CONDITION_KEY_FOR_OIDC_PRINCIPAL", at(p.node))
	}
}

// gitHub: anybody's workflow has a token of the same issuer and audience.
func (l *linter) gitHub(s *statement, p principal) {
	sub := s.has(gitHub + ":sub")
	if sub == nil {
		l.about("MISSING_GITHUB_REPO_CONDITION_KEY", at(p.node))
		return
	}
	ref := s.has(gitHub+":ref") != nil
	for _, v := range sub.values {
		// repo:organization/repository:ref:refs/heads/branch
		f := strings.SplitN(v.text, ":", 3)
		repository := len(f) > 1 && !wild(f[0]) && !wild(f[1])
		if sub.like && wild(v.text) && !(ref && repository) {
			l.about("SPECIFIC_GITHUB_REPO_AND_BRANCH_RECOMMENDED", at(v))
		}
	}
}

// rolesAnywhere: the service sets tags and the source identity in each session.
func (l *linter) rolesAnywhere(s *statement, p principal) {
	if p.text != "rolesanywhere.amazonaws.com" || !s.allow || s.action.not || len(s.action.values) == 0 {
		return
	}
	for _, need := range []string{"sts:assumerole", "sts:setsourceidentity", "sts:tagsession"} {
		if !slices.ContainsFunc(s.action.values, func(v *node) bool { return matches(lower(v.text), need) }) {
			l.report("MISSING_ACTION_FOR_ROLES_ANYWHERE_TRUST_POLICY", []place{at(s.action.node), at(p.node)})
			return
		}
	}
}

// mismatched: each way to assume a role is for one kind of principal. An action
// with a fitting principal beside others is not reported.
func (l *linter) mismatched(s *statement) {
	if !s.allow || len(s.principals) == 0 {
		return
	}
	for _, v := range s.action.values {
		var want string
		switch lower(v.text) {
		case "sts:assumerole":
		case "sts:assumerolewithsaml":
			want = "saml"
		case "sts:assumerolewithwebidentity":
			want = "oidc"
		default:
			continue
		}
		places, names := []place{at(v)}, []string(nil)
		for _, p := range s.principals {
			kind := ""
			if p.kind == "Federated" {
				if kind, _ = provider(p.text); kind == "" {
					kind = "unknown"
				}
			}
			if kind == want {
				names = nil
				break
			}
			places, names = append(places, at(p.node)), append(names, p.text)
		}
		if len(names) > 0 {
			l.report("MISMATCHED_ACTION_FOR_PRINCIPAL", places, v.text, strings.Join(names, ", "))
		}
	}
}

// redundantSessions finds sessions whose role is named as well.
func (l *linter) redundantSessions(s *statement) {
	roles := map[[2]string]*node{} // by account and name
	for _, p := range s.principals {
		if f := strings.SplitN(p.text, ":", 6); len(f) == 6 && f[2] == "iam" && strings.HasPrefix(f[5], "role/") {
			roles[[2]string{f[4], f[5][strings.LastIndexByte(f[5], '/')+1:]}] = p.node
		}
	}
	for _, p := range s.principals {
		account, role, ok := session(p.text)
		if parent := roles[[2]string{account, role}]; ok && p.kind == "AWS" && parent != nil {
			l.report("REDUNDANT_PRINCIPAL_IN_ROLE_TRUST_POLICY", []place{at(p.node), at(parent)}, p.text, parent.text)
		}
	}
}

// session reads arn:aws:sts::account:assumed-role/role/session; AWS's page
// writes iam for sts.
func session(s string) (account, role string, ok bool) {
	f := strings.SplitN(s, ":", 6)
	if len(f) < 6 || f[2] != "sts" && f[2] != "iam" {
		return "", "", false
	}
	rest, ok := strings.CutPrefix(f[5], "assumed-role/")
	role, _, found := strings.Cut(rest, "/")
	return f[4], role, ok && found
}
