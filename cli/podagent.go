package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"bartizan.dev/plane/metadata"
	"bartizan.dev/sigv4"
)

// podAgent exchanges the tokens of pods, with the node's own credentials.
type podAgent struct {
	*anywhere
	env             Env
	cluster, region string
	node            metadata.Source

	mu    sync.Mutex
	creds metadata.Credentials
}

// early is how long before their end the node's credentials are renewed.
const early = 5 * time.Minute

func (a *podAgent) nodeCredentials(ctx context.Context) (metadata.Credentials, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if time.Until(a.creds.Expires) > early {
		return a.creds, nil
	}
	c, err := a.node(ctx)
	if err == nil {
		a.creds = c
	}
	return c, err
}

// exchange calls AssumeRoleForPodIdentity.
// https://docs.aws.amazon.com/eks/latest/APIReference/API_auth_AssumeRoleForPodIdentity.html
func (a *podAgent) exchange(ctx context.Context, token string) (out metadata.Credentials, err error) {
	node, err := a.nodeCredentials(ctx)
	if err != nil {
		return out, err
	}
	endpoint, err := a.endpoint(a.env, "AWS_ENDPOINT_URL_EKS_AUTH")
	if err != nil {
		return out, err
	}
	body, err := json.Marshal(map[string]string{"token": token})
	if err != nil {
		return out, err
	}
	address := endpoint.JoinPath("clusters", url.PathEscape(a.cluster), "assume-role-for-pod-identity").String()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return out, err
	}
	r.Header.Set("Content-Type", "application/json")
	creds := sigv4.Credentials{AccessKey: node.AccessKey, Secret: node.Secret, Token: node.Token}
	if err := sigv4.Sign(r, creds, a.region, "eks-auth", sigv4.HashPayload(body), time.Now()); err != nil {
		return out, err
	}
	client, err := a.client(a.env)
	if err != nil {
		return out, err
	}
	res, err := client.Do(r)
	if err != nil {
		return out, err
	}
	defer res.Body.Close()
	return readPodSession(res)
}

func readPodSession(res *http.Response) (out metadata.Credentials, err error) {
	body, err := io.ReadAll(io.LimitReader(res.Body, maxSession))
	if err != nil {
		return out, err
	}
	if res.StatusCode != http.StatusOK {
		return out, denial(refusal(res, body))
	}
	var got struct {
		Credentials struct {
			AccessKeyID     string  `json:"accessKeyId"`
			SecretAccessKey string  `json:"secretAccessKey"`
			SessionToken    string  `json:"sessionToken"`
			Expiration      float64 `json:"expiration"`
		}
	}
	if err := json.Unmarshal(body, &got); err != nil {
		return out, fmt.Errorf("the server's answer is no session: %w", err)
	}
	c := got.Credentials
	return metadata.Credentials{AccessKey: c.AccessKeyID, Secret: c.SecretAccessKey, Token: c.SessionToken, Expires: time.Unix(int64(c.Expiration), 0)}, nil
}

// denial makes of a final refusal what the endpoints answer as one.
func denial(err error) error {
	if r, ok := errors.AsType[*refused](err); ok && r.final() {
		return fmt.Errorf("%w: %w", metadata.ErrDenied, err)
	}
	return err
}
