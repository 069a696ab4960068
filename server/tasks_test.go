package server

import (
	"context"
	"reflect"
	"slices"
	"testing"
	"time"

	"bartizan.dev/arn"
	"bartizan.dev/caller"
	"bartizan.dev/policy"
	"bartizan.dev/wire"
)

// fill sets every string of an input to text, lists to one of it.
func fill(v reflect.Value, text string, depth int) {
	switch v.Kind() {
	case reflect.Pointer:
		if depth < 4 && v.CanSet() {
			v.Set(reflect.New(v.Type().Elem()))
			fill(v.Elem(), text, depth+1)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fill(v.Field(i), text, depth+1)
			}
		}
	case reflect.Slice:
		if depth < 4 && v.Type().Elem().Kind() != reflect.Uint8 {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			fill(v.Index(0), text, depth+1)
		}
	case reflect.String:
		v.SetString(text)
	}
}

// touched asks a rule; nil if it refuses, or cannot read an input that the
// decoder would never have let through.
func touched(ctx context.Context, rule *policy.Rule, in any) (touches []policy.Touch) {
	defer func() {
		if recover() != nil {
			touches = nil
		}
	}()
	touches, err := rule.Touches(ctx, in)
	if err != nil {
		return nil
	}
	return touches
}

// TestRootTasksBind tries every operation there is with a session of each of the
// five root tasks, on nothing, on the account's own root user and on others.
func TestRootTasksBind(t *testing.T) {
	c := newClient(t)
	member := newOrganization(t, c)
	read := []string{"iam:GetAccountSummary", "iam:GetLoginProfile", "iam:GetUser", "iam:ListAccessKeys", "iam:ListMFADevices", "iam:ListSigningCertificates"}
	for task, may := range map[string][]string{
		"IAMAuditRootUserCredentials": append([]string{"iam:GetAccessKeyLastUsed"}, read...),
		"IAMCreateRootUserPassword":   {"iam:CreateLoginProfile", "iam:GetLoginProfile"},
		"IAMDeleteRootUserCredentials": append([]string{"iam:DeactivateMFADevice", "iam:DeleteAccessKey", "iam:DeleteLoginProfile", "iam:DeleteSigningCertificate",
			"iam:DeleteVirtualMFADevice"}, read...),
		"S3UnlockBucketPolicy": {},
		"SQSUnlockQueuePolicy": {"sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ListQueues", "sqs:SetQueueAttributes"},
	} {
		id := caller.Identity{Kind: caller.Root, Account: member, ID: member, ARN: arn.New("iam", "", member, "root"), AccessKey: "ASIAX", Session: &caller.Session{
			Issued: c.clock.Now(), Expires: c.clock.Now().Add(time.Hour), IssuerARN: arn.New("iam", "", member, "root"), IssuerID: member,
			Policy:     `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`,
			PolicyARNs: []string{"arn:aws:iam::aws:policy/root-task/" + task},
		}}
		tried := 0
		for _, s := range c.gateway.Services {
			for _, op := range s.Operations {
				rule := s.Rules[op.Name]
				if rule.Absent || op.Unsigned {
					continue
				}
				if rule.Everyone {
					if name := op.Service.Name + ":" + op.Name; name != "sts:GetCallerIdentity" && name != "sts:GetSessionToken" { // which refuses sessions itself
						t.Errorf("%s is for everyone", name)
					}
					continue
				}
				for _, text := range []string{"", member, "x", arn.New("iam", "", member, "root"), arn.New("iam", "", member, "role/x"), "arn:aws:iam::000000000000:role/x"} {
					ctx := caller.With(t.Context(), &caller.Call{Identity: id, Time: c.clock.Now(), Region: "us-east-1", RequestID: "r", EventID: "e"})
					in := op.New()
					if text != "" {
						fill(reflect.ValueOf(in).Elem(), text, 0)
					}
					touches := touched(ctx, &rule, in)
					if len(touches) == 0 {
						continue // the rule itself refuses, or the decoder would have
					}
					tried++
					if err := c.gateway.Decide(ctx, op.Service.Name, touches...); err != nil {
						if e := wire.AsError(err); e.Status != 403 && e.Status != 400 {
							t.Errorf("%s: %s %q: %v", task, op.Name, text, err)
						}
						continue
					}
					if name := op.Service.Name + ":" + op.Name; !slices.Contains(may, name) {
						t.Errorf("a session for %s may call %s with %q", task, name, text)
					}
				}
			}
		}
		if tried < 300 {
			t.Errorf("%s: %d inputs tried", task, tried)
		}
	}
}
