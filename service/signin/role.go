package signin

import (
	"net/http"
	"strings"
	"time"

	stsapi "bartizan.dev/api/sts"
	"bartizan.dev/arn"
	"bartizan.dev/caller"
)

// postRole switches the session to a role, by STS's AssumeRole: the trust policy
// and the user's own policies decide. A role session is never made from another
// one: whoever switches twice leaves the first role.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_switch-role-console.html
func (s *Service) postRole(r *http.Request) (any, error) {
	t, err := s.current(r)
	if err != nil {
		return nil, err
	}
	var in struct {
		Account  string `json:"account"` // id or alias
		Role     string `json:"role"`    // name, with its path
		Redirect string `json:"redirect"`
	}
	if err := read(r, &in); err != nil {
		return nil, err
	}
	if !printable(in.Account) || !printable(in.Role) || len(in.Account) > 128 {
		return nil, bad("A name holds a control character or is too long.")
	}
	to, err := s.destination(r, in.Redirect)
	if err != nil {
		return nil, err
	}
	ctx := r.Context()
	if t.Base.Kind == caller.Root { // https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_switch-role-console.html
		return nil, &problem{Status: 403, Code: "AccessDenied", Message: "You cannot switch roles when you sign in as the AWS account root user."}
	}
	if err := s.Admit(ctx); err != nil {
		return nil, unrecorded(err)
	}
	account, err := s.Users.Account(ctx, in.Account)
	if err != nil {
		return nil, err
	}
	if account == "" {
		account = "000000000000" // STS refuses what is not there as it refuses what is not allowed
	}
	role := "arn:aws:iam::" + account + ":role/" + strings.TrimPrefix(in.Role, "/")
	if _, err := arn.Parse(role); err != nil || len(role) > 2048 || len(role) < 20 {
		return nil, bad("The role's name is not one.")
	}
	id, err := s.assume(r, t.session, role)
	if err != nil {
		return nil, err
	}
	if err := s.changeSession(ctx, t.id, func(in *session) { in.Role = id }); err != nil {
		return nil, err
	}
	t.Role = id
	err = s.record(as(ctx, *id), moment{name: "SwitchRole", extra: map[string]string{"SwitchFrom": t.Base.ARN, "RedirectTo": to}})
	if err != nil {
		return nil, err
	}
	return s.describe(t.session, t.cookie), nil
}

// assume calls AssumeRole as who signed in. The session lasts as long as the
// role allows, but not longer than the user's own.
func (s *Service) assume(r *http.Request, t *session, role string) (*caller.Identity, error) {
	ctx := r.Context()
	longest, err := s.Sessions.Longest(ctx, role)
	if err != nil {
		return nil, err
	}
	now := s.Clock.Now()
	left := min(t.Expires.Sub(now), longest)
	if t.Base.Kind == caller.Role { // AWS bounds a chained session to an hour
		left = min(left, time.Hour)
	}
	own := *t
	own.Role = nil
	base := own.identity(t.Expires, homeRegion)
	name := base.Name
	if len(name) < 2 { // a role session's name has two letters at least
		name += "-console"
	}
	out, err := s.STS.AssumeRole(as(ctx, base), &stsapi.AssumeRoleRequest{
		RoleArn: role, RoleSessionName: name, DurationSeconds: new(int32(max(left, 15*time.Minute) / time.Second)),
	})
	if err != nil {
		return nil, err
	}
	c := out.Credentials
	id, err := s.Sessions.Open(ctx, Credentials{c.AccessKeyId, c.SecretAccessKey, c.SessionToken})
	if err != nil {
		return nil, err
	}
	return &id, nil
}

// deleteRole goes back to who signed in.
func (s *Service) deleteRole(r *http.Request) (any, error) {
	t, err := s.current(r)
	if err != nil {
		return nil, err
	}
	if t.Role == nil {
		return nil, bad("The session has not switched to a role.")
	}
	ctx := r.Context()
	if err := s.Admit(ctx); err != nil {
		return nil, unrecorded(err)
	}
	if err := s.changeSession(ctx, t.id, func(in *session) { in.Role = nil }); err != nil {
		return nil, err
	}
	err = s.record(as(ctx, t.Base), moment{name: "ExitRole", extra: map[string]string{"ExitFrom": t.Role.ARN, "RedirectTo": "/console/home"}})
	if err != nil {
		return nil, err
	}
	t.Role = nil
	return s.describe(t.session, t.cookie), nil
}
