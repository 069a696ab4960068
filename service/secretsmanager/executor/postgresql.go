package executor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	secretsmanagerapi "bartizan.dev/api/secretsmanager"
)

// PostgreSQL rotates the password of a database user, whose secret has AWS's
// structure: engine, host, port, username, password, dbname, and masterarn for
// alternating users.
//
// With a single user, the user changes its own password. With alternating users,
// a superuser's secret (masterarn) makes and changes a clone of the user, and
// rotations go back and forth between the two, so that the credentials before
// stay valid.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_available-rotation-templates.html#RDS_rotation_templates
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_secret_json_structure.html
func PostgreSQL(s Secrets, assume Assume, alternating bool) *Builtin {
	if alternating {
		return &Builtin{s, assume, alternatingUsers{}}
	}
	return &Builtin{s, assume, singleUser{}}
}

type singleUser struct{}

func (singleUser) create(ctx context.Context, r *run) (map[string]any, error) {
	value, err := r.value(ctx, current)
	if err != nil {
		return nil, err
	}
	if _, err := loginOf(value); err != nil {
		return nil, err
	}
	out := maps.Clone(value)
	out["password"], err = r.newPassword(ctx)
	return out, err
}

// set logs in with the password of AWSCURRENT, or of AWSPREVIOUS where an earlier
// attempt has come no further, and changes it.
func (singleUser) set(ctx context.Context, r *run) error {
	fresh, err := r.login(ctx, pending)
	if err != nil {
		return err
	}
	if fresh.works(ctx) == nil {
		return nil // an earlier attempt has set it
	}
	var tried error
	for _, label := range []string{current, previous} {
		old, err := r.login(ctx, label)
		if isMissing(err) {
			continue
		} else if err != nil {
			return err
		}
		if old.user != fresh.user || old.host != fresh.host {
			tried = errors.New("the new version of the secret is of another user or host")
			continue
		}
		conn, err := old.connect(ctx)
		if err != nil {
			tried = err
			continue
		}
		defer conn.Close(ctx)
		return setPassword(ctx, conn, fresh.user, fresh.password)
	}
	return fmt.Errorf("neither AWSCURRENT nor AWSPREVIOUS logs in: %w", tried)
}

func (singleUser) test(ctx context.Context, r *run) error { return r.testLogin(ctx) }

type alternatingUsers struct{}

const (
	clone       = "_clone"
	maxUserName = 63 // bytes of a name in PostgreSQL
)

func (alternatingUsers) create(ctx context.Context, r *run) (map[string]any, error) {
	value, err := r.value(ctx, current)
	if err != nil {
		return nil, err
	}
	old, err := loginOf(value)
	if err != nil {
		return nil, err
	}
	if _, err := text(value, "masterarn"); err != nil {
		return nil, err
	}
	out := maps.Clone(value)
	out["username"] = old.user + clone
	if base, ok := strings.CutSuffix(old.user, clone); ok {
		out["username"] = base
	}
	if len(old.user+clone) > maxUserName {
		return nil, errors.New("the name of the user is too long for one with _clone at its end")
	}
	out["password"], err = r.newPassword(ctx)
	return out, err
}

// set has the superuser make the other user, with the rights of the present one,
// or change its password.
func (alternatingUsers) set(ctx context.Context, r *run) error {
	fresh, err := r.login(ctx, pending)
	if err != nil {
		return err
	}
	if fresh.works(ctx) == nil {
		return nil
	}
	value, err := r.value(ctx, current)
	if err != nil {
		return err
	}
	old, err := loginOf(value)
	if err != nil {
		return err
	}
	if fresh.host != old.host || strings.TrimSuffix(fresh.user, clone) != strings.TrimSuffix(old.user, clone) {
		return errors.New("the new version of the secret is of another user or host")
	}
	// The superuser goes nowhere that the secret's present owner does not log in:
	// who may only write the secret cannot have its password sent elsewhere.
	if err := old.works(ctx); err != nil {
		return fmt.Errorf("AWSCURRENT does not log in: %w", err)
	}
	master, err := text(value, "masterarn")
	if err != nil {
		return err
	}
	with, err := r.read(ctx, &secretsmanagerapi.GetSecretValueRequest{SecretId: master})
	if err != nil {
		return fmt.Errorf("the superuser's secret: %w", err)
	}
	super, err := loginOf(with)
	if err != nil {
		return fmt.Errorf("the superuser's secret: %w", err)
	}
	if super.host != old.host {
		return errors.New("the superuser's secret is of another host")
	}
	super.database = old.database
	conn, err := super.connect(ctx)
	if err != nil {
		return fmt.Errorf("the superuser does not log in: %w", err)
	}
	defer conn.Close(ctx)
	return setClone(ctx, conn, old.user, fresh.user, fresh.password)
}

func (alternatingUsers) test(ctx context.Context, r *run) error { return r.testLogin(ctx) }

func (r *run) login(ctx context.Context, label string) (*login, error) {
	value, err := r.value(ctx, label)
	if err != nil {
		return nil, err
	}
	return loginOf(value)
}

func (r *run) testLogin(ctx context.Context) error {
	fresh, err := r.login(ctx, pending)
	if err != nil {
		return err
	}
	return fresh.works(ctx)
}
