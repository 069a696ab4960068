package server_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	accessanalyzerapi "bartizan.dev/api/accessanalyzer"
	iamapi "bartizan.dev/api/iam"
	kmsapi "bartizan.dev/api/kms"
	secretsmanagerapi "bartizan.dev/api/secretsmanager"
	"bartizan.dev/bartizantest"
)

// TestAccessAnalyzerWatchesKeysAndSecrets: a key or a secret that is opened to
// another account, by its policy or by a grant, is found soon after, and resolved
// when it is closed.
func TestAccessAnalyzerWatchesKeysAndSecrets(t *testing.T) {
	t.Parallel()
	const partner = "arn:aws:iam::999988887777:root"
	s := bartizantest.New(t)
	ctx, root := t.Context(), s.Root()
	keys := kmsapi.Client{Door: s.Door(root, bartizantest.Region, kmsapi.Operations(kmsapi.Unimplemented{}))}
	secrets := secretsmanagerapi.Client{Door: s.Door(root, bartizantest.Region, secretsmanagerapi.Operations(secretsmanagerapi.Unimplemented{}))}
	analyzer := accessanalyzerapi.Client{Door: s.Door(root, bartizantest.Region, accessanalyzerapi.Operations(accessanalyzerapi.Unimplemented{}))}
	people := iamapi.Client{Door: s.Door(root, bartizantest.Region, iamapi.Operations(iamapi.Unimplemented{}))}

	key := must(keys.CreateKey(ctx, &kmsapi.CreateKeyRequest{}))(t).KeyMetadata
	secret := must(secrets.CreateSecret(ctx, &secretsmanagerapi.CreateSecretRequest{Name: "app/db", SecretString: new("x"), ClientRequestToken: new(strings.Repeat("1", 32))}))(t)
	must(secrets.CreateSecret(ctx, &secretsmanagerapi.CreateSecretRequest{Name: "quiet", ClientRequestToken: new(strings.Repeat("1", 32))}))(t)
	arn := *must(analyzer.CreateAnalyzer(ctx, &accessanalyzerapi.CreateAnalyzerRequest{AnalyzerName: "outside", Type: accessanalyzerapi.Type_ACCOUNT}))(t).Arn

	active := func() (out []string) {
		t.Helper()
		list := must(analyzer.ListFindings(ctx, &accessanalyzerapi.ListFindingsRequest{AnalyzerArn: arn}))(t)
		for _, f := range list.Findings {
			if f.Status == accessanalyzerapi.FindingStatus_ACTIVE {
				out = append(out, fmt.Sprintf("%s %s %s public=%t", f.ResourceType, f.Principal["AWS"], strings.Join(f.Action, ","), *f.IsPublic))
			}
		}
		slices.Sort(out)
		return out
	}
	want := func(what string, lines ...string) {
		t.Helper()
		var got []string
		for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
			s.Advance(time.Millisecond) // what is due happens
			if got = active(); slices.Equal(got, lines) {
				return
			}
		}
		t.Errorf("%s: %q, want %q", what, got, lines)
	}
	want("nothing is open")

	own := fmt.Sprintf(`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::%s:root"},"Action":"kms:*","Resource":"*"}`, s.Account())
	policy := func(statements ...string) string {
		return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
	}
	open := `{"Effect":"Allow","Principal":{"AWS":"` + partner + `"},"Action":["kms:Decrypt","kms:DescribeKey"],"Resource":"*"}`
	put := func(text string) {
		t.Helper()
		must(keys.PutKeyPolicy(ctx, &kmsapi.PutKeyPolicyRequest{KeyId: key.KeyId, Policy: text}))(t)
	}
	put(policy(own, open))
	want("an open key", "AWS::KMS::Key "+partner+" kms:Decrypt,kms:DescribeKey public=false")
	must(secrets.PutResourcePolicy(ctx, &secretsmanagerapi.PutResourcePolicyRequest{SecretId: "app/db",
		ResourcePolicy: policy(`{"Effect":"Allow","Principal":"*","Action":"secretsmanager:GetSecretValue","Resource":"*"}`)}))(t)
	want("and an open secret", "AWS::KMS::Key "+partner+" kms:Decrypt,kms:DescribeKey public=false",
		"AWS::SecretsManager::Secret * secretsmanager:GetSecretValue public=true")
	put(policy(own))
	want("the key is closed", "AWS::SecretsManager::Secret * secretsmanager:GetSecretValue public=true")
	must(secrets.DeleteResourcePolicy(ctx, &secretsmanagerapi.DeleteResourcePolicyRequest{SecretId: *secret.ARN}))(t)
	want("the secret is closed")

	// Grants: to one of the account's own none is found, to a stranger one is.
	user := must(people.CreateUser(ctx, &iamapi.CreateUserRequest{UserName: "ann"}))(t)
	for _, grantee := range []string{user.User.Arn, partner} {
		must(keys.CreateGrant(ctx, &kmsapi.CreateGrantRequest{KeyId: key.KeyId, GranteePrincipal: new(grantee),
			Operations: []kmsapi.GrantOperation{kmsapi.GrantOperation_Decrypt}}))(t)
	}
	want("a grant to a stranger", "AWS::KMS::Key "+partner+" kms:Decrypt public=false")
	for _, g := range must(keys.ListGrants(ctx, &kmsapi.ListGrantsRequest{KeyId: key.KeyId}))(t).Grants {
		must(keys.RevokeGrant(ctx, &kmsapi.RevokeGrantRequest{KeyId: key.KeyId, GrantId: *g.GrantId}))(t)
	}
	want("the grant is revoked")

	// The first scan, which goes on beside all this, sees all of it too, in pages.
	analyzed := func(want int) {
		t.Helper()
		got := -1
		for end := time.Now().Add(20 * time.Second); got != want && time.Now().Before(end); {
			s.Advance(time.Millisecond)
			got = len(must(analyzer.ListAnalyzedResources(ctx, &accessanalyzerapi.ListAnalyzedResourcesRequest{AnalyzerArn: arn, ResourceType: accessanalyzerapi.ResourceType_AWS__SecretsManager__Secret}))(t).AnalyzedResources)
		}
		if got != want {
			t.Errorf("%d secrets were analyzed, want %d", got, want)
		}
	}
	analyzed(2)
	must(secrets.DeleteSecret(ctx, &secretsmanagerapi.DeleteSecretRequest{SecretId: "app/db", ForceDeleteWithoutRecovery: new(true)}))(t)
	analyzed(1)
}

// must ends the test at an error.
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
