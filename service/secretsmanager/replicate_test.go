package secretsmanager

import (
	"strings"
	"testing"

	api "bartizan.dev/api/secretsmanager"
	"bartizan.dev/wire"
)

func regions(names ...string) []api.ReplicaRegionType {
	var out []api.ReplicaRegionType
	for _, n := range names {
		out = append(out, api.ReplicaRegionType{Region: &n})
	}
	return out
}

func states(list []api.ReplicationStatusType) string {
	var out []string
	for _, r := range list {
		out = append(out, *r.Region+" "+string(r.Status))
	}
	return strings.Join(out, ", ")
}

// TestReplicas: a replica follows its primary under a key of its Region, and can
// be read only.
func TestReplicas(t *testing.T) {
	f := newFixture(t)
	there := as(own, away)
	arn := *must(f.CreateSecret(f.ctx, &api.CreateSecretRequest{Name: "s", ClientRequestToken: token(1), SecretString: new("one"), Tags: []api.Tag{{Key: new("a"), Value: new("b")}}}))(t).ARN
	f.put("s", "two", 2)
	out := must(f.ReplicateSecretToRegions(f.ctx, &api.ReplicateSecretToRegionsRequest{SecretId: "s", AddReplicaRegions: []api.ReplicaRegionType{{Region: new(away), KmsKeyId: new("alias/there")}}}))(t)
	if states(out.ReplicationStatus) != away+" InSync" {
		t.Fatalf("%s", states(out.ReplicationStatus))
	}
	twin := strings.Replace(arn, home, away, 1)
	f.keys.calls = nil
	if f.value(there, twin, current) != "two" || f.value(there, "s", previous) != "one" {
		t.Error("the replica has other values")
	}
	if want := "Decrypt arn:aws:kms:" + away + ":" + own + ":alias/there in " + away + " of " + twin; !strings.HasPrefix(f.keys.calls[0], want) {
		t.Errorf("%s, want %s", f.keys.calls[0], want)
	}
	d := must(f.DescribeSecret(there, &api.DescribeSecretRequest{SecretId: "s"}))(t)
	if *d.PrimaryRegion != home || len(d.Tags) != 1 || *d.ARN != twin {
		t.Errorf("%+v", d)
	}
	if d := must(f.DescribeSecret(f.ctx, &api.DescribeSecretRequest{SecretId: "s"}))(t); *d.PrimaryRegion != home || d.ReplicationStatus[0].LastAccessedDate.IsZero() {
		t.Errorf("%+v", d)
	}

	f.put("s", "three", 3)
	must(f.TagResource(f.ctx, &api.TagResourceRequest{SecretId: "s", Tags: []api.Tag{{Key: new("c"), Value: new("d")}}}))(t)
	must(f.UpdateSecretVersionStage(f.ctx, &api.UpdateSecretVersionStageRequest{SecretId: "s", VersionStage: "old", MoveToVersionId: token(1)}))(t)
	if f.value(there, "s", current) != "three" || f.labels(there, "s") != f.labels(f.ctx, "s") {
		t.Errorf("the replica has %s, the primary %s", f.labels(there, "s"), f.labels(f.ctx, "s"))
	}
	if d := must(f.DescribeSecret(there, &api.DescribeSecretRequest{SecretId: "s"}))(t); len(d.Tags) != 2 {
		t.Errorf("tags %v", d.Tags)
	}

	const words = "Operation not permitted on a replica secret. Call must be made in primary secret's region."
	_, err := f.PutSecretValue(there, &api.PutSecretValueRequest{SecretId: "s", ClientRequestToken: token(4), SecretString: new("four")})
	wants(t, 0, err)("InvalidRequestException", words)
	_, err = f.UpdateSecret(there, &api.UpdateSecretRequest{SecretId: "s", ClientRequestToken: token(4), Description: new("d")})
	wants(t, 0, err)("InvalidRequestException", words)
	_, err = f.DeleteSecret(there, &api.DeleteSecretRequest{SecretId: "s", ForceDeleteWithoutRecovery: new(true)})
	wants(t, 0, err)("InvalidRequestException", words)
	_, err = f.TagResource(there, &api.TagResourceRequest{SecretId: "s"})
	wants(t, 0, err)("InvalidRequestException", words)
	_, err = f.RotateSecret(there, &api.RotateSecretRequest{SecretId: "s", ClientRequestToken: token(4)})
	wants(t, 0, err)("InvalidRequestException", words)
	must(f.UpdateSecret(there, &api.UpdateSecretRequest{SecretId: "s", ClientRequestToken: token(4), KmsKeyId: new("alias/else")}))(t) // its key is its own
	if d := must(f.DescribeSecret(f.ctx, &api.DescribeSecretRequest{SecretId: "s"}))(t); *d.ReplicationStatus[0].KmsKeyId != "alias/else" {
		t.Errorf("the replica's key is %s", *d.ReplicationStatus[0].KmsKeyId)
	}
	if f.value(there, "s", current) != "three" {
		t.Error("not readable under its new key")
	}
	_, err = f.DeleteSecret(f.ctx, &api.DeleteSecretRequest{SecretId: "s"})
	wants(t, 0, err)("InvalidParameterException", "You can't delete secret s that still has replica regions ["+away+"].")
}

// TestReplicationFails: what KMS refuses, or a name that is taken, is the
// replica's status, and the call again tries again.
func TestReplicationFails(t *testing.T) {
	f := newFixture(t)
	there := as(own, away)
	f.make("s", "one")
	must(f.CreateSecret(there, &api.CreateSecretRequest{Name: "s", ClientRequestToken: token(1), SecretString: new("in the way")}))(t)
	key := "GenerateDataKey arn:aws:kms:eu-west-1:" + own + ":alias/aws/secretsmanager"
	f.keys.refuse[key] = keyless("AccessDeniedException")
	ask := &api.ReplicateSecretToRegionsRequest{SecretId: "s", AddReplicaRegions: regions(away, "eu-west-1")}
	out := must(f.ReplicateSecretToRegions(f.ctx, ask))(t)
	if states(out.ReplicationStatus) != away+" Failed, eu-west-1 Failed" || *out.ReplicationStatus[0].StatusMessage != "Replication failed: Secret name s already exists in region "+away+"." {
		t.Errorf("%s: %s", states(out.ReplicationStatus), *out.ReplicationStatus[0].StatusMessage)
	}
	if f.value(there, "s", current) != "in the way" {
		t.Error("overwritten without being told to")
	}
	delete(f.keys.refuse, key)
	ask.ForceOverwriteReplicaSecret = new(true)
	if out = must(f.ReplicateSecretToRegions(f.ctx, ask))(t); states(out.ReplicationStatus) != away+" InSync, eu-west-1 InSync" {
		t.Errorf("%s", states(out.ReplicationStatus))
	}
	if f.value(there, "s", current) != "one" {
		t.Error("not overwritten")
	}
	f.keys.refuse[key] = keyless("DisabledException")
	f.put("s", "two", 2)
	d := must(f.DescribeSecret(f.ctx, &api.DescribeSecretRequest{SecretId: "s"}))(t)
	if states(d.ReplicationStatus) != away+" InSync, eu-west-1 Failed" {
		t.Errorf("%s", states(d.ReplicationStatus))
	}
	if f.value(there, "s", current) != "two" || f.value(f.ctx, "s", current) != "two" {
		t.Error("one replica's failure stops the others")
	}
	delete(f.keys.refuse, key)
	must(f.ReplicateSecretToRegions(f.ctx, &api.ReplicateSecretToRegionsRequest{SecretId: "s", AddReplicaRegions: regions("eu-west-1")}))(t)
	if f.value(as(own, "eu-west-1"), "s", current) != "two" {
		t.Error("the call again did not repair the replica")
	}
	for _, bad := range [][]api.ReplicaRegionType{regions(home), regions(away, away), {{}}} {
		_, err := f.ReplicateSecretToRegions(f.ctx, &api.ReplicateSecretToRegionsRequest{SecretId: "s", AddReplicaRegions: bad})
		if e := wire.AsError(err); e.Code != "InvalidParameterException" {
			t.Errorf("%v", err)
		}
	}
}

// TestStopReplication: a replica that is removed is gone with its values; one
// that is promoted lives on by itself.
func TestStopReplication(t *testing.T) {
	f := newFixture(t)
	there := as(own, away)
	must(f.CreateSecret(f.ctx, &api.CreateSecretRequest{Name: "s", ClientRequestToken: token(1), SecretString: new("one"), AddReplicaRegions: regions(away, "eu-west-1")}))(t)
	f.left("value/", 3)
	_, err := f.RemoveRegionsFromReplication(f.ctx, &api.RemoveRegionsFromReplicationRequest{SecretId: "s", RemoveReplicaRegions: []string{"ap-east-1"}})
	if e := wire.AsError(err); e.Code != "InvalidParameterException" {
		t.Errorf("%v", err)
	}
	out := must(f.RemoveRegionsFromReplication(f.ctx, &api.RemoveRegionsFromReplicationRequest{SecretId: "s", RemoveReplicaRegions: []string{"eu-west-1"}}))(t)
	if states(out.ReplicationStatus) != away+" InSync" {
		t.Errorf("%s", states(out.ReplicationStatus))
	}
	f.left("value/", 2)
	if _, err := f.StopReplicationToReplica(f.ctx, &api.StopReplicationToReplicaRequest{SecretId: "s"}); err == nil {
		t.Error("a primary was promoted")
	}
	must(f.StopReplicationToReplica(there, &api.StopReplicationToReplicaRequest{SecretId: "s"}))(t)
	must(f.PutSecretValue(there, &api.PutSecretValueRequest{SecretId: "s", ClientRequestToken: token(2), SecretString: new("two")}))(t)
	if f.value(f.ctx, "s", current) != "one" || f.value(there, "s", current) != "two" {
		t.Error("they are not independent")
	}
	must(f.DeleteSecret(f.ctx, &api.DeleteSecretRequest{SecretId: "s", ForceDeleteWithoutRecovery: new(true)}))(t)
	must(f.GetSecretValue(there, &api.GetSecretValueRequest{SecretId: "s"}))(t)
}
