package detect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"bartizan.dev/intel"
	"bartizan.dev/logs/logstest"
)

// intrusion is a stolen key used over Tor: somebody looks around, makes a way back
// and stops the trail. The address stands on the list of lists.
func intrusion() []logstest.Event {
	const tor = "198.51.100.3"
	who := logstest.User("mallory")
	return []logstest.Event{
		{Source: "iam.amazonaws.com", Name: "ListUsers", IP: tor, Identity: who, ReadOnly: true},
		{Source: "iam.amazonaws.com", Name: "CreateAccessKey", IP: tor, Identity: who, Params: object{"userName": "bob"}},
		{Source: "cloudtrail.amazonaws.com", Name: "StopLogging", IP: tor, Identity: who, Params: object{"name": "t"}},
		{Source: "iam.amazonaws.com", Name: "AttachUserPolicy", IP: tor, Identity: who, Params: object{"userName": "bob", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}},
	}
}

func sequenceOf(e *Engine) (out []*Finding) {
	for _, f := range e.Findings() {
		if f.Type == attackSequence {
			out = append(out, f)
		}
	}
	return out
}

func TestCompromisedCredentials(t *testing.T) {
	set := intel.Compile(lists(t)...)
	e := New(Config{Intel: set}, All()...)
	all := series(logstest.Start, 10*time.Minute, intrusion()...)
	raised(t, e, all...)
	found := sequenceOf(e)
	if len(found) != 1 {
		t.Fatalf("%d sequences", len(found))
	}
	f := found[0]
	q := f.Service.Detection.Sequence
	if f.Severity != Critical || f.Resource.Type != "AttackSequence" || len(q.Actors) != 1 || q.Actors[0].User.Name != "mallory" || q.Actors[0].User.UID == "" || len(q.Endpoints) != 1 || q.Endpoints[0].IP != "198.51.100.3" || len(q.Resources) != 1 || q.Resources[0].Type != "ACCESS_KEY" {
		t.Errorf("%+v", q)
	}
	var names, tactics []string
	for i, s := range q.Signals {
		names = append(names, s.Name)
		if s.Type != "FINDING" || s.UID == "" || len(s.Actors) != 1 || len(s.Endpoints) != 1 || s.FirstSeen == 0 || i > 0 && s.FirstSeen < q.Signals[i-1].FirstSeen {
			t.Errorf("%+v", s)
		}
	}
	keys := map[string]bool{}
	for _, x := range q.Indicators {
		keys[x.Key] = true
		if x.Key == "ATTACK_TACTIC" {
			tactics = x.Values
		}
	}
	if len(names) != 5 || strings.Join(tactics, ", ") != "Defense Evasion, Discovery, Persistence, Privilege Escalation" || !keys["TOR_IP"] || !keys["HIGH_RISK_API"] {
		t.Error(names, tactics, keys)
	}
	text, err := json.Marshal(f)
	if err != nil || strings.Contains(string(text), `"action"`) || !strings.Contains(string(text), `"detection":{"sequence":{"uid":"`+f.ID) {
		t.Errorf("%v %s", err, text)
	}
	for _, one := range e.Findings() {
		if one.Type != attackSequence && one.Sequence != f.ARN {
			t.Errorf("%s does not say that it is part of %s", one.Type, f.ARN)
		}
	}
	for range e.Changed() {
	}
	count := f.Service.Count
	if again := raised(t, e, all...); len(again) > 0 || sequenceOf(e)[0].Service.Count != count {
		t.Errorf("the same log again: %v; count %d", again, f.Service.Count)
	}
}

func TestSequencesNeedSignsOfTheft(t *testing.T) {
	set := intel.Compile(lists(t)...)
	from := func(ip string, events []logstest.Event) []logstest.Event {
		for i := range events {
			events[i].IP = ip
		}
		return events
	}
	others := intrusion()
	for i := range others {
		others[i].Identity = logstest.User(fmt.Sprint("user", i))
	}
	for _, c := range []struct {
		name   string
		step   time.Duration
		events []logstest.Event
		want   int
	}{
		{"over Tor", time.Minute, intrusion(), 1},
		{"from nowhere in particular", time.Minute, from("192.0.2.9", intrusion()), 0},
		{"from a trusted address", time.Minute, from("198.51.100.9", intrusion()), 0},
		{"over hours", 7 * time.Hour, intrusion(), 1},
		{"over days", 25 * time.Hour, intrusion(), 0},
		{"by different users", time.Minute, others, 0},
		{"two calls from a listed address", time.Minute, []logstest.Event{intrusion()[0], intrusion()[2]}, 0},
		{"one tactic", time.Minute, times(20, func(int) logstest.Event { return intrusion()[0] }), 0},
	} {
		e := New(Config{Intel: set}, All()...)
		raised(t, e, series(logstest.Start, c.step, c.events...)...)
		if got := len(sequenceOf(e)); got != c.want {
			t.Errorf("%s: %d sequences, want %d", c.name, got, c.want)
		}
	}
}

// TestSequenceSurvivesARestart: signals before it and after it make one.
func TestSequenceSurvivesARestart(t *testing.T) {
	set := intel.Compile(lists(t)...)
	all := series(logstest.Start, 10*time.Minute, intrusion()...)
	for cut := range all {
		e := New(Config{Intel: set}, All()...)
		raised(t, e, all[:cut]...)
		var b bytes.Buffer
		if err := e.Save(&b); err != nil {
			t.Fatal(err)
		}
		e = New(Config{Intel: set}, All()...)
		if err := e.Load(&b); err != nil {
			t.Fatal(err)
		}
		raised(t, e, all[max(0, cut-1):]...)
		if got := sequenceOf(e); len(got) != 1 || len(got[0].Service.Detection.Sequence.Signals) != 5 {
			t.Errorf("cut at %d: %d sequences", cut, len(got))
		}
	}
}

// TestSharedEventsRaiseOnce: both accounts' copies of one call.
func TestSharedEventsRaiseOnce(t *testing.T) {
	role := logstest.Role("partner", "s")
	call := logstest.Event{Time: logstest.Start, Source: "s3.amazonaws.com", Name: "ListBuckets", Identity: role, IP: "198.51.100.3"}
	copied := call
	copied.Account, copied.ID = other, "20000000-0000-4000-8000-000000000002"
	calls := scan(t, call.JSON(), copied.JSON())
	for _, shared := range []string{"", "9f8e7d6c-0000-4000-8000-000000000000"} {
		e := New(Config{Intel: intel.Compile(lists(t)...)}, All()...)
		for i := range calls {
			calls[i].SharedEventID = shared
			e.Call(&calls[i])
		}
		want := 2
		if shared != "" {
			want = 1
		}
		if got := len(e.Findings()); got != want {
			t.Errorf("shared as %q: %d findings, want %d", shared, got, want)
		}
	}
}
