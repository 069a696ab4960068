package material

import (
	"bytes"
	"errors"
	"testing"
)

// What is taken as material must be whole: it opens, and its own output is taken
// again and stays the same.
func FuzzParseImported(f *testing.F) {
	for i, name := range every {
		f.Add(byte(i), importable(f, name))
	}
	f.Add(byte(3), ec{oid: oidEC, curve: oidP256, inner: 1, scalar: bytes.Repeat([]byte{1}, 32), innerCurve: oidP256, attributes: true}.der())
	f.Fuzz(func(t *testing.T, which byte, plain []byte) {
		name := every[int(which)%len(every)]
		secret, err := ParseImported(name, plain)
		if err != nil {
			if !errors.Is(err, ErrMaterial) {
				t.Fatal(err)
			}
			return
		}
		k, err := Open(name, secret)
		if err != nil {
			t.Fatal(name, err)
		}
		if len(name) > 3 && name[:3] == "ML_" {
			secret = marshalSeed(oidOf(name), secret)
		}
		again, err := ParseImported(name, secret)
		if err != nil {
			t.Fatal(name, err)
		}
		if l, err := Open(name, again); err != nil || !bytes.Equal(l.Public(), k.Public()) {
			t.Fatal(name, "changes when it is read again", err)
		}
	})
}

func FuzzUnwrap(f *testing.F) {
	kek := make([]byte, 32)
	f.Add("RSA_AES_KEY_WRAP_SHA_256", append(oaep(f, "RSA_AES_KEY_WRAP_SHA_256", kek), wrapAES(blockOf(kek), []byte("material"))...))
	f.Add("RSAES_OAEP_SHA_1", oaep(f, "RSAES_OAEP_SHA_1", kek))
	f.Add("RSA_AES_KEY_WRAP_SHA_1", []byte{})
	f.Fuzz(func(t *testing.T, algorithm string, wrapped []byte) {
		material, err := Unwrap(wrapper(), algorithm, wrapped)
		if err != nil && (material != nil || !errors.Is(err, ErrWrapped) && !errors.Is(err, ErrAlgorithm)) {
			t.Fatal(material, err)
		}
		// The AES part alone, which no chance would reach behind RSA: what opens
		// is what its own wrapping gives.
		block := blockOf(kek)
		if plain, err := unwrapAES(block, wrapped); err == nil && !bytes.Equal(wrapAES(block, plain), wrapped) {
			t.Fatalf("%x opens, but is not the wrapping of %x", wrapped, plain)
		}
	})
}

func FuzzAgree(f *testing.F) {
	keys := []*Key{open(f, "ECC_NIST_P256"), open(f, "ECC_NIST_P384"), open(f, "ECC_NIST_P521")}
	for i, k := range keys {
		f.Add(byte(i), k.Public())
	}
	f.Fuzz(func(t *testing.T, which byte, peer []byte) {
		k := keys[int(which)%len(keys)]
		secret, err := k.Agree(peer)
		if err != nil && !errors.Is(err, ErrPeer) {
			t.Fatal(err)
		}
		if err == nil && len(peer) != len(k.Public()) {
			t.Fatalf("%x gives %x", peer, secret)
		}
	})
}

// No signature of another's making verifies, and none panics. By μ and by the
// message, the answers are the same.
func FuzzVerify(f *testing.F) {
	names := []string{"RSA_2048", "ECC_NIST_P256", "ECC_NIST_P521", "ECC_SECG_P256K1", "ECC_NIST_EDWARDS25519", "ML_DSA_44", "ML_DSA_65", "ML_DSA_87"}
	message := make([]byte, 64)
	keys := make([]*Key, len(names))
	for i, name := range names {
		keys[i] = open(f, name)
		a := Algorithms(name, signVerify)[0]
		f.Add(byte(i), must[[]byte](f)(keys[i].Sign(a, raw, []byte("another message"))))
	}
	f.Fuzz(func(t *testing.T, which byte, signature []byte) {
		i := int(which) % len(names)
		for _, algorithm := range Algorithms(names[i], signVerify) {
			kind := map[string]string{"ED25519_PH_SHA_512": digest}[algorithm]
			if err := keys[i].Verify(algorithm, kind, message, signature); !errors.Is(err, ErrSignature) {
				t.Fatalf("%s %s: %v", names[i], algorithm, err)
			}
			if algorithm == "ML_DSA_SHAKE_256" {
				if err := keys[i].Verify(algorithm, externalMu, message, signature); !errors.Is(err, ErrSignature) {
					t.Fatalf("%s by μ: %v", names[i], err)
				}
			}
		}
	})
}

func FuzzDecapsulate(f *testing.F) {
	names := []string{"ML_KEM_512", "ML_KEM_768", "ML_KEM_1024"}
	keys := make([]*Key, len(names))
	sizes := []int{768, 1088, 1568}
	for i, name := range names {
		keys[i] = open(f, name)
		_, ciphertext, err := keys[i].Encapsulate()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(byte(i), ciphertext)
		f.Add(byte(i), ciphertext[1:])
	}
	f.Fuzz(func(t *testing.T, which byte, ciphertext []byte) {
		i := int(which) % len(names)
		secret, err := keys[i].Decapsulate(ciphertext)
		if len(ciphertext) == sizes[i] {
			if err != nil || len(secret) != 32 {
				t.Fatal(secret, err)
			}
		} else if !errors.Is(err, ErrCiphertext) {
			t.Fatal(err)
		}
	})
}
