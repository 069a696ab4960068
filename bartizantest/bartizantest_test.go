package bartizantest

import (
	"encoding/xml"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestUserIsAllowedAndDenied(t *testing.T) {
	s := New(t)
	u := s.NewUser(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:GetUser","Resource":"*"}]}`)
	if _, err := s.Call(u.Credentials, "iam", "GetUser", url.Values{"UserName": {u.Name}}); err != nil {
		t.Error(err)
	}
	_, err := s.Call(u.Credentials, "iam", "DeleteUser", url.Values{"UserName": {u.Name}})
	if e, ok := errors.AsType[*Error](err); !ok || e.Code != "AccessDenied" || e.Status != http.StatusForbidden || !strings.Contains(e.Message, u.ARN) {
		t.Errorf("DeleteUser: %v, want AccessDenied", err)
	}
}

func TestServersShareNothing(t *testing.T) {
	a, b := New(t), New(t)
	u := a.NewUser("")
	if _, err := a.Call(u.Credentials, "sts", "GetCallerIdentity", nil); err != nil {
		t.Error(err)
	}
	_, err := b.Call(u.Credentials, "sts", "GetCallerIdentity", nil)
	if e, ok := errors.AsType[*Error](err); !ok || e.Code != "InvalidClientTokenId" {
		t.Errorf("a's user at b: %v", err)
	}
}

func TestAdvance(t *testing.T) {
	s := New(t)
	u := s.NewUser("")
	body, err := s.Call(u.Credentials, "sts", "GetSessionToken", url.Values{"DurationSeconds": {"900"}})
	if err != nil {
		t.Fatal(err)
	}
	var out struct {
		Result struct {
			Credentials struct{ AccessKeyId, SecretAccessKey, SessionToken string }
		} `xml:"GetSessionTokenResult"`
	}
	if err := xml.Unmarshal(body, &out); err != nil {
		t.Fatal(err)
	}
	c := out.Result.Credentials
	session := Credentials{AccessKey: c.AccessKeyId, Secret: c.SecretAccessKey, Token: c.SessionToken}
	before := s.Now()
	s.Advance(14 * time.Minute)
	if _, err := s.Call(session, "sts", "GetCallerIdentity", nil); err != nil {
		t.Errorf("after 14 minutes: %v", err)
	}
	s.Advance(2 * time.Minute)
	if d := s.Now().Sub(before); d < 16*time.Minute || d > 17*time.Minute {
		t.Errorf("time moved by %v", d)
	}
	_, err = s.Call(session, "sts", "GetCallerIdentity", nil)
	if e, ok := errors.AsType[*Error](err); !ok || e.Code != "ExpiredToken" {
		t.Errorf("after 16 minutes: %v, want ExpiredToken", err)
	}
}

func TestTLS(t *testing.T) {
	s := New(t, TLS())
	if !strings.HasPrefix(s.URL(), "https://") || s.CA() == "" {
		t.Errorf("URL %s, CA %s", s.URL(), s.CA())
	}
	if _, err := s.Call(s.Root(), "sts", "GetCallerIdentity", nil); err != nil {
		t.Error(err)
	}
}

func TestCallKnowsItsServices(t *testing.T) {
	if _, err := New(t).Call(Credentials{}, "kms", "ListKeys", nil); err == nil || !strings.Contains(err.Error(), "use Client") {
		t.Errorf("kms: %v", err)
	}
}
