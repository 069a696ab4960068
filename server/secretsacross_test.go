package server_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	iamapi "bartizan.dev/api/iam"
	kmsapi "bartizan.dev/api/kms"
	organizationsapi "bartizan.dev/api/organizations"
	secretsmanagerapi "bartizan.dev/api/secretsmanager"
	snsapi "bartizan.dev/api/sns"
	stsapi "bartizan.dev/api/sts"
	"bartizan.dev/bartizantest"
	"bartizan.dev/wire"
)

// side is what a principal calls.
type side struct {
	secrets secretsmanagerapi.Client
	keys    kmsapi.Client
	people  iamapi.Client
	tokens  stsapi.Client
	topics  snsapi.Client
}

func sideOf(s *bartizantest.Server, as bartizantest.Credentials) side {
	door := func(ops []wire.Operation) wire.Door { return s.Door(as, bartizantest.Region, ops) }
	return side{
		secretsmanagerapi.Client{Door: door(secretsmanagerapi.Operations(secretsmanagerapi.Unimplemented{}))},
		kmsapi.Client{Door: door(kmsapi.Operations(kmsapi.Unimplemented{}))},
		iamapi.Client{Door: door(iamapi.Operations(iamapi.Unimplemented{}))},
		stsapi.Client{Door: door(stsapi.Operations(stsapi.Unimplemented{}))},
		snsapi.Client{Door: door(snsapi.Operations(snsapi.Unimplemented{}))},
	}
}

// twoAccounts makes an organization of the server's account and another, and
// returns both sides.
func twoAccounts(t *testing.T, s *bartizantest.Server) (mine, theirs side, account string) {
	t.Helper()
	ctx := t.Context()
	org := organizationsapi.Client{Door: s.Door(s.Root(), bartizantest.Region, organizationsapi.Operations(organizationsapi.Unimplemented{}))}
	must(org.CreateOrganization(ctx, &organizationsapi.CreateOrganizationRequest{}))(t)
	made := must(org.CreateAccount(ctx, &organizationsapi.CreateAccountRequest{Email: "other@example.com", AccountName: "other"}))(t).CreateAccountStatus
	for end := time.Now().Add(20 * time.Second); account == "" && time.Now().Before(end); {
		st := must(org.DescribeCreateAccountStatus(ctx, &organizationsapi.DescribeCreateAccountStatusRequest{CreateAccountRequestId: *made.Id}))(t).CreateAccountStatus
		if st.State == organizationsapi.CreateAccountState_SUCCEEDED {
			account = *st.AccountId
		}
	}
	admin := s.NewUser(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}}`)
	got := must(sideOf(s, admin.Credentials).tokens.AssumeRole(ctx, &stsapi.AssumeRoleRequest{
		RoleArn: "arn:aws:iam::" + account + ":role/OrganizationAccountAccessRole", RoleSessionName: "admin"}))(t).Credentials
	return sideOf(s, s.Root()), sideOf(s, bartizantest.Credentials{AccessKey: got.AccessKeyId, Secret: got.SecretAccessKey, Token: got.SessionToken}), account
}

// TestSecretsAcrossAccounts: a secret is replicated to another account with the
// rights that AWS asks for on both sides, and with no fewer.
func TestSecretsAcrossAccounts(t *testing.T) {
	t.Parallel()
	s := bartizantest.New(t)
	ctx := t.Context()
	mine, theirs, account := twoAccounts(t, s)

	statement := func(principal, action string) string {
		return fmt.Sprintf(`{"Effect":"Allow","Principal":{"AWS":%q},"Action":%q,"Resource":"*"}`, principal, action)
	}
	policy := func(statements ...string) string {
		return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
	}
	rights := func(lines ...string) string { // "action resource"
		var out []string
		for _, line := range lines {
			action, resource, _ := strings.Cut(line, " ")
			out = append(out, fmt.Sprintf(`{"Effect":"Allow","Action":%q,"Resource":%q}`, action, resource))
		}
		return policy(out...)
	}

	key := must(mine.keys.CreateKey(ctx, &kmsapi.CreateKeyRequest{}))(t).KeyMetadata
	theirKey := must(theirs.keys.CreateKey(ctx, &kmsapi.CreateKeyRequest{}))(t).KeyMetadata
	primary := *must(mine.secrets.CreateSecret(ctx, &secretsmanagerapi.CreateSecretRequest{
		Name: "app/db", SecretString: new("first"), KmsKeyId: key.Arn, ClientRequestToken: new(strings.Repeat("1", 32))}))(t).ARN
	replica := *must(theirs.secrets.CreateSecret(ctx, &secretsmanagerapi.CreateSecretRequest{
		Name: "theirs", KmsKeyId: theirKey.Arn, CrossAccountPrimaryARN: &primary, ClientRequestToken: new(strings.Repeat("1", 32))}))(t).ARN
	role := must(mine.people.CreateRole(ctx, &iamapi.CreateRoleRequest{RoleName: "copier", AssumeRolePolicyDocument: `{"Version":"2012-10-17","Statement":{"Effect":"Allow",
		"Principal":{"Service":"secretsmanager.amazonaws.com"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"aws:SourceArn":"` + primary + `"}}}}`}))(t).Role.Arn
	must(mine.people.PutRolePolicy(ctx, &iamapi.PutRolePolicyRequest{RoleName: "copier", PolicyName: "p", PolicyDocument: rights("kms:Decrypt "+*key.Arn, "kms:Encrypt "+*theirKey.Arn)}))(t)

	// Everything that is needed; each right by itself is missed.
	all := []string{
		"secretsmanager:AssociateCrossAccountReplica " + primary, "secretsmanager:GetSecretValue " + primary, "secretsmanager:AcceptCrossAccountReplication " + replica,
		"kms:Decrypt " + *key.Arn, "kms:Encrypt " + *theirKey.Arn, "iam:PassRole " + role,
	}
	linker := s.NewUser(rights(all...))
	name := linker.ARN[strings.LastIndexByte(linker.ARN, '/')+1:]
	names := must(mine.people.ListUserPolicies(ctx, &iamapi.ListUserPoliciesRequest{UserName: name}))(t).PolicyNames
	link := func(ctx context.Context) (*secretsmanagerapi.AssociateCrossAccountReplicaResponse, error) {
		return sideOf(s, linker.Credentials).secrets.AssociateCrossAccountReplica(ctx, &secretsmanagerapi.AssociateCrossAccountReplicaRequest{
			SecretId: primary, CrossAccountReplicaARN: replica, ReplicationRoleARN: &role})
	}
	denied := func(what string) {
		t.Helper()
		if _, err := link(ctx); err == nil || !strings.Contains(err.Error(), "AccessDenied") {
			t.Errorf("%s: %v", what, err)
		}
	}
	denied("the replica's key is closed")
	own := statement("arn:aws:iam::"+account+":root", "kms:*")
	must(theirs.keys.PutKeyPolicy(ctx, &kmsapi.PutKeyPolicyRequest{KeyId: theirKey.KeyId, Policy: policy(own, statement("arn:aws:iam::"+s.Account()+":root", "kms:Encrypt"))}))(t)
	for i := range all {
		less := append(append([]string{}, all[:i]...), all[i+1:]...)
		must(mine.people.PutUserPolicy(ctx, &iamapi.PutUserPolicyRequest{UserName: name, PolicyName: names[0], PolicyDocument: rights(less...)}))(t)
		denied("without " + all[i])
	}
	if d := must(mine.secrets.DescribeSecret(ctx, &secretsmanagerapi.DescribeSecretRequest{SecretId: primary}))(t); d.CrossAccountReplicas != nil {
		t.Errorf("an association that failed left %+v", d.CrossAccountReplicas)
	}
	must(mine.people.PutUserPolicy(ctx, &iamapi.PutUserPolicyRequest{UserName: name, PolicyName: names[0], PolicyDocument: rights(all...)}))(t)
	if got := must(link(ctx))(t); got.ReplicationStatus != secretsmanagerapi.StatusType_InSync {
		t.Errorf("associated: %+v", got)
	}
	reads := func(want string) {
		t.Helper()
		if got := *must(theirs.secrets.GetSecretValue(ctx, &secretsmanagerapi.GetSecretValueRequest{SecretId: "theirs"}))(t).SecretString; got != want {
			t.Errorf("the replica says %s, want %s", got, want)
		}
	}
	reads("first")

	// Who writes needs no right on the replica's key: the role copies.
	writer := sideOf(s, s.NewUser(rights("secretsmanager:PutSecretValue "+primary, "kms:GenerateDataKey "+*key.Arn)).Credentials)
	must(writer.secrets.PutSecretValue(ctx, &secretsmanagerapi.PutSecretValueRequest{SecretId: primary, SecretString: new("second"), ClientRequestToken: new(strings.Repeat("2", 32))}))(t)
	reads("second")

	// Without a role, the writer's own rights decide, and the write succeeds either way.
	must(mine.secrets.AssociateCrossAccountReplica(ctx, &secretsmanagerapi.AssociateCrossAccountReplicaRequest{SecretId: primary, CrossAccountReplicaARN: replica}))(t)
	must(writer.secrets.PutSecretValue(ctx, &secretsmanagerapi.PutSecretValueRequest{SecretId: primary, SecretString: new("third"), ClientRequestToken: new(strings.Repeat("3", 32))}))(t)
	reads("second")
	d := must(theirs.secrets.DescribeSecret(ctx, &secretsmanagerapi.DescribeSecretRequest{SecretId: "theirs"}))(t).CrossAccountPrimary
	if d.ReplicationStatus != secretsmanagerapi.StatusType_Failed || d.StatusMessage == nil || *d.PrimarySecretARN != primary {
		t.Errorf("a failed replication: %+v", d)
	}
	must(mine.secrets.PutSecretValue(ctx, &secretsmanagerapi.PutSecretValueRequest{SecretId: primary, SecretString: new("fourth"), ClientRequestToken: new(strings.Repeat("4", 32))}))(t)
	reads("fourth")

	// Strangers may neither associate nor read the replica.
	stranger := sideOf(s, s.NewUser(rights("secretsmanager:* *", "kms:* *")).Credentials)
	if _, err := stranger.secrets.GetSecretValue(ctx, &secretsmanagerapi.GetSecretValueRequest{SecretId: replica}); err == nil || !strings.Contains(err.Error(), "AccessDenied") {
		t.Errorf("a reader of the primary's account: %v", err)
	}
	if _, err := stranger.secrets.StopReplicationToReplica(ctx, &secretsmanagerapi.StopReplicationToReplicaRequest{SecretId: replica}); err == nil || !strings.Contains(err.Error(), "AccessDenied") {
		t.Errorf("who stops it from the primary's account: %v", err)
	}
	must(theirs.secrets.StopReplicationToReplica(ctx, &secretsmanagerapi.StopReplicationToReplicaRequest{SecretId: "theirs"}))(t)
	if _, err := link(ctx); err == nil || !strings.Contains(err.Error(), "AccessDenied") {
		t.Errorf("associated with what is a secret of its own: %v", err)
	}
}
