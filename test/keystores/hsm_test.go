package keystores

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"

	hsmapi "bartizan.dev/api/cloudhsmv2"
	kmsapi "bartizan.dev/api/kms"
	"bartizan.dev/bartizantest"
	"bartizan.dev/keys/pkcs11/pkcs11test"
	"bartizan.dev/server"
)

func TestMain(m *testing.M) { os.Exit(pkcs11test.Main(m)) }

const password = "secret-of-kmsuser"

// cluster makes a CloudHSM cluster as its owner would: two HSMs, initialised by
// an authority of his own, with the user that KMS logs in as.
func cluster(t *testing.T, s *bartizantest.Server) (id, anchor string) {
	t.Helper()
	ctx := t.Context()
	hsm := hsmapi.Client{Door: s.Door(s.Root(), bartizantest.Region, hsmapi.Operations(hsmapi.Unimplemented{}))}
	id = *must(hsm.CreateCluster(ctx, &hsmapi.CreateClusterRequest{HsmType: "hsm2m.medium", SubnetIds: []string{"subnet-11111111", "subnet-22222222"}}))(t).Cluster.ClusterId
	for _, zone := range []string{"a", "b"} {
		must(hsm.CreateHsm(ctx, &hsmapi.CreateHsmRequest{ClusterId: id, AvailabilityZone: bartizantest.Region + zone}))(t)
	}
	describe := func() hsmapi.Cluster {
		return must(hsm.DescribeClusters(ctx, &hsmapi.DescribeClustersRequest{Filters: map[string][]string{"clusterIds": {id}}}))(t).Clusters[0]
	}
	wait := func(what string, done func(hsmapi.Cluster) bool) hsmapi.Cluster {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
			if c := describe(); done(c) {
				return c
			}
			s.Advance(time.Second)
		}
		t.Fatalf("not %s: %+v", what, describe())
		return hsmapi.Cluster{}
	}
	c := wait("ready for its certificate", func(c hsmapi.Cluster) bool { return c.Certificates != nil && c.Certificates.ClusterCsr != nil })
	block, _ := pem.Decode([]byte(*c.Certificates.ClusterCsr))
	csr := must(x509.ParseCertificateRequest(block.Bytes))(t)
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)
	root := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "owner"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	rootDER := must(x509.CreateCertificate(rand.Reader, root, root, &key.PublicKey, key))(t)
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: csr.Subject, NotBefore: root.NotBefore, NotAfter: root.NotAfter}
	leafDER := must(x509.CreateCertificate(rand.Reader, leaf, root, csr.PublicKey, key))(t)
	text := func(der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	}
	anchor = text(rootDER)
	must(hsm.InitializeCluster(ctx, &hsmapi.InitializeClusterRequest{ClusterId: id, SignedCert: text(leafDER), TrustAnchor: anchor}))(t)
	wait("initialised", func(c hsmapi.Cluster) bool {
		return c.State == hsmapi.ClusterState_INITIALIZED && c.Hsms[0].State == hsmapi.HsmState_ACTIVE && c.Hsms[1].State == hsmapi.HsmState_ACTIVE
	})
	must(s.Server().PutHSMUser(ctx, s.Account(), bartizantest.Region, id, "kmsuser", password))(t)
	return id, anchor
}

func TestHSM(t *testing.T) {
	ctx := t.Context()
	s := bartizantest.New(t, bartizantest.Change(func(o *server.Options) {
		o.HSM = server.HSM{Module: pkcs11test.SoftHSM(t), Helper: pkcs11test.Helper(t), HelperEnv: pkcs11test.Env(t)}
	}))
	keys, _ := clients(s)
	id, anchor := cluster(t, s)
	create := func(cluster, anchor, password string) (*kmsapi.CreateCustomKeyStoreResponse, error) {
		return keys.CreateCustomKeyStore(ctx, &kmsapi.CreateCustomKeyStoreRequest{CustomKeyStoreName: "hsm", CloudHsmClusterId: &cluster, TrustAnchorCertificate: &anchor, KeyStorePassword: &password})
	}
	_, err := create("cluster-22222222222", anchor, password)
	refused(t, err, "CloudHsmClusterNotFoundException", "cluster-22222222222")
	_, err = create(id, strings.Replace(anchor, "M", "N", 1), password)
	refused(t, err, "IncorrectTrustAnchorException", id)
	store := must(create(id, anchor, "not the password"))(t).CustomKeyStoreId
	_, err = create(id, anchor, password)
	refused(t, err, "CustomKeyStoreNameInUseException", "hsm")

	connect := func() kmsapi.CustomKeyStoresListEntry {
		must(keys.ConnectCustomKeyStore(ctx, &kmsapi.ConnectCustomKeyStoreRequest{CustomKeyStoreId: *store}))(t)
		return must(keys.DescribeCustomKeyStores(ctx, &kmsapi.DescribeCustomKeyStoresRequest{CustomKeyStoreId: store}))(t).CustomKeyStores[0]
	}
	if e := connect(); e.ConnectionState != kmsapi.ConnectionStateType_FAILED || e.ConnectionErrorCode != kmsapi.ConnectionErrorCodeType_INVALID_CREDENTIALS {
		t.Errorf("with a wrong password: %s %s", e.ConnectionState, e.ConnectionErrorCode)
	}
	must(keys.DisconnectCustomKeyStore(ctx, &kmsapi.DisconnectCustomKeyStoreRequest{CustomKeyStoreId: *store}))(t)
	must(keys.UpdateCustomKeyStore(ctx, &kmsapi.UpdateCustomKeyStoreRequest{CustomKeyStoreId: *store, KeyStorePassword: new(password)}))(t)
	if e := connect(); e.ConnectionState != kmsapi.ConnectionStateType_CONNECTED {
		t.Fatalf("%s %s", e.ConnectionState, e.ConnectionErrorCode)
	}

	_, err = keys.CreateKey(ctx, &kmsapi.CreateKeyRequest{Origin: kmsapi.OriginType_AWS_CLOUDHSM, CustomKeyStoreId: store, KeySpec: kmsapi.KeySpec_RSA_2048, KeyUsage: kmsapi.KeyUsageType_SIGN_VERIFY})
	refused(t, err, "UnsupportedOperationException", "symmetric")
	key := must(keys.CreateKey(ctx, &kmsapi.CreateKeyRequest{Origin: kmsapi.OriginType_AWS_CLOUDHSM, CustomKeyStoreId: store}))(t).KeyMetadata
	if *key.CloudHsmClusterId != id || *key.CustomKeyStoreId != *store {
		t.Errorf("%+v", key)
	}
	context := map[string]string{"order": "7"}
	plaintext := strings.Repeat("x", 4096)
	blob := must(keys.Encrypt(ctx, &kmsapi.EncryptRequest{KeyId: key.KeyId, Plaintext: []byte(plaintext), EncryptionContext: context}))(t).CiphertextBlob
	decrypt := func(blob []byte, context map[string]string) (*kmsapi.DecryptResponse, error) {
		return keys.Decrypt(ctx, &kmsapi.DecryptRequest{CiphertextBlob: blob, EncryptionContext: context})
	}
	if got := must(decrypt(blob, context))(t); string(got.Plaintext) != plaintext {
		t.Error("it is not what was encrypted")
	}
	_, err = decrypt(blob, nil)
	refused(t, err, "InvalidCiphertextException", "")
	flipped := append([]byte(nil), blob...)
	flipped[len(flipped)-1] ^= 1
	_, err = decrypt(flipped, context)
	refused(t, err, "InvalidCiphertextException", "")
	_, err = keys.EnableKeyRotation(ctx, &kmsapi.EnableKeyRotationRequest{KeyId: key.KeyId})
	refused(t, err, "UnsupportedOperationException", "cannot be rotated")

	must(keys.DisconnectCustomKeyStore(ctx, &kmsapi.DisconnectCustomKeyStoreRequest{CustomKeyStoreId: *store}))(t)
	_, err = decrypt(blob, context)
	refused(t, err, "KMSInvalidStateException", "unavailable")
	if e := connect(); e.ConnectionState != kmsapi.ConnectionStateType_CONNECTED {
		t.Fatalf("%s %s", e.ConnectionState, e.ConnectionErrorCode)
	}
	must(decrypt(blob, context))(t)

	// Its deletion destroys it in the HSM.
	must(keys.ScheduleKeyDeletion(ctx, &kmsapi.ScheduleKeyDeletionRequest{KeyId: key.KeyId, PendingWindowInDays: new(int32(7))}))(t)
	s.Advance(8 * 24 * time.Hour)
	for end := time.Now().Add(10 * time.Second); ; {
		_, err := keys.DescribeKey(ctx, &kmsapi.DescribeKeyRequest{KeyId: key.KeyId})
		if err != nil {
			refused(t, err, "NotFoundException", key.KeyId)
			break
		}
		if time.Now().After(end) {
			t.Fatal("the key is still there")
		}
	}
	_, err = decrypt(blob, context)
	refused(t, err, "AccessDeniedException", "does not exist")
}
