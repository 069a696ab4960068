package signin

import (
	"context"
	"net/http"
	"strings"
	"time"

	"bartizan.dev/caller"
)

// maxDevices is how many MFA devices a user may have.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_mfa.html
const maxDevices = 8

// askMFA asks for the second factor: whoever has a device must show it.
func (s *Service) askMFA(r *http.Request, p *step, devices []Device) (any, error) {
	p.MFA = true
	kinds, list := map[string]bool{}, make([]map[string]string, 0, maxDevices)
	keys := false
	for _, d := range devices {
		kind, shown := "Virtual MFA", "totp"
		if d.Passkey {
			kind, shown, keys = "U2F MFA", "passkey", true
		}
		kinds[kind] = true
		list = append(list, map[string]string{"serialNumber": d.Serial, "type": shown})
	}
	kind := "Multiple MFA Devices"
	if len(devices) == 1 {
		for k := range kinds {
			kind = k
		}
	}
	more := map[string]any{"devices": list}
	if keys {
		options, err := s.requestOptions(r, p)
		if err != nil {
			return nil, err
		}
		more["publicKey"] = options
	}
	if err := s.record(r.Context(), moment{name: "CheckMfa", extra: map[string]string{"MfaType": kind}}); err != nil {
		return nil, err
	}
	return s.ask(p, "MFA_REQUIRED", more)
}

// postMFA checks the second factor: a one-time password or a passkey's
// signature.
func (s *Service) postMFA(r *http.Request) (any, error) {
	var in struct {
		Step       string     `json:"step"`
		Serial     string     `json:"serialNumber"`
		Code       string     `json:"code"`
		Credential *assertion `json:"credential"`
	}
	if err := read(r, &in); err != nil {
		return nil, err
	}
	p, err := s.resume(r.Context(), in.Step)
	if err != nil {
		return nil, err
	}
	if !p.MFA || !p.Done.IsZero() {
		return nil, bad("This sign-in does not wait for a second factor.")
	}
	if (in.Code == "") == (in.Credential == nil) {
		return nil, bad("Give serialNumber and code, or credential.")
	}
	ctx := as(r.Context(), p.User)
	g := newGuess(p.User.Account, p.Name, caller.From(ctx).Source)
	if err := s.patience(ctx, g); err != nil {
		return nil, err
	}
	var right bool
	if in.Credential != nil {
		right, p.Device, err = s.assert(r, p, in.Credential)
	} else {
		right, p.Device, err = s.checkCode(ctx, p.User.ID, in.Serial, strings.TrimSpace(in.Code))
	}
	if err != nil {
		return nil, err
	}
	if !right {
		return nil, s.fail(ctx, p, moment{name: "ConsoleLogin", failure: "Failed authentication"})
	}
	if err := s.succeed(ctx, g, true); err != nil {
		return nil, err
	}
	p.Done = s.Clock.Now().Truncate(time.Second)
	return s.next(r, p, nil)
}

// checkCode checks a one-time password. The serial may be left out by users of
// one such device.
func (s *Service) checkCode(ctx context.Context, userID, serial, code string) (bool, string, error) {
	devices, err := s.Devices.List(ctx, userID)
	if err != nil {
		return false, "", err
	}
	var found []string
	for _, d := range devices {
		if !d.Passkey && (serial == "" || d.Serial == serial) {
			found = append(found, d.Serial)
		}
	}
	if len(found) != 1 || len(code) != 6 {
		return false, "", nil
	}
	right, err := s.Devices.Code(ctx, userID, found[0], code)
	return right, found[0], err
}
