package gateway

import (
	"encoding/json"
	"testing"

	"bartizan.dev/caller"
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
