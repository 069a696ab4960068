package gateway

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"bartizan.dev/caller"
	"bartizan.dev/policy"
	"bartizan.dev/wire"
)

// TestSessionOfAssumeRoot: CloudTrail marks what is done in a session of
// AssumeRoot.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/cloudtrail-track-privileged-tasks.html
func TestSessionOfAssumeRoot(t *testing.T) {
	for _, tc := range []struct {
		tasks []string
		want  string
	}{
		{nil, ""},
		{[]string{"arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy"}, "true"},
	} {
		id := &caller.Identity{Kind: caller.Root, Account: "111122223333", Session: &caller.Session{PolicyARNs: tc.tasks}}
		var got struct {
			SessionContext struct{ AssumedRoot string }
		}
		text := append(appendSession([]byte(`{"x":0`), id), '}')
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if got.SessionContext.AssumedRoot != tc.want {
			t.Errorf("%s", text)
		}
	}
}

// TestLargeContentIsOmitted: what is above 100 KB is left out and says so.
func TestLargeContentIsOmitted(t *testing.T) {
	for _, tc := range []struct {
		n       int
		omitted bool
	}{{maxContent - 2, false}, {maxContent - 1, true}} {
		text := `"` + strings.Repeat("x", tc.n) + `"`
		got := string(omitLarge([]byte(`{"p":`+text), 5, "requestParameters"))
		want := `{"p":` + text
		if tc.omitted {
			want = `{"p":{"reason":"requestParameters too large","omitted":true,"originalSize":102401}`
		}
		if got != want {
			t.Errorf("%d: %.100s", tc.n, got)
		}
	}
}

// TestSharedEvent: a call on what another account owns is in that account's
// trail too, with nothing of the caller but who he is.
func TestSharedEvent(t *testing.T) {
	const key = "arn:aws:kms:eu-central-1:222222222222:key/k"
	m := &memo{}
	model := &wire.Service{Name: "kms"}
	x := &exchange{g: &Gateway{Config: Config{Trail: m, Log: slog.New(slog.DiscardHandler)}}}
	begin := func(err *wire.Error, owner string) {
		m.events = nil
		x.state = state{ctx: t.Context(), name: "Decrypt", err: err, service: &service{Service: Service{Model: model, Resource: func(string) string { return "AWS::KMS::Key" }}, source: "kms.amazonaws.com"}}
		x.facts = &caller.Call{EventID: "first", RequestID: "r", Time: noon, Region: "eu-central-1", Identity: caller.Identity{
			Kind: caller.User, Account: "111111111111", ID: "AIDA", ARN: "arn:aws:iam::111111111111:user/u", Name: "u", AccessKey: "AKIA",
		}}
		touch := policy.Touch{Resource: strings.Replace(key, "222222222222", owner, 1), Account: owner}
		x.touches = []policy.Touch{touch, touch}
		x.record()
	}
	type seen struct {
		UserIdentity                      map[string]any
		EventID, SharedEventID, RequestID string
		RecipientAccountID                string `json:"recipientAccountId"`
		Resources                         []struct{ ARN, Type, AccountID string }
	}
	events := func() (out []seen) {
		for i := range m.events {
			var s seen
			if err := json.Unmarshal(m.events[i].JSON, &s); err != nil {
				t.Fatalf("%s: %v", m.events[i].JSON, err)
			}
			if s.RecipientAccountID != m.events[i].Account || s.EventID != m.events[i].ID || len(s.Resources) != 1 || s.Resources[0].Type != "AWS::KMS::Key" {
				t.Errorf("event %s", m.events[i].JSON)
			}
			out = append(out, s)
		}
		return out
	}
	begin(nil, "222222222222")
	got := events()
	if len(got) != 2 || got[0].EventID != "first" || got[1].EventID == "first" || got[0].SharedEventID == "" || got[0].SharedEventID != got[1].SharedEventID || got[0].RequestID != got[1].RequestID {
		t.Fatalf("events %+v", got)
	}
	if got[1].RecipientAccountID != "222222222222" || len(got[1].UserIdentity) != 3 || got[1].UserIdentity["type"] != "AWSAccount" ||
		got[1].UserIdentity["principalId"] != "AIDA" || got[1].UserIdentity["accountId"] != "111111111111" || m.events[1].Username != "" || m.events[1].AccessKeyID != "" {
		t.Errorf("the owner's event is %s", m.events[1].JSON)
	}
	if got[0].Resources[0].ARN != key || got[0].Resources[0].AccountID != "222222222222" || got[0].UserIdentity["type"] != "IAMUser" {
		t.Errorf("the caller's event is %s", m.events[0].JSON)
	}
	begin(nil, "111111111111")
	if got := events(); len(got) != 1 || got[0].SharedEventID != "" {
		t.Errorf("events of a call on one's own %+v", got)
	}
	begin(wire.Errorf("AccessDeniedException", "no"), "222222222222")
	if got := events(); len(got) != 1 || got[0].SharedEventID != "" {
		t.Errorf("events of a refusal %+v", got)
	}
}
