package clients

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/accessanalyzer"
	analyzertypes "github.com/aws/aws-sdk-go-v2/service/accessanalyzer/types"
	"github.com/aws/aws-sdk-go-v2/service/organizations"
	orgtypes "github.com/aws/aws-sdk-go-v2/service/organizations/types"
	"github.com/aws/aws-sdk-go-v2/service/rolesanywhere"
	rolestypes "github.com/aws/aws-sdk-go-v2/service/rolesanywhere/types"

	"bartizan.dev/bartizantest"
)

// modelled returns the error as the type that the SDK has for it.
func modelled[E error](t *testing.T, err error) E {
	t.Helper()
	e, ok := errors.AsType[E](err)
	if !ok {
		t.Fatalf("got %v, want %T", err, e)
	}
	return e
}

func TestGoOrganizations(t *testing.T) {
	t.Parallel()
	s := bartizantest.New(t)
	ctx, c := t.Context(), organizations.NewFromConfig(goSDK(s, s.Root()))
	_, err := c.DescribeOrganization(ctx, nil)
	modelled[*orgtypes.AWSOrganizationsNotInUseException](t, err)
	org := must[*organizations.CreateOrganizationOutput](t)(c.CreateOrganization(ctx, &organizations.CreateOrganizationInput{FeatureSet: orgtypes.OrganizationFeatureSetAll})).Organization
	if *org.MasterAccountId != s.Account() || !strings.HasPrefix(*org.Arn, "arn:aws:organizations::"+s.Account()+":organization/o-") {
		t.Errorf("the organization is %+v", org)
	}
	root := must[*organizations.ListRootsOutput](t)(c.ListRoots(ctx, nil)).Roots[0].Id

	// An account, and what may not be done with it.
	account := createAccount(t, c, "dev")
	_, err = c.MoveAccount(ctx, &organizations.MoveAccountInput{AccountId: &account, SourceParentId: root, DestinationParentId: root})
	if e := modelled[*orgtypes.DuplicateAccountException](t, err); e.ErrorMessage() == "" {
		t.Error("DuplicateAccountException has no message")
	}
	refused(t, err, "DuplicateAccountException", 400)
	_, err = c.LeaveOrganization(ctx, nil)
	modelled[*orgtypes.MasterCannotLeaveOrganizationException](t, err)
	_, err = c.RemoveAccountFromOrganization(ctx, &organizations.RemoveAccountFromOrganizationInput{AccountId: &account})
	if e := modelled[*orgtypes.ConstraintViolationException](t, err); e.Reason == "" {
		t.Errorf("ConstraintViolationException has no reason: %v", e)
	}
	_, err = c.InviteAccountToOrganization(ctx, &organizations.InviteAccountToOrganizationInput{Target: &orgtypes.HandshakeParty{Id: &account, Type: orgtypes.HandshakePartyTypeAccount}})
	if e := modelled[*orgtypes.HandshakeConstraintViolationException](t, err); e.Reason != orgtypes.HandshakeConstraintViolationExceptionReasonAlreadyInAnOrganization {
		t.Errorf("invited again: %+v", e)
	}
	_, err = c.EnablePolicyType(ctx, &organizations.EnablePolicyTypeInput{RootId: aws.String("r-none"), PolicyType: orgtypes.PolicyTypeTagPolicy})
	modelled[*orgtypes.RootNotFoundException](t, err)
	_, err = c.CreatePolicy(ctx, &organizations.CreatePolicyInput{Type: orgtypes.PolicyTypeServiceControlPolicy, Name: aws.String("p"), Description: aws.String(""), Content: aws.String("{}")})
	modelled[*orgtypes.MalformedPolicyDocumentException](t, err)

	// Pages, of OUs and of accounts.
	for i := range 7 {
		must[*organizations.CreateOrganizationalUnitOutput](t)(c.CreateOrganizationalUnit(ctx, &organizations.CreateOrganizationalUnitInput{ParentId: root, Name: aws.String(fmt.Sprint("unit-", i))}))
	}
	_, err = c.CreateOrganizationalUnit(ctx, &organizations.CreateOrganizationalUnitInput{ParentId: root, Name: aws.String("unit-3")})
	modelled[*orgtypes.DuplicateOrganizationalUnitException](t, err)
	var sizes []int
	var names []string
	for p := organizations.NewListOrganizationalUnitsForParentPaginator(c, &organizations.ListOrganizationalUnitsForParentInput{ParentId: root, MaxResults: aws.Int32(4)}); p.HasMorePages(); {
		units := must[*organizations.ListOrganizationalUnitsForParentOutput](t)(p.NextPage(ctx)).OrganizationalUnits
		sizes = append(sizes, len(units))
		for _, u := range units {
			names = append(names, *u.Name)
		}
	}
	slices.Sort(names)
	if !slices.Equal(sizes, []int{4, 3}) || len(slices.Compact(names)) != 7 {
		t.Errorf("pages of %v: %v", sizes, names)
	}
	pages := 0
	for p := organizations.NewListAccountsPaginator(c, &organizations.ListAccountsInput{MaxResults: aws.Int32(1)}); p.HasMorePages(); pages++ {
		must[*organizations.ListAccountsOutput](t)(p.NextPage(ctx))
	}
	if pages < 2 {
		t.Errorf("2 accounts on %d pages", pages)
	}
	_, err = c.ListAccounts(ctx, &organizations.ListAccountsInput{NextToken: aws.String("bogus")})
	if e := modelled[*orgtypes.InvalidInputException](t, err); e.Reason != orgtypes.InvalidInputExceptionReasonInvalidPaginationToken {
		t.Errorf("a bogus token: %+v", e)
	}
}

// createAccount makes an account and asks until it is there.
func createAccount(t *testing.T, c *organizations.Client, name string) string {
	t.Helper()
	status := must[*organizations.CreateAccountOutput](t)(c.CreateAccount(t.Context(), &organizations.CreateAccountInput{
		AccountName: &name, Email: aws.String(name + "@example.com")})).CreateAccountStatus
	for end := time.Now().Add(10 * time.Second); status.State == orgtypes.CreateAccountStateInProgress && time.Now().Before(end); {
		status = must[*organizations.DescribeCreateAccountStatusOutput](t)(c.DescribeCreateAccountStatus(t.Context(),
			&organizations.DescribeCreateAccountStatusInput{CreateAccountRequestId: status.Id})).CreateAccountStatus
	}
	if status.State != orgtypes.CreateAccountStateSucceeded {
		t.Fatalf("account %s: %+v", name, status)
	}
	return *status.AccountId
}

func TestGoAccessAnalyzer(t *testing.T) {
	t.Parallel()
	s := bartizantest.New(t)
	ctx, c := t.Context(), accessanalyzer.NewFromConfig(goSDK(s, s.Root()))
	in := &accessanalyzer.CreateAnalyzerInput{AnalyzerName: aws.String("outside"), Type: analyzertypes.TypeAccount, Tags: map[string]string{"ä": "ö"}}
	arn := must[*accessanalyzer.CreateAnalyzerOutput](t)(c.CreateAnalyzer(ctx, in)).Arn
	if again := must[*accessanalyzer.CreateAnalyzerOutput](t)(c.CreateAnalyzer(ctx, in)).Arn; *again != *arn { // the SDK keeps its client token in the input
		t.Errorf("the same call made %s and %s", *arn, *again)
	}
	got := must[*accessanalyzer.GetAnalyzerOutput](t)(c.GetAnalyzer(ctx, &accessanalyzer.GetAnalyzerInput{AnalyzerName: in.AnalyzerName})).Analyzer
	if *got.Arn != *arn || got.Status != analyzertypes.AnalyzerStatusActive || got.Tags["ä"] != "ö" || time.Since(*got.CreatedAt) > time.Hour {
		t.Errorf("the analyzer is %+v", got)
	}
	in.ClientToken = nil
	_, err := c.CreateAnalyzer(ctx, in)
	if e := modelled[*analyzertypes.ConflictException](t, err); aws.ToString(e.ResourceId) != "outside" || aws.ToString(e.ResourceType) == "" || e.ErrorMessage() == "" {
		t.Errorf("a second analyzer: %v, resource %q of type %q", e, aws.ToString(e.ResourceId), aws.ToString(e.ResourceType))
	}
	refused(t, err, "ConflictException", 409)
	_, err = c.GetAnalyzer(ctx, &accessanalyzer.GetAnalyzerInput{AnalyzerName: aws.String("nobody")})
	if e := modelled[*analyzertypes.ResourceNotFoundException](t, err); !strings.HasSuffix(aws.ToString(e.ResourceId), "analyzer/nobody") || aws.ToString(e.ResourceType) == "" {
		t.Errorf("no analyzer: %v, resource %q of type %q", e, aws.ToString(e.ResourceId), aws.ToString(e.ResourceType))
	}
	_, err = c.ListAnalyzers(ctx, &accessanalyzer.ListAnalyzersInput{NextToken: aws.String("!")})
	if e := modelled[*analyzertypes.ValidationException](t, err); e.Reason == "" {
		t.Errorf("a bogus token: %+v", e)
	}
	_, err = c.CheckNoNewAccess(ctx, &accessanalyzer.CheckNoNewAccessInput{PolicyType: analyzertypes.AccessCheckPolicyTypeIdentityPolicy,
		ExistingPolicyDocument: aws.String("{"), NewPolicyDocument: statement("s3:*", `"Resource": "*"`)})
	modelled[*analyzertypes.InvalidParameterException](t, err)
	check := must[*accessanalyzer.CheckNoNewAccessOutput](t)(c.CheckNoNewAccess(ctx, &accessanalyzer.CheckNoNewAccessInput{PolicyType: analyzertypes.AccessCheckPolicyTypeIdentityPolicy,
		ExistingPolicyDocument: statement("s3:Get*", `"Resource": "*"`), NewPolicyDocument: statement("s3:*", `"Resource": "*"`)}))
	if check.Result != analyzertypes.CheckNoNewAccessResultFail || len(check.Reasons) == 0 || aws.ToInt32(check.Reasons[0].StatementIndex) != 0 {
		t.Errorf("new access: %+v", check)
	}

	// Pages.
	for i := range 5 {
		must[*accessanalyzer.CreateArchiveRuleOutput](t)(c.CreateArchiveRule(ctx, &accessanalyzer.CreateArchiveRuleInput{AnalyzerName: in.AnalyzerName, RuleName: aws.String(fmt.Sprint("rule-", i)),
			Filter: map[string]analyzertypes.Criterion{"isPublic": {Eq: []string{"false"}}}}))
	}
	var sizes []int
	for p := accessanalyzer.NewListArchiveRulesPaginator(c, &accessanalyzer.ListArchiveRulesInput{AnalyzerName: in.AnalyzerName, MaxResults: aws.Int32(3)}); p.HasMorePages(); {
		sizes = append(sizes, len(must[*accessanalyzer.ListArchiveRulesOutput](t)(p.NextPage(ctx)).ArchiveRules))
	}
	if !slices.Equal(sizes, []int{3, 2}) {
		t.Errorf("pages of %v", sizes)
	}
}

func TestGoRolesAnywhere(t *testing.T) {
	t.Parallel()
	s := bartizantest.New(t)
	ctx, c := t.Context(), rolesanywhere.NewFromConfig(goSDK(s, s.Root()))
	source := func(text string) *rolestypes.Source {
		return &rolestypes.Source{SourceType: rolestypes.TrustAnchorTypeCertificateBundle, SourceData: &rolestypes.SourceDataMemberX509CertificateData{Value: text}}
	}
	ca := string(newAuthority(t).pem)
	anchor := must[*rolesanywhere.CreateTrustAnchorOutput](t)(c.CreateTrustAnchor(ctx, &rolesanywhere.CreateTrustAnchorInput{Name: aws.String("ca"), Enabled: aws.Bool(true), Source: source(ca)})).TrustAnchor
	if data, ok := anchor.Source.SourceData.(*rolestypes.SourceDataMemberX509CertificateData); !ok || data.Value != ca || !*anchor.Enabled || len(anchor.NotificationSettings) == 0 {
		t.Errorf("the trust anchor is %+v", anchor)
	}
	_, err := c.CreateTrustAnchor(ctx, &rolesanywhere.CreateTrustAnchorInput{Name: aws.String("no"), Source: source("no certificate")})
	modelled[*rolestypes.ValidationException](t, err)
	_, err = c.GetTrustAnchor(ctx, &rolesanywhere.GetTrustAnchorInput{TrustAnchorId: aws.String("00000000-0000-0000-0000-000000000000")})
	if e := modelled[*rolestypes.ResourceNotFoundException](t, err); e.ErrorMessage() == "" {
		t.Error("ResourceNotFoundException has no message")
	}
	refused(t, err, "ResourceNotFoundException", 404)
	many := make([]rolestypes.Tag, 150)
	for _, from := range []string{"a", "b"} {
		for i := range many {
			many[i] = rolestypes.Tag{Key: aws.String(fmt.Sprint(from, i)), Value: aws.String("")}
		}
		_, err = c.TagResource(ctx, &rolesanywhere.TagResourceInput{ResourceArn: anchor.TrustAnchorArn, Tags: many})
	}
	modelled[*rolestypes.TooManyTagsException](t, err)
	user := s.NewUser("")
	_, err = rolesanywhere.NewFromConfig(goSDK(s, user.Credentials)).ListTrustAnchors(ctx, nil)
	if e := modelled[*rolestypes.AccessDeniedException](t, err); !strings.Contains(e.ErrorMessage(), user.ARN) {
		t.Errorf("denied: %v", e)
	}

	// Pages.
	for i := range 7 {
		must[*rolesanywhere.CreateProfileOutput](t)(c.CreateProfile(ctx, &rolesanywhere.CreateProfileInput{Name: aws.String(fmt.Sprint("profile-", i)), RoleArns: []string{}}))
	}
	var sizes []int
	for p := rolesanywhere.NewListProfilesPaginator(c, &rolesanywhere.ListProfilesInput{PageSize: aws.Int32(5)}); p.HasMorePages(); {
		sizes = append(sizes, len(must[*rolesanywhere.ListProfilesOutput](t)(p.NextPage(ctx)).Profiles))
	}
	if !slices.Equal(sizes, []int{5, 2}) {
		t.Errorf("pages of %v", sizes)
	}
}
