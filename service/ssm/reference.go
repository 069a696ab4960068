package ssm

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	ssmapi "bartizan.dev/api/ssm"
	"bartizan.dev/wire"
)

// secretReference begins the names by which a secret of Secrets Manager is read.
// https://docs.aws.amazon.com/systems-manager/latest/userguide/integration-ps-secretsmanager.html
const secretReference = "/aws/reference/secretsmanager/"

// Secret is what Parameter Store needs to know of a secret's version.
type Secret struct {
	ARN, Name, VersionID string
	Value                string // the SecretString
	Stages               []string
	Created              time.Time
}

func isReference(name string) bool {
	return strings.HasPrefix(strings.TrimSpace(name), secretReference)
}

// secret reads a secret, with the caller's own rights in Secrets Manager.
func (s *Service) secret(ctx context.Context, text string, decrypt bool) (*ssmapi.Parameter, error) {
	text = strings.TrimSpace(text)
	name, selector, _ := strings.Cut(strings.TrimPrefix(text, secretReference), ":")
	full, _, _ := strings.Cut(text, ":")
	switch {
	case !decrypt:
		return nil, invalid("WithDecryption flag must be True for retrieving a Secret Manager secret.")
	case name == "":
		return nil, notFound()
	}
	version, stage := "", ""
	if strings.HasPrefix(selector, "AWS") || selector != "" && !isUUID(selector) {
		stage = selector
	} else {
		version = selector
	}
	found, err := s.Secret(ctx, name, version, stage)
	if err != nil {
		e := wire.AsError(err)
		switch e.Code {
		case "ResourceNotFoundException":
			return nil, wire.Errorf("ParameterNotFound", "An error occurred (ParameterNotFound) when referencing Secrets Manager: Secret %s not found.", full).With(err)
		}
		return nil, err
	}
	source, err := json.Marshal(map[string]any{
		"ARN": found.ARN, "name": found.Name, "versionId": found.VersionID, "secretString": found.Value, "versionStages": found.Stages,
		"createdDate": found.Created.UTC().Format(time.RFC3339),
	})
	if err != nil {
		return nil, err
	}
	out := &ssmapi.Parameter{
		Name: &full, Type: typeSecure, Value: &found.Value, Version: new(int64(0)), SourceResult: new(string(source)), LastModifiedDate: found.Created,
		ARN: new(placeOf(ctx).arn(full)), DataType: new("text"),
	}
	if selector != "" {
		out.Selector = new(":" + selector)
	}
	return out, nil
}

// isUUID tells a version id from a stage.
func isUUID(s string) bool { return len(s) >= 32 && strings.Count(s, "-") == 4 }
