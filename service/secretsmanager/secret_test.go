package secretsmanager

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	api "bartizan.dev/api/secretsmanager"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// TestVersionsAndStages: the answers recorded from AWS.
func TestVersionsAndStages(t *testing.T) {
	f := newFixture(t)
	f.make("s", "one")
	if got := f.put("s", "two", 2, "AWSPENDING"); got[0] != "AWSPENDING" || len(got) != 1 {
		t.Errorf("labels of the new version: %v", got)
	}
	move := func(stage string, from, to *string) error {
		_, err := f.UpdateSecretVersionStage(f.ctx, &api.UpdateSecretVersionStageRequest{SecretId: "s", VersionStage: stage, RemoveFromVersionId: from, MoveToVersionId: to})
		return err
	}
	check := func(want string) {
		t.Helper()
		if got := f.labels(f.ctx, "s"); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	check("1:AWSCURRENT 2:AWSPENDING")
	if err := move("AWSCURRENT", token(1), token(2)); err != nil {
		t.Fatal(err)
	}
	check("1:AWSPREVIOUS 2:AWSCURRENT,AWSPENDING")
	f.put("s", "three", 3, "AWSPENDING")
	check("1:AWSPREVIOUS 2:AWSCURRENT 3:AWSPENDING")
	if err := move("AWSCURRENT", token(2), token(3)); err != nil {
		t.Fatal(err)
	}
	check("1: 2:AWSPREVIOUS 3:AWSCURRENT,AWSPENDING")
	if err := move("AWSCURRENT", token(3), token(2)); err != nil { // and back
		t.Fatal(err)
	}
	check("1: 2:AWSCURRENT 3:AWSPENDING,AWSPREVIOUS")
	f.put("s", "four", 4, "one", "two")
	f.put("s", "five", 5, "two", "three")
	check("1: 2:AWSCURRENT 3:AWSPENDING,AWSPREVIOUS 4:one 5:three,two")
	if err := move("one", token(4), nil); err != nil {
		t.Fatal(err)
	}
	check("1: 2:AWSCURRENT 3:AWSPENDING,AWSPREVIOUS 4: 5:three,two")

	wants(t, 0, move("AWSCURRENT", nil, token(5)))("InvalidParameterException", "The parameter RemoveFromVersionId can't be empty. Staging label AWSCURRENT is currently attached to version "+*token(2)+", so you must explicitly reference that version in RemoveFromVersionId.")
	wants(t, 0, move("AWSCURRENT", token(2), nil))("InvalidParameterException", "You can only move staging label AWSCURRENT to a different secret version. It can't be completely removed.")
	wants(t, 0, move("new", nil, token(9)))("ResourceNotFoundException", "Secrets Manager can't find the specified secret value for VersionId: "+*token(9))
	for _, bad := range []error{move("AWSCURRENT", token(3), token(5)), move("nowhere", token(3), nil), move("x", nil, nil)} {
		if e := wire.AsError(bad); bad == nil || e.Code != "InvalidParameterException" {
			t.Errorf("a wrong move: %v", bad)
		}
	}
}

// TestPutIsIdempotent: the same call again has no effect, another value under the
// same token is refused.
func TestPutIsIdempotent(t *testing.T) {
	f := newFixture(t)
	made := f.make("s", "one")
	f.put("s", "two", 2)
	f.put("s", "three", 3)
	if got := f.put("s", "two", 2); len(got) != 1 || got[0] != "AWSPREVIOUS" {
		t.Errorf("the same call again: labels %v", got)
	}
	_, err := f.PutSecretValue(f.ctx, &api.PutSecretValueRequest{SecretId: "s", ClientRequestToken: token(2), SecretString: new("other")})
	wants(t, 0, err)("ResourceExistsException", "You can't use ClientRequestToken "+*token(2)+" because that value is already in use for a version of secret "+*made.ARN+".")
	_, err = f.PutSecretValue(f.ctx, &api.PutSecretValueRequest{SecretId: "s", ClientRequestToken: token(2), SecretBinary: []byte("two")})
	if e := wire.AsError(err); e.Code != "ResourceExistsException" {
		t.Errorf("the same bytes as binary: %v", err)
	}
	again := must(f.CreateSecret(f.ctx, &api.CreateSecretRequest{Name: "s", ClientRequestToken: token(1), SecretString: new("one")}))(t)
	if *again.ARN != *made.ARN || *again.VersionId != *token(1) {
		t.Errorf("CreateSecret again: %+v", again)
	}
	_, err = f.CreateSecret(f.ctx, &api.CreateSecretRequest{Name: "s", ClientRequestToken: token(1), SecretString: new("else")})
	wants(t, 0, err)("ResourceExistsException", "The operation failed because the secret s already exists.")
	if f.value(f.ctx, "s", current) != "three" {
		t.Error("the value has changed")
	}
}

func TestErrors(t *testing.T) {
	f := newFixture(t)
	f.make("s", "one")
	must(f.CreateSecret(f.ctx, &api.CreateSecretRequest{Name: "empty", ClientRequestToken: token(1)}))(t)
	get := func(in *api.GetSecretValueRequest) error { _, err := f.GetSecretValue(f.ctx, in); return err }
	wants(t, 0, get(&api.GetSecretValueRequest{SecretId: "none"}))("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
	wants(t, 0, get(&api.GetSecretValueRequest{SecretId: "empty"}))("ResourceNotFoundException", "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT")
	wants(t, 0, get(&api.GetSecretValueRequest{SecretId: "s", VersionStage: new("AWSPREVIOUS")}))("ResourceNotFoundException", "Secrets Manager can't find the specified secret value for staging label: AWSPREVIOUS")
	wants(t, 0, get(&api.GetSecretValueRequest{SecretId: "s", VersionId: token(7)}))("ResourceNotFoundException", "Secrets Manager can't find the specified secret value for VersionId: "+*token(7))
	wants(t, 0, get(&api.GetSecretValueRequest{SecretId: "s", VersionId: token(1), VersionStage: new("AWSPENDING")}))("InvalidRequestException", "You provided a VersionStage that is not associated to the provided VersionId.")
	create := func(in *api.CreateSecretRequest) error { _, err := f.CreateSecret(f.ctx, in); return err }
	for _, name := range []string{"Inv Name", " Inv", "Inv*Name?", "a\x00b", "ä"} {
		wants(t, 0, create(&api.CreateSecretRequest{Name: name, ClientRequestToken: token(1)}))("ValidationException", "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!")
	}
	wants(t, 0, create(&api.CreateSecretRequest{Name: "t"}))("InvalidRequestException", "You must provide a ClientRequestToken value. We recommend a UUID-type value.")
	wants(t, 0, create(&api.CreateSecretRequest{Name: "t", ClientRequestToken: token(1), SecretString: new("a"), SecretBinary: []byte("b")}))("InvalidParameterException", errBoth.Message)
	_, err := f.PutSecretValue(f.ctx, &api.PutSecretValueRequest{SecretId: "s", ClientRequestToken: token(3)})
	wants(t, 0, err)("InvalidRequestException", "You must provide either SecretString or SecretBinary.")
	_, err = f.PutSecretValue(f.ctx, &api.PutSecretValueRequest{SecretId: "s", ClientRequestToken: token(3), SecretString: new(strings.Repeat("ü", 32769))})
	if e := wire.AsError(err); e.Code != "InvalidParameterException" {
		t.Errorf("65,538 bytes: %v", err)
	}
	f.put("s", strings.Repeat("ü", 32768), 4)
	for _, bad := range []string{"\x00" + (*token(1))[1:], (*token(1))[:35] + " ", (*token(1))[:34] + "ä"} {
		_, err = f.PutSecretValue(f.ctx, &api.PutSecretValueRequest{SecretId: "s", ClientRequestToken: &bad, SecretString: new("x")})
		if e := wire.AsError(err); e.Code != "InvalidParameterException" {
			t.Errorf("token %q: %v", bad, err)
		}
	}
	var many []string
	for n := range 20 {
		many = append(many, fmt.Sprint("label", n))
	}
	_, err = f.PutSecretValue(f.ctx, &api.PutSecretValueRequest{SecretId: "s", ClientRequestToken: token(5), SecretString: new("x"), VersionStages: many})
	if e := wire.AsError(err); e.Code != "LimitExceededException" {
		t.Errorf("22 labels: %v", err)
	}
	_, err = f.TagResource(f.ctx, &api.TagResourceRequest{SecretId: "s", Tags: []api.Tag{{Key: new("aws:x"), Value: new("y")}}})
	if e := wire.AsError(err); e.Code != "InvalidParameterException" {
		t.Errorf("a tag of AWS's: %v", err)
	}
}

// TestFindByARN: whole ARNs, partial ones, and those that look whole.
func TestFindByARN(t *testing.T) {
	f := newFixture(t)
	whole := *f.make("app/db", "one").ARN
	prefix := "arn:aws:secretsmanager:" + home + ":" + own + ":secret:"
	if !strings.HasPrefix(whole, prefix+"app/db-") || len(whole) != len(prefix)+len("app/db-")+6 {
		t.Fatal(whole)
	}
	odd := *f.make("odd-a1b2c3", "two").ARN
	for id, found := range map[string]bool{
		whole: true, prefix + "app/db": true, "app/db": true, whole[:len(whole)-1] + "!": false, prefix + "app/db-abcdef": false,
		odd: true, "odd-a1b2c3": true, prefix + "odd-a1b2c3": false, // taken for a whole ARN of a secret named odd
		strings.Replace(whole, home, away, 1): false, strings.Replace(whole, own, other, 1): false,
		"arn:aws:s3:::app/db": false, prefix: false, prefix + "app/db\x00": false,
	} {
		_, err := f.DescribeSecret(f.ctx, &api.DescribeSecretRequest{SecretId: id})
		if (err == nil) != found {
			t.Errorf("%q: %v", id, err)
		}
	}
	if _, err := f.DescribeSecret(as(own, away), &api.DescribeSecretRequest{SecretId: "app/db"}); err == nil {
		t.Error("found in another Region")
	}
}

func TestBinaryAndDates(t *testing.T) {
	f := newFixture(t)
	raw := []byte{0, 1, 2, 255, '-', 254, 253}
	must(f.CreateSecret(f.ctx, &api.CreateSecretRequest{Name: "b", ClientRequestToken: token(1), SecretBinary: raw, Description: new("d")}))(t)
	if d := must(f.DescribeSecret(f.ctx, &api.DescribeSecretRequest{SecretId: "b"}))(t); !d.LastAccessedDate.IsZero() || d.RotationEnabled != nil || d.Tags != nil || d.KmsKeyId != nil {
		t.Errorf("before it was read: %+v", d)
	}
	got := must(f.GetSecretValue(f.ctx, &api.GetSecretValueRequest{SecretId: "b"}))(t)
	if !bytes.Equal(got.SecretBinary, raw) || got.SecretString != nil {
		t.Errorf("%+v", got)
	}
	d := must(f.DescribeSecret(f.ctx, &api.DescribeSecretRequest{SecretId: "b"}))(t)
	if d.LastAccessedDate.IsZero() || d.LastAccessedDate.Truncate(24*time.Hour) != d.LastAccessedDate {
		t.Errorf("last accessed %v, want a day", d.LastAccessedDate)
	}
	changed := d.LastChangedDate
	f.Clock.Advance(time.Hour)
	must(f.TagResource(f.ctx, &api.TagResourceRequest{SecretId: "b", Tags: []api.Tag{{Key: new("k"), Value: new("v")}}}))(t)
	must(f.UntagResource(f.ctx, &api.UntagResourceRequest{SecretId: "b", TagKeys: []string{"k", "none"}}))(t)
	d = must(f.DescribeSecret(f.ctx, &api.DescribeSecretRequest{SecretId: "b"}))(t)
	if !d.LastChangedDate.After(changed) || d.Tags == nil || len(d.Tags) != 0 {
		t.Errorf("after a change: %+v", d)
	}
}

func TestDeleteAndRestore(t *testing.T) {
	f := newFixture(t)
	arn := f.make("s", "one").ARN
	del := func(days *int64, force *bool) (*api.DeleteSecretResponse, error) {
		return f.DeleteSecret(f.ctx, &api.DeleteSecretRequest{SecretId: "s", RecoveryWindowInDays: days, ForceDeleteWithoutRecovery: force})
	}
	for _, n := range []int64{6, 31} {
		_, err := del(&n, nil)
		wants(t, 0, err)("InvalidParameterException", "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).")
	}
	_, err := del(new(int64(7)), new(true))
	wants(t, 0, err)("InvalidParameterException", "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.")
	out := must(del(new(int64(7)), nil))(t)
	if d := out.DeletionDate.Sub(f.now()); d > 7*day || d < 7*day-time.Minute {
		t.Errorf("deleted in %v", d)
	}
	const marked = "You can't perform this operation on the secret because it was marked for deletion."
	_, err = f.GetSecretValue(f.ctx, &api.GetSecretValueRequest{SecretId: "s"})
	wants(t, 0, err)("InvalidRequestException", marked)
	_, err = f.TagResource(f.ctx, &api.TagResourceRequest{SecretId: "s"})
	wants(t, 0, err)("InvalidRequestException", marked)
	_, err = f.CreateSecret(f.ctx, &api.CreateSecretRequest{Name: "s", ClientRequestToken: token(1)})
	wants(t, 0, err)("InvalidRequestException", "You can't create this secret because a secret with this name is already scheduled for deletion.")
	if d := must(f.DescribeSecret(f.ctx, &api.DescribeSecretRequest{SecretId: "s"}))(t); d.DeletedDate.IsZero() {
		t.Error("no DeletedDate")
	}
	must(f.RestoreSecret(f.ctx, &api.RestoreSecretRequest{SecretId: "s"}))(t)
	if f.value(f.ctx, "s", current) != "one" {
		t.Error("restored with another value")
	}
	f.Clock.Advance(8 * day)
	f.settle()
	if f.value(f.ctx, "s", current) != "one" {
		t.Error("deleted after it was restored")
	}
	must(del(nil, nil))(t)
	f.Clock.Advance(29 * day)
	f.settle()
	must(f.DescribeSecret(f.ctx, &api.DescribeSecretRequest{SecretId: "s"}))(t)
	f.Clock.Advance(2 * day)
	f.settle()
	_, err = f.DescribeSecret(f.ctx, &api.DescribeSecretRequest{SecretId: "s"})
	wants(t, 0, err)("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
	must(del(nil, new(true)))(t) // there is none: no error
	if again := f.make("s", "two").ARN; *again == *arn {
		t.Error("a new secret has an old one's ARN")
	}
	must(del(nil, nil))(t)
	must(del(nil, new(true)))(t) // at once, though marked
	f.make("s", "three")
	f.left("value/", 1)
}

// left checks how many records there are below a prefix.
func (f *fixture) left(prefix string, n int) {
	f.t.Helper()
	items, err := f.engine.List(context.Background(), store.Range{Prefix: prefix})
	if err != nil || len(items) != n {
		f.t.Errorf("%d records below %s, %v, want %d", len(items), prefix, err, n)
	}
}

// TestTrim: outdated versions go when there are more than 100, but none that is
// younger than a day.
func TestTrim(t *testing.T) {
	f := newFixture(t)
	f.make("s", "0")
	for n := 2; n <= 120; n++ {
		f.put("s", "v", n)
	}
	f.left("value/", 120)
	f.Clock.Advance(25 * time.Hour)
	f.put("s", "v", 121)
	f.left("value/", 102) // and the two with labels
	if _, err := f.GetSecretValue(f.ctx, &api.GetSecretValueRequest{SecretId: "s", VersionId: token(1)}); err == nil {
		t.Error("the oldest is still there")
	}
	must(f.GetSecretValue(f.ctx, &api.GetSecretValueRequest{SecretId: "s", VersionId: token(50)}))(t)
	g := newFixtureWith(t, Quotas{Versions: 3})
	g.make("s", "0")
	g.put("s", "1", 2)
	g.put("s", "2", 3)
	_, err := g.PutSecretValue(g.ctx, &api.PutSecretValueRequest{SecretId: "s", ClientRequestToken: token(4), SecretString: new("3")})
	if e := wire.AsError(err); e.Code != "LimitExceededException" {
		t.Errorf("over the quota: %v", err)
	}
}

func TestSecretsQuota(t *testing.T) {
	f := newFixtureWith(t, Quotas{Secrets: 2})
	f.make("a", "1")
	f.make("b", "1")
	_, err := f.CreateSecret(f.ctx, &api.CreateSecretRequest{Name: "c", ClientRequestToken: token(1)})
	if e := wire.AsError(err); e.Code != "LimitExceededException" {
		t.Errorf("over the quota: %v", err)
	}
	must(f.DeleteSecret(f.ctx, &api.DeleteSecretRequest{SecretId: "a", ForceDeleteWithoutRecovery: new(true)}))(t)
	f.make("c", "1")
}
