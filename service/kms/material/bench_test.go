package material

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/mlkem"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"testing"

	"filippo.io/mldsa"
	"github.com/cloudflare/circl/kem/mlkem/mlkem512"
	secpecdsa "github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
)

// Each benchmark has the bare primitive beside ours: ours may cost half as much
// again.

var message = make([]byte, 32)

func run(b *testing.B, name string, f func() error) {
	b.Run(name, func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := f(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkSign(b *testing.B) {
	for _, name := range every {
		for _, algorithm := range Algorithms(name, signVerify) {
			if algorithm != "RSASSA_PSS_SHA_256" && len(algorithm) > 6 && algorithm[:6] == "RSASSA" || algorithm == "ED25519_PH_SHA_512" {
				continue
			}
			k := open(b, name)
			run(b, name+"/ours", func() error { _, err := k.Sign(algorithm, raw, message); return err })
			run(b, name+"/bare", bareSign(k.key))
		}
	}
}

func bareSign(key opened) func() error {
	h := sha256.Sum256(message)
	switch k := key.(type) {
	case rsaKey:
		return func() error {
			_, err := rsa.SignPSS(rand.Reader, k.PrivateKey, crypto.SHA256, h[:], pss[crypto.SHA256])
			return err
		}
	case *nistKey:
		size := min(64, (k.Params().BitSize+7)/8)
		d := make([]byte, size)
		return func() error { _, err := ecdsa.SignASN1(rand.Reader, k.PrivateKey, d); return err }
	case *koblitzKey:
		return func() error { secpecdsa.Sign(k.private, h[:]).Serialize(); return nil }
	case edwardsKey:
		return func() error { ed25519.Sign(ed25519.PrivateKey(k), message); return nil }
	case *mldsaKey:
		return func() error { _, err := k.private.Sign(nil, message, crypto.Hash(0)); return err }
	}
	panic("no signer")
}

func BenchmarkVerify(b *testing.B) {
	k := open(b, "ECC_NIST_P256")
	signature := must[[]byte](b)(k.Sign("ECDSA_SHA_256", raw, message))
	run(b, "P256/ours", func() error { return k.Verify("ECDSA_SHA_256", raw, message, signature) })
	h := sha256.Sum256(message)
	public := &k.key.(*nistKey).PublicKey
	run(b, "P256/bare", func() error {
		if !ecdsa.VerifyASN1(public, h[:], signature) {
			return ErrSignature
		}
		return nil
	})
	for _, name := range []string{"ML_DSA_44", "ML_DSA_65", "ML_DSA_87"} { // by μ; bare is the library, by the message
		k := open(b, name)
		mu := make([]byte, 64)
		byMu := must[[]byte](b)(k.Sign("ML_DSA_SHAKE_256", externalMu, mu))
		byMessage := must[[]byte](b)(k.Sign("ML_DSA_SHAKE_256", raw, message))
		run(b, name+"/mu/ours", func() error { return k.Verify("ML_DSA_SHAKE_256", externalMu, mu, byMu) })
		run(b, name+"/mu/bare", func() error { return mldsa.Verify(k.key.(*mldsaKey).verifier, message, byMessage, nil) })
	}
}

func BenchmarkMAC(b *testing.B) {
	for name, size := range map[string]int{"32B": 32, "4KB": 4096} {
		m := make([]byte, size)
		k := open(b, "HMAC_256")
		secret := k.key.(*hmacKey).secret
		run(b, "256/"+name+"/ours", func() error { _, err := k.MAC("HMAC_SHA_256", m); return err })
		run(b, "256/"+name+"/bare", func() error { h := hmac.New(sha256.New, secret); h.Write(m); h.Sum(nil); return nil })
		k512 := open(b, "HMAC_512")
		secret512 := k512.key.(*hmacKey).secret
		run(b, "512/"+name+"/ours", func() error { _, err := k512.MAC("HMAC_SHA_512", m); return err })
		run(b, "512/"+name+"/bare", func() error { h := hmac.New(sha512.New, secret512); h.Write(m); h.Sum(nil); return nil })
	}
}

func BenchmarkAgree(b *testing.B) {
	k, other := open(b, "ECC_NIST_P256"), open(b, "ECC_NIST_P256")
	peer := other.Public()
	run(b, "P256/ours", func() error { _, err := k.Agree(peer); return err })
	public := other.key.(*nistKey).agreement.PublicKey()
	run(b, "P256/bare", func() error { _, err := k.key.(*nistKey).agreement.ECDH(public); return err })
}

func BenchmarkDecapsulate(b *testing.B) {
	for _, name := range []string{"ML_KEM_512", "ML_KEM_768", "ML_KEM_1024"} {
		seed := secretOf(b, name)
		k := must[*Key](b)(Open(name, seed))
		_, ciphertext, err := k.Encapsulate()
		if err != nil {
			b.Fatal(err)
		}
		run(b, name+"/ours", func() error { _, err := k.Decapsulate(ciphertext); return err })
		run(b, name+"/bare", bareDecapsulate(b, name, seed, ciphertext))
	}
}

func bareDecapsulate(b *testing.B, name string, seed, ciphertext []byte) func() error {
	switch name {
	case "ML_KEM_512":
		_, key := mlkem512.NewKeyFromSeed(seed)
		return func() error { secret := make([]byte, 32); key.DecapsulateTo(secret, ciphertext); return nil }
	case "ML_KEM_768":
		key := must[*mlkem.DecapsulationKey768](b)(mlkem.NewDecapsulationKey768(seed))
		return func() error { _, err := key.Decapsulate(ciphertext); return err }
	}
	key := must[*mlkem.DecapsulationKey1024](b)(mlkem.NewDecapsulationKey1024(seed))
	return func() error { _, err := key.Decapsulate(ciphertext); return err }
}

func BenchmarkOpen(b *testing.B) {
	for _, name := range every {
		secret := secretOf(b, name)
		run(b, name, func() error { _, err := Open(name, secret); return err })
	}
}
