package material

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	kmsapi "bartizan.dev/api/kms"
)

func TestSpecsAreTheModels(t *testing.T) {
	if len(every) != len(specs) {
		t.Errorf("%d specs are tested, %d exist", len(every), len(specs))
	}
	for name, s := range specs {
		for _, usage := range s.usages {
			if len(s.algorithms[usage]) == 0 {
				t.Errorf("%s: no algorithm for %s", name, usage)
			}
		}
		if len(s.algorithms) != len(s.usages) {
			t.Errorf("%s: algorithms of a usage it has not", name)
		}
	}
	// The constants of the model are the names of the table.
	for _, name := range []kmsapi.KeySpec{kmsapi.KeySpec_ML_DSA_44, kmsapi.KeySpec_ML_KEM_1024, kmsapi.KeySpec_ECC_SECG_P256K1, kmsapi.KeySpec_ECC_NIST_EDWARDS25519} {
		if Usages(string(name)) == nil {
			t.Errorf("%s is not known", name)
		}
	}
	if Usages("SM2") != nil || Algorithms("SM2", signVerify) != nil {
		t.Error("SM2 is known")
	}
	got := Usages("RSA_2048")
	got[0] = "changed"
	if Usages("RSA_2048")[0] != encryptDecrypt {
		t.Error("a caller can change the table")
	}
}

func TestAlgorithmsAndDigests(t *testing.T) {
	for _, c := range []struct{ spec, usage, want string }{
		{"SYMMETRIC_DEFAULT", encryptDecrypt, "SYMMETRIC_DEFAULT"},
		{"RSA_3072", encryptDecrypt, "RSAES_OAEP_SHA_1 RSAES_OAEP_SHA_256"},
		{"RSA_4096", signVerify, "RSASSA_PKCS1_V1_5_SHA_256 RSASSA_PKCS1_V1_5_SHA_384 RSASSA_PKCS1_V1_5_SHA_512 RSASSA_PSS_SHA_256 RSASSA_PSS_SHA_384 RSASSA_PSS_SHA_512"},
		{"ECC_NIST_P384", signVerify, "ECDSA_SHA_384"},
		{"ECC_NIST_P521", keyAgreement, "ECDH"},
		{"ECC_SECG_P256K1", signVerify, "ECDSA_SHA_256"},
		{"ECC_SECG_P256K1", keyAgreement, ""},
		{"ECC_NIST_EDWARDS25519", signVerify, "ED25519_SHA_512 ED25519_PH_SHA_512"},
		{"HMAC_224", generateVerifyMAC, "HMAC_SHA_224"},
		{"ML_DSA_65", signVerify, "ML_DSA_SHAKE_256"},
		{"ML_KEM_768", encapsulateDecapsulate, "ML_KEM"},
	} {
		if got := strings.Join(Algorithms(c.spec, c.usage), " "); got != c.want {
			t.Errorf("%s %s: %s", c.spec, c.usage, got)
		}
	}
	for name, want := range map[string]int{
		"RSASSA_PSS_SHA_256": 32, "RSASSA_PKCS1_V1_5_SHA_384": 48, "ECDSA_SHA_512": 64, "ED25519_PH_SHA_512": 64,
		"ED25519_SHA_512": 0, "ML_DSA_SHAKE_256": 0, "RSAES_OAEP_SHA_256": 0, "HMAC_SHA_256": 0, "": 0,
	} {
		if got, ok := Digest(name); got != want || ok != (want > 0) {
			t.Errorf("%s: a digest of %d", name, got)
		}
	}
}

func TestNew(t *testing.T) {
	lengths := map[string]int{"SYMMETRIC_DEFAULT": 32, "HMAC_224": 28, "HMAC_256": 32, "HMAC_384": 48, "HMAC_512": 64,
		"ML_DSA_44": 32, "ML_DSA_65": 32, "ML_DSA_87": 32, "ML_KEM_512": 64, "ML_KEM_768": 64, "ML_KEM_1024": 64}
	for _, name := range every {
		if name == "RSA_3072" || name == "RSA_4096" {
			continue // as RSA_2048, but slower
		}
		a, b := must[[]byte](t)(New(name)), must[[]byte](t)(New(name))
		if bytes.Equal(a, b) {
			t.Errorf("%s: the same twice", name)
		}
		if want := lengths[name]; want > 0 && len(a) != want {
			t.Errorf("%s: %d bytes", name, len(a))
		}
		k := must[*Key](t)(Open(name, a))
		if none := name == "SYMMETRIC_DEFAULT" || strings.HasPrefix(name, "HMAC"); none != (k.Public() == nil) {
			t.Errorf("%s: public key %x", name, k.Public())
		}
		for _, bad := range [][]byte{nil, {0}, a[:len(a)-1], append(bytes.Clone(a), make([]byte, 129)...)} {
			if _, err := Open(name, bad); !errors.Is(err, ErrMaterial) {
				t.Errorf("%s: %d bytes: %v", name, len(bad), err)
			}
		}
	}
	for _, name := range []string{"SM2", "", "RSA_1024", "rsa_2048"} {
		_, e1 := New(name)
		_, e2 := Open(name, nil)
		_, e3 := ParseImported(name, nil)
		_, _, e4 := NewPair(name)
		for _, err := range []error{e1, e2, e3, e4} {
			if !errors.Is(err, ErrSpec) {
				t.Errorf("%q: %v", name, err)
			}
		}
	}
}

// Every signing algorithm with every message type and length, and a flipped bit
// in each signature and message.
func TestSign(t *testing.T) {
	message := []byte("The portcullis is down.")
	for _, name := range every {
		k := open(t, name)
		for _, algorithm := range Algorithms(name, signVerify) {
			size, _ := Digest(algorithm)
			lengths := map[string][]int{raw: {0, 1, len(message), 4096}, digest: {size}, externalMu: nil}
			switch {
			case algorithm == "ED25519_SHA_512":
				lengths[digest] = nil
			case algorithm == "ED25519_PH_SHA_512":
				lengths[raw] = nil
			case algorithm == "ML_DSA_SHAKE_256":
				lengths[digest], lengths[externalMu] = nil, []int{64}
			}
			for _, kind := range []string{raw, digest, externalMu} {
				all := []int{0, 1, 20, 23, 28, 31, 32, 33, 48, 63, 64, 65, 4096}
				if name == "RSA_3072" || name == "RSA_4096" { // as RSA_2048, but slower
					all = []int{1, 32, 48, 64}
				}
				for _, n := range all {
					m := bytes.Repeat([]byte{7}, n)
					signature, err := k.Sign(algorithm, kind, m)
					verr := k.Verify(algorithm, kind, m, signature)
					ok := slices.Contains(lengths[kind], n) || kind == raw && lengths[raw] != nil
					switch {
					case ok && (err != nil || verr != nil):
						t.Errorf("%s %s %s of %d: %v, %v", name, algorithm, kind, n, err, verr)
					case !ok && (!errors.Is(err, ErrMessage) || !errors.Is(verr, ErrMessage)):
						t.Errorf("%s %s %s of %d: %v, %v", name, algorithm, kind, n, err, verr)
					case !ok && lengths[kind] == nil && !errors.Is(err, ErrMessageType):
						t.Errorf("%s %s %s: %v", name, algorithm, kind, err)
					}
				}
				if lengths[kind] != nil {
					flipSignature(t, k, algorithm, kind, bytes.Repeat([]byte{9}, lengths[kind][len(lengths[kind])-1]))
				}
			}
			if _, err := k.Sign(algorithm, "OTHER", message); !errors.Is(err, ErrMessageType) {
				t.Errorf("%s: a message type of nobody's: %v", name, err)
			}
		}
	}
}

func flipSignature(t *testing.T, k *Key, algorithm, kind string, message []byte) {
	t.Helper()
	signature := must[[]byte](t)(k.Sign(algorithm, kind, message))
	flips(signature, func(flipped []byte, at int) {
		if err := k.Verify(algorithm, kind, message, flipped); !errors.Is(err, ErrSignature) {
			t.Errorf("%s %s: byte %d of the signature flipped: %v", algorithm, kind, at, err)
		}
	})
	flips(message, func(flipped []byte, at int) {
		if err := k.Verify(algorithm, kind, flipped, signature); !errors.Is(err, ErrSignature) {
			t.Errorf("%s %s: byte %d of the message flipped: %v", algorithm, kind, at, err)
		}
	})
	for _, bad := range [][]byte{nil, {}, signature[:len(signature)-1], append(bytes.Clone(signature), 0), make([]byte, len(signature))} {
		if err := k.Verify(algorithm, kind, message, bad); !errors.Is(err, ErrSignature) {
			t.Errorf("%s %s: %d bytes of signature: %v", algorithm, kind, len(bad), err)
		}
	}
}

// RAW is DIGEST of the hash, and for ML-DSA EXTERNAL_MU of μ: each verifies as
// the other.
func TestRawIsDigest(t *testing.T) {
	message := []byte("abc")
	d256, d384, d512 := sha256.Sum256(message), sha512.Sum384(message), sha512.Sum512(message)
	for _, name := range every {
		k := open(t, name)
		for _, algorithm := range Algorithms(name, signVerify) {
			size, ok := Digest(algorithm)
			if !ok || algorithm == "ED25519_PH_SHA_512" {
				continue
			}
			d := map[int][]byte{32: d256[:], 48: d384[:], 64: d512[:]}[size]
			if err := k.Verify(algorithm, digest, d, must[[]byte](t)(k.Sign(algorithm, raw, message))); err != nil {
				t.Errorf("%s %s: %v", name, algorithm, err)
			}
			if err := k.Verify(algorithm, "", message, must[[]byte](t)(k.Sign(algorithm, digest, d))); err != nil {
				t.Errorf("%s %s: %v", name, algorithm, err)
			}
		}
	}
}

func TestEncrypt(t *testing.T) {
	for _, name := range []string{"RSA_2048", "RSA_3072", "RSA_4096"} {
		k := open(t, name)
		for _, algorithm := range Algorithms(name, encryptDecrypt) {
			limit := Capacity(name, algorithm)
			for _, n := range []int{0, 1, 32, limit - 1, limit} {
				plaintext := bytes.Repeat([]byte{3}, n)
				ciphertext := must[[]byte](t)(k.Encrypt(algorithm, plaintext))
				if got := must[[]byte](t)(k.Decrypt(algorithm, ciphertext)); !bytes.Equal(got, plaintext) {
					t.Errorf("%s %s: %d bytes come back otherwise", name, algorithm, n)
				}
			}
			for _, n := range []int{limit + 1, 4096} {
				if _, err := k.Encrypt(algorithm, make([]byte, n)); !errors.Is(err, ErrMessage) {
					t.Errorf("%s %s: %d bytes: %v", name, algorithm, n, err)
				}
			}
			if name == "RSA_2048" {
				badCiphertexts(t, k, algorithm)
			}
		}
		for _, algorithm := range []string{"SYMMETRIC_DEFAULT", "RSASSA_PSS_SHA_256", "SM2PKE", ""} {
			if _, err := k.Encrypt(algorithm, nil); !errors.Is(err, ErrAlgorithm) {
				t.Errorf("%q: %v", algorithm, err)
			}
		}
	}
	// 190 bytes is what AWS says of RSA_2048 and RSAES_OAEP_SHA_256.
	if Capacity("RSA_2048", "RSAES_OAEP_SHA_256") != 190 || Capacity("RSA_2048", "RSAES_OAEP_SHA_1") != 214 || Capacity("ECC_NIST_P256", "RSAES_OAEP_SHA_1") != 0 || Capacity("RSA_2048", "") != 0 {
		t.Error("the capacities are not AWS's")
	}
}

func badCiphertexts(t *testing.T, k *Key, algorithm string) {
	t.Helper()
	ciphertext := must[[]byte](t)(k.Encrypt(algorithm, []byte("secret")))
	flips(ciphertext, func(flipped []byte, at int) {
		if _, err := k.Decrypt(algorithm, flipped); !errors.Is(err, ErrCiphertext) {
			t.Errorf("%s: byte %d flipped: %v", algorithm, at, err)
		}
	})
	for _, bad := range [][]byte{nil, {0}, ciphertext[1:], append(bytes.Clone(ciphertext), 0), bytes.Repeat([]byte{255}, len(ciphertext))} {
		if _, err := k.Decrypt(algorithm, bad); !errors.Is(err, ErrCiphertext) {
			t.Errorf("%s: %d bytes: %v", algorithm, len(bad), err)
		}
	}
}

func TestMAC(t *testing.T) {
	for _, name := range []string{"HMAC_224", "HMAC_256", "HMAC_384", "HMAC_512"} {
		k := open(t, name)
		algorithm := "HMAC_SHA_" + strings.TrimPrefix(name, "HMAC_")
		for _, n := range []int{0, 1, 64, 4096} {
			message := bytes.Repeat([]byte{1}, n)
			mac := must[[]byte](t)(k.MAC(algorithm, message))
			if err := k.VerifyMAC(algorithm, message, mac); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			flips(mac, func(flipped []byte, at int) {
				if err := k.VerifyMAC(algorithm, message, flipped); !errors.Is(err, ErrMAC) {
					t.Errorf("%s: byte %d flipped: %v", name, at, err)
				}
			})
			for _, bad := range [][]byte{nil, mac[:len(mac)-1], append(bytes.Clone(mac), 0)} {
				if err := k.VerifyMAC(algorithm, message, bad); !errors.Is(err, ErrMAC) {
					t.Errorf("%s: a MAC of %d bytes: %v", name, len(bad), err)
				}
			}
		}
		if _, err := k.MAC("HMAC_SHA_1", nil); !errors.Is(err, ErrAlgorithm) {
			t.Error(err)
		}
	}
}

func TestAgree(t *testing.T) {
	curves := []string{"ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521"}
	others := append(slices.Clone(curves), "ECC_SECG_P256K1", "ECC_NIST_EDWARDS25519", "RSA_2048", "ML_KEM_768")
	for _, name := range curves {
		a, b := open(t, name), open(t, name)
		ab, ba := must[[]byte](t)(a.Agree(b.Public())), must[[]byte](t)(b.Agree(a.Public()))
		if !bytes.Equal(ab, ba) || len(ab) != map[string]int{"ECC_NIST_P256": 32, "ECC_NIST_P384": 48, "ECC_NIST_P521": 66}[name] {
			t.Errorf("%s: %x and %x", name, ab, ba)
		}
		for _, other := range others {
			if other == name {
				continue
			}
			if _, err := a.Agree(open(t, other).Public()); !errors.Is(err, ErrPeer) {
				t.Errorf("%s with %s: %v", name, other, err)
			}
		}
		peer := b.Public()
		for _, bad := range [][]byte{nil, peer[:len(peer)-1], append(bytes.Clone(peer), 0), make([]byte, 9000)} {
			if _, err := a.Agree(bad); !errors.Is(err, ErrPeer) {
				t.Errorf("%s: %v", name, err)
			}
		}
		flips(peer, func(flipped []byte, at int) { // a changed point lies off the curve
			if _, err := a.Agree(flipped); !errors.Is(err, ErrPeer) {
				t.Errorf("%s: byte %d flipped: %v", name, at, err)
			}
		})
	}
}

func TestEncapsulate(t *testing.T) {
	for _, name := range []string{"ML_KEM_512", "ML_KEM_768", "ML_KEM_1024"} {
		k := open(t, name)
		secret, ciphertext, err := k.Encapsulate()
		if err != nil || len(secret) != 32 {
			t.Fatal(err)
		}
		if got := must[[]byte](t)(k.Decapsulate(ciphertext)); !bytes.Equal(got, secret) {
			t.Errorf("%s: another secret", name)
		}
		flips(ciphertext, func(flipped []byte, at int) { // rejected, but implicitly, and the same way each time
			one, two := must[[]byte](t)(k.Decapsulate(flipped)), must[[]byte](t)(k.Decapsulate(flipped))
			if bytes.Equal(one, secret) || !bytes.Equal(one, two) || len(one) != 32 {
				t.Errorf("%s: byte %d flipped: %x", name, at, one)
			}
		})
		for _, bad := range [][]byte{nil, {1}, ciphertext[1:], append(bytes.Clone(ciphertext), 0)} {
			if _, err := k.Decapsulate(bad); !errors.Is(err, ErrCiphertext) {
				t.Errorf("%s: %d bytes: %v", name, len(bad), err)
			}
		}
	}
}

// What a spec is not for answers ErrAlgorithm, whatever the algorithm is.
func TestWrongKind(t *testing.T) {
	names := make([]string, 0, 30)
	for name := range algorithms {
		names = append(names, name)
	}
	names = append(names, "HMAC_SHA_224", "HMAC_SHA_256", "HMAC_SHA_384", "HMAC_SHA_512", "ECDH", "ML_KEM", "SYMMETRIC_DEFAULT", "")
	for _, spec := range every {
		k := open(t, spec)
		message := make([]byte, 64)
		for _, name := range names {
			if !slices.Contains(Algorithms(spec, signVerify), name) {
				_, err := k.Sign(name, raw, message)
				if verr := k.Verify(name, raw, message, message); !errors.Is(err, ErrAlgorithm) || !errors.Is(verr, ErrAlgorithm) {
					t.Errorf("%s: Sign %s: %v, %v", spec, name, err, verr)
				}
			}
			if spec == "SYMMETRIC_DEFAULT" || !slices.Contains(Algorithms(spec, encryptDecrypt), name) {
				_, err := k.Encrypt(name, message)
				if _, derr := k.Decrypt(name, message); !errors.Is(err, ErrAlgorithm) || !errors.Is(derr, ErrAlgorithm) {
					t.Errorf("%s: Encrypt %s: %v, %v", spec, name, err, derr)
				}
			}
			if !slices.Contains(Algorithms(spec, generateVerifyMAC), name) {
				if err := k.VerifyMAC(name, message, message); !errors.Is(err, ErrAlgorithm) {
					t.Errorf("%s: MAC %s: %v", spec, name, err)
				}
			}
		}
		if _, err := k.Agree(message); Algorithms(spec, keyAgreement) == nil && !errors.Is(err, ErrAlgorithm) {
			t.Errorf("%s: Agree: %v", spec, err)
		}
		_, _, err := k.Encapsulate()
		if _, derr := k.Decapsulate(message); Algorithms(spec, encapsulateDecapsulate) == nil && (!errors.Is(err, ErrAlgorithm) || !errors.Is(derr, ErrAlgorithm)) {
			t.Errorf("%s: Encapsulate: %v, %v", spec, err, derr)
		}
	}
}

// exercise uses a key in every way its spec allows.
func exercise(k *Key, name string) error {
	for _, algorithm := range Algorithms(name, signVerify) {
		kind, message := raw, []byte("message")
		if algorithm == "ED25519_PH_SHA_512" {
			kind, message = digest, make([]byte, 64)
		}
		signature, err := k.Sign(algorithm, kind, message)
		if err == nil {
			err = k.Verify(algorithm, kind, message, signature)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", algorithm, err)
		}
	}
	for _, algorithm := range Algorithms(name, encryptDecrypt) {
		if algorithm == "SYMMETRIC_DEFAULT" {
			continue
		}
		ciphertext, err := k.Encrypt(algorithm, []byte("plain"))
		if err != nil {
			return err
		}
		if plaintext, err := k.Decrypt(algorithm, ciphertext); err != nil || string(plaintext) != "plain" {
			return fmt.Errorf("%q: %w", plaintext, err)
		}
	}
	for _, algorithm := range Algorithms(name, generateVerifyMAC) {
		mac, err := k.MAC(algorithm, []byte(name))
		if err != nil {
			return err
		}
		if err := k.VerifyMAC(algorithm, []byte(name), mac); err != nil {
			return err
		}
	}
	if Algorithms(name, keyAgreement) != nil {
		if _, err := k.Agree(k.Public()); err != nil {
			return err
		}
	}
	if Algorithms(name, encapsulateDecapsulate) != nil {
		secret, ciphertext, err := k.Encapsulate()
		if err != nil {
			return err
		}
		if got, err := k.Decapsulate(ciphertext); err != nil || !bytes.Equal(got, secret) {
			return fmt.Errorf("another secret: %w", err)
		}
	}
	return nil
}

// Keys are used by many at once, and wiped under their hands: a call either gives
// a right answer or says that the key is gone.
func TestConcurrent(t *testing.T) {
	for _, name := range every {
		if name == "RSA_3072" || name == "RSA_4096" {
			continue // as RSA_2048, but slower
		}
		k := open(t, name)
		var started, all sync.WaitGroup
		for range 8 {
			started.Add(1)
			all.Go(func() {
				err := exercise(k, name)
				started.Done()
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
				for range 20 {
					if err := exercise(k, name); err != nil {
						if !errors.Is(err, ErrWiped) {
							t.Errorf("%s while it is wiped: %v", name, err)
						}
						return
					}
				}
			})
		}
		started.Wait()
		k.Wipe()
		all.Wait()
		if err := exercise(k, name); name != "SYMMETRIC_DEFAULT" && !errors.Is(err, ErrWiped) {
			t.Errorf("%s after it was wiped: %v", name, err)
		}
		k.Wipe() // again is nothing
	}
}

// What Go lets one clear is cleared.
func TestWipe(t *testing.T) {
	r := open(t, "RSA_2048").key.(rsaKey)
	d, p := r.D.Bits(), r.Primes[0].Bits()
	e := open(t, "ECC_NIST_EDWARDS25519").key.(edwardsKey)
	h := open(t, "HMAC_256").key.(*hmacKey)
	s := open(t, "SYMMETRIC_DEFAULT").key.(symmetricKey)
	c := open(t, "ECC_SECG_P256K1").key.(*koblitzKey)
	for _, k := range []opened{r, e, h, s, c} {
		k.wipe()
	}
	for i := range d {
		if d[i] != 0 {
			t.Fatal("D of an RSA key is left")
		}
	}
	for i := range p {
		if p[i] != 0 {
			t.Fatal("a prime is left")
		}
	}
	if !bytes.Equal(e[:32], make([]byte, 32)) || !bytes.Equal(h.secret, make([]byte, 32)) || !bytes.Equal(s, make([]byte, 32)) || !c.private.Key.IsZero() {
		t.Error("a secret is left")
	}
	// Open copies: the caller may clear what it gave.
	secret := secretOf(t, "HMAC_256")
	k := must[*Key](t)(Open("HMAC_256", secret))
	before := must[[]byte](t)(k.MAC("HMAC_SHA_256", nil))
	clear(secret)
	k.key.(*hmacKey).states = sync.Pool{New: k.key.(*hmacKey).states.New}
	if after := must[[]byte](t)(k.MAC("HMAC_SHA_256", nil)); !bytes.Equal(before, after) {
		t.Error("the key depends on the caller's bytes")
	}
	public := open(t, "ECC_NIST_P256")
	public.Wipe()
	if len(public.Public()) == 0 {
		t.Error("the public key is gone")
	}
}

func TestErrorsBetrayNothing(t *testing.T) {
	_, err := ParseImported("HMAC_256", []byte("short secret"))
	if err == nil || strings.Contains(err.Error(), "short secret") {
		t.Error(err)
	}
}

// vectors are of independent implementations: testdata/README.md.
func vectors(t *testing.T) (v map[string]struct {
	Seed, Public, Expanded, Secret, Rejected, SPKI, Message string
	PKCS8, Ciphertext, Signature                            []byte
}) {
	t.Helper()
	text, err := os.ReadFile("testdata/lattice.json")
	if err == nil {
		err = json.Unmarshal(text, &v)
	}
	if err != nil {
		t.Fatal(err)
	}
	return v
}
