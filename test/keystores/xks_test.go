// Package keystores has KMS use keys that are kept elsewhere: by another server,
// over AWS's external key store proxy API, both ends and TLS; and in an HSM, by
// way of a CloudHSM cluster.
package keystores

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	iamapi "bartizan.dev/api/iam"
	kmsapi "bartizan.dev/api/kms"
	"bartizan.dev/bartizantest"
	"bartizan.dev/server"
	"bartizan.dev/wire"
)

func clients(s *bartizantest.Server) (kmsapi.Client, iamapi.Client) {
	return kmsapi.Client{Door: s.Door(s.Root(), bartizantest.Region, kmsapi.Operations(kmsapi.Unimplemented{}))},
		iamapi.Client{Door: s.Door(s.Root(), bartizantest.Region, iamapi.Operations(iamapi.Unimplemented{}))}
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func refused(t *testing.T, err error, code, message string) {
	t.Helper()
	e, ok := errors.AsType[*wire.Error](err)
	if !ok || e.Code != code || !strings.Contains(e.Message, message) {
		t.Errorf("got %v, want %s with %q", err, code, message)
	}
}

type configuration struct {
	XksProxyUriPath                  string
	XksProxyAuthenticationCredential struct{ AccessKeyId, RawSecretAccessKey string }
}

func TestBothEnds(t *testing.T) {
	ctx := t.Context()
	holder := bartizantest.New(t, bartizantest.TLS())
	held, _ := clients(holder)
	user := holder.NewUser(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["kms:DescribeKey","kms:Encrypt","kms:Decrypt"],"Resource":"*"}}`)
	proxy := must(holder.Server().AddProxy(ctx, "aws-prod", bartizantest.Region, user.ARN))(t)
	var c configuration
	if err := json.Unmarshal([]byte(proxy.Configuration), &c); err != nil {
		t.Fatal(err)
	}
	root := must(held.CreateKey(ctx, &kmsapi.CreateKeyRequest{}))(t).KeyMetadata

	address := strings.TrimPrefix(holder.URL(), "https://")
	const host = "localhost"
	user2 := bartizantest.New(t, bartizantest.Change(func(o *server.Options) {
		o.XKS = server.XKS{CA: holder.CA(), Dial: map[string]string{host: address}}
	}))
	keys, _ := clients(user2)
	create := func(change func(*kmsapi.CreateCustomKeyStoreRequest)) (*kmsapi.CreateCustomKeyStoreResponse, error) {
		in := &kmsapi.CreateCustomKeyStoreRequest{
			CustomKeyStoreName: "outside", CustomKeyStoreType: kmsapi.CustomKeyStoreType_EXTERNAL_KEY_STORE,
			XksProxyConnectivity: kmsapi.XksProxyConnectivityType_PUBLIC_ENDPOINT, XksProxyUriEndpoint: new("https://" + host), XksProxyUriPath: &c.XksProxyUriPath,
			XksProxyAuthenticationCredential: &kmsapi.XksProxyAuthenticationCredentialType{
				AccessKeyId: c.XksProxyAuthenticationCredential.AccessKeyId, RawSecretAccessKey: c.XksProxyAuthenticationCredential.RawSecretAccessKey,
			},
		}
		if change != nil {
			change(in)
		}
		return keys.CreateCustomKeyStore(ctx, in)
	}
	_, err := create(func(in *kmsapi.CreateCustomKeyStoreRequest) {
		in.XksProxyAuthenticationCredential.RawSecretAccessKey = strings.Repeat("x", 43)
	})
	refused(t, err, "XksProxyIncorrectAuthenticationCredentialException", "could not authenticate")
	_, err = create(func(in *kmsapi.CreateCustomKeyStoreRequest) { in.XksProxyUriPath = new("/xks/nobody/kms/xks/v1") })
	refused(t, err, "XksProxyInvalidConfigurationException", "invalid URI path")
	id := must(create(nil))(t).CustomKeyStoreId
	_, err = create(nil)
	refused(t, err, "CustomKeyStoreNameInUseException", "outside")

	newKey := func(external string) (*kmsapi.CreateKeyResponse, error) {
		return keys.CreateKey(ctx, &kmsapi.CreateKeyRequest{Origin: kmsapi.OriginType_EXTERNAL_KEY_STORE, CustomKeyStoreId: id, XksKeyId: &external})
	}
	_, err = newKey(root.KeyId)
	refused(t, err, "CustomKeyStoreInvalidStateException", "not connected")
	must(keys.ConnectCustomKeyStore(ctx, &kmsapi.ConnectCustomKeyStoreRequest{CustomKeyStoreId: *id}))(t)
	stores := must(keys.DescribeCustomKeyStores(ctx, &kmsapi.DescribeCustomKeyStoresRequest{CustomKeyStoreId: id}))(t)
	if s := stores.CustomKeyStores[0]; s.ConnectionState != kmsapi.ConnectionStateType_CONNECTED {
		t.Fatalf("%s %s", s.ConnectionState, s.ConnectionErrorCode)
	}
	_, err = newKey("12345678-1234-1234-1234-123456789012")
	refused(t, err, "XksKeyNotFoundException", "could not find the external key")
	key := must(newKey(root.KeyId))(t).KeyMetadata
	if *key.XksKeyConfiguration.Id != root.KeyId || key.Origin != kmsapi.OriginType_EXTERNAL_KEY_STORE {
		t.Errorf("%+v", key)
	}
	_, err = newKey(root.KeyId)
	refused(t, err, "XksKeyAlreadyInUseException", root.KeyId)

	context := map[string]string{"order": "7"}
	large := []byte(strings.Repeat("x", 4096))
	for _, plaintext := range [][]byte{[]byte("x"), large} {
		blob := must(keys.Encrypt(ctx, &kmsapi.EncryptRequest{KeyId: key.KeyId, Plaintext: plaintext, EncryptionContext: context}))(t).CiphertextBlob
		opened := must(keys.Decrypt(ctx, &kmsapi.DecryptRequest{CiphertextBlob: blob, EncryptionContext: context}))(t)
		if string(opened.Plaintext) != string(plaintext) {
			t.Error("it is not what was encrypted")
		}
		_, err = keys.Decrypt(ctx, &kmsapi.DecryptRequest{CiphertextBlob: blob})
		refused(t, err, "KMSInvalidStateException", "")
	}
	data := must(keys.GenerateDataKey(ctx, &kmsapi.GenerateDataKeyRequest{KeyId: key.KeyId, KeySpec: kmsapi.DataKeySpec_AES_256}))(t)

	// What the other side disables, or rotates, or takes away.
	must(held.RotateKeyOnDemand(ctx, &kmsapi.RotateKeyOnDemandRequest{KeyId: root.KeyId}))(t)
	if got := must(keys.Decrypt(ctx, &kmsapi.DecryptRequest{CiphertextBlob: data.CiphertextBlob}))(t); string(got.Plaintext) != string(data.Plaintext) {
		t.Error("after the external key's rotation it is another data key")
	}
	must(held.DisableKey(ctx, &kmsapi.DisableKeyRequest{KeyId: root.KeyId}))(t)
	_, err = keys.Decrypt(ctx, &kmsapi.DecryptRequest{CiphertextBlob: data.CiphertextBlob})
	refused(t, err, "KMSInvalidStateException", "the external key is not enabled")
	must(held.EnableKey(ctx, &kmsapi.EnableKeyRequest{KeyId: root.KeyId}))(t)
	must(keys.Decrypt(ctx, &kmsapi.DecryptRequest{CiphertextBlob: data.CiphertextBlob}))(t)
	if err := holder.Server().RemoveProxy(ctx, "aws-prod"); err != nil {
		t.Fatal(err)
	}
	_, err = keys.Decrypt(ctx, &kmsapi.DecryptRequest{CiphertextBlob: data.CiphertextBlob})
	refused(t, err, "KMSInvalidStateException", "invalid URI path")

	must(keys.DisconnectCustomKeyStore(ctx, &kmsapi.DisconnectCustomKeyStoreRequest{CustomKeyStoreId: *id}))(t)
	state := must(keys.DescribeKey(ctx, &kmsapi.DescribeKeyRequest{KeyId: key.KeyId}))(t).KeyMetadata.KeyState
	if state != kmsapi.KeyState_Unavailable {
		t.Errorf("state %s", state)
	}
	_, err = keys.DeleteCustomKeyStore(ctx, &kmsapi.DeleteCustomKeyStoreRequest{CustomKeyStoreId: *id})
	refused(t, err, "CustomKeyStoreHasCMKsException", *id)
}
