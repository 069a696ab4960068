package server

import (
	"context"

	kmsapi "bartizan.dev/api/kms"
	secretsmanagerapi "bartizan.dev/api/secretsmanager"
	ssmapi "bartizan.dev/api/ssm"
	"bartizan.dev/gateway"
	"bartizan.dev/service/ssm"
	"bartizan.dev/store"
)

// openSSM builds Parameter Store. It encrypts through KMS, as its caller.
func (s *Server) openSSM() gateway.Service {
	p := ssm.New(ssm.Deps{
		Store: store.View(s.store, "ssm/"), Clock: s.clock, Log: s.log, Quotas: s.opt.Quotas.SSM,
		KMS: kmsapi.Client{Door: inner{s, "ssm.amazonaws.com"}}, Bind: s.iam.BindPrincipals, Show: s.iam.ShowPrincipals,
		Secret: s.parameterSecret,
	})
	s.workers = append(s.workers, p)
	return gateway.Service{Model: ssmapi.Model(), Operations: ssmapi.Operations(p), Rules: p.Rules(), Resource: ssm.Resource}
}

// parameterSecret reads a secret for the caller of Parameter Store, as the caller.
func (s *Server) parameterSecret(ctx context.Context, name, version, stage string) (*ssm.Secret, error) {
	in := &secretsmanagerapi.GetSecretValueRequest{SecretId: name}
	if version != "" {
		in.VersionId = &version
	}
	if stage != "" {
		in.VersionStage = &stage
	}
	out, err := secretsmanagerapi.Client{Door: inner{s, "ssm.amazonaws.com"}}.GetSecretValue(ctx, in)
	if err != nil {
		return nil, err
	}
	secret := &ssm.Secret{ARN: *out.ARN, Name: *out.Name, VersionID: *out.VersionId, Stages: out.VersionStages, Created: out.CreatedDate}
	if out.SecretString != nil {
		secret.Value = *out.SecretString
	}
	return secret, nil
}
