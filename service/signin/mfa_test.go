package signin_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"bartizan.dev/bartizantest"
)

// totp is the code that a virtual device shows (RFC 6238).
func totp(seed []byte, now time.Time) string {
	h := hmac.New(sha1.New, seed)
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(now.Unix()/30)))
	sum := h.Sum(nil)
	at := sum[19] & 15
	return fmt.Sprintf("%06d", (binary.BigEndian.Uint32(sum[at:])&0x7fffffff)%1_000_000)
}

// newVirtual gives a user a virtual MFA device.
func newVirtual(t testing.TB, s *bartizantest.Server, user string) (serial string, seed []byte) {
	t.Helper()
	body, err := s.Call(s.Root(), "iam", "CreateVirtualMFADevice", url.Values{"VirtualMFADeviceName": {user}})
	if err != nil {
		t.Fatal(err)
	}
	var out struct {
		Result struct {
			Device struct{ SerialNumber, Base32StringSeed string } `xml:"VirtualMFADevice"`
		} `xml:"CreateVirtualMFADeviceResult"`
	}
	if err := xml.Unmarshal(body, &out); err != nil {
		t.Fatal(err)
	}
	d := out.Result.Device
	text := d.Base32StringSeed // a blob: base64 of the seed in base32
	if raw, err := base64.StdEncoding.DecodeString(text); err == nil {
		text = string(raw)
	}
	if seed, err = base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(trimPadding(text)); err != nil {
		t.Fatal(err)
	}
	_, err = s.Call(s.Root(), "iam", "EnableMFADevice", url.Values{
		"UserName": {user}, "SerialNumber": {d.SerialNumber},
		"AuthenticationCode1": {totp(seed, s.Now())}, "AuthenticationCode2": {totp(seed, s.Now().Add(30*time.Second))},
	})
	if err != nil {
		t.Fatal(err)
	}
	return d.SerialNumber, seed
}

func trimPadding(s string) string {
	for len(s) > 0 && s[len(s)-1] == '=' {
		s = s[:len(s)-1]
	}
	return s
}

func TestSecondFactor(t *testing.T) {
	s := bartizantest.New(t)
	u := newUser(t, s, "")
	serial, seed := newVirtual(t, s, u.Name)
	b := newBrowser(t, s)
	s.Advance(2 * time.Minute)
	out := b.want(200, "POST", "/signin/v1/session", login(u.Name, secretPassword))
	if out["state"] != "MFA_REQUIRED" || b.cookie != nil {
		t.Fatalf("sign-in: %v", out)
	}
	step := out["step"]
	b.want(401, "POST", "/signin/v1/session/mfa", fields{"step": step, "serialNumber": serial, "code": "000000"})
	b.want(400, "POST", "/signin/v1/session/mfa", fields{"step": step})
	b.want(400, "POST", "/signin/v1/session/password", fields{"step": step, "oldPassword": "a", "newPassword": "b"})
	code := totp(seed, s.Now())
	if out = b.want(200, "POST", "/signin/v1/session/mfa", fields{"step": step, "serialNumber": serial, "code": code}); out["mfa"] != true {
		t.Errorf("signed in: %v", out)
	}
	other := newBrowser(t, s)
	other.want(401, "POST", "/signin/v1/session/mfa", fields{"step": step, "serialNumber": serial, "code": code}) // spent
	e := events(t, s, "ConsoleLogin")
	if len(e) != 3 || at(e[1], "additionalEventData", "MFAIdentifier") != serial || at(e[1], "additionalEventData", "MFAUsed") != "Yes" ||
		at(e[2], "responseElements", "ConsoleLogin") != "Failure" {
		t.Errorf("events %v", e)
	}
	if e := events(t, s, "CheckMfa"); len(e) != 1 || at(e[0], "additionalEventData", "MfaType") != "Virtual MFA" {
		t.Errorf("CheckMfa %v", e)
	}
	s.Advance(6 * time.Minute)
	other.want(401, "POST", "/signin/v1/session/mfa", fields{"step": step, "serialNumber": serial, "code": totp(seed, s.Now())})
}

// TestCodesCannotBeGuessed: not even by who knows the password.
func TestCodesCannotBeGuessed(t *testing.T) {
	s := bartizantest.New(t)
	u := newUser(t, s, "")
	serial, seed := newVirtual(t, s, u.Name)
	s.Advance(2 * time.Minute)
	b := newBrowser(t, s)
	for range 5 {
		out := b.want(200, "POST", "/signin/v1/session", login(u.Name, secretPassword))
		b.want(401, "POST", "/signin/v1/session/mfa", fields{"step": out["step"], "serialNumber": serial, "code": "000000"})
	}
	b.want(429, "POST", "/signin/v1/session", login(u.Name, secretPassword))
	s.Advance(2 * time.Minute)
	for range 4 { // and signing in rightly is never counted
		out := b.want(200, "POST", "/signin/v1/session", login(u.Name, secretPassword))
		if b.want(200, "POST", "/signin/v1/session/mfa", fields{"step": out["step"], "code": totp(seed, s.Now())}); t.Failed() {
			return
		}
		s.Advance(time.Minute)
	}
}

// authenticator is a security key: one key pair, a counter.
type authenticator struct {
	key    *ecdsa.PrivateKey
	id     []byte
	count  uint32
	origin string
	domain string
}

func newAuthenticator(t testing.TB, s *bartizantest.Server) *authenticator {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	id := make([]byte, 32)
	rand.Read(id)
	return &authenticator{key: key, id: id, origin: s.URL(), domain: u.Hostname()}
}

func (a *authenticator) client(kind, challenge string) []byte {
	doc, err := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": a.origin, "crossOrigin": false})
	if err != nil {
		panic(err)
	}
	return doc
}

func (a *authenticator) data(flags byte) []byte {
	a.count++
	domain := sha256.Sum256([]byte(a.domain))
	return binary.BigEndian.AppendUint32(append(domain[:], flags), a.count)
}

var b64 = base64.RawURLEncoding

// register answers PublicKeyCredentialCreationOptions.
func (a *authenticator) register(challenge string) fields {
	point, err := a.key.PublicKey.Bytes()
	if err != nil {
		panic(err)
	}
	cose, err := cbor.Marshal(map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]})
	if err != nil {
		panic(err)
	}
	data := append(a.data(0x41), make([]byte, 16)...)
	data = append(binary.BigEndian.AppendUint16(data, uint16(len(a.id))), a.id...)
	object, err := cbor.Marshal(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": append(data, cose...)})
	if err != nil {
		panic(err)
	}
	return fields{"id": b64.EncodeToString(a.id), "rawId": b64.EncodeToString(a.id), "type": "public-key", "response": fields{
		"clientDataJSON": b64.EncodeToString(a.client("webauthn.create", challenge)), "attestationObject": b64.EncodeToString(object),
	}}
}

// sign answers PublicKeyCredentialRequestOptions.
func (a *authenticator) sign(challenge string) fields {
	client, data := a.client("webauthn.get", challenge), a.data(0x01)
	hash := sha256.Sum256(client)
	digest := sha256.Sum256(append(append([]byte(nil), data...), hash[:]...))
	sig, err := ecdsa.SignASN1(rand.Reader, a.key, digest[:])
	if err != nil {
		panic(err)
	}
	return fields{"id": b64.EncodeToString(a.id), "rawId": b64.EncodeToString(a.id), "type": "public-key", "response": fields{
		"clientDataJSON": b64.EncodeToString(client), "authenticatorData": b64.EncodeToString(data), "signature": b64.EncodeToString(sig),
	}}
}

func TestPasskey(t *testing.T) {
	s := bartizantest.New(t)
	u := newUser(t, s, allow("iam:EnableMFADevice"))
	key := newAuthenticator(t, s)
	b := newBrowser(t, s)
	b.signIn(u.Name, secretPassword)
	options := b.want(200, "POST", "/signin/v1/passkeys/options", fields{})
	challenge := at(options, "publicKey", "challenge").(string)
	if got := at(options, "publicKey", "rp", "id"); got != key.domain {
		t.Errorf("rp.id %v", got)
	}
	wrong := *key
	wrong.origin = "https://attacker.example"
	b.want(400, "POST", "/signin/v1/passkeys", fields{"state": options["state"], "name": "laptop", "credential": wrong.register(challenge)})
	b.want(400, "POST", "/signin/v1/passkeys", fields{"state": options["state"], "name": "laptop", "credential": key.register(challenge)}) // the challenge is spent
	options = b.want(200, "POST", "/signin/v1/passkeys/options", fields{})
	challenge = at(options, "publicKey", "challenge").(string)
	made := b.want(200, "POST", "/signin/v1/passkeys", fields{"state": options["state"], "name": "laptop", "credential": key.register(challenge)})

	ask := func(b *browser) (step, challenge string) {
		out := b.want(200, "POST", "/signin/v1/session", login(u.Name, secretPassword))
		if out["state"] != "MFA_REQUIRED" {
			t.Fatalf("sign-in: %v", out)
		}
		return out["step"].(string), at(out, "publicKey", "challenge").(string)
	}
	b = newBrowser(t, s)
	step, challenge := ask(b)
	signed := key.sign(challenge)
	out := b.want(200, "POST", "/signin/v1/session/mfa", fields{"step": step, "credential": signed})
	if out["arn"] != u.ARN || out["mfa"] != true {
		t.Errorf("signed in: %v", out)
	}
	if e := events(t, s, "ConsoleLogin"); at(e[0], "additionalEventData", "MFAIdentifier") != made["serialNumber"] {
		t.Errorf("event %v, device %v", e[0], made)
	}
	other := newBrowser(t, s)
	other.want(401, "POST", "/signin/v1/session/mfa", fields{"step": step, "credential": signed}) // replayed

	for name, cheat := range map[string]func(a *authenticator, challenge string) fields{
		"another origin":    func(a *authenticator, c string) fields { a.origin = "https://attacker.example"; return a.sign(c) },
		"another domain":    func(a *authenticator, c string) fields { a.domain = "attacker.example"; return a.sign(c) },
		"another challenge": func(a *authenticator, _ string) fields { return a.sign(b64.EncodeToString(make([]byte, 32))) },
		"a clone":           func(a *authenticator, c string) fields { a.count = 0; return a.sign(c) },
		"another key": func(a *authenticator, c string) fields {
			other := newAuthenticator(t, s)
			a.key = other.key
			return a.sign(c)
		},
	} {
		a := *key
		step, challenge := ask(other)
		if res, out := other.send("POST", "/signin/v1/session/mfa", fields{"step": step, "credential": cheat(&a, challenge)}); res.StatusCode != 401 {
			t.Errorf("%s: %d %v", name, res.StatusCode, out)
		}
		s.Advance(2 * time.Hour) // guesses are forgotten
	}

	denied := newUser(t, s, "")
	b = newBrowser(t, s)
	b.signIn(denied.Name, secretPassword)
	b.want(403, "POST", "/signin/v1/passkeys/options", fields{})
}
