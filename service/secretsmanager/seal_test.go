package secretsmanager

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	api "bartizan.dev/api/secretsmanager"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

const customKey = "arn:aws:kms:" + home + ":" + own + ":key/11111111-2222-3333-4444-555555555555"

func keyless(code string) *wire.Error { return wire.Errorf(code, "KMS says so") }

// TestEncryptionContext: KMS is asked with AWS's context, once for each value,
// and when a key is chosen with one of its own.
func TestEncryptionContext(t *testing.T) {
	f := newFixture(t)
	arn := *f.make("s", "one").ARN
	f.value(f.ctx, "s", current)
	managed := "arn:aws:kms:" + home + ":" + own + ":alias/aws/secretsmanager"
	want := []string{
		"GenerateDataKey " + managed + " in " + home + " of " + arn + " " + *token(1),
		"Decrypt " + managed + " in " + home + " of " + arn + " " + *token(1),
	}
	if !slices.Equal(f.keys.calls, want) {
		t.Errorf("calls:\n%s\nwant\n%s", strings.Join(f.keys.calls, "\n"), strings.Join(want, "\n"))
	}
	f.keys.calls = nil
	out := must(f.CreateSecret(f.ctx, &api.CreateSecretRequest{Name: "k", ClientRequestToken: token(1), SecretString: new("x"), KmsKeyId: new(customKey[len(customKey)-36:])}))(t)
	want = []string{
		"GenerateDataKey " + customKey + " in " + home + " of " + *out.ARN + " RequestToValidateKeyAccess",
		"Decrypt " + customKey + " in " + home + " of " + *out.ARN + " RequestToValidateKeyAccess",
		"GenerateDataKey " + customKey + " in " + home + " of " + *out.ARN + " " + *token(1),
	}
	if !slices.Equal(f.keys.calls, want) {
		t.Errorf("calls:\n%s\nwant\n%s", strings.Join(f.keys.calls, "\n"), strings.Join(want, "\n"))
	}
	list := must(f.ListSecretVersionIds(f.ctx, &api.ListSecretVersionIdsRequest{SecretId: "k"}))(t)
	if !slices.Equal(list.Versions[0].KmsKeyIds, []string{customKey}) {
		t.Errorf("KmsKeyIds %v", list.Versions[0].KmsKeyIds)
	}
}

// TestKMSErrors: what KMS refuses surfaces as AWS's errors, and nothing is
// written.
func TestKMSErrors(t *testing.T) {
	f := newFixture(t)
	f.make("s", "one")
	managed := "arn:aws:kms:" + home + ":" + own + ":alias/aws/secretsmanager"
	put := func() error {
		_, err := f.PutSecretValue(f.ctx, &api.PutSecretValueRequest{SecretId: "s", ClientRequestToken: token(2), SecretString: new("two")})
		return err
	}
	get := func() error {
		_, err := f.GetSecretValue(f.ctx, &api.GetSecretValueRequest{SecretId: "s"})
		return err
	}
	for _, c := range []struct {
		op, kms, code, message string
		call                   func() error
	}{
		{"GenerateDataKey", "AccessDeniedException", "AccessDeniedException", "Access to KMS is not allowed", put},
		{"GenerateDataKey", "DisabledException", "EncryptionFailure", errEncrypt.Message, put},
		{"GenerateDataKey", "KMSInvalidStateException", "EncryptionFailure", errEncrypt.Message, put},
		{"Decrypt", "AccessDeniedException", "AccessDeniedException", "Access to KMS is not allowed", get},
		{"Decrypt", "DisabledException", "DecryptionFailure", errDecrypt.Message, get},
		{"Decrypt", "NotFoundException", "DecryptionFailure", errDecrypt.Message, get},
	} {
		f.keys.refuse = map[string]*wire.Error{c.op + " " + managed: keyless(c.kms)}
		wants(t, 0, c.call())(c.code, c.message)
	}
	f.keys.refuse = map[string]*wire.Error{"Decrypt " + managed: {Code: "KMSInternalException", Status: 500, Fault: true}}
	if err := get(); wire.AsError(err).Status != 500 {
		t.Errorf("a fault of KMS: %v", err)
	}
	f.keys.refuse = nil
	if got := f.labels(f.ctx, "s"); got != "1:AWSCURRENT" {
		t.Errorf("after refusals: %s", got)
	}
}

// TestSwappedValues: a value that is put in the place of another's, or is
// damaged, does not open, whoever wrote it into the store.
func TestSwappedValues(t *testing.T) {
	f := newFixture(t)
	f.make("a", "one")
	f.put("a", "two", 2)
	f.make("b", "three")
	ctx := context.Background()
	a := must(f.find(f.ctx, f.Store, "a"))(t)
	b := must(f.find(f.ctx, f.Store, "b"))(t)
	one := must(f.values.Get(ctx, f.Store, a.valueKey(*token(1))))(t)
	flipped := *one
	flipped.Text = bytes.Clone(one.Text)
	flipped.Text[len(flipped.Text)-1] ^= 1
	asBinary := *one
	asBinary.Binary = true
	for _, c := range []struct {
		where *secret
		id    string
		what  *sealed
	}{{a, *token(2), one}, {b, *token(1), one}, {a, *token(1), &flipped}, {a, *token(1), &asBinary}} {
		before := must(f.values.Get(ctx, f.Store, c.where.valueKey(c.id)))(t)
		write := func(v *sealed) {
			if _, err := f.Store.Update(ctx, func(tx store.Tx) error { return f.values.Put(ctx, tx, c.where.valueKey(c.id), v) }); err != nil {
				t.Fatal(err)
			}
		}
		write(c.what)
		_, err := f.GetSecretValue(f.ctx, &api.GetSecretValueRequest{SecretId: c.where.Name, VersionId: &c.id})
		wants(t, 0, err)("DecryptionFailure", errDecrypt.Message)
		write(before)
	}
	if f.value(f.ctx, "a", current) != "two" || f.value(f.ctx, "b", current) != "three" {
		t.Error("the values are not as before")
	}
}

// TestCrossAccount: another account reads by ARN what is under a key of its
// owner's, and nothing under the managed key.
func TestCrossAccount(t *testing.T) {
	f := newFixture(t)
	arn := *f.make("s", "one").ARN
	there := as(other, home)
	_, err := f.GetSecretValue(there, &api.GetSecretValueRequest{SecretId: arn})
	wants(t, 0, err)("InvalidRequestException", "You can't access a secret from a different AWS account if you encrypt the secret with the default KMS service key.")
	_, err = f.PutSecretValue(there, &api.PutSecretValueRequest{SecretId: arn, ClientRequestToken: token(2), SecretString: new("two")})
	wants(t, 0, err)("InvalidRequestException", "You can't access a secret from a different AWS account if you encrypt the secret with the default KMS service key.")
	must(f.UpdateSecret(f.ctx, &api.UpdateSecretRequest{SecretId: "s", ClientRequestToken: token(3), KmsKeyId: new("alias/mine")}))(t)
	f.keys.calls = nil
	if f.value(there, arn, current) != "one" {
		t.Error("not readable")
	}
	if want := "Decrypt arn:aws:kms:" + home + ":" + own + ":alias/mine"; !strings.HasPrefix(f.keys.calls[0], want) {
		t.Errorf("KMS was asked for %s", f.keys.calls[0])
	}
	if _, err := f.GetSecretValue(there, &api.GetSecretValueRequest{SecretId: "s"}); !errors.Is(err, errNotFound) {
		t.Errorf("by name: %v", err)
	}
}

// TestNewKey: another key wraps what has AWS's labels; without kms:Encrypt on it
// the old one stays for them.
func TestNewKey(t *testing.T) {
	f := newFixture(t)
	f.make("s", "one")
	f.put("s", "two", 2)
	f.put("s", "three", 3)
	f.put("s", "four", 4, "custom")
	keys := func() string {
		var out []string
		for _, v := range must(f.ListSecretVersionIds(f.ctx, &api.ListSecretVersionIdsRequest{SecretId: "s", IncludeDeprecated: new(true)}))(t).Versions {
			out = append(out, v.KmsKeyIds[0][strings.LastIndexByte(v.KmsKeyIds[0], '/')+1:])
		}
		return strings.Join(out, " ")
	}
	update := func(key string) error {
		_, err := f.UpdateSecret(f.ctx, &api.UpdateSecretRequest{SecretId: "s", ClientRequestToken: fresh(), KmsKeyId: &key})
		return err
	}
	if err := update("alias/a"); err != nil {
		t.Fatal(err)
	}
	if got := keys(); got != "DefaultEncryptionKey a a DefaultEncryptionKey" {
		t.Errorf("after a: %s", got)
	}
	b := "arn:aws:kms:" + home + ":" + own + ":alias/b"
	f.keys.refuse["Encrypt "+b] = keyless("AccessDeniedException")
	if err := update("alias/b"); err != nil {
		t.Fatal(err)
	}
	if got := keys(); got != "DefaultEncryptionKey a a DefaultEncryptionKey" {
		t.Errorf("after b: %s", got)
	}
	f.keys.refuse = map[string]*wire.Error{"GenerateDataKey arn:aws:kms:" + home + ":" + own + ":alias/d": keyless("AccessDeniedException")}
	wants(t, 0, update("alias/d"))("AccessDeniedException", "Access to KMS is not allowed")
	for n, want := range map[int]string{1: "one", 2: "two", 3: "three", 4: "four"} {
		got := must(f.GetSecretValue(f.ctx, &api.GetSecretValueRequest{SecretId: "s", VersionId: token(n)}))(t)
		if *got.SecretString != want {
			t.Errorf("version %d is %s", n, *got.SecretString)
		}
	}
	if err := update(""); err != nil { // back to the managed key
		t.Fatal(err)
	}
	if d := must(f.DescribeSecret(f.ctx, &api.DescribeSecretRequest{SecretId: "s"}))(t); d.KmsKeyId != nil {
		t.Errorf("KmsKeyId %s", *d.KmsKeyId)
	}
	must(f.UpdateSecret(f.ctx, &api.UpdateSecretRequest{SecretId: "s", ClientRequestToken: token(9), SecretString: new("nine"), KmsKeyId: new("alias/e"), Description: new("d")}))(t)
	if f.value(f.ctx, "s", current) != "nine" || f.value(f.ctx, "s", previous) != "three" {
		t.Error("a value and a key at once")
	}
}

// TestNothingInTheClear: no value is in the store, nor in the log.
func TestNothingInTheClear(t *testing.T) {
	f := newFixture(t)
	const canary = "canary-4711-wild-horses"
	f.make("s", canary)
	f.put("s", canary+"-2", 2)
	must(f.ReplicateSecretToRegions(f.ctx, &api.ReplicateSecretToRegionsRequest{SecretId: "s", AddReplicaRegions: []api.ReplicaRegionType{{Region: new(away)}}}))(t)
	must(f.UpdateSecret(f.ctx, &api.UpdateSecretRequest{SecretId: "s", ClientRequestToken: token(3), SecretBinary: []byte(canary)}))(t)
	f.keys.refuse["Decrypt arn:aws:kms:"+home+":"+own+":alias/aws/secretsmanager"] = keyless("DisabledException")
	if _, err := f.GetSecretValue(f.ctx, &api.GetSecretValueRequest{SecretId: "s"}); err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("%v", err)
	}
	items := must(f.engine.List(context.Background(), store.Range{}))(t)
	if len(items) < 8 {
		t.Fatalf("only %d records", len(items))
	}
	for _, item := range items {
		if bytes.Contains(item.Value, []byte("canary")) || bytes.Contains(item.Value, []byte("Y2FuYXJ5")) || strings.Contains(item.Key, "canary") {
			t.Errorf("the record %s holds a value", item.Key)
		}
	}
	if strings.Contains(f.log.text(), "canary") {
		t.Error("the log holds a value")
	}
}
