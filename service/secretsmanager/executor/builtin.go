package executor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	secretsmanagerapi "bartizan.dev/api/secretsmanager"
	"bartizan.dev/wire"
)

// Secrets are the operations of Secrets Manager that the built-in rotators call,
// through the inner door and with the rights of their execution role.
type Secrets interface {
	DescribeSecret(context.Context, *secretsmanagerapi.DescribeSecretRequest) (*secretsmanagerapi.DescribeSecretResponse, error)
	GetSecretValue(context.Context, *secretsmanagerapi.GetSecretValueRequest) (*secretsmanagerapi.GetSecretValueResponse, error)
	ListSecretVersionIds(context.Context, *secretsmanagerapi.ListSecretVersionIdsRequest) (*secretsmanagerapi.ListSecretVersionIdsResponse, error)
	PutSecretValue(context.Context, *secretsmanagerapi.PutSecretValueRequest) (*secretsmanagerapi.PutSecretValueResponse, error)
	UpdateSecretVersionStage(context.Context, *secretsmanagerapi.UpdateSecretVersionStageRequest) (*secretsmanagerapi.UpdateSecretVersionStageResponse, error)
	GetRandomPassword(context.Context, *secretsmanagerapi.GetRandomPasswordRequest) (*secretsmanagerapi.GetRandomPasswordResponse, error)
}

const (
	current  = "AWSCURRENT"
	pending  = "AWSPENDING"
	previous = "AWSPREVIOUS"
)

// strategy is what differs between the built-in rotators. The value of a secret
// is a JSON object; what a strategy does not know in it is kept.
type strategy interface {
	create(ctx context.Context, r *run) (map[string]any, error)
	set(ctx context.Context, r *run) error
	test(ctx context.Context, r *run) error
}

// Builtin is a rotator that is part of the server.
type Builtin struct {
	Secrets  Secrets
	Assume   Assume
	strategy strategy
}

// Ready makes sure that the execution role can be assumed.
func (b *Builtin) Ready(ctx context.Context, c Call) error {
	_, err := b.Assume(ctx, c)
	return err
}

// run is a step under way.
type run struct {
	Secrets
	Call
}

// Run does one step, as the rotation functions of AWS do it.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html
func (b *Builtin) Run(ctx context.Context, c Call) error {
	s, err := b.Assume(ctx, c)
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(s.Context, stepTime)
	defer stop()
	r := &run{b.Secrets, c}
	labels, err := r.labels(ctx)
	if err != nil {
		return err
	}
	if labels[current] == c.ClientRequestToken {
		return nil // it is done
	}
	if labels[pending] != c.ClientRequestToken {
		return errors.New("the version does not have the label AWSPENDING")
	}
	switch c.Step {
	case CreateSecret:
		return r.create(ctx, b.strategy)
	case SetSecret:
		return b.strategy.set(ctx, r)
	case TestSecret:
		return b.strategy.test(ctx, r)
	case FinishSecret:
		return r.finish(ctx, labels[current])
	}
	return fmt.Errorf("there is no step %q", c.Step)
}

// labels are the versions by label.
func (r *run) labels(ctx context.Context) (map[string]string, error) {
	d, err := r.DescribeSecret(ctx, &secretsmanagerapi.DescribeSecretRequest{SecretId: r.SecretId})
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for id, stages := range d.VersionIdsToStages {
		for _, l := range stages {
			out[l] = id
		}
	}
	return out, nil
}

// create puts the new value, unless an earlier attempt has.
func (r *run) create(ctx context.Context, s strategy) error {
	if _, err := r.value(ctx, pending); err == nil || !isMissing(err) {
		return err
	}
	value, err := s.create(ctx, r)
	if err != nil {
		return err
	}
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	_, err = r.PutSecretValue(ctx, &secretsmanagerapi.PutSecretValueRequest{
		SecretId: r.SecretId, ClientRequestToken: &r.ClientRequestToken, SecretString: new(string(text)),
		VersionStages: []string{pending}, RotationToken: &r.RotationToken,
	})
	return err
}

func (r *run) finish(ctx context.Context, from string) error {
	ask := &secretsmanagerapi.UpdateSecretVersionStageRequest{SecretId: r.SecretId, VersionStage: current, MoveToVersionId: &r.ClientRequestToken}
	if from != "" {
		ask.RemoveFromVersionId = &from
	}
	if _, err := r.UpdateSecretVersionStage(ctx, ask); err != nil {
		return err
	}
	_, err := r.UpdateSecretVersionStage(ctx, &secretsmanagerapi.UpdateSecretVersionStageRequest{
		SecretId: r.SecretId, VersionStage: pending, RemoveFromVersionId: &r.ClientRequestToken,
	})
	return err
}

func isMissing(err error) bool {
	e, ok := errors.AsType[*wire.Error](err)
	return ok && e.Code == "ResourceNotFoundException"
}

var errNoObject = errors.New("the value of the secret is not a JSON object")

// value is the value with a label, of the version being made if it is AWSPENDING.
func (r *run) value(ctx context.Context, label string) (map[string]any, error) {
	ask := &secretsmanagerapi.GetSecretValueRequest{SecretId: r.SecretId, VersionStage: &label}
	if label == pending {
		ask.VersionId = &r.ClientRequestToken
	}
	return r.read(ctx, ask)
}

func (r *run) read(ctx context.Context, ask *secretsmanagerapi.GetSecretValueRequest) (map[string]any, error) {
	got, err := r.GetSecretValue(ctx, ask)
	if err != nil {
		return nil, err
	}
	var out map[string]any
	if got.SecretString == nil || json.Unmarshal([]byte(*got.SecretString), &out) != nil || out == nil {
		return nil, errNoObject // the error of package json may quote the secret
	}
	return out, nil
}

// text is a member that must be a string.
func text(value map[string]any, name string) (string, error) {
	s, ok := value[name].(string)
	if !ok || s == "" {
		return "", fmt.Errorf("the value of the secret has no %s", name)
	}
	return s, nil
}

// newPassword is one that goes into a database: without the characters that
// AWS's rotation functions leave out.
func (r *run) newPassword(ctx context.Context) (string, error) {
	got, err := r.GetRandomPassword(ctx, &secretsmanagerapi.GetRandomPasswordRequest{ExcludeCharacters: new(`:/@"'\`)})
	if err != nil {
		return "", err
	}
	return *got.RandomPassword, nil
}
