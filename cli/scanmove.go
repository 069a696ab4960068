package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"bartizan.dev/scan"
)

// move makes a secret of one find.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
func (c *scanSecretsCmd) move(ctx context.Context, env Env, r *scan.Result) error {
	var f *scan.Finding
	for i := range r.Findings {
		if r.Findings[i].Fingerprint == c.Move {
			f = &r.Findings[i]
		}
	}
	switch {
	case f == nil:
		return errors.New("no find has this fingerprint: scan with the same path, rules and flags as before")
	case f.Secret() == "":
		return fmt.Errorf("the find is the whole file %s: aws secretsmanager create-secret --name %s --secret-binary fileb://…", safe(f.File), c.Name)
	case len(f.Secret()) > 65536:
		return errors.New("the find is longer than the 65536 bytes that a secret may have")
	}
	in := map[string]string{
		"Name": c.Name, "SecretString": f.Secret(), "ClientRequestToken": requestToken(),
		"Description": fmt.Sprintf("Moved from source code (%s) by bartizan scan-secrets", f.Rule),
	}
	var out struct{ ARN, VersionId string }
	if err := c.call(ctx, env, "secretsmanager", "AWS_ENDPOINT_URL_SECRETS_MANAGER", "secretsmanager.CreateSecret", in, &out); err != nil {
		return err
	}
	_, err := fmt.Fprintf(env.Out, `made %s
Read it where %s line %d had it:
  shell   aws secretsmanager get-secret-value --secret-id %s --query SecretString --output text
  Python  boto3.client("secretsmanager").get_secret_value(SecretId=%q)["SecretString"]
  Go      client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String(%q)})
Then take it out of the code and replace its value: what was committed stays in the history.
`, out.ARN, safe(f.File), f.Line, c.Name, c.Name, c.Name)
	if s := f.Secret(); err == nil && len(s) == 20 && strings.HasPrefix(s, "AKIA") {
		_, err = fmt.Fprintf(env.Out, "Once nothing uses the old key: aws iam update-access-key --access-key-id AKIA…%s --status Inactive --user-name ITS-USER\n", s[16:])
	}
	return err
}

// requestToken makes the idempotency token, a version 4 UUID.
func requestToken() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
