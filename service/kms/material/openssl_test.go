package material

import (
	"bytes"
	"crypto/rand"
	"crypto/sha512"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// openssl runs the command line program in a folder of the test's own.
type openssl struct {
	t   *testing.T
	dir string
}

func newOpenSSL(t *testing.T) openssl {
	if _, err := exec.LookPath("openssl"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("openssl is not here, and CI must have it")
		}
		t.Skip("SKIPPED: openssl is not here")
	}
	return openssl{t, t.TempDir()}
}

func (o openssl) run(line string) {
	o.t.Helper()
	c := exec.Command("openssl", strings.Fields(line)...)
	c.Dir = o.dir
	if out, err := c.CombinedOutput(); err != nil {
		o.t.Fatalf("openssl %s: %v\n%s", line, err, out)
	}
}

func (o openssl) write(name string, b []byte) {
	o.t.Helper()
	if err := os.WriteFile(filepath.Join(o.dir, name), b, 0o600); err != nil {
		o.t.Fatal(err)
	}
}

func (o openssl) read(name string) []byte {
	o.t.Helper()
	return must[[]byte](o.t)(os.ReadFile(filepath.Join(o.dir, name)))
}

// Keys of ours as OpenSSL reads them, keys of OpenSSL's as we do.
func TestOpenSSLKeys(t *testing.T) {
	o := newOpenSSL(t)
	for name, kind := range map[string]string{
		"RSA_2048":              "RSA -pkeyopt rsa_keygen_bits:2048",
		"ECC_NIST_P256":         "EC -pkeyopt ec_paramgen_curve:P-256",
		"ECC_NIST_P384":         "EC -pkeyopt ec_paramgen_curve:P-384",
		"ECC_NIST_P521":         "EC -pkeyopt ec_paramgen_curve:P-521",
		"ECC_SECG_P256K1":       "EC -pkeyopt ec_paramgen_curve:secp256k1",
		"ECC_NIST_EDWARDS25519": "ED25519",
	} {
		ours := secretOf(t, name)
		o.write("ours.der", ours)
		o.run("pkey -inform DER -in ours.der -pubout -outform DER -out ours.pub")
		if k := must[*Key](t)(Open(name, ours)); !bytes.Equal(o.read("ours.pub"), k.Public()) {
			t.Errorf("%s: OpenSSL derives another public key", name)
		}
		o.run("pkcs8 -topk8 -nocrypt -inform DER -in ours.der -outform DER -out again.der")
		if name != "RSA_2048" && !bytes.Equal(o.read("again.der"), ours) { // that one is OpenSSL's own
			t.Errorf("%s: OpenSSL writes the key otherwise", name)
		}
		o.run("genpkey -algorithm " + kind + " -outform DER -out theirs.der")
		o.run("pkey -inform DER -in theirs.der -pubout -outform DER -out theirs.pub")
		o.run("pkcs8 -topk8 -nocrypt -inform DER -in theirs.der -outform DER -out theirs.p8")
		secret := must[[]byte](t)(ParseImported(name, o.read("theirs.p8")))
		if k := must[*Key](t)(Open(name, secret)); !bytes.Equal(o.read("theirs.pub"), k.Public()) {
			t.Errorf("%s: we derive another public key", name)
		}
		if !strings.HasPrefix(name, "ECC_NIST_P") && name != "ECC_SECG_P256K1" {
			continue
		}
		o.run("pkey -inform DER -in theirs.der -ec_conv_form compressed -out compressed.pem")
		o.run("pkcs8 -topk8 -nocrypt -in compressed.pem -outform DER -out compressed.der")
		if got := must[[]byte](t)(ParseImported(name, o.read("compressed.der"))); !bytes.Equal(got, secret) {
			t.Errorf("%s: a compressed public key gives another key", name)
		}
		o.run("pkey -inform DER -in theirs.der -ec_param_enc explicit -out explicit.pem")
		o.run("pkcs8 -topk8 -nocrypt -in explicit.pem -outform DER -out explicit.der")
		if _, err := ParseImported(name, o.read("explicit.der")); err == nil {
			t.Errorf("%s: explicit parameters are taken", name)
		}
	}
}

// Signatures in both directions.
func TestOpenSSLSignatures(t *testing.T) {
	o := newOpenSSL(t)
	message := []byte("The portcullis is down.")
	o.write("message", message)
	for _, name := range every {
		if strings.HasPrefix(name, "ML_") || Algorithms(name, signVerify) == nil {
			continue
		}
		secret := secretOf(t, name)
		k := must[*Key](t)(Open(name, secret))
		o.write("key.der", secret)
		o.write("key.pub", k.Public())
		for _, algorithm := range Algorithms(name, signVerify) {
			options := "-rawin"
			switch {
			case algorithm == "ED25519_PH_SHA_512":
				continue // this OpenSSL knows it not
			case algorithm != "ED25519_SHA_512":
				options += " -digest sha" + algorithm[len(algorithm)-3:]
			}
			if strings.Contains(algorithm, "PSS") {
				options += " -pkeyopt rsa_padding_mode:pss -pkeyopt rsa_pss_saltlen:digest"
			}
			o.write("signature", must[[]byte](t)(k.Sign(algorithm, raw, message)))
			o.run("pkeyutl -verify -pubin -keyform DER -inkey key.pub -in message -sigfile signature " + options)
			o.run("pkeyutl -sign -keyform DER -inkey key.der -in message -out theirs " + options)
			if err := k.Verify(algorithm, raw, message, o.read("theirs")); err != nil {
				t.Errorf("%s %s: OpenSSL's signature: %v", name, algorithm, err)
			}
		}
	}
}

// OAEP, ECDH and HMAC in both directions.
func TestOpenSSLRest(t *testing.T) {
	o := newOpenSSL(t)
	secret := secretOf(t, "RSA_2048")
	k := must[*Key](t)(Open("RSA_2048", secret))
	o.write("key.der", secret)
	o.write("key.pub", k.Public())
	o.write("plain", []byte("plain"))
	for algorithm, hash := range map[string]string{"RSAES_OAEP_SHA_1": "sha1", "RSAES_OAEP_SHA_256": "sha256"} {
		options := " -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:" + hash + " -pkeyopt rsa_mgf1_md:" + hash
		o.run("pkeyutl -encrypt -pubin -keyform DER -inkey key.pub -in plain -out theirs" + options)
		if got := must[[]byte](t)(k.Decrypt(algorithm, o.read("theirs"))); string(got) != "plain" {
			t.Errorf("%s: %q", algorithm, got)
		}
		o.write("ours", must[[]byte](t)(k.Encrypt(algorithm, []byte("plain"))))
		o.run("pkeyutl -decrypt -keyform DER -inkey key.der -in ours -out back" + options)
		if got := o.read("back"); string(got) != "plain" {
			t.Errorf("%s: OpenSSL reads %q", algorithm, got)
		}
	}
	for _, name := range []string{"ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521"} {
		one, other := secretOf(t, name), open(t, name)
		k := must[*Key](t)(Open(name, one))
		o.write("one.der", one)
		o.write("other.pub", other.Public())
		o.run("pkeyutl -derive -keyform DER -inkey one.der -peerform DER -peerkey other.pub -out shared")
		if got := must[[]byte](t)(other.Agree(k.Public())); !bytes.Equal(got, o.read("shared")) {
			t.Errorf("%s: OpenSSL agrees on another secret", name)
		}
	}
	for _, bits := range []string{"224", "256", "384", "512"} {
		secret := secretOf(t, "HMAC_"+bits)
		o.run("dgst -sha" + bits + " -mac HMAC -macopt hexkey:" + hex.EncodeToString(secret) + " -binary -out mac plain")
		if err := must[*Key](t)(Open("HMAC_"+bits, secret)).VerifyMAC("HMAC_SHA_"+bits, []byte("plain"), o.read("mac")); err != nil {
			t.Errorf("HMAC_%s: %v", bits, err)
		}
	}
}

// The wrapping that AWS's own instructions do with OpenSSL.
//
// https://docs.aws.amazon.com/kms/latest/developerguide/importing-keys-encrypt-key-material.html
func TestOpenSSLWrapping(t *testing.T) {
	o := newOpenSSL(t)
	o.write("wrapper.pub", open(t, "RSA_2048").Public())
	for algorithm, hash := range map[string]string{"RSA_AES_KEY_WRAP_SHA_1": "sha1", "RSA_AES_KEY_WRAP_SHA_256": "sha256"} {
		for _, name := range []string{"RSA_4096", "ECC_NIST_P521", "HMAC_224", "ECC_SECG_P256K1"} {
			plain := secretOf(t, name)
			kek := make([]byte, 32)
			rand.Read(kek)
			o.write("kek", kek)
			o.write("plain", plain)
			o.run("enc -id-aes256-wrap-pad -K " + hex.EncodeToString(kek) + " -iv A65959A6 -in plain -out wrapped")
			o.run("pkeyutl -encrypt -pubin -keyform DER -inkey wrapper.pub -in kek -out key -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:" + hash + " -pkeyopt rsa_mgf1_md:" + hash)
			got, err := Unwrap(wrapper(), algorithm, append(o.read("key"), o.read("wrapped")...))
			if err != nil || !bytes.Equal(got, plain) {
				t.Errorf("%s of %s: %v", algorithm, name, err)
			}
			if secret, err := ParseImported(name, got); err != nil || sha512.Sum512(secret) != sha512.Sum512(plain) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
