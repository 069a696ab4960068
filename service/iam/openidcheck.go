package iam

import (
	"net/url"
	"slices"
	"strings"

	"bartizan.dev/oidc"
	"bartizan.dev/wire"
)

func withoutScheme(issuer string) string {
	_, rest, found := strings.Cut(issuer, "://")
	if !found {
		return issuer
	}
	return rest
}

// checkProviderURL: "The URL must begin with https:// and should correspond to
// the iss claim in the provider's OpenID Connect ID tokens. … Path components are
// allowed but query parameters are not." An issuer on this machine may do without
// TLS, and any issuer may have a port.
func (s *Service) checkProviderURL(issuer string) error {
	u, err := url.Parse(issuer)
	switch {
	case err != nil || u.Scheme == "" || u.Host == "":
		return wire.Errorf("ValidationError", "Invalid Open ID Connect Provider URL")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.User != nil:
		return invalidInput("Invalid Open ID Connect Provider URL.")
	case oidc.CheckURL(issuer) != nil || u.Scheme == "http" && !s.PlainIssuers:
		return invalidInput("Invalid Open ID Connect Provider URL. The URL must begin with https://.")
	}
	return nil
}

func checkClientIDs(ids []string) ([]string, error) {
	var out []string
	for _, id := range ids {
		if !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	if len(out) > maxClientIDs {
		return nil, exceeded("ClientIdsPerOpenIdConnectProvider", maxClientIDs)
	}
	return out, nil
}

func checkThumbprints(list []string) ([]string, error) {
	if len(list) > maxThumbprints {
		return nil, invalidInput("Thumbprint list must contain fewer than %d entries.", maxThumbprints)
	}
	var out []string
	for _, t := range list {
		if t = strings.ToLower(t); !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return out, nil
}
