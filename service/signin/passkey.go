package signin

import (
	"crypto/sha256"
	"errors"
	"net"
	"net/http"
	"time"

	"bartizan.dev/caller"
	"bartizan.dev/policy"
	"bartizan.dev/store"
)

// registration is a passkey's registration between its two requests.
type registration struct {
	User      string // id
	Challenge string
}

const (
	registrationPurpose = "passkey"
	// passkeyLasts is how long an authenticator may take.
	passkeyLasts = 5 * time.Minute
)

// party is how the browser of a request sees us. The host is the client's own
// word, which is safe: authenticators sign for the domain of the page they see,
// so whoever puts another name between gets a signature of no passkey of ours.
func (s *Service) party(r *http.Request, challenge string) *party {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return &party{id: host, origins: s.origins(r), challenge: challenge}
}

type descriptor struct {
	Type string    `json:"type"`
	ID   base64URL `json:"id"`
}

func descriptors(keys []Passkey) []descriptor {
	out := make([]descriptor, len(keys))
	for i, k := range keys {
		out[i] = descriptor{"public-key", k.ID}
	}
	return out
}

// requestOptions is PublicKeyCredentialRequestOptionsJSON for the user of a
// step, which keeps the challenge.
func (s *Service) requestOptions(r *http.Request, p *step) (any, error) {
	keys, err := s.Devices.Passkeys(r.Context(), p.User.ID)
	if err != nil {
		return nil, err
	}
	p.Challenge = newSecret()
	return map[string]any{
		"challenge": p.Challenge, "rpId": s.party(r, "").id, "timeout": passkeyLasts.Milliseconds(),
		"allowCredentials": descriptors(keys), "userVerification": "preferred",
	}, nil
}

// assert checks the signature of a passkey for a step. A challenge is answered
// once, right or wrong.
func (s *Service) assert(r *http.Request, p *step, in *assertion) (right bool, serial string, err error) {
	ctx := r.Context()
	if err := s.spendChallenge(r, p.Challenge); errors.Is(err, store.ErrExists) {
		return false, "", nil
	} else if err != nil {
		return false, "", err
	}
	keys, err := s.Devices.Passkeys(ctx, p.User.ID)
	if err != nil {
		return false, "", err
	}
	key, count, err := s.party(r, p.Challenge).assert(keys, in)
	if errors.Is(err, errPasskey) {
		s.Log.Debug("a passkey was refused", "request", caller.From(ctx).RequestID, "cause", err)
		return false, "", nil
	} else if err != nil {
		return false, "", err
	}
	fresh, err := s.Devices.BumpPasskey(ctx, key.ID, count)
	return fresh, key.Serial, err
}

func (s *Service) spendChallenge(r *http.Request, challenge string) error {
	_, err := s.Store.Update(r.Context(), func(tx store.Tx) error {
		return s.spend(r.Context(), tx, "challenge", challenge, s.Clock.Now().Add(passkeyLasts+stepLasts))
	})
	return err
}

// mayAddPasskey: "iam:EnableMFADevice" on the user itself, as for every device; and
// who has one already must have shown it in this session, or whoever has got hold
// of a session from before could add one of its own.
// https://aws.amazon.com/security/security-bulletins/AWS-2023-001/
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_mfa_fido.html
func (s *Service) mayAddPasskey(r *http.Request, t *here) error {
	if t.Role != nil || t.Base.Kind != caller.User && t.Base.Kind != caller.Root {
		return &problem{Status: 403, Code: "AccessDenied", Message: "Only IAM users and root users have MFA devices."}
	}
	devices, err := s.Devices.List(r.Context(), t.Base.ID)
	if err != nil {
		return err
	}
	if len(devices) > 0 && !t.MFA {
		return &problem{Status: 403, Code: "AccessDenied",
			Message: "To complete this action, please ensure that you are authenticated with an MFA device that is enabled for this user."}
	}
	return s.Decide(as(r.Context(), t.identity(t.Expires, homeRegion)), policy.Touch{
		Action: "iam:EnableMFADevice", Resource: t.Base.ARN, Account: t.Base.Account,
		Keys: []policy.Pair{{Key: "iam:RegisterSecurityKey", Values: []string{"Activate"}}},
	})
}

// postPasskeyOptions is PublicKeyCredentialCreationOptionsJSON for the user of
// the session.
func (s *Service) postPasskeyOptions(r *http.Request) (any, error) {
	t, err := s.current(r)
	if err != nil {
		return nil, err
	}
	if err := read(r, &struct{}{}); err != nil {
		return nil, err
	}
	if err := s.mayAddPasskey(r, t); err != nil {
		return nil, err
	}
	keys, err := s.Devices.Passkeys(r.Context(), t.Base.ID)
	if err != nil {
		return nil, err
	}
	reg := registration{User: t.Base.ID, Challenge: newSecret()}
	state, err := s.seal.close(registrationPurpose, s.Clock.Now().Add(passkeyLasts), reg)
	if err != nil {
		return nil, err
	}
	name := t.Base.Name
	if t.Base.Kind == caller.Root {
		name = t.Base.Account
	}
	handle := sha256.Sum256([]byte(t.Base.ID))
	var kinds []map[string]any
	for _, alg := range []int{coseES256, coseEdDSA, coseRS256} {
		kinds = append(kinds, map[string]any{"type": "public-key", "alg": alg})
	}
	return map[string]any{"state": state, "publicKey": map[string]any{
		"challenge": reg.Challenge, "timeout": passkeyLasts.Milliseconds(), "attestation": "none",
		"rp":               map[string]string{"id": s.party(r, "").id, "name": "Bartizan"},
		"user":             map[string]any{"id": base64URL(handle[:]), "name": name, "displayName": name},
		"pubKeyCredParams": kinds, "excludeCredentials": descriptors(keys),
		"authenticatorSelection": map[string]string{"residentKey": "discouraged", "userVerification": "preferred"},
	}}, nil
}

// postPasskey registers what an authenticator made.
func (s *Service) postPasskey(r *http.Request) (any, error) {
	t, err := s.current(r)
	if err != nil {
		return nil, err
	}
	var in struct {
		State      string      `json:"state"`
		Name       string      `json:"name"`
		Credential attestation `json:"credential"`
	}
	if err := read(r, &in); err != nil {
		return nil, err
	}
	if err := s.mayAddPasskey(r, t); err != nil {
		return nil, err
	}
	var reg registration
	if err := s.seal.open(registrationPurpose, in.State, s.Clock.Now(), &reg); err != nil || reg.User != t.Base.ID {
		return nil, &problem{Status: 400, Code: "StepExpired", Message: "The registration has taken too long. Start again."}
	}
	if err := s.spendChallenge(r, reg.Challenge); errors.Is(err, store.ErrExists) {
		return nil, bad("The challenge was answered before.")
	} else if err != nil {
		return nil, err
	}
	if err := s.Admit(r.Context()); err != nil {
		return nil, unrecorded(err)
	}
	key, err := s.party(r, reg.Challenge).register(&in.Credential)
	if errors.Is(err, errPasskey) {
		return nil, bad("The passkey cannot be registered: %v", err)
	} else if err != nil {
		return nil, err
	}
	ctx := as(r.Context(), t.Base)
	serial, err := s.Devices.AddPasskey(ctx, &t.Base, in.Name, *key)
	if err != nil {
		return nil, err
	}
	err = s.record(ctx, moment{name: "EnableMFADevice", api: "iam.amazonaws.com", request: map[string]any{"userName": t.Base.Name, "serialNumber": serial}})
	return map[string]string{"serialNumber": serial}, err
}
