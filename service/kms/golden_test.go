package kms

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"io/fs"
	"os"
	"slices"
	"testing"

	api "bartizan.dev/api/kms"
	"bartizan.dev/service/kms/material"
)

var update = flag.Bool("update", false, "add what is missing to testdata/golden.json")

const goldenFile = "testdata/golden.json"

// golden is what a material has made once. What is in the file must open and
// verify for ever; lines are added to it, never changed.
type golden struct {
	Name      string            `json:"name"` // spec and algorithm
	Spec      string            `json:"spec"`
	Algorithm string            `json:"algorithm"`
	Material  []byte            `json:"material"` // in the clear: it protects nothing
	Message   []byte            `json:"message"`  // plaintext, message, or shared secret
	Made      []byte            `json:"made"`     // ciphertext, signature, MAC, or the peer's public key
	Key       string            `json:"key,omitempty"`
	Context   map[string]string `json:"context,omitempty"`
}

// TestGolden: what was encrypted, signed or wrapped by any version since the
// file was begun is opened and verified by this one.
func TestGolden(t *testing.T) {
	var list []golden
	text, err := os.ReadFile(goldenFile)
	if err == nil {
		err = json.Unmarshal(text, &list)
	}
	if err != nil && (!errors.Is(err, fs.ErrNotExist) || !*update) {
		t.Fatal(err)
	}
	if *update {
		list = extendGolden(t, list)
	}
	for _, want := range goldenNames() {
		if !slices.ContainsFunc(list, func(g golden) bool { return g.Name == want }) {
			t.Errorf("%s is not in %s: go test ./service/kms -update", want, goldenFile)
		}
	}
	for _, g := range list {
		if err := g.check(t); err != nil {
			t.Errorf("%s: %v", g.Name, err)
		}
	}
}

// keySpecs are the specs of the model but SM2, which is China's.
var keySpecs = []string{
	"SYMMETRIC_DEFAULT", "RSA_2048", "RSA_3072", "RSA_4096", "ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521", "ECC_SECG_P256K1", "ECC_NIST_EDWARDS25519",
	"HMAC_224", "HMAC_256", "HMAC_384", "HMAC_512", "ML_DSA_44", "ML_DSA_65", "ML_DSA_87", "ML_KEM_512", "ML_KEM_768", "ML_KEM_1024",
}

func goldenNames() (names []string) {
	names = []string{"wrapped material", "SYMMETRIC_DEFAULT", "SYMMETRIC_DEFAULT multi-Region"}
	for _, spec := range keySpecs {
		for _, usage := range material.Usages(spec) {
			for _, a := range material.Algorithms(spec, usage) {
				if spec != "SYMMETRIC_DEFAULT" {
					names = append(names, spec+" "+a)
				}
			}
		}
	}
	return names
}

func (g *golden) key() *key {
	return &key{Account: account, Region: region, ID: g.Key, MultiRegion: g.Key[:4] == multiPrefix, Spec: api.KeySpec(g.Spec)}
}

// wrapper is the domain keys of a service that has one for the Region.
func (g *golden) wrapper(t *testing.T) *domains {
	block, err := aes.NewCipher(g.Material)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		t.Fatal(err)
	}
	return &domains{open: map[string]cipher.AEAD{region: aead}}
}

func (g *golden) symmetric(t *testing.T) (*cipherMaterial, *encryptionContext) {
	id, err := materialID(g.Key, g.Material)
	if err != nil {
		t.Fatal(err)
	}
	c, err := newCipherMaterial(g.key(), &keyMaterial{ID: id}, g.Material)
	if err != nil {
		t.Fatal(err)
	}
	ec, err := newContext(g.Context)
	if err != nil {
		t.Fatal(err)
	}
	return c, &ec
}

// check opens or verifies what was made.
func (g *golden) check(t *testing.T) error {
	var got []byte
	var err error
	switch {
	case g.Name == "wrapped material":
		got, err = g.wrapper(t).unwrap(t.Context(), region, materialName(g.key().path(), "0001"), g.Made)
	case g.Spec == "SYMMETRIC_DEFAULT":
		c, ec := g.symmetric(t)
		if b, ok := parseBlob(g.Made); !ok || b.keyID() != g.Key || b.accountID() != account {
			return errors.New("the header does not say whose it is")
		}
		got, err = c.open(g.Made, ec)
	default:
		return g.checkOther()
	}
	if err == nil && string(got) != string(g.Message) {
		err = errors.New("it opens as something else")
	}
	return err
}

func (g *golden) checkOther() error {
	k, err := material.Open(g.Spec, g.Material)
	if err != nil {
		return err
	}
	var got []byte
	switch kindOf(g.Spec, g.Algorithm) {
	case api.KeyUsageType_SIGN_VERIFY:
		return k.Verify(g.Algorithm, messageType(g.Algorithm), g.Message, g.Made)
	case api.KeyUsageType_GENERATE_VERIFY_MAC:
		return k.VerifyMAC(g.Algorithm, g.Message, g.Made)
	case api.KeyUsageType_ENCRYPT_DECRYPT:
		got, err = k.Decrypt(g.Algorithm, g.Made)
	case api.KeyUsageType_KEY_AGREEMENT:
		got, err = k.Agree(g.Made)
	case api.KeyUsageType_ENCAPSULATE_DECAPSULATE:
		got, err = k.Decapsulate(g.Made)
	}
	if err == nil && string(got) != string(g.Message) {
		err = errors.New("it opens as something else")
	}
	return err
}

func messageType(algorithm string) string {
	if size, ok := material.Digest(algorithm); ok && size > 0 && algorithm == "ED25519_PH_SHA_512" {
		return "DIGEST"
	}
	return "RAW"
}

func kindOf(spec, algorithm string) api.KeyUsageType {
	for _, usage := range material.Usages(spec) {
		if slices.Contains(material.Algorithms(spec, usage), algorithm) {
			return api.KeyUsageType(usage)
		}
	}
	return ""
}

// extendGolden makes what is missing and writes the file.
func extendGolden(t *testing.T, list []golden) []golden {
	for _, name := range goldenNames() {
		if slices.ContainsFunc(list, func(g golden) bool { return g.Name == name }) {
			continue
		}
		g := golden{Name: name, Message: []byte("made by an earlier version")}
		if err := g.make(t); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		list = append(list, g)
	}
	text, err := json.MarshalIndent(list, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll("testdata", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(goldenFile, append(text, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
	return list
}

func (g *golden) make(t *testing.T) (err error) {
	switch g.Name {
	case "wrapped material":
		g.Spec, g.Key, g.Material = "SYMMETRIC_DEFAULT", newKeyID(false), make([]byte, domainSize)
		rand.Read(g.Material)
		g.Made, err = g.wrapper(t).wrap(t.Context(), region, materialName(g.key().path(), "0001"), g.Message)
		return err
	case "SYMMETRIC_DEFAULT", "SYMMETRIC_DEFAULT multi-Region":
		g.Spec, g.Algorithm, g.Key = "SYMMETRIC_DEFAULT", "SYMMETRIC_DEFAULT", newKeyID(g.Name != "SYMMETRIC_DEFAULT")
		g.Context = map[string]string{"purpose": "golden", "Purpose": "case", "": "empty", "ä": "ö"}
		if g.Material, err = material.New(g.Spec); err != nil {
			return err
		}
		c, ec := g.symmetric(t)
		g.Made, err = c.seal(g.Message, ec)
		return err
	}
	return g.makeOther()
}

func (g *golden) makeOther() (err error) {
	i := slices.Index([]byte(g.Name), ' ')
	g.Spec, g.Algorithm = g.Name[:i], g.Name[i+1:]
	if g.Material, err = material.New(g.Spec); err != nil {
		return err
	}
	k, err := material.Open(g.Spec, g.Material)
	if err != nil {
		return err
	}
	switch kindOf(g.Spec, g.Algorithm) {
	case api.KeyUsageType_SIGN_VERIFY:
		if messageType(g.Algorithm) == "DIGEST" {
			g.Message = make([]byte, 64)
			rand.Read(g.Message)
		}
		g.Made, err = k.Sign(g.Algorithm, messageType(g.Algorithm), g.Message)
	case api.KeyUsageType_GENERATE_VERIFY_MAC:
		g.Made, err = k.MAC(g.Algorithm, g.Message)
	case api.KeyUsageType_ENCRYPT_DECRYPT:
		g.Made, err = k.Encrypt(g.Algorithm, g.Message)
	case api.KeyUsageType_ENCAPSULATE_DECAPSULATE:
		g.Message, g.Made, err = k.Encapsulate()
	case api.KeyUsageType_KEY_AGREEMENT:
		peer, err := material.New(g.Spec)
		if err != nil {
			return err
		}
		other, err := material.Open(g.Spec, peer)
		if err != nil {
			return err
		}
		g.Made = other.Public()
		g.Message, err = k.Agree(g.Made)
		return err
	}
	return err
}
