package organizations

import (
	"context"
	"errors"
	"slices"
	"strings"
	"unicode"

	api "bartizan.dev/api/organizations"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
	"bartizan.dev/work"
)

func (s *Service) creationRules() policy.Rules {
	return policy.Rules{
		"CreateAccount": rule(s, "CreateAccount", management, func(_ context.Context, _ *organization, in *api.CreateAccountRequest) ([]policy.Touch, error) {
			return tagging(policy.Touch{}, in.Tags), nil
		}),
		"CreateGovCloudAccount": rule(s, "CreateGovCloudAccount", management, func(_ context.Context, _ *organization, in *api.CreateGovCloudAccountRequest) ([]policy.Touch, error) {
			return tagging(policy.Touch{}, in.Tags), nil
		}),
		"DescribeCreateAccountStatus": onNothing[api.DescribeCreateAccountStatusRequest](s, "DescribeCreateAccountStatus", readers),
		"ListCreateAccountStatus":     onNothing[api.ListCreateAccountStatusRequest](s, "ListCreateAccountStatus", readers),
	}
}

// maxAttempts is how often the making of an account is tried again.
const maxAttempts = 5

const defaultRole = "OrganizationAccountAccessRole"

// CreateAccount begins to make an account. It is there when the status says
// SUCCEEDED.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateAccount.html
func (s *Service) CreateAccount(ctx context.Context, in *api.CreateAccountRequest) (*api.CreateAccountResponse, error) {
	c, err := s.newCreation(in.Email, in.AccountName, in.RoleName, in.IamUserAccessToBilling, in.Tags)
	if err != nil {
		return nil, err
	}
	if c.Account, err = s.freeAccount(ctx); err != nil {
		return nil, err
	}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		o, err := s.managed(ctx, tx)
		if err != nil {
			return err
		}
		c.Org = o.ID
		if err := s.count(ctx, tx, o.ID, func(n *counts) error {
			if n.Accounts++; n.Accounts > s.Quotas.Accounts {
				return constraint("ACCOUNT_NUMBER_LIMIT_EXCEEDED", "You have exceeded the allowed number of AWS accounts.")
			}
			if n.Creating++; n.Creating > s.Quotas.Creating {
				return constraint("ACCOUNT_CREATION_RATE_LIMIT_EXCEEDED", "You have exceeded the number of accounts that can be in progress at a time.")
			}
			return nil
		}); err != nil {
			return err
		}
		if err := s.creations.Insert(ctx, tx, c.Org+"/"+c.ID, c); err != nil {
			return err
		}
		return s.later(ctx, tx, jobCreate, c.Org+"/"+c.ID, c.Requested)
	})
	if err != nil {
		return nil, err
	}
	return &api.CreateAccountResponse{CreateAccountStatus: apiCreation(c)}, nil
}

// newCreation checks what is asked for.
func (s *Service) newCreation(email, name string, role *string, billing api.IAMUserAccessToBilling, tags []api.Tag) (*creation, error) {
	c := &creation{
		ID: newID("car-", 32), Email: email, Name: name, Role: defaultRole, Billing: billing,
		State: api.CreateAccountState_IN_PROGRESS, Requested: s.now(),
	}
	if role != nil {
		c.Role = *role
	}
	if strings.HasPrefix(strings.ToLower(c.Role), "awsservicerolefor") {
		return nil, invalid("INVALID_ROLE_NAME", "You provided a role name that isn't valid. A role name can't begin with the reserved prefix AWSServiceRoleFor.")
	}
	var err error
	c.Tags, err = newTags(tags)
	return c, err
}

// freeAccount makes the id of an account that nobody has.
func (s *Service) freeAccount(ctx context.Context) (string, error) {
	for {
		id := newAccountID()
		_, err := s.accounts.Get(ctx, s.Store, id)
		if err == nil {
			continue
		} else if !errors.Is(err, store.ErrNotFound) {
			return "", err
		}
		if taken, err := s.HasAccount(ctx, id); err != nil || !taken {
			return id, err
		}
	}
}

// doCreate makes the account. Everything it does bears repetition.
func (s *Service) doCreate(ctx context.Context, j work.Job) (func(store.Tx) error, error) {
	c, err := s.creations.Get(ctx, s.Store, j.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	o, err := s.orgs.Get(ctx, s.Store, c.Org)
	if err != nil {
		return nil, err
	}
	reason, err := s.obstacle(ctx, s.Store, c)
	if err != nil {
		return nil, err
	}
	if reason == "" {
		err := s.OpenAccount(ctx, c.Account, c.Role, o.Management)
		if err != nil && j.Attempts < maxAttempts {
			return nil, err
		} else if err != nil {
			s.Log.Error("an account could not be made", "request", c.ID, "cause", err)
			reason = api.CreateAccountFailureReason_INTERNAL_FAILURE
		}
	}
	return func(tx store.Tx) error { return s.finishCreate(ctx, tx, j.ID, reason) }, nil
}

// obstacle says why the account cannot be made. Of two requests with one
// address the earlier one goes on.
func (s *Service) obstacle(ctx context.Context, r store.Reader, c *creation) (api.CreateAccountFailureReason, error) {
	if !emailWorks(c.Email) {
		return api.CreateAccountFailureReason_INVALID_EMAIL, nil
	}
	key := hashed(strings.ToLower(c.Email))
	others, err := s.creations.By(ctx, r, "email", key, "", 0) // before the accounts: what has been made since is found there
	if err != nil {
		return "", err
	}
	for _, id := range others {
		other, err := s.creations.Get(ctx, r, id)
		if err != nil {
			return "", err
		}
		if other.Requested.Before(c.Requested) || other.Requested.Equal(c.Requested) && other.ID < c.ID {
			return api.CreateAccountFailureReason_CONCURRENT_ACCOUNT_MODIFICATION, nil
		}
	}
	if taken, err := s.accounts.By(ctx, r, "email", key, "", 1); err != nil {
		return "", err
	} else if len(taken) > 0 {
		return api.CreateAccountFailureReason_EMAIL_ALREADY_EXISTS, nil
	}
	return "", nil
}

func (s *Service) finishCreate(ctx context.Context, tx store.Tx, id string, reason api.CreateAccountFailureReason) error {
	c, err := s.creations.Get(ctx, tx, id)
	if err != nil {
		return err
	}
	o, err := s.orgs.Get(ctx, tx, c.Org)
	if err != nil {
		return err
	}
	if reason == "" {
		if reason, err = s.obstacle(ctx, tx, c); err != nil {
			return err
		}
	}
	c.Completed, c.State, c.Reason = s.now(), api.CreateAccountState_SUCCEEDED, reason
	if reason != "" {
		c.State = api.CreateAccountState_FAILED
	}
	if err := s.creations.Put(ctx, tx, id, c); err != nil {
		return err
	}
	if err := s.count(ctx, tx, c.Org, func(n *counts) error {
		if n.Creating--; reason != "" {
			n.Accounts--
		} else {
			n.Members++
		}
		return nil
	}); err != nil {
		return err
	}
	if reason == "" {
		a := &account{ID: c.Account, Email: c.Email, Name: c.Name, State: api.AccountState_ACTIVE, Created: c.Completed, Tags: c.Tags}
		if err := s.join(ctx, tx, o, a, api.AccountJoinedMethod_CREATED); err != nil {
			return err
		}
	}
	return s.notify(ctx, tx, creationEvents(o, c)...)
}

// emailWorks checks what AWS says of addresses.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateAccount.html#organizations-CreateAccount-request-Email
func emailWorks(email string) bool {
	local, domain, ok := strings.Cut(email, "@")
	if !ok || local == "" || strings.Contains(domain, "@") || len(email) < 6 || len(email) > 64 {
		return false
	}
	for _, c := range email {
		if c > unicode.MaxASCII || c < ' ' {
			return false
		}
	}
	if strings.HasPrefix(local, ".") || strings.ContainsAny(local, " \t\"'()<>[]:;,\\|%&") {
		return false
	}
	for _, c := range domain {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.') {
			return false
		}
	}
	return strings.Contains(domain, ".") && strings.Trim(domain, "-.") == domain && !strings.EqualFold(domain, "account.invalid")
}

// CreateGovCloudAccount is refused: it needs a second partition, and this server
// serves one.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateGovCloudAccount.html
func (s *Service) CreateGovCloudAccount(ctx context.Context, in *api.CreateGovCloudAccountRequest) (*api.CreateGovCloudAccountResponse, error) {
	if _, err := s.newCreation(in.Email, in.AccountName, in.RoleName, in.IamUserAccessToBilling, in.Tags); err != nil {
		return nil, err
	}
	if _, err := s.managed(ctx, s.Store); err != nil {
		return nil, err
	}
	return nil, constraint("MASTER_ACCOUNT_NOT_GOVCLOUD_ENABLED",
		"To complete this operation, the management account must have an associated account in the AWS GovCloud (US-West) Region.")
}

// DescribeCreateAccountStatus tells how far a request is.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeCreateAccountStatus.html
func (s *Service) DescribeCreateAccountStatus(ctx context.Context, in *api.DescribeCreateAccountStatusRequest) (*api.DescribeCreateAccountStatusResponse, error) {
	o, err := s.in(ctx, s.Store)
	if err != nil {
		return nil, err
	}
	c, err := s.creations.Get(ctx, s.Store, o.ID+"/"+in.CreateAccountRequestId)
	c, err = found(c, err, wire.Errorf("CreateAccountStatusNotFoundException", "You specified a create account request that doesn't exist."))
	if err != nil {
		return nil, err
	}
	return &api.DescribeCreateAccountStatusResponse{CreateAccountStatus: apiCreation(c)}, nil
}

// ListCreateAccountStatus lists the requests by their ids.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListCreateAccountStatus.html
func (s *Service) ListCreateAccountStatus(ctx context.Context, in *api.ListCreateAccountStatusRequest) (*api.ListCreateAccountStatusResponse, error) {
	p, err := newPage(in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	o, err := s.in(ctx, s.Store)
	if err != nil {
		return nil, err
	}
	list, err := s.creations.List(ctx, s.Store, o.ID+"/", p.after, p.limit+1)
	if err != nil {
		return nil, err
	}
	out := &api.ListCreateAccountStatusResponse{CreateAccountStatuses: []api.CreateAccountStatus{}}
	if len(list) > p.limit {
		list = list[:p.limit]
		out.NextToken = tokenAfter(list[len(list)-1].ID)
	}
	for _, e := range list { // a page may hold less than MaxResults, as on AWS
		if len(in.States) == 0 || slices.Contains(in.States, e.Value.State) {
			out.CreateAccountStatuses = append(out.CreateAccountStatuses, *apiCreation(e.Value))
		}
	}
	return out, nil
}

func apiCreation(c *creation) *api.CreateAccountStatus {
	out := &api.CreateAccountStatus{
		Id: &c.ID, AccountName: &c.Name, State: c.State, RequestedTimestamp: c.Requested, CompletedTimestamp: c.Completed, FailureReason: c.Reason,
	}
	if c.State == api.CreateAccountState_SUCCEEDED {
		out.AccountId = &c.Account
	}
	return out
}
