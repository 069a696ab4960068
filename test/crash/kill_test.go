package crash

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// A server that is killed in a storm of writes has lost nothing that it
// acknowledged: the users are there, and their events are in the trail.
func TestKill(t *testing.T) {
	const rounds, writers, many = 3, 16, 2000
	data := filepath.Join(shortDir(t), "data")
	s := start(t, data, "--quota", "iam.users=1000000")
	var acknowledged []string
	for round := range rounds {
		victim := s
		made := storm(s, fmt.Sprintf("round-%d", round), writers, many, func() { _ = victim.cmd.Process.Kill() })
		s.kill()
		if len(made) < many {
			t.Fatalf("round %d: an error came after %d users, before the blow:\n%s", round, len(made), s.logged())
		}
		acknowledged = append(acknowledged, made...)
		s = start(t, data, "--quota", "iam.users=1000000")
		users := s.users()
		for _, name := range acknowledged {
			if !users[name] {
				t.Errorf("round %d: %s was acknowledged and is gone", round, name)
			}
		}
	}
	events := s.events("CreateUser")
	for _, name := range acknowledged {
		if !events[name] {
			t.Errorf("%s was acknowledged and is not in the trail", name)
		}
	}
	t.Logf("%d users acknowledged in %d lives, all there", len(acknowledged), rounds)
	s.stop()
}

// events returns the users whose making is in the trail.
func (s *server) events(name string) map[string]bool {
	s.t.Helper()
	all := map[string]bool{}
	in := map[string]any{"LookupAttributes": []any{map[string]string{"AttributeKey": "EventName", "AttributeValue": name}}, "MaxResults": 50}
	for {
		text, err := json.Marshal(in)
		if err != nil {
			s.t.Fatal(err)
		}
		body, err := s.send("cloudtrail", "application/x-amz-json-1.1", "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents", string(text))
		if err != nil {
			s.t.Fatal(err)
		}
		var page struct {
			Events    []struct{ CloudTrailEvent string }
			NextToken string
		}
		if err := json.Unmarshal(body, &page); err != nil {
			s.t.Fatal(err)
		}
		for _, e := range page.Events {
			var event struct {
				ErrorCode         string
				RequestParameters struct{ UserName string }
			}
			if err := json.Unmarshal([]byte(e.CloudTrailEvent), &event); err != nil {
				s.t.Fatal(err)
			}
			if event.ErrorCode == "" {
				all[event.RequestParameters.UserName] = true
			}
		}
		if page.NextToken == "" {
			return all
		}
		in["NextToken"] = page.NextToken
	}
}

// shortDir is a directory whose path leaves room for that of a Unix socket.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "bz")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
