package securityhub

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	cloudtrailapi "bartizan.dev/api/cloudtrail"
	iamapi "bartizan.dev/api/iam"
	kmsapi "bartizan.dev/api/kms"
	secretsmanagerapi "bartizan.dev/api/secretsmanager"
	api "bartizan.dev/api/securityhub"
	"bartizan.dev/policy"
)

// fakeIAM answers what a test has written down.
type fakeIAM struct {
	iamapi.Unimplemented
	summary  map[iamapi.SummaryKeyType]int32
	password *iamapi.PasswordPolicy
	report   string
	details  iamapi.GetAccountAuthorizationDetailsResponse
	devices  []iamapi.VirtualMFADevice
}

func (f *fakeIAM) GetAccountSummary(context.Context, *iamapi.GetAccountSummaryInput) (*iamapi.GetAccountSummaryResponse, error) {
	return &iamapi.GetAccountSummaryResponse{SummaryMap: f.summary}, nil
}

func (f *fakeIAM) GetAccountPasswordPolicy(context.Context, *iamapi.GetAccountPasswordPolicyInput) (*iamapi.GetAccountPasswordPolicyResponse, error) {
	if f.password == nil {
		return nil, fault("NoSuchEntity", "none")
	}
	return &iamapi.GetAccountPasswordPolicyResponse{PasswordPolicy: f.password}, nil
}

func (f *fakeIAM) GenerateCredentialReport(context.Context, *iamapi.GenerateCredentialReportInput) (*iamapi.GenerateCredentialReportResponse, error) {
	return &iamapi.GenerateCredentialReportResponse{}, nil
}

func (f *fakeIAM) GetCredentialReport(context.Context, *iamapi.GetCredentialReportInput) (*iamapi.GetCredentialReportResponse, error) {
	return &iamapi.GetCredentialReportResponse{Content: []byte(f.report)}, nil
}

func (f *fakeIAM) GetAccountAuthorizationDetails(context.Context, *iamapi.GetAccountAuthorizationDetailsRequest) (*iamapi.GetAccountAuthorizationDetailsResponse, error) {
	return &f.details, nil
}

func (f *fakeIAM) ListVirtualMFADevices(context.Context, *iamapi.ListVirtualMFADevicesRequest) (*iamapi.ListVirtualMFADevicesResponse, error) {
	return &iamapi.ListVirtualMFADevicesResponse{VirtualMFADevices: f.devices}, nil
}

type fakeKMS struct {
	kmsapi.Unimplemented
	keys map[string]fakeKey
}

type fakeKey struct {
	policy  string
	rotates bool
	state   kmsapi.KeyState
}

func (f *fakeKMS) ListKeys(context.Context, *kmsapi.ListKeysRequest) (*kmsapi.ListKeysResponse, error) {
	out := new(kmsapi.ListKeysResponse)
	for name := range f.keys {
		out.Keys = append(out.Keys, kmsapi.KeyListEntry{KeyArn: &name})
	}
	return out, nil
}

func (f *fakeKMS) DescribeKey(_ context.Context, in *kmsapi.DescribeKeyRequest) (*kmsapi.DescribeKeyResponse, error) {
	return &kmsapi.DescribeKeyResponse{KeyMetadata: &kmsapi.KeyMetadata{Arn: &in.KeyId, KeyManager: "CUSTOMER", KeySpec: "SYMMETRIC_DEFAULT", Origin: "AWS_KMS", KeyState: f.keys[in.KeyId].state}}, nil
}

func (f *fakeKMS) GetKeyPolicy(_ context.Context, in *kmsapi.GetKeyPolicyRequest) (*kmsapi.GetKeyPolicyResponse, error) {
	if f.keys[in.KeyId].policy == "" {
		return nil, fault("AccessDeniedException", "no")
	}
	return &kmsapi.GetKeyPolicyResponse{Policy: new(f.keys[in.KeyId].policy)}, nil
}

func (f *fakeKMS) GetKeyRotationStatus(_ context.Context, in *kmsapi.GetKeyRotationStatusRequest) (*kmsapi.GetKeyRotationStatusResponse, error) {
	return &kmsapi.GetKeyRotationStatusResponse{KeyRotationEnabled: new(f.keys[in.KeyId].rotates)}, nil
}

type fakeSecrets []secretsmanagerapi.SecretListEntry

func (f fakeSecrets) ListSecrets(context.Context, *secretsmanagerapi.ListSecretsRequest) (*secretsmanagerapi.ListSecretsResponse, error) {
	return &secretsmanagerapi.ListSecretsResponse{SecretList: f}, nil
}

type fakeTrails []cloudtrailapi.Trail

func (f fakeTrails) DescribeTrails(context.Context, *cloudtrailapi.DescribeTrailsRequest) (*cloudtrailapi.DescribeTrailsResponse, error) {
	return &cloudtrailapi.DescribeTrailsResponse{TrailList: f}, nil
}

func (f fakeTrails) GetTrailStatus(context.Context, *cloudtrailapi.GetTrailStatusRequest) (*cloudtrailapi.GetTrailStatusResponse, error) {
	return &cloudtrailapi.GetTrailStatusResponse{IsLogging: new(true)}, nil
}

func (f fakeTrails) GetEventSelectors(context.Context, *cloudtrailapi.GetEventSelectorsRequest) (*cloudtrailapi.GetEventSelectorsResponse, error) {
	return &cloudtrailapi.GetEventSelectorsResponse{EventSelectors: []cloudtrailapi.EventSelector{{ReadWriteType: "All", IncludeManagementEvents: new(true)}}}, nil
}

const head = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,access_key_2_active\n"

// reader is an account where everything is as it should be not.
func reader(now time.Time) (*Reader, *fakeIAM, *fakeKMS) {
	old := now.Add(-100 * 24 * time.Hour).Format(time.RFC3339)
	star := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`
	iam := &fakeIAM{
		summary: map[iamapi.SummaryKeyType]int32{"AccountAccessKeysPresent": 1},
		report: head + "<root_account>,arn:aws:iam::111111111111:root," + old + ",not_supported,,,false,true,,,false\n" +
			"ann,arn:aws:iam::111111111111:user/ann," + old + ",true,no_information," + old + ",false,true," + old + ",N/A,false\n" +
			"bob,arn:aws:iam::111111111111:user/bob," + now.Format(time.RFC3339) + ",false,N/A,N/A,true,false,N/A,N/A,false\n",
		details: iamapi.GetAccountAuthorizationDetailsResponse{
			UserDetailList: []iamapi.UserDetail{{Arn: new("arn:aws:iam::111111111111:user/ann"), AttachedManagedPolicies: []iamapi.AttachedPolicy{{PolicyArn: new("arn:aws:iam::aws:policy/AWSCloudShellFullAccess")}}}},
			RoleDetailList: []iamapi.RoleDetail{{Arn: new("arn:aws:iam::111111111111:role/r"), RolePolicyList: []iamapi.PolicyDetail{{PolicyDocument: &star}}}},
			Policies: []iamapi.ManagedPolicyDetail{{Arn: new("arn:aws:iam::111111111111:policy/star"), PolicyVersionList: []iamapi.PolicyVersion{{Document: &star, IsDefaultVersion: new(true)}}},
				{Arn: new("arn:aws:iam::111111111111:policy/kms"), PolicyVersionList: []iamapi.PolicyVersion{{Document: new(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"kms:*","Resource":"arn:aws:kms:eu-west-1:111111111111:key/1"}}`), IsDefaultVersion: new(true)}}}},
		},
	}
	kms := &fakeKMS{keys: map[string]fakeKey{
		"arn:aws:kms:eu-west-1:111111111111:key/open":   {`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"*"}}`, false, "Enabled"},
		"arn:aws:kms:eu-west-1:111111111111:key/shut":   {`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"kms:*","Resource":"*","Condition":{"StringEquals":{"kms:CallerAccount":"111111111111"}}}}`, true, "Enabled"},
		"arn:aws:kms:eu-west-1:111111111111:key/going":  {`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:root"},"Action":"kms:*","Resource":"*"}}`, false, "PendingDeletion"},
		"arn:aws:kms:eu-west-1:111111111111:key/hidden": {"", false, "Enabled"},
	}}
	return &Reader{
		IAM: iam, KMS: kms,
		Secrets:    fakeSecrets{{ARN: new("arn:aws:secretsmanager:eu-west-1:111111111111:secret:s"), RotationEnabled: new(false), CreatedDate: now.Add(-95 * 24 * time.Hour), LastAccessedDate: now.Add(-24 * time.Hour)}},
		CloudTrail: fakeTrails{{TrailARN: new("arn:aws:cloudtrail:eu-west-1:111111111111:trail/t"), IsMultiRegionTrail: new(true), LogFileValidationEnabled: new(false)}},
		As:         func(ctx context.Context, _, _ string) (context.Context, error) { return ctx, nil },
		Link:       func(context.Context, string) error { return nil },
	}, iam, kms
}

// says are the verdicts of a control as text.
func says(t *testing.T, f *facts, id string) string {
	t.Helper()
	f.control = controlOf(id)
	list, err := f.control.judge(t.Context(), f)
	if err != nil {
		t.Fatal(id, err)
	}
	var out []string
	for _, v := range list {
		out = append(out, v.ID[strings.LastIndexAny(v.ID, ":/")+1:]+" "+v.Status)
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

func TestJudges(t *testing.T) {
	now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	r, iam, _ := reader(now)
	f := &facts{Reader: r, at: place{account, region}, now: now}
	for id, want := range map[string]string{
		"IAM.1": "kms PASSED, star FAILED", "IAM.2": "ann FAILED", "IAM.3": "ann FAILED", "IAM.4": "111111111111 FAILED", "IAM.5": "ann FAILED, bob PASSED",
		"IAM.6": "111111111111 FAILED", "IAM.7": "111111111111 FAILED", "IAM.8": "ann FAILED", "IAM.9": "111111111111 FAILED", "IAM.15": "111111111111 FAILED",
		"IAM.18": "111111111111 FAILED", "IAM.19": "ann FAILED, bob PASSED", "IAM.21": "kms FAILED, star PASSED", "IAM.22": "ann FAILED", "IAM.27": "ann FAILED, r PASSED",
		"KMS.1": "kms PASSED, star FAILED", "KMS.2": "ann PASSED, r FAILED", "KMS.3": "going FAILED, hidden WARNING, open PASSED, shut PASSED",
		"KMS.4": "hidden WARNING, open FAILED, shut PASSED", "KMS.5": "going PASSED, hidden WARNING, open FAILED, shut PASSED",
		"SecretsManager.1": "s FAILED", "SecretsManager.2": "", "SecretsManager.3": "s PASSED", "SecretsManager.4": "s FAILED",
		"CloudTrail.1": "111111111111 PASSED", "CloudTrail.2": "t FAILED", "CloudTrail.3": "111111111111 PASSED", "CloudTrail.4": "t FAILED", "CloudTrail.5": "t FAILED",
	} {
		if got := says(t, f, id); got != want {
			t.Errorf("%s: %q, want %q", id, got, want)
		}
	}
	iam.summary = map[iamapi.SummaryKeyType]int32{"AccountMFAEnabled": 1}
	iam.password = &iamapi.PasswordPolicy{MinimumPasswordLength: new(int32(14)), RequireSymbols: new(true), RequireNumbers: new(true), RequireUppercaseCharacters: new(true), RequireLowercaseCharacters: new(true),
		ExpirePasswords: new(true), MaxPasswordAge: new(int32(90)), PasswordReusePrevention: new(int32(24))}
	f = &facts{Reader: r, at: place{account, region}, now: now}
	for _, id := range []string{"IAM.4", "IAM.6", "IAM.7", "IAM.9", "IAM.10", "IAM.11", "IAM.12", "IAM.13", "IAM.14", "IAM.15", "IAM.16", "IAM.17"} {
		if got := says(t, f, id); got != "111111111111 PASSED" {
			t.Errorf("%s: %s", id, got)
		}
	}
	iam.devices = []iamapi.VirtualMFADevice{{User: &iamapi.User{Arn: "arn:aws:iam::111111111111:root"}}}
	if got := says(t, f, "IAM.6"); got != "111111111111 FAILED" {
		t.Errorf("a virtual device of the root user: %s", got)
	}
}

func TestNarrowing(t *testing.T) {
	for condition, public := range map[string]bool{
		`"StringEquals":{"aws:PrincipalOrgID":"o-1"}`: false, `"StringEquals":{"aws:PrincipalOrgID":"*"}`: true, `"StringNotEquals":{"aws:PrincipalOrgID":"o-1"}`: true,
		`"StringEqualsIfExists":{"aws:SourceAccount":"1"}`: true, `"Bool":{"aws:SecureTransport":"true"}`: true, `"ArnLike":{"aws:SourceArn":"arn:aws:s3:::b"}`: false,
	} {
		d, err := policy.Parse(fmt.Appendf(nil, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"*","Condition":{%s}}}`, condition))
		if err != nil {
			t.Fatal(err)
		}
		if isPublic(d) != public {
			t.Errorf("%s: public %v, want %v", condition, !public, public)
		}
	}
}

func (f *fixture) failing(control string) []api.AwsSecurityFinding {
	f.t.Helper()
	if err := f.Settle(f.t.Context()); err != nil {
		f.t.Fatal(err)
	}
	return f.find(&api.GetFindingsRequest{Filters: fromJSON[api.AwsSecurityFindingFilters](f.t,
		`{"ComplianceSecurityControlId":[{"Value":"`+control+`"}],"ComplianceStatus":[{"Value":"FAILED"}],"RecordState":[{"Value":"ACTIVE"}]}`)}).Findings
}

// TestControls: standards are enabled, findings appear, pass, fail again and go.
func TestControls(t *testing.T) {
	f := newFixture(t)
	r, iam, kms := reader(f.now())
	f.Read = r
	ok[*api.EnableSecurityHubResponse](t)(f.EnableSecurityHub(f.ctx, &api.EnableSecurityHubRequest{}))
	on := ok[*api.GetEnabledStandardsResponse](t)(f.GetEnabledStandards(f.ctx, &api.GetEnabledStandardsRequest{})).StandardsSubscriptions
	if len(on) != 2 || on[0].StandardsSubscriptionArn != "arn:aws:securityhub:eu-west-1:111111111111:subscription/aws-foundational-security-best-practices/v/1.0.0" {
		t.Fatalf("%+v", on)
	}
	bad := f.failing("IAM.4")
	if len(bad) != 1 {
		t.Fatalf("%d findings", len(bad))
	}
	v := bad[0]
	if v.GeneratorId != "security-control/IAM.4" || v.Severity.Label != "CRITICAL" || v.Workflow.Status != "NEW" || *v.ProductName != "Security Hub" || v.Resources[0].Id != "AWS::::Account:111111111111" ||
		len(v.Compliance.AssociatedStandards) != 2 || v.Compliance.RelatedRequirements[0] != "CIS AWS Foundations Benchmark v3.0.0/1.4" || !strings.HasPrefix(v.Id, "arn:aws:securityhub:eu-west-1:111111111111:security-control/IAM.4/finding/") {
		t.Errorf("%+v", v)
	}
	const fsbp = "arn:aws:securityhub:eu-west-1::standards/aws-foundational-security-best-practices/v/1.0.0"
	passed, judged, err := f.Score(t.Context(), account, region, fsbp)
	if err != nil || passed != 2 || judged < 15 {
		t.Errorf("%d of %d pass, %v", passed, judged, err)
	}
	// The root key is deleted: the change makes the control pass soon.
	iam.summary = map[iamapi.SummaryKeyType]int32{}
	if err := f.Changed(t.Context(), "arn:aws:iam::111111111111:root"); err != nil {
		t.Fatal(err)
	}
	f.clock.Advance(2 * time.Minute)
	if bad = f.failing("IAM.4"); len(bad) != 0 {
		t.Errorf("%+v", bad)
	}
	if again := f.one(v.Id); again.Compliance.Status != "PASSED" || again.Workflow.Status != "RESOLVED" || again.Severity.Label != "INFORMATIONAL" || again.CreatedAt != v.CreatedAt {
		t.Errorf("%+v", again)
	}
	// It is there again: the same finding is new again.
	iam.summary = map[iamapi.SummaryKeyType]int32{"AccountAccessKeysPresent": 1}
	f.clock.Advance(checkEvery)
	if bad = f.failing("IAM.4"); len(bad) != 1 || bad[0].Id != v.Id || bad[0].Workflow.Status != "NEW" {
		t.Errorf("%+v", bad)
	}
	// A key is gone: its findings are archived.
	open := f.failing("KMS.5")
	delete(kms.keys, open[0].Resources[0].Id)
	f.clock.Advance(checkEvery)
	if left := f.failing("KMS.5"); len(left) != 0 || f.one(open[0].Id).RecordState != "ARCHIVED" {
		t.Errorf("%+v", left)
	}
	// A control is turned off in both standards, then all standards are.
	const cis = "arn:aws:securityhub:eu-west-1::standards/cis-aws-foundations-benchmark/v/3.0.0"
	for i, name := range []string{fsbp, cis} {
		out := ok[*api.BatchUpdateStandardsControlAssociationsResponse](t)(f.BatchUpdateStandardsControlAssociations(f.ctx, &api.BatchUpdateStandardsControlAssociationsRequest{StandardsControlAssociationUpdates: []api.StandardsControlAssociationUpdate{
			{StandardsArn: name, SecurityControlId: "IAM.4", AssociationStatus: "DISABLED", UpdatedReason: new("known")}, {StandardsArn: name, SecurityControlId: "S3.8", AssociationStatus: "ENABLED"}}}))
		if len(out.UnprocessedAssociationUpdates) != 1 || !strings.Contains(*out.UnprocessedAssociationUpdates[0].ErrorReason, "does not judge") {
			t.Errorf("%+v", out)
		}
		if want := 1 - i; len(f.failing("IAM.4")) != want {
			t.Errorf("%d findings after %d standards", len(f.failing("IAM.4")), i+1)
		}
	}
	var subs []string
	for _, v := range on {
		subs = append(subs, v.StandardsSubscriptionArn)
	}
	ok[*api.BatchDisableStandardsResponse](t)(f.BatchDisableStandards(f.ctx, &api.BatchDisableStandardsRequest{StandardsSubscriptionArns: subs}))
	if left := f.failing("IAM.2"); len(left) != 0 {
		t.Errorf("without standards: %+v", left)
	}
}

func TestStandardsAPI(t *testing.T) {
	f := newFixture(t).enable()
	all := ok[*api.DescribeStandardsResponse](t)(f.DescribeStandards(f.ctx, &api.DescribeStandardsRequest{}))
	if len(all.Standards) != 3 || *all.Standards[1].StandardsArn != "arn:aws:securityhub:eu-west-1::standards/cis-aws-foundations-benchmark/v/1.4.0" {
		t.Fatalf("%+v", all)
	}
	sub := ok[*api.BatchEnableStandardsResponse](t)(f.BatchEnableStandards(f.ctx, &api.BatchEnableStandardsRequest{StandardsSubscriptionRequests: []api.StandardsSubscriptionRequest{{StandardsArn: *all.Standards[1].StandardsArn}}})).StandardsSubscriptions[0].StandardsSubscriptionArn
	var list []api.StandardsControl
	in := &api.DescribeStandardsControlsRequest{StandardsSubscriptionArn: sub, MaxResults: new(int32(7))}
	for {
		out := ok[*api.DescribeStandardsControlsResponse](t)(f.DescribeStandardsControls(f.ctx, in))
		list = append(list, out.Controls...)
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
	}
	for _, c := range list {
		if judged := controlOf(*c.ControlId).judge != nil; judged != (c.ControlStatus == "ENABLED") || !judged && !strings.Contains(*c.DisabledReason, "does not judge") {
			t.Errorf("%s is %s", *c.ControlId, c.ControlStatus)
		}
	}
	if len(list) < 20 || list[0].RelatedRequirements[0] != "CIS AWS Foundations Benchmark v1.4.0/3.1" {
		t.Errorf("%d controls", len(list))
	}
	ok[*api.UpdateStandardsControlResponse](t)(f.UpdateStandardsControl(f.ctx, &api.UpdateStandardsControlRequest{StandardsControlArn: *list[0].StandardsControlArn, ControlStatus: "DISABLED", DisabledReason: new("no")}))
	ass := ok[*api.ListStandardsControlAssociationsResponse](t)(f.ListStandardsControlAssociations(f.ctx, &api.ListStandardsControlAssociationsRequest{SecurityControlId: "CloudTrail.1"}))
	if len(ass.StandardsControlAssociationSummaries) != 3 || *ass.StandardsControlAssociationSummaries[1].UpdatedReason != "no" {
		t.Errorf("%+v", ass)
	}
	defs := ok[*api.ListSecurityControlDefinitionsResponse](t)(f.ListSecurityControlDefinitions(f.ctx, &api.ListSecurityControlDefinitionsRequest{}))
	if len(defs.SecurityControlDefinitions) != len(controls) {
		t.Errorf("%d definitions of %d", len(defs.SecurityControlDefinitions), len(controls))
	}
	set := func(v int32) error {
		_, err := f.UpdateSecurityControl(f.ctx, &api.UpdateSecurityControlRequest{SecurityControlId: "SecretsManager.4", LastUpdateReason: new("strict"), Parameters: map[string]api.ParameterConfiguration{"maxDaysSinceRotation": {ValueType: "CUSTOM", Value: &api.ParameterValue{Integer: &v}}}})
		return err
	}
	refused(t, set(1000), "InvalidInputException", "from 1 to 180")
	if err := set(30); err != nil {
		t.Fatal(err)
	}
	got := ok[*api.BatchGetSecurityControlsResponse](t)(f.BatchGetSecurityControls(f.ctx, &api.BatchGetSecurityControlsRequest{SecurityControlIds: []string{"SecretsManager.4", "None.1"}}))
	if len(got.UnprocessedIds) != 1 || *got.SecurityControls[0].Parameters["maxDaysSinceRotation"].Value.Integer != 30 || got.SecurityControls[0].SecurityControlStatus != "DISABLED" {
		t.Errorf("%+v", got)
	}
}
