package bartizantest

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"bartizan.dev/sigv4"
)

// maxBody bounds what is read of a request or an answer, in bytes.
const maxBody = 64 << 20

// Client returns an HTTP client that signs each request for a service, by the
// name that service has in signatures (iam, sts, kms), and trusts the server.
func (s *Server) Client(as Credentials, service string) *http.Client {
	return &http.Client{Transport: &signer{s.http, as, service}, Timeout: time.Minute}
}

type signer struct {
	next    http.RoundTripper
	as      Credentials
	service string
}

func (s *signer) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		body, err = io.ReadAll(io.LimitReader(r.Body, maxBody))
		r.Body.Close()
		if err != nil {
			return nil, err
		}
	}
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.ContentLength = int64(len(body))
	if err := sigv4.Sign(r, s.as, Region, s.service, sigv4.HashPayload(body), time.Now()); err != nil {
		return nil, err
	}
	return s.next.RoundTrip(r)
}

// Error is an error that the server answered.
type Error struct {
	Status        int
	Code, Message string
}

func (e *Error) Error() string { return fmt.Sprintf("%s (%d): %s", e.Code, e.Status, e.Message) }

// versions of the APIs that speak AWS's query protocol.
var versions = map[string]string{"iam": "2010-05-08", "sts": "2011-06-15"}

// Call makes one call to IAM or STS ("iam", "sts") and returns the answer, an
// XML document. in are the parameters in AWS's query form, such as UserName or
// Tags.member.1.Key. An error that the server answered is an *Error. Other
// services are called with an SDK, or with Client.
func (s *Server) Call(as Credentials, service, action string, in url.Values) ([]byte, error) {
	version, ok := versions[service]
	if !ok {
		return nil, fmt.Errorf("bartizantest: Call knows iam and sts, not %q: use Client or an SDK", service)
	}
	form := url.Values{"Action": {action}, "Version": {version}}
	for k, v := range in {
		form[k] = v
	}
	res, err := s.Client(as, service).Post(s.URL()+"/", "application/x-www-form-urlencoded; charset=utf-8", strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxBody))
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		var e struct {
			Error struct{ Code, Message string }
		}
		if err := xml.Unmarshal(body, &e); err != nil || e.Error.Code == "" {
			return nil, fmt.Errorf("bartizantest: %s answered %d: %.200s", action, res.StatusCode, body)
		}
		return nil, &Error{res.StatusCode, e.Error.Code, e.Error.Message}
	}
	return body, nil
}

// User is an IAM user with an access key.
type User struct {
	Name, ARN   string
	Credentials Credentials
}

// NewUser makes a user, gives it an inline policy, unless that is empty, and an
// access key. It ends the test if the server refuses one of them.
func (s *Server) NewUser(policy string) User {
	s.t.Helper()
	var user struct {
		Result struct {
			User struct{ UserName, Arn string }
		} `xml:"CreateUserResult"`
	}
	name := fmt.Sprintf("user-%d", s.users.Add(1))
	s.must(&user, "CreateUser", url.Values{"UserName": {name}})
	if policy != "" {
		s.must(nil, "PutUserPolicy", url.Values{"UserName": {name}, "PolicyName": {"test"}, "PolicyDocument": {policy}})
	}
	var key struct {
		Result struct {
			AccessKey struct{ AccessKeyId, SecretAccessKey string }
		} `xml:"CreateAccessKeyResult"`
	}
	s.must(&key, "CreateAccessKey", url.Values{"UserName": {name}})
	return User{name, user.Result.User.Arn, Credentials{AccessKey: key.Result.AccessKey.AccessKeyId, Secret: key.Result.AccessKey.SecretAccessKey}}
}

// must makes a call to IAM as the root user.
func (s *Server) must(out any, action string, in url.Values) {
	s.t.Helper()
	body, err := s.Call(s.Root(), "iam", action, in)
	if err == nil && out != nil {
		err = xml.Unmarshal(body, out)
	}
	if err != nil {
		s.t.Fatalf("bartizantest: %s: %v", action, err)
	}
}
