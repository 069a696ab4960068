package sts

import (
	"context"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // AWS's NameQualifier is a SHA-1; nothing rests on it
	"encoding/base64"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	stsapi "bartizan.dev/api/sts"
	"bartizan.dev/arn"
	"bartizan.dev/caller"
	"bartizan.dev/policy"
	"bartizan.dev/saml"
	"bartizan.dev/wire"
)

// SAMLProvider is what STS needs to know of an IAM SAML provider.
type SAMLProvider struct {
	ARN, Account, Name, UUID string
	Metadata                 *saml.Metadata
	ValidUntil               time.Time
	Keys                     []*rsa.PrivateKey
	RequireEncryption        bool
}

// redeem is how long after its issue an assertion counts: "Token must be redeemed
// within 5 minutes of issuance".
const redeem = 5 * time.Minute

// Names of attributes that AWS reads.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_saml_assertions.html
const (
	awsAttribute   = "https://aws.amazon.com/SAML/Attributes/"
	attrRole       = awsAttribute + "Role"
	attrSession    = awsAttribute + "RoleSessionName"
	attrDuration   = awsAttribute + "SessionDuration"
	attrTag        = awsAttribute + "PrincipalTag:"
	attrTransitive = awsAttribute + "TransitiveTagKeys"
	attrSource     = awsAttribute + "SourceIdentity"
)

// assertion is a verified SAML assertion.
type assertion struct {
	federated
	*saml.Assertion
	session       string        // RoleSessionName
	subjectType   string        // persistent, transient, or a URI
	nameQualifier string        // see qualifier
	duration      time.Duration // SessionDuration; zero: not said
}

// touchSAML verifies the assertion, makes its bearer the caller, and asks the
// role's trust policy. For whose trail a refused call is, see touchWebIdentity.
func (s *Service) touchSAML(ctx context.Context, in *stsapi.AssumeRoleWithSAMLRequest) ([]policy.Touch, error) {
	account, err := checkRoleARN(in.RoleArn)
	if err != nil {
		return nil, err
	}
	if a, err := arn.Parse(in.PrincipalArn); err != nil || a.Service != "iam" || !strings.HasPrefix(a.Resource, "saml-provider/") {
		return nil, wire.Errorf("ValidationError", "Principal ARN is invalid")
	}
	p, err := s.SAML(ctx, in.PrincipalArn)
	if err != nil {
		return nil, err
	}
	if p == nil {
		return nil, invalidToken("Specified provider doesn't exist")
	}
	a, err := s.verifyAssertion(p, in)
	if err != nil {
		var mine []policy.Touch
		if p.Account == account {
			mine = []policy.Touch{{Action: "sts:AssumeRoleWithSAML", Resource: in.RoleArn, Account: account}}
		}
		return mine, err
	}
	caller.From(ctx).Identity = caller.Identity{
		Kind: caller.SAML, ID: a.nameQualifier + ":" + a.Subject, Name: a.Subject, Provider: p.ARN, Proof: a,
	}
	return s.touchFederated(ctx, "AssumeRoleWithSAML", in.RoleArn, a.session, &a.federated)
}

func (s *Service) verifyAssertion(p *SAMLProvider, in *stsapi.AssumeRoleWithSAMLRequest) (*assertion, error) {
	now := s.Now()
	if !now.Before(p.ValidUntil) {
		return nil, invalidToken("The metadata of the SAML provider is no longer valid.")
	}
	ours := s.recipients(p)
	verified, err := saml.Verify(in.SAMLAssertion, saml.Expect{
		Provider: p.Metadata, Keys: p.Keys, RequireEncryption: p.RequireEncryption, Now: now, Skew: skew,
		Recipient: ours, Audience: func(name string) bool { return name == "urn:amazon:webservices" || ours(name) },
	})
	if err != nil {
		return nil, assertionError(err)
	}
	if now.After(verified.Issued.Add(redeem)) {
		return nil, wire.Errorf("ExpiredTokenException", "Token must be redeemed within 5 minutes of issuance")
	}
	a := &assertion{Assertion: verified}
	if !slices.ContainsFunc(verified.Attributes[attrRole], func(pair string) bool { return names(pair, in.RoleArn, in.PrincipalArn) }) {
		return nil, &wire.Error{Code: "AccessDenied", Status: 403, Message: "Not authorized to perform sts:AssumeRoleWithSAML"}
	}
	if err := a.readSession(); err != nil {
		return nil, err
	}
	a.provider = p.ARN
	a.setKeys(p)
	return a, nil
}

// names says that a value of the attribute Role names the role and the provider,
// in whichever order.
func names(pair, role, provider string) bool {
	a, b, ok := strings.Cut(pair, ",")
	a, b = strings.TrimSpace(a), strings.TrimSpace(b)
	return ok && (a == role && b == provider || a == provider && b == role)
}

var signinAddress = regexp.MustCompile(`^https://(?:[a-z]{2}(?:-[a-z]+)+-[0-9]\.)?signin\.aws\.amazon\.com(/saml|/static/saml|/saml/acs/[A-Z0-9]+)$`)

// recipients are the addresses at which assertions are for AWS, global and
// Regional, or for this server. One with an id at its end is a provider's own.
func (s *Service) recipients(p *SAMLProvider) func(string) bool {
	own := "/saml/acs/" + p.UUID
	return func(address string) bool {
		path := ""
		if m := signinAddress.FindStringSubmatch(address); m != nil {
			path = m[1]
		} else if base := s.URL(); base != "" && strings.HasPrefix(address, base) {
			path = address[len(base):]
		}
		return path == "/saml" || path == "/static/saml" || path == own
	}
}

// assertionError is AWS's answer for an assertion that is not accepted.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_saml.html
func assertionError(err error) error {
	for _, known := range []struct {
		is     error
		answer *wire.Error
	}{
		{saml.ErrSignature, invalidToken("Response signature invalid")},
		{saml.ErrIssuer, invalidToken("Issuer not present in specified provider")},
		{saml.ErrAudience, invalidToken("Response does not contain the required audience.")},
		{saml.ErrRecipient, invalidToken("The recipient or destination of the SAML response is another service provider.")},
		{saml.ErrTime, wire.Errorf("ExpiredTokenException", "The SAML assertion is not valid at this time.")},
		{saml.ErrStatus, wire.Errorf("IDPRejectedClaim", "The identity provider reported that authentication failed.").WithStatus(403)},
		{saml.ErrEncryption, invalidToken("The SAML assertion is not encrypted as the provider requires, or cannot be decrypted.")},
		{saml.ErrMalformed, invalidToken("Invalid SAML response")},
	} {
		if errors.Is(err, known.is) {
			return known.answer.With(err)
		}
	}
	return err
}

// readSession reads what the attributes say of the session. An attribute that
// is there but cannot be understood refuses the assertion.
func (a *assertion) readSession() error {
	session, err := a.single(attrSession)
	switch {
	case err != nil:
		return err
	case session == "":
		return invalidToken("RoleSessionName is required in AuthnResponse")
	case !sessionNamePattern.MatchString(session):
		return invalidToken("RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}")
	}
	a.session = session
	if a.source, err = a.single(attrSource); err != nil {
		return err
	}
	if err := checkSource(a.source); err != nil {
		return err
	}
	duration, err := a.single(attrDuration)
	if err != nil {
		return err
	}
	if duration != "" {
		n, err := strconv.Atoi(duration)
		if err != nil || n < 900 || n > 12*hour {
			return invalidToken("SessionDuration in AuthnResponse must be between 900 and 43200 seconds")
		}
		a.duration = time.Duration(n) * time.Second
	}
	return a.readTags()
}

func (a *assertion) readTags() error {
	for name := range a.Attributes {
		key, ok := strings.CutPrefix(name, attrTag)
		if !ok {
			continue
		}
		value, err := a.single(name)
		if err != nil {
			return err
		}
		a.tags = append(a.tags, stsapi.Tag{Key: key, Value: value})
	}
	slices.SortFunc(a.tags, func(x, y stsapi.Tag) int { return strings.Compare(x.Key, y.Key) })
	a.transitive = a.Attributes[attrTransitive]
	return checkFederatedTags(a.tags)
}

// single is an attribute's only value, "" if there is no such attribute.
func (a *assertion) single(name string) (string, error) {
	values := a.Attributes[name]
	if len(values) > 1 {
		return "", invalidToken("%.200s in AuthnResponse must have one value", name)
	}
	return strings.Join(values, ""), nil
}

// qualifier is "the hash value based on the concatenation of: the Issuer response
// value, the AWS account ID, and the friendly name of the SAML provider":
// BASE64(SHA1("https://example.com/saml" + "123456789012" + "/MySAMLIdP")).
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithSAML.html
func qualifier(issuer string, p *SAMLProvider) string {
	sum := sha1.Sum([]byte(issuer + p.Account + "/" + p.Name)) //nolint:gosec // see the import
	return base64.StdEncoding.EncodeToString(sum[:])
}

// AssumeRoleWithSAML gives credentials of a role to the bearer of an assertion of
// a SAML provider that the role trusts, once.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithSAML.html
func (s *Service) AssumeRoleWithSAML(ctx context.Context, in *stsapi.AssumeRoleWithSAMLRequest) (*stsapi.AssumeRoleWithSAMLResponse, error) {
	a, ok := caller.From(ctx).Identity.Proof.(*assertion)
	if !ok {
		return nil, errNoProof
	}
	// "Your role session lasts for the duration that you specify, or until the time
	// specified in the SAML authentication response's SessionNotOnOrAfter value,
	// whichever is shorter." SessionDuration can shorten it too.
	end := a.SessionTo
	if a.duration > 0 {
		if limit := s.Now().Add(a.duration); end.IsZero() || limit.Before(end) {
			end = limit
		}
	}
	out, err := s.assume(ctx, &a.federated, asked{
		role: in.RoleArn, session: a.session, seconds: in.DurationSeconds, until: end,
		policy: in.Policy, policies: in.PolicyArns, tokenSize: in.MinimumSessionTokenSize,
	}, func() error { return s.use(ctx, a) })
	if err != nil {
		return nil, err
	}
	return &stsapi.AssumeRoleWithSAMLResponse{
		Credentials: out.credentials, AssumedRoleUser: out.user, SourceIdentity: out.source,
		Subject: &a.Subject, SubjectType: &a.subjectType, Issuer: &a.Issuer, Audience: &a.Recipient, NameQualifier: &a.nameQualifier,
		PackedPolicySize: out.size.packed, SessionTokenSize: out.size.token, SessionTokenUtilization: out.size.percent,
	}, nil
}
