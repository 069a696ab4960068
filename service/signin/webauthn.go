package signin

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/fxamacker/cbor/v2"
)

// Web Authentication Level 3, as far as a second factor needs it: registration
// without attestation (or with self attestation) and assertions. A library
// would bring TPM, Android and Apple attestation and a JWT package along; what
// is left without them is this file and cose.go.
// https://www.w3.org/TR/webauthn-3/

// errPasskey wraps everything that is wrong with what an authenticator said.
var errPasskey = errors.New("signin: the passkey's answer is not valid")

func refuse(why string) error { return fmt.Errorf("%w: %s", errPasskey, why) }

// base64URL is bytes as WebAuthn's JSON has them.
type base64URL []byte

func (b base64URL) MarshalText() ([]byte, error) {
	return base64.RawURLEncoding.AppendEncode(nil, b), nil
}

func (b *base64URL) UnmarshalText(text []byte) (err error) {
	*b, err = base64.RawURLEncoding.Strict().DecodeString(string(text))
	return err
}

// attestation is RegistrationResponseJSON, the answer to a registration. What
// is not used is declared, so that read knows it.
type attestation struct {
	ID       base64URL `json:"id"`
	RawID    base64URL `json:"rawId"`
	Type     string    `json:"type"`
	Response struct {
		ClientData base64URL       `json:"clientDataJSON"`
		Object     base64URL       `json:"attestationObject"`
		Data       base64URL       `json:"authenticatorData"`  // again, decoded: of no use
		PublicKey  base64URL       `json:"publicKey"`          // again
		Algorithm  json.RawMessage `json:"publicKeyAlgorithm"` // again
		Transports []string        `json:"transports"`
	} `json:"response"`
	Attachment string          `json:"authenticatorAttachment"`
	Extensions json.RawMessage `json:"clientExtensionResults"`
}

// assertion is AuthenticationResponseJSON, the answer to a sign-in.
type assertion struct {
	ID       base64URL `json:"id"`
	RawID    base64URL `json:"rawId"`
	Type     string    `json:"type"`
	Response struct {
		ClientData base64URL `json:"clientDataJSON"`
		Data       base64URL `json:"authenticatorData"`
		Signature  base64URL `json:"signature"`
		UserHandle base64URL `json:"userHandle"`
	} `json:"response"`
	Attachment string          `json:"authenticatorAttachment"`
	Extensions json.RawMessage `json:"clientExtensionResults"`
}

// party is us, as a browser sees us, and what we asked.
type party struct {
	id        string   // domain
	origins   []string // scheme, host and port
	challenge string   // base64url
}

// checkClient checks what the browser says it was asked, and where (7.1 steps 7
// to 11, 7.2 steps 11 to 15).
func (p *party) checkClient(doc []byte, kind string) error {
	var c struct {
		Type      string `json:"type"`
		Challenge string `json:"challenge"`
		Origin    string `json:"origin"`
		Cross     bool   `json:"crossOrigin"`
		Top       string `json:"topOrigin"`
	}
	if err := json.Unmarshal(doc, &c); err != nil {
		return refuse("client data is no JSON")
	}
	switch {
	case c.Type != kind:
		return refuse("it answers another question")
	case p.challenge == "" || subtle.ConstantTimeCompare([]byte(c.Challenge), []byte(p.challenge)) != 1:
		return refuse("it answers another challenge")
	case !slices.Contains(p.origins, c.Origin):
		return refuse("it was made at another origin")
	case c.Cross || c.Top != "":
		return refuse("it was made in a frame of another origin")
	}
	return nil
}

// Flags of authenticator data (6.1).
const (
	flagPresent    = 1 << 0
	flagCredential = 1 << 6
	flagExtensions = 1 << 7
)

// authData is authenticator data.
type authData struct {
	flags byte
	count uint32
	id    []byte // credential id, of a registration
	key   []byte // its COSE_Key
}

// maxCredentialID is the bound of 7.1 step 25, in bytes.
const maxCredentialID = 1023

// parseAuthData reads authenticator data and checks whom it is for (6.1, 6.5.1).
func (p *party) parseAuthData(b []byte) (*authData, error) {
	if len(b) < 37 {
		return nil, refuse("authenticator data is cut off")
	}
	hash := sha256.Sum256([]byte(p.id))
	if subtle.ConstantTimeCompare(b[:32], hash[:]) != 1 {
		return nil, refuse("it was made for another domain")
	}
	a := &authData{flags: b[32], count: binary.BigEndian.Uint32(b[33:])}
	if a.flags&flagPresent == 0 {
		return nil, refuse("nobody was present")
	}
	b = b[37:]
	if a.flags&flagCredential != 0 {
		if len(b) < 18 {
			return nil, refuse("the credential is cut off")
		}
		n := int(binary.BigEndian.Uint16(b[16:]))
		if b = b[18:]; n == 0 || n > maxCredentialID || n > len(b) {
			return nil, refuse("the credential's id is cut off")
		}
		a.id, b = b[:n], b[n:]
		var raw cbor.RawMessage
		rest, err := decoding.UnmarshalFirst(b, &raw)
		if err != nil {
			return nil, refuse("the credential's key is no CBOR")
		}
		a.key, b = raw, rest
	}
	if a.flags&flagExtensions != 0 {
		var raw cbor.RawMessage
		rest, err := decoding.UnmarshalFirst(b, &raw)
		if err != nil {
			return nil, refuse("the extensions are no CBOR")
		}
		b = rest
	}
	if len(b) > 0 {
		return nil, refuse("something follows the authenticator data")
	}
	return a, nil
}

// decoding is CBOR in the one form that CTAP2 allows, bounded.
// https://fidoalliance.org/specs/fido-v2.1-ps-20210615/fido-client-to-authenticator-protocol-v2.1-ps-errata-20220621.html#ctap2-canonical-cbor-encoding-form
var decoding = mustDecoding()

func mustDecoding() cbor.DecMode {
	m, err := cbor.DecOptions{
		DupMapKey: cbor.DupMapKeyEnforcedAPF, IndefLength: cbor.IndefLengthForbidden, TagsMd: cbor.TagsForbidden,
		MaxNestedLevels: 4, MaxArrayElements: 64, MaxMapPairs: 64,
	}.DecMode()
	if err != nil {
		panic(err) // the options are constants
	}
	return m
}

// register checks the answer to a registration and returns the passkey (7.1).
func (p *party) register(in *attestation) (*Passkey, error) {
	if in.Type != "public-key" {
		return nil, refuse("it is no public key")
	}
	if err := p.checkClient(in.Response.ClientData, "webauthn.create"); err != nil {
		return nil, err
	}
	var object struct {
		Format    string          `cbor:"fmt"`
		Statement cbor.RawMessage `cbor:"attStmt"`
		Data      []byte          `cbor:"authData"`
	}
	if err := decoding.Unmarshal(in.Response.Object, &object); err != nil {
		return nil, refuse("the attestation object is no CBOR")
	}
	a, err := p.parseAuthData(object.Data)
	if err != nil {
		return nil, err
	}
	if a.id == nil || !slices.Equal(a.id, in.RawID) || !slices.Equal(a.id, in.ID) {
		return nil, refuse("the credential is missing or another one")
	}
	key, err := parseCOSE(a.key)
	if err != nil {
		return nil, err
	}
	switch object.Format {
	case "none":
		if len(object.Statement) != 1 || object.Statement[0] != 0xa0 { // an empty map
			return nil, refuse("there is a statement without attestation")
		}
	case "packed":
		if err := selfAttested(key, object.Statement, object.Data, in.Response.ClientData); err != nil {
			return nil, err
		}
	default:
		return nil, refuse("an attestation was sent that was not asked for")
	}
	return &Passkey{ID: slices.Clone(a.id), Key: slices.Clone(a.key), Count: a.count}, nil
}

// selfAttested checks a packed attestation without certificates: the key signs
// for itself (8.2).
func selfAttested(key *coseKey, statement, data, client []byte) error {
	var st struct {
		Algorithm int64           `cbor:"alg"`
		Signature []byte          `cbor:"sig"`
		Chain     cbor.RawMessage `cbor:"x5c"`
	}
	if err := decoding.Unmarshal(statement, &st); err != nil {
		return refuse("the attestation statement is no CBOR")
	}
	if st.Chain != nil || st.Algorithm != key.algorithm || !key.verify(signedData(data, client), st.Signature) {
		return refuse("the attestation was not asked for, or is not signed by the key")
	}
	return nil
}

// signedData is what authenticators sign.
func signedData(data, client []byte) []byte {
	hash := sha256.Sum256(client)
	return append(slices.Clone(data), hash[:]...)
}

// assert checks the answer to a sign-in with one of a user's passkeys and
// returns which one, and its new counter (7.2).
func (p *party) assert(keys []Passkey, in *assertion) (*Passkey, uint32, error) {
	if in.Type != "public-key" {
		return nil, 0, refuse("it is no public key")
	}
	i := slices.IndexFunc(keys, func(k Passkey) bool { return slices.Equal(k.ID, in.RawID) })
	if i < 0 || !slices.Equal(in.ID, in.RawID) {
		return nil, 0, refuse("the passkey is not the user's")
	}
	if err := p.checkClient(in.Response.ClientData, "webauthn.get"); err != nil {
		return nil, 0, err
	}
	a, err := p.parseAuthData(in.Response.Data)
	if err != nil {
		return nil, 0, err
	}
	key, err := parseCOSE(keys[i].Key)
	if err != nil {
		return nil, 0, err
	}
	if !key.verify(signedData(in.Response.Data, in.Response.ClientData), in.Response.Signature) {
		return nil, 0, refuse("the signature is wrong")
	}
	if (a.count != 0 || keys[i].Count != 0) && a.count <= keys[i].Count {
		return nil, 0, refuse("the counter went back: there are two of this authenticator")
	}
	return &keys[i], a.count, nil
}
