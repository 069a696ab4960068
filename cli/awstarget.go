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
	"os"
	"path/filepath"
	"strings"
	"time"

	"bartizan.dev/sigv4"
)

// awsTarget is where a command calls AWS's APIs, and as whom: what AWS's own
// clients read in the environment, else the server of a data directory.
type awsTarget struct {
	EndpointURL string `name:"endpoint-url" help:"Endpoint to call; without it, $$AWS_ENDPOINT_URL or the running server." placeholder:"URL"`
	Region      string `help:"Region; without it, $$AWS_REGION or us-east-1." placeholder:"REGION"`
	target      `embed:""`
}

// call calls one operation of a service that speaks awsJson 1.1.
func (t *awsTarget) call(ctx context.Context, env Env, service, variable, target string, in, out any) error {
	endpoint, creds, ca, err := t.resolve(ctx, env, variable)
	if err != nil {
		return err
	}
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", target)
	r.Header.Set("User-Agent", "bartizan/"+version())
	if err := sigv4.Sign(r, creds, t.region(env), service, sigv4.HashPayload(body), time.Now()); err != nil {
		return err
	}
	client, err := (&anywhere{CaBundle: ca}).client(env)
	if err != nil {
		return err
	}
	res, err := client.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return jsonRefusal(res, answer)
	}
	return json.Unmarshal(answer, out)
}

// jsonRefusal reads an error of awsJson.
func jsonRefusal(res *http.Response, body []byte) error {
	var e struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}
	_ = json.Unmarshal(body, &e) // what is no JSON is told by its status
	if _, code, ok := strings.Cut(e.Type, "#"); ok {
		e.Type = code
	}
	if e.Message == "" {
		e.Message = http.StatusText(res.StatusCode)
	}
	return &refused{res.StatusCode, e.Type, e.Message}
}

func (t *awsTarget) region(env Env) string {
	for _, r := range []string{t.Region, env.Getenv("AWS_REGION"), env.Getenv("AWS_DEFAULT_REGION")} {
		if r != "" {
			return r
		}
	}
	return "us-east-1"
}

func (t *awsTarget) resolve(ctx context.Context, env Env, variable string) (endpoint string, creds sigv4.Credentials, ca string, err error) {
	for _, e := range []string{t.EndpointURL, env.Getenv(variable), env.Getenv("AWS_ENDPOINT_URL")} {
		if endpoint == "" {
			endpoint = e
		}
	}
	profiles := env.Getenv("AWS_SHARED_CREDENTIALS_FILE")
	dev := false
	if endpoint == "" {
		st, err := t.target.client().status(ctx)
		if err != nil {
			return "", creds, "", err
		}
		endpoint, ca, dev = st.URL, st.Authority, st.Dev
		if file := filepath.Join(st.Data, "credentials"); profiles == "" && exists(file) {
			profiles = file
		}
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", creds, "", fmt.Errorf("the endpoint %q is no http or https URL", endpoint)
	}
	creds = sigv4.Credentials{AccessKey: env.Getenv("AWS_ACCESS_KEY_ID"), Secret: env.Getenv("AWS_SECRET_ACCESS_KEY"), Token: env.Getenv("AWS_SESSION_TOKEN")}
	switch {
	case creds.AccessKey != "" && creds.Secret != "":
	case dev:
		creds = sigv4.Credentials{AccessKey: "test", Secret: "test"}
	case profiles != "":
		creds, err = readProfile(profiles, env.Getenv("AWS_PROFILE"))
	default:
		err = errors.New(`no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or eval "$(bartizan env)"`)
	}
	return u.JoinPath("/").String(), creds, ca, err
}

// readProfile reads one profile of a shared credentials file.
// https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
func readProfile(file, profile string) (creds sigv4.Credentials, err error) {
	if profile == "" {
		profile = "default"
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return creds, err
	}
	section := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			section = strings.TrimSpace(strings.Trim(line, "[]"))
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok || section != profile || strings.HasPrefix(line, "#") {
			continue
		}
		value = strings.TrimSpace(value)
		switch strings.TrimSpace(key) {
		case "aws_access_key_id":
			creds.AccessKey = value
		case "aws_secret_access_key":
			creds.Secret = value
		case "aws_session_token":
			creds.Token = value
		}
	}
	if creds.AccessKey == "" || creds.Secret == "" {
		return creds, fmt.Errorf("%s holds no credentials of profile %s", file, profile)
	}
	return creds, nil
}
