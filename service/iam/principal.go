package iam

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"bartizan.dev/arn"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// A trust policy that names a user or role is stored with its unique id in the
// place of its ARN, and shown with the ARN it has today. So a user that is
// deleted and made anew is not the one that was trusted: it has another id, and
// the id of the old one shows, which belongs to nobody.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-roles

// storeTrust checks the principals of a trust policy and returns its stored
// form.
func (s *Service) storeTrust(ctx context.Context, r store.Reader, text string) (string, error) {
	if err := checkTrustDocument(text); err != nil {
		return "", err
	}
	if size(text) > maxTrustSize {
		return "", exceeded("ACLSizePerRole", maxTrustSize)
	}
	return mapPrincipals(text, func(element, value string) (string, error) {
		ok := false
		switch element {
		case "AWS":
			id, err := s.principalID(ctx, r, value)
			if id != "" || err != nil {
				return id, err
			}
		case "Service":
			ok = serviceName(value)
		case "Federated":
			ok = providerName(value)
		case "":
			return "", malformed(`AssumeRolepolicy contained an invalid principal: "STAR":"*".`)
		}
		if !ok {
			return "", malformed("Invalid principal in policy: %q:%q", label(element), value)
		}
		return value, nil
	})
}

// label is the name of a kind of principals in AWS's message.
func label(element string) string {
	if element == "CanonicalUser" {
		return "CANONICAL_USER"
	}
	return strings.ToUpper(element)
}

// showTrust is the inverse of storeTrust.
func (s *Service) showTrust(ctx context.Context, r store.Reader, stored string) (string, error) {
	if !strings.Contains(stored, userPrefix) && !strings.Contains(stored, rolePrefix) && !strings.Contains(stored, `\u`) {
		return stored, nil // names no user or role: most do not
	}
	return mapPrincipals(stored, func(element, value string) (string, error) {
		if element != "AWS" {
			return value, nil
		}
		return s.shownPrincipal(ctx, r, value)
	})
}

// shownPrincipal is the name that a stored principal has today, or its id if it
// is gone.
func (s *Service) shownPrincipal(ctx context.Context, r store.Reader, value string) (string, error) {
	id, session, _ := strings.Cut(value, ":")
	switch {
	case strings.HasPrefix(value, userPrefix):
		if e, err := s.users.OneBy(ctx, r, "id", id); err == nil {
			return e.Value.ARN(), nil
		} else if !errors.Is(err, store.ErrNotFound) {
			return "", err
		}
	case strings.HasPrefix(value, rolePrefix):
		e, err := s.roles.OneBy(ctx, r, "id", id)
		if errors.Is(err, store.ErrNotFound) {
			break
		} else if err != nil {
			return "", err
		}
		if session != "" {
			return arn.New("sts", "", e.Value.Account, "assumed-role/"+e.Value.Name+"/"+session), nil
		}
		return e.Value.ARN(), nil
	}
	return value, nil
}

// principalID returns the stored form of an AWS principal: * and account ARNs
// as they are, unique ids of what exists for everything else; "" if there is no
// such principal.
func (s *Service) principalID(ctx context.Context, r store.Reader, value string) (string, error) {
	if value == "*" {
		return value, nil
	}
	if arn.IsAccount(value) {
		value = rootARN(value)
	}
	id, err := s.resolve(ctx, r, value)
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrNUL) {
		return "", nil
	}
	return id, err
}

func (s *Service) resolve(ctx context.Context, r store.Reader, value string) (string, error) {
	a, parse := arn.Parse(value)
	if parse != nil {
		return s.resolveID(ctx, r, value)
	}
	kind, rest := a.Type()
	name := rest[strings.LastIndexByte(rest, '/')+1:]
	elsewhere, err := s.elsewhere(ctx, r, a.Account)
	if err != nil {
		return "", err
	}
	switch {
	case a.Partition != arn.Partition || a.Region != "" || strings.ContainsAny(value, "*?"):
	case a.Service == "iam" && a.Resource == "root", a.Service == "sts" && kind == "federated-user":
		return value, nil
	case elsewhere && (a.Service == "iam" && (kind == "user" || kind == "role") || a.Service == "sts" && kind == "assumed-role"):
		return value, nil
	case a.Service == "iam" && kind == "user":
		u, err := s.users.Get(ctx, r, recordID(a.Account, name))
		if err == nil && u.ARN() == value {
			return u.ID, nil
		}
		return "", absent(err)
	case a.Service == "iam" && kind == "role":
		ro, err := s.roles.Get(ctx, r, recordID(a.Account, name))
		if err == nil && ro.ARN() == value {
			return ro.ID, nil
		}
		return "", absent(err)
	case a.Service == "sts" && kind == "assumed-role":
		// The ARN of a session has the role's name, without its path.
		role, session, _ := strings.Cut(rest, "/")
		ro, err := s.roles.Get(ctx, r, recordID(a.Account, role))
		if err == nil && ro.Name == role && session != "" && !strings.Contains(session, "/") {
			return ro.ID + ":" + session, nil
		}
		return "", absent(err)
	}
	return "", store.ErrNotFound
}

// elsewhere reports whether the id is that of an account which this server does
// not have. AWS refuses principals of accounts that do not exist; which accounts
// exist outside this server nobody here can know, so they are taken as written.
func (s *Service) elsewhere(ctx context.Context, r store.Reader, account string) (bool, error) {
	if !arn.IsAccount(account) {
		return false, store.ErrNotFound
	}
	_, err := s.accounts.Get(ctx, r, account)
	if errors.Is(err, store.ErrNotFound) {
		return true, nil
	}
	return false, err
}

// absent makes a record that is there, but not the one that was named, absent.
func absent(err error) error {
	if err == nil {
		return store.ErrNotFound
	}
	return err
}

// resolveID takes the id of a user or role that exists.
func (s *Service) resolveID(ctx context.Context, r store.Reader, value string) (string, error) {
	var err error
	switch {
	case strings.HasPrefix(value, userPrefix):
		_, err = s.users.OneBy(ctx, r, "id", value)
	case strings.HasPrefix(value, rolePrefix):
		id, _, _ := strings.Cut(value, ":")
		_, err = s.roles.OneBy(ctx, r, "id", id)
	default:
		return "", store.ErrNotFound
	}
	return value, err
}

// serviceName reports whether the value has the form of a service principal.
// AWS has a list of its services' names, which it does not publish.
func serviceName(value string) bool {
	for _, c := range value {
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_') {
			return false
		}
	}
	for _, suffix := range [...]string{".amazonaws.com", ".amazonaws.com.cn", ".amazon.com", ".aws.internal"} {
		if len(value) > len(suffix) && strings.HasSuffix(value, suffix) {
			return true
		}
	}
	return false
}

// providerName reports whether the value names an identity provider: one of
// IAM's by its ARN, or one of those that AWS knows.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-federated-web-identity
func providerName(value string) bool {
	switch value {
	case "cognito-identity.amazonaws.com", "www.amazon.com", "graph.facebook.com", "accounts.google.com":
		return true
	}
	a, err := arn.Parse(value)
	if err != nil || a.Partition != arn.Partition || a.Service != "iam" || !arn.IsAccount(a.Account) {
		return false
	}
	kind, name := a.Type()
	return (kind == "oidc-provider" || kind == "saml-provider") && name != ""
}

// mapPrincipals returns the document with each string in the Principal elements
// of its statements replaced by what f makes of it. element is AWS, Service and
// so on, or "" for a Principal that is a string itself. Everything else, white
// space included, stays as it is. The document must have passed policy.Parse.
func mapPrincipals(doc string, f func(element, value string) (string, error)) (string, error) {
	d := json.NewDecoder(strings.NewReader(doc))
	var out bytes.Buffer
	var path []string // keys of the objects that enclose the token; "[" for a list
	copied, key := 0, false
	for {
		before := int(d.InputOffset())
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			out.WriteString(doc[copied:])
			return out.String(), nil
		} else if err != nil {
			return "", malformed("This policy contains invalid Json").With(err)
		}
		switch t := token.(type) {
		case json.Delim:
			switch t {
			case '{':
				path, key = append(path, ""), true
			case '[':
				path, key = append(path, "["), false
			default:
				path = path[:len(path)-1]
				key = len(path) > 0 && path[len(path)-1] != "["
			}
			continue
		case string:
			if key {
				path[len(path)-1], key = t, false
				continue
			}
			if element, ok := principalElement(path); ok {
				value, err := f(element, t)
				if err != nil {
					return "", err
				}
				if value != t {
					start := before + strings.IndexByte(doc[before:], '"')
					out.WriteString(doc[copied:start])
					out.Write(wire.AppendJSONString(nil, value))
					copied = int(d.InputOffset())
				}
			}
		}
		key = len(path) > 0 && path[len(path)-1] != "["
	}
}

// principalElement reports whether a value at the path is a principal.
func principalElement(path []string) (element string, ok bool) {
	var keys [3]string
	n := 0
	for _, k := range path {
		if k == "[" {
			continue
		}
		if n == len(keys) {
			return "", false
		}
		keys[n] = k
		n++
	}
	return keys[2], n >= 2 && keys[0] == "Statement" && keys[1] == "Principal"
}
