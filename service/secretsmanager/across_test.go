package secretsmanager

import (
	"strings"
	"testing"

	api "bartizan.dev/api/secretsmanager"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

const theirKey = "arn:aws:kms:" + home + ":" + other + ":key/k"

// across makes a primary with a value and a replica of it in another account.
func (f *fixture) across() (primary, replica string) {
	f.t.Helper()
	primary = *f.make("s", "one").ARN
	replica = *must(f.CreateSecret(as(other, home), &api.CreateSecretRequest{
		Name: "copy", ClientRequestToken: token(1), KmsKeyId: new(theirKey), CrossAccountPrimaryARN: &primary,
	}))(f.t).ARN
	return primary, replica
}

func (f *fixture) associate(in api.AssociateCrossAccountReplicaRequest) api.StatusType {
	f.t.Helper()
	return must(f.AssociateCrossAccountReplica(f.ctx, &in))(f.t).ReplicationStatus
}

// sides are the states that primary and replica show.
func (f *fixture) sides() string {
	f.t.Helper()
	out := []string{"none", "none"}
	if l := must(f.DescribeSecret(f.ctx, &api.DescribeSecretRequest{SecretId: "s"}))(f.t).CrossAccountReplicas; l != nil {
		out[0] = string(l[0].ReplicationStatus)
	}
	if l := must(f.DescribeSecret(as(other, home), &api.DescribeSecretRequest{SecretId: "copy"}))(f.t).CrossAccountPrimary; l != nil {
		out[1] = string(l.ReplicationStatus)
	}
	return strings.Join(out, " ")
}

// TestAcross: a replica in another account follows its primary under a key of its
// own, and is written by nobody else.
func TestAcross(t *testing.T) {
	f := newFixture(t)
	there := as(other, home)
	primary, replica := f.across()
	if f.sides() != "none Pending" {
		t.Error(f.sides())
	}
	wants(t, any(nil), second(f.GetSecretValue(there, &api.GetSecretValueRequest{SecretId: "copy"})))("ResourceNotFoundException", "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT")
	f.keys.calls = nil
	if s := f.associate(api.AssociateCrossAccountReplicaRequest{SecretId: "s", CrossAccountReplicaARN: replica}); s != api.StatusType_InSync {
		t.Error(s)
	}
	// The caller decrypts with the primary's key and encrypts with the replica's, and asks for no more there.
	id := *token(1)
	want := []string{
		"Decrypt arn:aws:kms:" + home + ":" + own + ":alias/aws/secretsmanager in " + home + " of " + primary + " " + id,
		"Encrypt " + theirKey + " in " + home + " of " + replica + " RequestToValidateKeyAccess",
		"Decrypt arn:aws:kms:" + home + ":" + own + ":alias/aws/secretsmanager in " + home + " of " + primary + " " + id,
		"Encrypt " + theirKey + " in " + home + " of " + replica + " " + id,
	}
	if got := strings.Join(f.keys.calls, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("KMS was asked\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
	if f.value(there, "copy", current) != "one" || f.sides() != "InSync InSync" {
		t.Error(f.value(there, "copy", current), f.sides())
	}
	f.put("s", "two", 2)
	f.put("s", "three", 3)
	must(f.UpdateSecretVersionStage(f.ctx, &api.UpdateSecretVersionStageRequest{SecretId: "s", VersionStage: "old", MoveToVersionId: token(1)}))(t)
	if f.value(there, "copy", current) != "three" || f.value(there, "copy", previous) != "two" || f.labels(there, "copy") != f.labels(f.ctx, "s") {
		t.Errorf("the replica has %s, the primary %s", f.labels(there, "copy"), f.labels(f.ctx, "s"))
	}
	// What is not a value is the replica's own.
	must(f.TagResource(f.ctx, &api.TagResourceRequest{SecretId: "s", Tags: []api.Tag{{Key: new("a"), Value: new("b")}}}))(t)
	must(f.TagResource(there, &api.TagResourceRequest{SecretId: "copy", Tags: []api.Tag{{Key: new("c"), Value: new("d")}}}))(t)
	must(f.UpdateSecret(there, &api.UpdateSecretRequest{SecretId: "copy", ClientRequestToken: fresh(), Description: new("ours"), KmsKeyId: new(theirKey + "2")}))(t)
	d := must(f.DescribeSecret(there, &api.DescribeSecretRequest{SecretId: "copy"}))(t)
	if len(d.Tags) != 1 || *d.Tags[0].Key != "c" || *d.Description != "ours" || *d.CrossAccountPrimary.PrimarySecretARN != primary {
		t.Errorf("%+v", d)
	}
	f.put("s", "four", 4)
	if f.value(there, "copy", current) != "four" || f.value(there, "copy", "old") != "one" {
		t.Error("a new key of the replica's stops the replication")
	}
	for what, err := range map[string]error{
		"PutSecretValue": second(f.PutSecretValue(there, &api.PutSecretValueRequest{SecretId: "copy", ClientRequestToken: fresh(), SecretString: new("x")})),
		"UpdateSecret":   second(f.UpdateSecret(there, &api.UpdateSecretRequest{SecretId: "copy", ClientRequestToken: fresh(), SecretString: new("x")})),
		"a label":        second(f.UpdateSecretVersionStage(there, &api.UpdateSecretVersionStageRequest{SecretId: "copy", VersionStage: "x", MoveToVersionId: token(4)})),
		"RotateSecret":   second(f.RotateSecret(there, &api.RotateSecretRequest{SecretId: "copy", ClientRequestToken: fresh()})),
		"Regions":        second(f.ReplicateSecretToRegions(there, &api.ReplicateSecretToRegionsRequest{SecretId: "copy", AddReplicaRegions: regions(away)})),
	} {
		if !is(err, errCopied) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := second(f.UpdateSecret(there, &api.UpdateSecretRequest{SecretId: "copy", ClientRequestToken: fresh(), KmsKeyId: new("alias/aws/secretsmanager")})); !is(err, errOwnReplica) {
		t.Error(err)
	}

	// Neither is deleted while they are linked. The primary leaves first.
	for _, force := range []bool{false, true} {
		in := &api.DeleteSecretRequest{SecretId: "s", ForceDeleteWithoutRecovery: &force}
		if err := second(f.DeleteSecret(f.ctx, in)); code(err) != "InvalidRequestException" {
			t.Error(err)
		}
		in.SecretId = "copy"
		if err := second(f.DeleteSecret(there, in)); code(err) != "InvalidRequestException" {
			t.Error(err)
		}
	}
	must(f.DisassociateCrossAccountReplica(f.ctx, &api.DisassociateCrossAccountReplicaRequest{SecretId: "s", CrossAccountReplicaARN: replica}))(t)
	f.put("s", "five", 5)
	if f.sides() != "none Detached" || f.value(there, "copy", current) != "four" {
		t.Error(f.sides(), f.value(there, "copy", current))
	}
	if s := f.associate(api.AssociateCrossAccountReplicaRequest{SecretId: "s", CrossAccountReplicaARN: replica}); s != api.StatusType_InSync || f.value(there, "copy", current) != "five" {
		t.Error("linked again, the replica is not brought up to date", s)
	}
	// Then the replica.
	must(f.StopReplicationToReplica(there, &api.StopReplicationToReplicaRequest{SecretId: "copy"}))(t)
	if f.sides() != "Detached none" {
		t.Error(f.sides())
	}
	f.put("s", "six", 6)
	must(f.PutSecretValue(there, &api.PutSecretValueRequest{SecretId: "copy", ClientRequestToken: token(9), SecretString: new("own")}))(t)
	if f.value(there, "copy", current) != "own" || f.value(there, "copy", previous) != "five" {
		t.Error("it is no secret of its own")
	}
	if err := second(f.AssociateCrossAccountReplica(f.ctx, &api.AssociateCrossAccountReplicaRequest{SecretId: "s", CrossAccountReplicaARN: replica})); code(err) != "InvalidRequestException" {
		t.Error(err)
	}
	must(f.DisassociateCrossAccountReplica(f.ctx, &api.DisassociateCrossAccountReplicaRequest{SecretId: "s", CrossAccountReplicaARN: replica}))(t)
	must(f.DeleteSecret(f.ctx, &api.DeleteSecretRequest{SecretId: "s", ForceDeleteWithoutRecovery: new(true)}))(t)
	must(f.DeleteSecret(there, &api.DeleteSecretRequest{SecretId: "copy", ForceDeleteWithoutRecovery: new(true)}))(t)
	values, err := f.values.List(t.Context(), f.Store, "", "", 0)
	if err != nil || len(values) > 0 {
		t.Errorf("%d values are left, %v", len(values), err)
	}
}

// TestAcrossPolicy: the replica lets the primary's account associate it, by a
// policy that nobody writes.
func TestAcrossPolicy(t *testing.T) {
	f := newFixture(t)
	there := as(other, home)
	_, replica := f.across()
	names := func() (out []string) {
		for token := (*string)(nil); ; {
			p := must(f.ListResourcePolicies(there, &api.ListResourcePoliciesRequest{SecretId: "copy", MaxResults: new(int32(1)), NextToken: token}))(t)
			for _, one := range p.ResourcePolicies {
				out = append(out, *one.PolicyName)
			}
			if token = p.NextToken; token == nil {
				return out
			}
		}
	}
	if got := strings.Join(names(), " "); got != "cross-account-replication" {
		t.Error(got)
	}
	own1 := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"` + own + `"},"Action":"secretsmanager:GetSecretValue","Resource":"*"}}`
	must(f.PutResourcePolicy(there, &api.PutResourcePolicyRequest{SecretId: "copy", ResourcePolicy: own1}))(t)
	if got := strings.Join(names(), " "); got != "default cross-account-replication" {
		t.Error(got)
	}
	got := must(f.GetResourcePolicy(there, &api.GetResourcePolicyRequest{SecretId: "copy", PolicyName: new("cross-account-replication")}))(t)
	if !strings.Contains(*got.ResourcePolicy, `"AWS":"arn:aws:iam::`+own+`:root"},"Action":"secretsmanager:AcceptCrossAccountReplication"`) || *got.PolicyName != "cross-account-replication" {
		t.Errorf("%+v", got)
	}
	for _, err := range []error{
		second(f.PutResourcePolicy(there, &api.PutResourcePolicyRequest{SecretId: "copy", ResourcePolicy: own1, PolicyName: new("cross-account-replication")})),
		second(f.DeleteResourcePolicy(there, &api.DeleteResourcePolicyRequest{SecretId: "copy", PolicyName: new("cross-account-replication")})),
	} {
		if code(err) != "InvalidParameterException" {
			t.Error(err)
		}
	}
	touches, err := f.touchAssociate(f.ctx, &api.AssociateCrossAccountReplicaRequest{SecretId: "s", CrossAccountReplicaARN: replica, ReplicationRoleARN: new("arn:aws:iam::" + own + ":role/r")})
	if err != nil || len(touches) != 4 || touches[2].Resource != replica || touches[2].Account != other || touches[2].Policy == nil || touches[3].Action != "iam:PassRole" {
		t.Errorf("%+v, %v", touches, err)
	}
	stop, err := f.touchStop(there, &api.StopReplicationToReplicaRequest{SecretId: "copy"})
	if err != nil || len(stop) != 2 || stop[1].Action != "secretsmanager:DeleteResourcePolicy" {
		t.Errorf("%+v, %v", stop, err)
	}
	must(f.StopReplicationToReplica(there, &api.StopReplicationToReplicaRequest{SecretId: "copy"}))(t)
	if got := strings.Join(names(), " "); got != "default" {
		t.Error(got)
	}
}

// TestAcrossFails: what goes wrong while values are copied is told on both sides,
// and fails no call; the next change, or to associate again, repairs it.
func TestAcrossFails(t *testing.T) {
	f := newFixture(t)
	there := as(other, home)
	_, replica := f.across()
	f.associate(api.AssociateCrossAccountReplicaRequest{SecretId: "s", CrossAccountReplicaARN: replica})
	f.keys.refuse["Encrypt "+theirKey] = wire.Errorf("AccessDeniedException", "not on our key")
	f.put("s", "two", 2)
	if f.sides() != "Failed Failed" || f.value(there, "copy", current) != "one" || f.value(f.ctx, "s", current) != "two" {
		t.Error(f.sides(), f.value(there, "copy", current))
	}
	d := must(f.DescribeSecret(f.ctx, &api.DescribeSecretRequest{SecretId: "s"}))(t)
	if *d.CrossAccountReplicas[0].StatusMessage != "Replication failed: Access to KMS is not allowed" {
		t.Error(*d.CrossAccountReplicas[0].StatusMessage)
	}
	if err := second(f.AssociateCrossAccountReplica(f.ctx, &api.AssociateCrossAccountReplicaRequest{SecretId: "s", CrossAccountReplicaARN: replica})); !is(err, errKMS) {
		t.Error(err)
	}
	delete(f.keys.refuse, "Encrypt "+theirKey)
	f.associate(api.AssociateCrossAccountReplicaRequest{SecretId: "s", CrossAccountReplicaARN: replica})
	if f.sides() != "InSync InSync" || f.value(there, "copy", current) != "two" {
		t.Error(f.sides(), f.value(there, "copy", current))
	}

	// With a role, its session copies.
	role := "arn:aws:iam::" + own + ":role/copier"
	in := api.AssociateCrossAccountReplicaRequest{SecretId: "s", CrossAccountReplicaARN: replica, ReplicationRoleARN: &role}
	if err := second(f.AssociateCrossAccountReplica(f.ctx, &in)); !is(err, errRole) {
		t.Error(err)
	}
	f.trusts(role, true)
	f.associate(in)
	f.took()
	f.put("s", "three", 3)
	if took := f.took(); len(took) != 1 || !strings.HasPrefix(took[0], role+" for arn:aws:secretsmanager:") || f.value(there, "copy", current) != "three" {
		t.Error(took, f.value(there, "copy", current))
	}
	f.trusts(role, false)
	f.put("s", "four", 4)
	if f.sides() != "Failed Failed" || !strings.Contains(*must(f.DescribeSecret(there, &api.DescribeSecretRequest{SecretId: "copy"}))(t).CrossAccountPrimary.StatusMessage, "can't assume the replication role") {
		t.Error(f.sides())
	}
	f.trusts(role, true)
	f.put("s", "five", 5)
	if f.sides() != "InSync InSync" || f.value(there, "copy", current) != "five" || f.value(there, "copy", previous) != "four" {
		t.Error(f.sides())
	}
}

// TestAcrossRefusals: what may not be linked is not.
func TestAcrossRefusals(t *testing.T) {
	f := newFixture(t)
	there := as(other, home)
	primary, replica := f.across()
	create := func(change func(*api.CreateSecretRequest)) error {
		in := &api.CreateSecretRequest{Name: "new", ClientRequestToken: fresh(), KmsKeyId: new(theirKey), CrossAccountPrimaryARN: &primary}
		change(in)
		return second(f.CreateSecret(there, in))
	}
	for what, err := range map[string]error{
		"a value":       create(func(in *api.CreateSecretRequest) { in.SecretString = new("x") }),
		"a description": create(func(in *api.CreateSecretRequest) { in.Description = new("x") }),
		"a type":        create(func(in *api.CreateSecretRequest) { in.Type = new("x") }),
		"Regions":       create(func(in *api.CreateSecretRequest) { in.AddReplicaRegions = regions(away) }),
		"no key":        create(func(in *api.CreateSecretRequest) { in.KmsKeyId = nil }),
		"AWS's key":     create(func(in *api.CreateSecretRequest) { in.KmsKeyId = new("alias/aws/secretsmanager") }),
		"another Region": create(func(in *api.CreateSecretRequest) {
			in.CrossAccountPrimaryARN = new(strings.Replace(primary, home, away, 1))
		}),
		"its own account":  create(func(in *api.CreateSecretRequest) { in.CrossAccountPrimaryARN = &replica }),
		"an ARN that ends": create(func(in *api.CreateSecretRequest) { in.CrossAccountPrimaryARN = new(primary[:len(primary)-7]) }),
		"no ARN":           create(func(in *api.CreateSecretRequest) { in.CrossAccountPrimaryARN = new("arn:aws:s3:::bucketbucketbucket") }),
	} {
		if code(err) != "InvalidParameterException" {
			t.Errorf("%s: %v", what, err)
		}
	}
	associate := func(in api.AssociateCrossAccountReplicaRequest) string {
		return code(second(f.AssociateCrossAccountReplica(f.ctx, &in)))
	}
	stranger := *must(f.CreateSecret(there, &api.CreateSecretRequest{Name: "stranger", ClientRequestToken: token(1), KmsKeyId: new(theirKey)}))(t).ARN
	second1 := *must(f.CreateSecret(there, &api.CreateSecretRequest{Name: "second", ClientRequestToken: token(1), KmsKeyId: new(theirKey), CrossAccountPrimaryARN: &primary}))(t).ARN
	if got := associate(api.AssociateCrossAccountReplicaRequest{SecretId: "s", CrossAccountReplicaARN: stranger}); got != "InvalidRequestException" {
		t.Error("no replica:", got)
	}
	if got := associate(api.AssociateCrossAccountReplicaRequest{SecretId: "s", CrossAccountReplicaARN: replica, ReplicationRoleARN: new("arn:aws:iam::" + other + ":role/r")}); got != "InvalidParameterException" {
		t.Error("a role of the other account:", got)
	}
	if err := second(f.AssociateCrossAccountReplica(there, &api.AssociateCrossAccountReplicaRequest{SecretId: primary, CrossAccountReplicaARN: replica})); !is(err, errNotOwner) {
		t.Error(err)
	}
	f.orgs[other] = "o-2"
	if err := second(f.AssociateCrossAccountReplica(f.ctx, &api.AssociateCrossAccountReplicaRequest{SecretId: "s", CrossAccountReplicaARN: replica})); !is(err, errOutside) {
		t.Error(err)
	}
	f.orgs[own], f.orgs[other] = "", ""
	if got := associate(api.AssociateCrossAccountReplicaRequest{SecretId: "s", CrossAccountReplicaARN: replica}); got != "InvalidRequestException" {
		t.Error("without organizations:", got)
	}
	f.keys.refuse["Encrypt "+theirKey] = wire.Errorf("AccessDeniedException", "no")
	anywhere := api.AssociateCrossAccountReplicaRequest{SecretId: "s", CrossAccountReplicaARN: replica, ReplicaRestriction: api.ReplicaRestrictionType_NoRestriction}
	if got := associate(anywhere); got != "AccessDeniedException" || f.sides() != "none Pending" {
		t.Error("without rights:", got, f.sides())
	}
	delete(f.keys.refuse, "Encrypt "+theirKey)
	if got := associate(anywhere); got != "" {
		t.Error(got)
	}
	if got := associate(api.AssociateCrossAccountReplicaRequest{SecretId: "s", CrossAccountReplicaARN: second1, ReplicaRestriction: api.ReplicaRestrictionType_NoRestriction}); got != "LimitExceededException" {
		t.Error("a second replica:", got)
	}
	if got := code(second(f.DisassociateCrossAccountReplica(f.ctx, &api.DisassociateCrossAccountReplicaRequest{SecretId: "s", CrossAccountReplicaARN: second1}))); got != "InvalidRequestException" {
		t.Error("what is not associated:", got)
	}
	// A stored value of the replica opens as nothing else: it is bound to the replica.
	box, err := f.values.List(t.Context(), f.Store, "", "", 0)
	if err != nil || len(box) != 2 {
		t.Fatalf("%d values, %v", len(box), err)
	}
	if _, err := f.engine.Update(t.Context(), func(tx store.Tx) error {
		a, b := *box[0].Value, *box[1].Value
		a.Text, b.Text = b.Text, a.Text
		if err := f.values.Put(t.Context(), tx, box[0].ID, &a); err != nil {
			return err
		}
		return f.values.Put(t.Context(), tx, box[1].ID, &b)
	}); err != nil {
		t.Fatal(err)
	}
	if got := code(second(f.GetSecretValue(there, &api.GetSecretValueRequest{SecretId: "copy"}))); got != "DecryptionFailure" {
		t.Error("a value that was moved:", got)
	}
}

func second[T any](_ T, err error) error { return err }

func code(err error) string {
	if e, ok := err.(*wire.Error); ok { //nolint:errorlint // the service's own are not wrapped
		return e.Code
	}
	if err != nil {
		return err.Error()
	}
	return ""
}
