package cli

import (
	"context"
	"encoding/json"
	"time"
)

// credentialProcessCmd is a credential_process of the AWS CLI and the SDKs.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
type credentialProcessCmd struct {
	anywhere `embed:""`
}

func (c *credentialProcessCmd) Run(ctx context.Context, env Env) error {
	got, err := c.session(ctx, env, time.Now())
	if err != nil {
		return err
	}
	return json.NewEncoder(env.Out).Encode(map[string]any{
		"Version": 1, "AccessKeyId": got.AccessKeyID, "SecretAccessKey": got.SecretAccessKey,
		"SessionToken": got.SessionToken, "Expiration": got.Expiration.UTC().Format(time.RFC3339),
	})
}
