package signin

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"time"

	signinapi "bartizan.dev/api/signin"
	"bartizan.dev/caller"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// statement is a resource permission statement: from where sign-in is allowed,
// and who is exempt.
type statement struct {
	ID string
	permission
}

// permission is what PutResourcePermissionStatement says.
type permission struct {
	VPC, SigninEndpoint, ConsoleEndpoint, VPCIP, IP, Region, Excluded string `json:",omitzero"`
}

// answer is what a client token was answered with.
type answer struct {
	ID    string
	Asked permission
	Until time.Time
}

const (
	// maxStatements is ours: AWS names a quota and no number.
	maxStatements = 50
	tokenLasts    = 24 * time.Hour
)

// oauthError is an error of Sign-In: besides AWS's code it has one of OAuth.
// https://docs.aws.amazon.com/signin/latest/APIReference/CommonErrors.html
func oauthError(code, oauth, format string, args ...any) *wire.Error {
	e := wire.Errorf(code, format, args...)
	e.Fields = []wire.Field{{Name: "error", Value: oauth}}
	return e
}

func invalid(format string, args ...any) *wire.Error {
	return oauthError("ValidationException", "INVALID_REQUEST", format, args...)
}

// written checks that a change is made where AWS takes changes.
// https://docs.aws.amazon.com/signin/latest/userguide/console-access-control.html#console-access-control-regional-availability
func written(ctx context.Context) error {
	if region := caller.From(ctx).Region; region != homeRegion {
		return invalid("Write operations must be performed in the %s Region, not in %s.", homeRegion, region)
	}
	return nil
}

func (s *Service) changeSetting(ctx context.Context, change func(*setting) error) error {
	account := caller.From(ctx).Identity.Account
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		set, err := s.settingOf(ctx, tx, account)
		if err != nil {
			return err
		}
		for token, a := range set.Tokens {
			if !s.Clock.Now().Before(a.Until) {
				delete(set.Tokens, token)
			}
		}
		if err := change(set); err != nil {
			return err
		}
		return s.settings.Put(ctx, tx, account, set)
	})
	return err
}

// PutResourcePermissionStatement adds a statement to the account's policy.
// https://docs.aws.amazon.com/signin/latest/APIReference/API_PutResourcePermissionStatement.html
func (s *Service) PutResourcePermissionStatement(ctx context.Context, in *signinapi.PutResourcePermissionStatementInput) (*signinapi.PutResourcePermissionStatementOutput, error) {
	if err := written(ctx); err != nil {
		return nil, err
	}
	p := permission{
		VPC: orEmpty(in.SourceVpc), SigninEndpoint: orEmpty(in.SigninSourceVpce), ConsoleEndpoint: orEmpty(in.ConsoleSourceVpce),
		VPCIP: orEmpty(in.VpcSourceIp), IP: orEmpty(in.SourceIp), Region: orEmpty(in.RequestedRegion), Excluded: orEmpty(in.ExcludedPrincipal),
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	var raw [48]byte
	rand.Read(raw[:]) // never fails: see crypto/rand
	fresh := base64.StdEncoding.EncodeToString(raw[:])
	var id string
	err := s.changeSetting(ctx, func(set *setting) error {
		id = fresh
		token := orEmpty(in.ClientToken)
		if a, known := set.Tokens[token]; token != "" && known {
			if a.Asked != p {
				return oauthError("ConflictException", "CONFLICT", "The client token was used with other parameters.").WithStatus(409)
			}
			id = a.ID
			return nil
		}
		if slices.ContainsFunc(set.Statements, func(old statement) bool { return old.permission == p }) {
			return oauthError("ConflictException", "CONFLICT", "A statement with the same parameters exists already.").WithStatus(409)
		}
		if len(set.Statements) >= maxStatements {
			return oauthError("ServiceQuotaExceededException", "SERVICE_QUOTA_EXCEEDED", "An account can have at most %d resource permission statements.", maxStatements).WithStatus(402)
		}
		set.Statements = append(set.Statements, statement{id, p})
		if token != "" {
			if set.Tokens == nil {
				set.Tokens = map[string]answer{}
			}
			set.Tokens[token] = answer{id, p, s.Clock.Now().Add(tokenLasts)}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &signinapi.PutResourcePermissionStatementOutput{StatementId: id}, nil
}

func orEmpty(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// check is what the model does not check.
// https://docs.aws.amazon.com/signin/latest/userguide/reference-signin-condition-keys.html
func (p *permission) check() error {
	network := p.VPC != "" || p.SigninEndpoint != "" || p.ConsoleEndpoint != ""
	switch {
	case *p == permission{}:
		return invalid("At least one condition must be given.")
	case network && p.Region == "":
		return invalid("requestedRegion is required when sourceVpc, signinSourceVpce or consoleSourceVpce is provided.")
	case p.VPCIP != "" && !network:
		return invalid("vpcSourceIp must be used with sourceVpc, signinSourceVpce or consoleSourceVpce.")
	case p.VPCIP != "" && !isNetwork(p.VPCIP):
		return invalid("vpcSourceIp is neither an IP address nor a CIDR range.")
	case p.IP != "" && !isNetwork(p.IP):
		return invalid("sourceIp is neither an IP address nor a CIDR range.")
	}
	return nil
}

func isNetwork(text string) bool {
	if _, err := netip.ParseAddr(text); err == nil {
		return true
	}
	_, err := netip.ParsePrefix(text)
	return err == nil
}

// conditions are operators with keys and values, as the API shows them.
type conditions map[string]map[string][]string

func (c conditions) add(operator, key string, values ...string) {
	if c[operator] == nil {
		c[operator] = map[string][]string{}
	}
	c[operator][key] = values
}

// denials are the conditions under which a statement denies: everywhere but
// where it allows, and in the right place in the wrong way.
func (p *permission) denials(account string) []conditions {
	var out []conditions
	deny := func() conditions {
		c := conditions{}
		c.add("StringEquals", "aws:ResourceAccount", account)
		out = append(out, c)
		return c
	}
	var endpoints []string
	for _, e := range []string{p.SigninEndpoint, p.ConsoleEndpoint} {
		if e != "" {
			endpoints = append(endpoints, e)
		}
	}
	inside := func(c conditions) {
		if p.VPC != "" {
			c.add("StringEquals", "aws:SourceVpc", p.VPC)
		} else {
			c.add("StringEquals", "aws:SourceVpce", endpoints...)
		}
	}
	network := p.VPC != "" || len(endpoints) > 0
	outside := deny()
	if p.VPC != "" {
		outside.add("StringNotEquals", "aws:SourceVpc", p.VPC)
	}
	if len(endpoints) > 0 {
		outside.add("StringNotEquals", "aws:SourceVpce", endpoints...)
	}
	switch {
	case p.IP != "" && network:
		outside.add("NotIpAddressIfExists", "aws:SourceIp", p.IP)
	case p.IP != "":
		outside.add("NotIpAddress", "aws:SourceIp", p.IP)
	}
	if p.Region != "" && !network {
		if p.IP == "" {
			outside.add("StringNotEquals", "aws:RequestedRegion", p.Region)
		} else {
			deny().add("StringNotEquals", "aws:RequestedRegion", p.Region)
		}
	}
	if p.Region != "" && network {
		c := deny()
		inside(c)
		c.add("StringNotEqualsIfExists", "aws:RequestedRegion", p.Region)
	}
	if p.VPCIP != "" {
		c := deny()
		inside(c)
		c.add("NotIpAddress", "aws:VpcSourceIp", p.VPCIP)
	}
	return out
}

// statements are the account's policy: for each denial one before anybody has
// proved who it is and one after.
// https://docs.aws.amazon.com/signin/latest/userguide/console-access-control.html#console-access-control-policy-structure
func (s *setting) statements(account string) []signinapi.PolicyStatement {
	out := []signinapi.PolicyStatement{}
	for i := range s.Statements {
		p := &s.Statements[i].permission
		for _, phase := range []struct {
			key     string
			actions []string
		}{
			{"signin:PrincipalArn", []string{"signin:Authenticate"}},
			{"aws:PrincipalArn", []string{"signin:CreateOAuth2Token", "signin:AuthorizeOAuth2Access"}},
		} {
			for _, c := range p.denials(account) {
				if p.Excluded != "" {
					c.add("ArnNotEquals", phase.key, p.Excluded)
				}
				out = append(out, signinapi.PolicyStatement{
					Effect: new("Deny"), Principal: map[string]string{"AWS": "*"}, Action: phase.actions, Resource: new("*"), Condition: c,
				})
			}
		}
	}
	return out
}

// document is the policy as a document, with another statement in front.
func (s *setting) document(account, first string) string {
	var b strings.Builder
	b.WriteString(`{"Version":"2012-10-17","Statement":[` + first)
	for i, st := range s.statements(account) {
		if i > 0 || first != "" {
			b.WriteByte(',')
		}
		doc, err := json.Marshal(map[string]any{
			"Effect": "Deny", "Principal": "*", "Action": st.Action, "Resource": "*", "Condition": st.Condition,
		})
		if err != nil {
			return "" // maps of strings always encode; nothing parses as a policy that allows
		}
		b.Write(doc)
	}
	return b.String() + "]}"
}

// DeleteResourcePermissionStatement removes a statement.
// https://docs.aws.amazon.com/signin/latest/APIReference/API_DeleteResourcePermissionStatement.html
func (s *Service) DeleteResourcePermissionStatement(ctx context.Context, in *signinapi.DeleteResourcePermissionStatementInput) (*signinapi.DeleteResourcePermissionStatementOutput, error) {
	if err := written(ctx); err != nil {
		return nil, err
	}
	err := s.changeSetting(ctx, func(set *setting) error {
		token := orEmpty(in.ClientToken)
		if a, known := set.Tokens[token]; token != "" && known {
			if a.ID != in.StatementId || a.Asked != (permission{}) {
				return oauthError("ConflictException", "CONFLICT", "The client token was used with other parameters.").WithStatus(409)
			}
			return nil
		}
		kept := slices.DeleteFunc(slices.Clone(set.Statements), func(old statement) bool { return old.ID == in.StatementId })
		if len(kept) == len(set.Statements) {
			return oauthError("ResourceNotFoundException", "RESOURCE_NOT_FOUND", "There is no permission statement %s.", in.StatementId).WithStatus(404)
		}
		for t, a := range set.Tokens { // what made it may make it again
			if a.ID == in.StatementId {
				delete(set.Tokens, t)
			}
		}
		set.Statements = kept
		if token != "" {
			if set.Tokens == nil {
				set.Tokens = map[string]answer{}
			}
			set.Tokens[token] = answer{ID: in.StatementId, Until: s.Clock.Now().Add(tokenLasts)}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &signinapi.DeleteResourcePermissionStatementOutput{}, nil
}

// GetResourcePolicy shows the account's policy, made of its statements.
// https://docs.aws.amazon.com/signin/latest/APIReference/API_GetResourcePolicy.html
func (s *Service) GetResourcePolicy(ctx context.Context, _ *signinapi.GetResourcePolicyInput) (*signinapi.GetResourcePolicyOutput, error) {
	account := caller.From(ctx).Identity.Account
	set, err := s.settingOf(ctx, s.Store, account)
	if err != nil {
		return nil, err
	}
	if len(set.Statements) == 0 {
		return nil, oauthError("ResourceNotFoundException", "RESOURCE_NOT_FOUND", "The account has no resource-based policy.").WithStatus(404)
	}
	return &signinapi.GetResourcePolicyOutput{SigninResourceBasedPolicy: &signinapi.SigninResourceBasedPolicy{
		Version: new("2012-10-17"), Statement: set.statements(account),
	}}, nil
}

// ListResourcePermissionStatements lists the statements by id.
// https://docs.aws.amazon.com/signin/latest/APIReference/API_ListResourcePermissionStatements.html
func (s *Service) ListResourcePermissionStatements(ctx context.Context, in *signinapi.ListResourcePermissionStatementsInput) (*signinapi.ListResourcePermissionStatementsOutput, error) {
	account := caller.From(ctx).Identity.Account
	set, err := s.settingOf(ctx, s.Store, account)
	if err != nil {
		return nil, err
	}
	list := slices.SortedFunc(slices.Values(set.Statements), func(a, b statement) int { return strings.Compare(a.ID, b.ID) })
	after, limit := orEmpty(in.NextToken), 100
	if in.MaxResults != nil {
		limit = int(*in.MaxResults)
	}
	if after != "" { // the id that the page before ended with
		list = slices.DeleteFunc(list, func(st statement) bool { return st.ID <= after })
	}
	out := &signinapi.ListResourcePermissionStatementsOutput{PermissionStatements: []signinapi.PermissionStatementSummary{}}
	for i := range list {
		if i == limit {
			out.NextToken = &list[i-1].ID
			break
		}
		out.PermissionStatements = append(out.PermissionStatements, signinapi.PermissionStatementSummary{
			Sid: list[i].ID, Condition: list[i].denials(account)[0],
		})
	}
	return out, nil
}
