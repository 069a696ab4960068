package material

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"filippo.io/mldsa"
	mldsax509 "filippo.io/mldsa/x509"
	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"
)

func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		panic(err)
	}
	return b
}

// The keys of RFC 4231 are too short or too long for these specs, and so Python
// was asked.
func TestHMACKnown(t *testing.T) {
	// Python: hmac.new(bytes(range(64)), b"Bartizan", name).hexdigest()
	key := make([]byte, 64)
	for i := range key {
		key[i] = byte(i)
	}
	for name, want := range hmacAnswers {
		k := must[*Key](t)(Open("HMAC_"+name, key))
		if got := must[[]byte](t)(k.MAC("HMAC_SHA_"+name, []byte("Bartizan"))); hex.EncodeToString(got) != want {
			t.Errorf("HMAC_%s: %x", name, got)
		}
	}
}

// RFC 8032, section 7.1, tests 1 to 3.
func TestEd25519Known(t *testing.T) {
	for _, c := range []struct{ seed, message, signature string }{
		{"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", "",
			"e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
		{"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb", "72",
			"92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
		{"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7", "af82",
			"6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"},
	} {
		der := must[[]byte](t)(x509.MarshalPKCS8PrivateKey(ed25519.NewKeyFromSeed(unhex(c.seed))))
		k := must[*Key](t)(Open("ECC_NIST_EDWARDS25519", der))
		if got := must[[]byte](t)(k.Sign("ED25519_SHA_512", raw, unhex(c.message))); !bytes.Equal(got, unhex(c.signature)) {
			t.Errorf("%x", got)
		}
	}
}

// AWS hashes the digest of ED25519_PH_SHA_512 once more: the signature is that of
// Ed25519ph with the digest as the message.
func TestEd25519phHashesTwice(t *testing.T) {
	k := open(t, "ECC_NIST_EDWARDS25519")
	once := sha512.Sum512([]byte("message"))
	twice := sha512.Sum512(once[:])
	signature := must[[]byte](t)(k.Sign("ED25519_PH_SHA_512", digest, once[:]))
	public, err := x509.ParsePKIXPublicKey(k.Public())
	if err != nil {
		t.Fatal(err)
	}
	ph := &ed25519.Options{Hash: crypto.SHA512}
	if err := ed25519.VerifyWithOptions(public.(ed25519.PublicKey), twice[:], signature, ph); err != nil {
		t.Error(err)
	}
	if ed25519.VerifyWithOptions(public.(ed25519.PublicKey), once[:], signature, ph) == nil {
		t.Error("the digest is hashed once only")
	}
}

// RFC 6979, appendix A.2.5: the key and its signature of "sample" with SHA-256.
func TestECDSAKnown(t *testing.T) {
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), unhex("C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721"))
	if err != nil {
		t.Fatal(err)
	}
	k := must[*Key](t)(Open("ECC_NIST_P256", must[[]byte](t)(x509.MarshalPKCS8PrivateKey(key))))
	signature := ecdsaDER("EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716", "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8")
	if err := k.Verify("ECDSA_SHA_256", raw, []byte("sample"), signature); err != nil {
		t.Error(err)
	}
	if err := k.Verify("ECDSA_SHA_256", raw, []byte("test"), signature); !errors.Is(err, ErrSignature) {
		t.Error(err)
	}
	zero := ecdsaDER("00", "00")
	if err := k.Verify("ECDSA_SHA_256", raw, []byte("sample"), zero); !errors.Is(err, ErrSignature) {
		t.Error("R and S of 0 are taken:", err)
	}
}

func ecdsaDER(r, s string) []byte {
	var b cryptobyte.Builder
	b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for _, v := range []string{r, s} {
			b.AddASN1(casn1.INTEGER, func(b *cryptobyte.Builder) {
				v := unhex(v)
				if v[0]&0x80 != 0 {
					b.AddUint8(0)
				}
				b.AddBytes(v)
			})
		}
	})
	return b.BytesOrPanic()
}

// A known RFC 6979 answer of secp256k1: key 1, message "Satoshi Nakamoto". The
// other value of S verifies too, as in AWS.
func TestSecp256k1Known(t *testing.T) {
	one := append(make([]byte, 31), 1)
	point := unhex("0479be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8")
	k := must[*Key](t)(Open("ECC_SECG_P256K1", marshalEC(oidSecp256k1, one, point)))
	r := "934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d8"
	want := ecdsaDER(r, "2442ce9d2b916064108014783e923ec36b49743e2ffa1c4496f01a512aafd9e5")
	if got := must[[]byte](t)(k.Sign("ECDSA_SHA_256", raw, []byte("Satoshi Nakamoto"))); !bytes.Equal(got, want) {
		t.Errorf("%x", got)
	}
	high := ecdsaDER(r, "dbbd3162d46e9f9bef7feb87c16dc13b4f6568a87f4e83f728e2443ba586675c")
	if err := k.Verify("ECDSA_SHA_256", raw, []byte("Satoshi Nakamoto"), high); err != nil {
		t.Error("the higher S does not verify")
	}
}

func hashHex(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// Keys, encodings, signatures and ciphertexts of NIST and of other programs.
func TestLatticeKnown(t *testing.T) {
	for name, v := range vectors(t) {
		seed := unhex(v.Seed)
		k := must[*Key](t)(Open(name, seed))
		raw64 := k.Public()
		var body, bits cryptobyte.String
		in := cryptobyte.String(raw64)
		if !in.ReadASN1(&body, casn1.SEQUENCE) || !body.SkipASN1(casn1.SEQUENCE) || !body.ReadASN1(&bits, casn1.BIT_STRING) {
			t.Fatal(name, "is no SubjectPublicKeyInfo")
		}
		if hashHex(bits[1:]) != v.Public {
			t.Errorf("%s: another public key than NIST's", name)
		}
		if v.SPKI != "" && hashHex(raw64) != v.SPKI {
			t.Errorf("%s: another SubjectPublicKeyInfo than OpenSSL's", name)
		}
		if v.PKCS8 != nil {
			if got := must[[]byte](t)(ParseImported(name, v.PKCS8)); !bytes.Equal(got, seed) {
				t.Errorf("%s: OpenSSL's PKCS#8 gives another seed", name)
			}
			if got := marshalSeed(oidOf(name), seed); !bytes.Equal(got, v.PKCS8) {
				t.Errorf("%s: another PKCS#8 than OpenSSL's", name)
			}
		}
		if v.Ciphertext != nil {
			if got := must[[]byte](t)(k.Decapsulate(v.Ciphertext)); hex.EncodeToString(got) != v.Secret {
				t.Errorf("%s: another shared secret", name)
			}
			v.Ciphertext[0] ^= 1
			if got := must[[]byte](t)(k.Decapsulate(v.Ciphertext)); hex.EncodeToString(got) != v.Rejected {
				t.Errorf("%s: another implicit rejection", name)
			}
		}
		if v.Signature != nil {
			message := unhex(v.Message)
			mu := muOf(bits[1:], message)
			if err := k.Verify("ML_DSA_SHAKE_256", raw, message, v.Signature); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if err := k.Verify("ML_DSA_SHAKE_256", externalMu, mu, v.Signature); err != nil {
				t.Errorf("%s: by μ: %v", name, err)
			}
			if err := k.Verify("ML_DSA_SHAKE_256", raw, message, must[[]byte](t)(k.Sign("ML_DSA_SHAKE_256", externalMu, mu))); err != nil {
				t.Errorf("%s: signed by μ: %v", name, err)
			}
		}
	}
}

// muOf is μ of a message and an empty context: FIPS 204, algorithms 2 and 7.
func muOf(public, message []byte) []byte {
	tr := sha3.SumSHAKE256(public, 64)
	return sha3.SumSHAKE256(append(append(tr, 0, 0), message...), 64)
}

func oidOf(name string) (oid []int) {
	return map[string][]int{"ML_DSA_44": oidMLDSA44, "ML_DSA_65": oidMLDSA65, "ML_DSA_87": oidMLDSA87,
		"ML_KEM_512": oidMLKEM512, "ML_KEM_768": oidMLKEM768, "ML_KEM_1024": oidMLKEM1024}[name]
}

// The encodings are those of the ML-DSA library's own X.509 package.
func TestMLDSAEncodings(t *testing.T) {
	for name, params := range map[string]mldsa.Parameters{"ML_DSA_44": mldsa.MLDSA44(), "ML_DSA_65": mldsa.MLDSA65(), "ML_DSA_87": mldsa.MLDSA87()} {
		key, err := mldsa.GenerateKey(params)
		if err != nil {
			t.Fatal(err)
		}
		private := must[[]byte](t)(mldsax509.MarshalPKCS8PrivateKey(key))
		seed := must[[]byte](t)(ParseImported(name, private))
		k := must[*Key](t)(Open(name, seed))
		if public := must[[]byte](t)(mldsax509.MarshalPKIXPublicKey(key.PublicKey())); !bytes.Equal(k.Public(), public) {
			t.Errorf("%s: another SubjectPublicKeyInfo", name)
		}
		if !bytes.Equal(marshalSeed(oidOf(name), seed), private) {
			t.Errorf("%s: another PKCS#8", name)
		}
	}
}

// Our verification of μ and the library's of messages say the same of signatures
// that were changed everywhere, the hints at the end above all.
func TestMuVerifiesAsTheLibrary(t *testing.T) {
	dice := rand.New(rand.NewPCG(1, 2))
	for name, set := range map[string]*lattice{"ML_DSA_44": &lattice44, "ML_DSA_65": &lattice65, "ML_DSA_87": &lattice87} {
		k := open(t, name)
		public := k.key.(*mldsaKey).verifier.Bytes()
		accepted := 0
		for round := range 60 {
			message := []byte{byte(round)}
			mu := muOf(public, message)
			signature := must[[]byte](t)(k.Sign("ML_DSA_SHAKE_256", raw, message))
			at := -1
			switch round % 4 {
			case 1: // anywhere
				at = dice.IntN(len(signature))
			case 2, 3: // among the hints
				at = len(signature) - 1 - dice.IntN(set.omega+set.k)
			}
			if at >= 0 {
				signature[at] += byte(1 + dice.IntN(255))
			}
			want := k.Verify("ML_DSA_SHAKE_256", raw, message, signature) == nil
			got := k.Verify("ML_DSA_SHAKE_256", externalMu, mu, signature) == nil
			if got != want || want != (at < 0) {
				t.Errorf("%s: byte %d changed: %v by μ, %v by the library", name, at, got, want)
			}
			if got {
				accepted++
			}
		}
		if accepted != 15 {
			t.Errorf("%s: %d accepted", name, accepted)
		}
	}
}

// RFC 5649, section 6, both examples.
func TestKeyWrapKnown(t *testing.T) {
	kek := unhex("5840df6e29b02af1 ab493b705bf16ea1 ae8338f4dcc176a8")
	for plain, wrapped := range map[string]string{
		"c37b7e6492584340 bed1220780894115 5068f738": "138bdeaa9b8fa7fc 61f97742e72248ee 5ae6ae5360d1ae6a 5f54f373fa543b6a",
		"466f7250617369": "afbeb0f07dfbf541 9200f2ccb50bb24f",
	} {
		block := blockOf(kek)
		got, err := unwrapAES(block, unhex(wrapped))
		if err != nil || !bytes.Equal(got, unhex(plain)) {
			t.Errorf("%x, %v", got, err)
		}
		if again := wrapAES(block, unhex(plain)); !bytes.Equal(again, unhex(wrapped)) {
			t.Errorf("the test's own wrapping: %x", again)
		}
	}
}

var hmacAnswers = map[string]string{
	"224": "9230807a5c32f54fbdee6aff4fa93ef4edf7d246eca6b3a270f6fa93",
	"256": "c1eeb3eaad94191639fbded271a03e42870fc0e3985fbb3e87593daa08b159b5",
	"384": "c5a13ef3beab97e6cd3f9b0ea7bdc8bf945a4f6327a2e6a8aa4243c576288dde327653035620d7ffb96fbe9203e5e7fa",
	"512": "d2deb9d555c35091ed1461a3c20a5f9e324a38e3a44e011dfd191cdc5c6d533e1cdd24145d13fc97a5c4f026d281ae871cf6ab71cdbc5dc24e22700ad61a626c",
}
