package securityhub

import (
	"context"
	"encoding/csv"
	"errors"
	"net/url"
	"strings"
	"time"

	cloudtrailapi "bartizan.dev/api/cloudtrail"
	iamapi "bartizan.dev/api/iam"
	kmsapi "bartizan.dev/api/kms"
	secretsmanagerapi "bartizan.dev/api/secretsmanager"
	"bartizan.dev/policy"
	"bartizan.dev/wire"
)

// Reader is what controls are judged by: the services' own read operations,
// through the inner door.
type Reader struct {
	IAM interface {
		GetAccountSummary(context.Context, *iamapi.GetAccountSummaryInput) (*iamapi.GetAccountSummaryResponse, error)
		GetAccountPasswordPolicy(context.Context, *iamapi.GetAccountPasswordPolicyInput) (*iamapi.GetAccountPasswordPolicyResponse, error)
		GenerateCredentialReport(context.Context, *iamapi.GenerateCredentialReportInput) (*iamapi.GenerateCredentialReportResponse, error)
		GetCredentialReport(context.Context, *iamapi.GetCredentialReportInput) (*iamapi.GetCredentialReportResponse, error)
		GetAccountAuthorizationDetails(context.Context, *iamapi.GetAccountAuthorizationDetailsRequest) (*iamapi.GetAccountAuthorizationDetailsResponse, error)
		ListVirtualMFADevices(context.Context, *iamapi.ListVirtualMFADevicesRequest) (*iamapi.ListVirtualMFADevicesResponse, error)
	}
	KMS interface {
		ListKeys(context.Context, *kmsapi.ListKeysRequest) (*kmsapi.ListKeysResponse, error)
		DescribeKey(context.Context, *kmsapi.DescribeKeyRequest) (*kmsapi.DescribeKeyResponse, error)
		GetKeyPolicy(context.Context, *kmsapi.GetKeyPolicyRequest) (*kmsapi.GetKeyPolicyResponse, error)
		GetKeyRotationStatus(context.Context, *kmsapi.GetKeyRotationStatusRequest) (*kmsapi.GetKeyRotationStatusResponse, error)
	}
	Secrets interface {
		ListSecrets(context.Context, *secretsmanagerapi.ListSecretsRequest) (*secretsmanagerapi.ListSecretsResponse, error)
	}
	CloudTrail interface {
		DescribeTrails(context.Context, *cloudtrailapi.DescribeTrailsRequest) (*cloudtrailapi.DescribeTrailsResponse, error)
		GetTrailStatus(context.Context, *cloudtrailapi.GetTrailStatusRequest) (*cloudtrailapi.GetTrailStatusResponse, error)
		GetEventSelectors(context.Context, *cloudtrailapi.GetEventSelectorsRequest) (*cloudtrailapi.GetEventSelectorsResponse, error)
	}
	// As returns a context that calls as the account's service-linked role of AWS
	// Config, which the controls of Security Hub are judged with.
	As func(ctx context.Context, account, region string) (context.Context, error)
	// Link makes that role and Security Hub's own, unless the account has them.
	Link func(ctx context.Context, account string) error
}

// facts are what the judges of one run look at; each is read once.
type facts struct {
	*Reader
	at      place
	now     time.Time
	set     *setting // of the control that is judged
	control *control

	summary  map[string]int32
	password *iamapi.PasswordPolicy // nil: none
	users    []credentials
	details  *iamapi.GetAccountAuthorizationDetailsResponse
	keys     []key
	secrets  []secretsmanagerapi.SecretListEntry
	trails   []trail
	read     map[string]bool
}

// once reads something the first time it is asked for.
func (f *facts) once(name string, read func() error) error {
	if f.read[name] {
		return nil
	}
	err := read()
	if err == nil {
		if f.read == nil {
			f.read = map[string]bool{}
		}
		f.read[name] = true
	}
	return err
}

func (f *facts) number(name string) int32 { return f.set.number(f.control, name) }

// account is the account as a resource of findings.
func (f *facts) account() (kind, id string) { return "AwsAccount", "AWS::::Account:" + f.at.account }

func (f *facts) getSummary(ctx context.Context) (map[string]int32, error) {
	err := f.once("summary", func() error {
		out, err := f.IAM.GetAccountSummary(ctx, &iamapi.GetAccountSummaryInput{})
		if err == nil {
			f.summary = map[string]int32{}
			for k, v := range out.SummaryMap {
				f.summary[string(k)] = v
			}
		}
		return err
	})
	return f.summary, err
}

// getPassword is the account's password policy; nil: it has none.
func (f *facts) getPassword(ctx context.Context) (*iamapi.PasswordPolicy, error) {
	err := f.once("password", func() error {
		out, err := f.IAM.GetAccountPasswordPolicy(ctx, &iamapi.GetAccountPasswordPolicyInput{})
		if hasCode(err, "NoSuchEntity") {
			return nil
		} else if err == nil {
			f.password = out.PasswordPolicy
		}
		return err
	})
	return f.password, err
}

func hasCode(err error, code string) bool {
	e, ok := errors.AsType[*wire.Error](err)
	return ok && strings.TrimSuffix(e.Code, "Exception") == code
}

// credentials are a row of the credential report.
type credentials struct {
	name, arn     string
	password, mfa bool
	created       time.Time
	passwordUsed  time.Time // or changed, where it was never used
	keys          []keyUse
}

type keyUse struct{ rotated, used time.Time }

func (f *facts) getUsers(ctx context.Context) ([]credentials, error) {
	err := f.once("users", func() error {
		if _, err := f.IAM.GenerateCredentialReport(ctx, &iamapi.GenerateCredentialReportInput{}); err != nil {
			return err
		}
		out, err := f.IAM.GetCredentialReport(ctx, &iamapi.GetCredentialReportInput{})
		if err != nil {
			return err
		}
		f.users, err = parseReport(out.Content)
		return err
	})
	return f.users, err
}

func parseReport(content []byte) ([]credentials, error) {
	rows, err := csv.NewReader(strings.NewReader(string(content))).ReadAll()
	if err != nil || len(rows) == 0 {
		return nil, errors.Join(errors.New("securityhub: the credential report can't be read"), err)
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	var out []credentials
	for _, row := range rows[1:] {
		get := func(name string) string {
			if i, ok := column[name]; ok && i < len(row) {
				return row[i]
			}
			return ""
		}
		at := func(names ...string) time.Time {
			for _, name := range names {
				if t, err := time.Parse(time.RFC3339, get(name)); err == nil {
					return t
				}
			}
			return time.Time{}
		}
		if get("user") == "<root_account>" {
			continue
		}
		c := credentials{name: get("user"), arn: get("arn"), password: get("password_enabled") == "true", mfa: get("mfa_active") == "true", created: at("user_creation_time")}
		c.passwordUsed = at("password_last_used", "password_last_changed", "user_creation_time")
		for _, n := range []string{"1", "2"} {
			if k := "access_key_" + n; get(k+"_active") == "true" {
				c.keys = append(c.keys, keyUse{at(k+"_last_rotated", "user_creation_time"), at(k+"_last_used_date", k+"_last_rotated", "user_creation_time")})
			}
		}
		out = append(out, c)
	}
	return out, nil
}

// getDetails are users, groups, roles and customer managed policies with what
// they say.
func (f *facts) getDetails(ctx context.Context) (*iamapi.GetAccountAuthorizationDetailsResponse, error) {
	err := f.once("details", func() error {
		all := new(iamapi.GetAccountAuthorizationDetailsResponse)
		in := &iamapi.GetAccountAuthorizationDetailsRequest{Filter: []iamapi.EntityType{"User", "Role", "Group", "LocalManagedPolicy"}}
		for {
			out, err := f.IAM.GetAccountAuthorizationDetails(ctx, in)
			if err != nil {
				return err
			}
			all.UserDetailList = append(all.UserDetailList, out.UserDetailList...)
			all.GroupDetailList = append(all.GroupDetailList, out.GroupDetailList...)
			all.RoleDetailList = append(all.RoleDetailList, out.RoleDetailList...)
			all.Policies = append(all.Policies, out.Policies...)
			if in.Marker = out.Marker; text(in.Marker) == "" {
				f.details = all
				return nil
			}
		}
	})
	return f.details, err
}

// document parses a policy as IAM answers it, percent-encoded.
func document(encoded *string) *policy.Document {
	plain, err := url.QueryUnescape(text(encoded))
	if err != nil {
		return nil
	}
	doc, err := policy.Parse([]byte(plain))
	if err != nil {
		return nil
	}
	return doc
}

// key is a customer managed KMS key.
type key struct {
	meta     *kmsapi.KeyMetadata
	policy   *policy.Document
	rotates  bool
	hidden   bool // its policy lets nobody of us see it
	rotation bool // it can rotate at all
}

func (f *facts) getKeys(ctx context.Context) ([]key, error) {
	err := f.once("keys", func() error {
		f.keys = nil
		in := new(kmsapi.ListKeysRequest)
		for {
			out, err := f.KMS.ListKeys(ctx, in)
			if err != nil {
				return err
			}
			for _, e := range out.Keys {
				k, err := f.getKey(ctx, text(e.KeyArn))
				if err != nil {
					return err
				}
				if k != nil {
					f.keys = append(f.keys, *k)
				}
			}
			if in.Marker = out.NextMarker; text(in.Marker) == "" {
				return nil
			}
		}
	})
	return f.keys, err
}

// getKey reads a key; nil: it is AWS's, or gone meanwhile.
func (f *facts) getKey(ctx context.Context, name string) (*key, error) {
	out, err := f.KMS.DescribeKey(ctx, &kmsapi.DescribeKeyRequest{KeyId: name})
	if hasCode(err, "AccessDenied") {
		return &key{meta: &kmsapi.KeyMetadata{Arn: &name}, hidden: true}, nil
	} else if hasCode(err, "NotFound") {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	m := out.KeyMetadata
	if m.KeyManager != kmsapi.KeyManagerType_CUSTOMER {
		return nil, nil
	}
	k := &key{meta: m}
	p, err := f.KMS.GetKeyPolicy(ctx, &kmsapi.GetKeyPolicyRequest{KeyId: name})
	if hasCode(err, "AccessDenied") {
		k.hidden = true
		return k, nil
	} else if err != nil {
		return nil, err
	}
	if k.policy, err = policy.Parse([]byte(text(p.Policy))); err != nil {
		return nil, err
	}
	if k.rotation = m.KeySpec == "SYMMETRIC_DEFAULT" && m.Origin == "AWS_KMS" && m.KeyState == "Enabled"; k.rotation {
		r, err := f.KMS.GetKeyRotationStatus(ctx, &kmsapi.GetKeyRotationStatusRequest{KeyId: name})
		if hasCode(err, "AccessDenied") {
			k.hidden = true
			return k, nil
		} else if err != nil {
			return nil, err
		}
		k.rotates = on(r.KeyRotationEnabled)
	}
	return k, nil
}

func (f *facts) getSecrets(ctx context.Context) ([]secretsmanagerapi.SecretListEntry, error) {
	err := f.once("secrets", func() error {
		f.secrets = nil
		in := new(secretsmanagerapi.ListSecretsRequest)
		for {
			out, err := f.Secrets.ListSecrets(ctx, in)
			if err != nil {
				return err
			}
			f.secrets = append(f.secrets, out.SecretList...)
			if in.NextToken = out.NextToken; text(in.NextToken) == "" {
				return nil
			}
		}
	})
	return f.secrets, err
}

// trail is a trail with what it does.
type trail struct {
	cloudtrailapi.Trail
	logging, all bool // all: it records reads and writes of management events
}

func (f *facts) getTrails(ctx context.Context) ([]trail, error) {
	err := f.once("trails", func() error {
		f.trails = nil
		out, err := f.CloudTrail.DescribeTrails(ctx, &cloudtrailapi.DescribeTrailsRequest{})
		if err != nil {
			return err
		}
		for _, t := range out.TrailList {
			one := trail{Trail: t}
			status, err := f.CloudTrail.GetTrailStatus(ctx, &cloudtrailapi.GetTrailStatusRequest{Name: text(t.TrailARN)})
			if err != nil {
				return err
			}
			one.logging = on(status.IsLogging)
			sel, err := f.CloudTrail.GetEventSelectors(ctx, &cloudtrailapi.GetEventSelectorsRequest{TrailName: text(t.TrailARN)})
			if err != nil {
				return err
			}
			one.all = recordsAll(sel)
			f.trails = append(f.trails, one)
		}
		return nil
	})
	return f.trails, err
}

// recordsAll: a selector takes all management events, reads and writes.
func recordsAll(sel *cloudtrailapi.GetEventSelectorsResponse) bool {
	for _, s := range sel.EventSelectors {
		if s.ReadWriteType == "All" && (s.IncludeManagementEvents == nil || *s.IncludeManagementEvents) {
			return true
		}
	}
	for _, s := range sel.AdvancedEventSelectors {
		management, narrowed := false, false
		for _, field := range s.FieldSelectors {
			switch {
			case field.Field == "eventCategory":
				management = len(field.Equals) == 1 && field.Equals[0] == "Management"
			case field.Field == "readOnly":
				narrowed = true
			}
		}
		if management && !narrowed {
			return true
		}
	}
	return false
}
