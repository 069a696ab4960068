package input

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

const event = `{"version": "0", "id": "i1", "detail-type": "T", "source": "s", "account": "1", "time": "2026-01-01T00:00:00Z", "region": "r", "resources": [],
 "detail": {"command": "update", "userId": "0a78", "n": 5, "valid": true, "null": null, "say": "a \"b\" <c> & d", "payload": {"acc_id": "0a78", "sf_id": "baz"},
 "one": ["HIGH"], "two": ["ACTIVE", "INACTIVE"], "items": [{"id": "x"}, {"id": "y"}, 3], "x/y": 1}}`

func TestPath(t *testing.T) {
	for path, want := range map[string]string{
		"$.detail.command": `"update"`, "$.detail.payload": `{"acc_id":"0a78","sf_id":"baz"}`, "$.detail.items[1].id": `"y"`,
		"$.detail.items[2]": "3", "$.detail.two[*]": `["ACTIVE","INACTIVE"]`, "$.detail.items[*].id": `["x","y"]`, "$.detail.payload.*": `["0a78","baz"]`,
		"$.resources": "[]", "$.detail.null": "null", "$.detail.x/y": "1", "$.detail-type": `"T"`, "$.version": `"0"`,
		"$.nothing": "", "$.detail.command.deeper": "", "$.detail.two[2]": "", "$.detail.command[0]": "", "$.resources[0]": "",
	} {
		p, err := ParsePath(path)
		if err != nil {
			t.Error(path, err)
			continue
		}
		if got, ok := p.Find([]byte(event)); string(got) != want || ok != (want != "") {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	whole, _ := ParsePath("$")
	if got, ok := whole.Find([]byte(event)); !ok || !json.Valid(got) || !strings.HasPrefix(string(got), `{"version":"0","id":"i1"`) {
		t.Errorf("%s", got)
	}
	for _, bad := range []string{"", "detail", ".a", "$a", "$.", "$..a", "$.a[", "$.a[x]", "$.a[-1]", "$.a['b']", "$.a[?(@.b)]", "$.a b", "$." + strings.Repeat("a", 300)} {
		if _, err := ParsePath(bad); !errors.Is(err, ErrPath) {
			t.Error(bad, err)
		}
	}
}

var paths = map[string]string{
	"detail-type": "$.detail-type", "timestamp": "$.time", "command": "$.detail.command", "missing": "$.detail.missing", "userId": "$.detail.userId", "payload": "$.detail.payload",
	"one": "$.detail.one", "two": "$.detail.two", "valid": "$.detail.valid", "n": "$.detail.n", "say": "$.detail.say",
}

// The outputs are what AWS was seen to deliver for such templates; "" is that
// it delivered nothing.
func TestTransform(t *testing.T) {
	c := Context{RuleARN: "arn:aws:events:r:1:rule/b/n", RuleName: "n", IngestionTime: "2026-01-01T00:00:01Z"}
	for template, want := range map[string]string{
		`"Event of <detail-type> type, at time <timestamp>, info extracted from detail <command>"`:   `"Event of T type, at time 2026-01-01T00:00:00Z, info extracted from detail update"`,
		`"info extracted from detail <missing>"`:                                                     `"info extracted from detail "`,
		`"{[/Check with special starting characters for event of <detail-type> type"`:                `"{[/Check with special starting characters for event of T type"`,
		`{"detailType": <detail-type>,  "time": <timestamp>, "command": <missing>}`:                  `{"detailType":"T","time":"2026-01-01T00:00:00Z","command":""}`,
		`"<aws.events.rule-arn> <aws.events.rule-name> <aws.events.event.ingestion-time>"`:           `"arn:aws:events:r:1:rule/b/n n 2026-01-01T00:00:01Z"`,
		`{"originalEvent": <aws.events.event>}`:                                                      `{"originalEvent":{"id":"i1","account":"1","detailType":"T","time":"2026-01-01T00:00:00Z","source":"s","region":"r","resources":[],"version":"0"}}`,
		`{"method": "PUT", "path": "users-service/users/<userId>", "bod": <payload>}`:                `{"method":"PUT","path":"users-service/users/0a78","bod":{"acc_id":"0a78","sf_id":"baz"}}`,
		`"Payload of <payload> with path users-service/users/<userId> and <userId>"`:                 `"Payload of {acc_id:0a78,sf_id:baz} with path users-service/users/0a78 and 0a78"`,
		`{"bod": [<userId>, "hardcoded"], "n": <n>, "b": <valid>}`:                                   `{"bod":["0a78","hardcoded"],"n":5,"b":true}`,
		`{"nested": {"level1": {"level3": "users/<userId>/second/<userId>"} }, "bod": "<userId>"}`:   `{"nested":{"level1":{"level3":"users/0a78/second/0a78"}},"bod":"0a78"}`,
		"\"<one> single list item\"\n\"<two> multiple list items\"\n\"<missing> system account id\"": "\"[HIGH] single list item\"\n\"[ACTIVE,INACTIVE] multiple list items\"\n\" system account id\"",
		`{"singlelistitem": <one>}`:   `{"singlelistitem":["HIGH"]}`,
		`{"singlelistitem": "<one>"}`: "",
		`<two> multiple list items`:   "",
		`"Command is <valid>!"`:       `"Command is true!"`,
		`"1 < 2, <n> > 3"`:            `"1 < 2, 5 > 3"`,
		`"he said <say>"`:             `"he said a \"b\" <c> & d"`,
		`{"say": <say>}`:              `{"say":"a \"b\" <c> & d"}`,
		`"a \" quote <command>"`:      `"a \" quote update"`,
		`"<aws.events.event.json>"`:   "",
		`<payload>`:                   `{"acc_id":"0a78","sf_id":"baz"}`,
		`{"no": "variable"}`:          `{"no":"variable"}`,
	} {
		tr, err := ParseTransformer("t", paths, template)
		if err != nil {
			t.Errorf("%s: %v", template, err)
			continue
		}
		got, err := tr.Apply([]byte(event), c)
		if string(got) != want || (want == "") != errors.Is(err, ErrOutput) {
			t.Errorf("%s\ngot  %s (%v)\nwant %s", template, got, err, want)
		}
	}
	tr, err := ParseTransformer("t", nil, `{"e": <aws.events.event.json>}`)
	if err != nil {
		t.Fatal(err)
	}
	got, err := tr.Apply([]byte(event), c)
	var back struct {
		E struct{ Detail map[string]any }
	}
	if err != nil || json.Unmarshal(got, &back) != nil || back.E.Detail["command"] != "update" {
		t.Error(string(got), err)
	}
}

func TestRefused(t *testing.T) {
	for _, x := range []struct {
		paths              map[string]string
		template, contains string
	}{
		{paths, `"Event of <detail-type> type, with not defined key <notdefinedkey>"`, "InputTemplate for target t contains invalid placeholder notdefinedkey."},
		{map[string]string{"a": "$..b"}, `"<a>"`, "Invalid InputPathsMap value $..b for target t."},
		{map[string]string{"AWSx": "$.b"}, `"x"`, "starts with AWS"},
		{nil, "", "Invalid InputTransformer"},
		{nil, strings.Repeat("x", MaxTemplate+1), "Invalid InputTransformer"},
	} {
		_, err := ParseTransformer("t", x.paths, x.template)
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(e.Message, x.contains) {
			t.Errorf("%.60s: %v", x.template, err)
		}
	}
	if err := Check("t", false, true, true); err == nil || err.Error() != "Only one of Input, InputPath, or InputTransformer must be provided for target t." {
		t.Error(err)
	}
	if Check("t", false, false, true) != nil {
		t.Error("one is fine")
	}
	if _, err := ForTarget("t", "x"); err == nil || err.Error() != "Invalid InputPath for target t." {
		t.Error(err)
	}
	big, _ := ParseTransformer("t", map[string]string{"a": "$.a"}, `"`+strings.Repeat("<a>", 2000)+`"`)
	if _, err := big.Apply([]byte(`{"a":"`+strings.Repeat("x", 1000)+`"}`), Context{}); !errors.Is(err, ErrOutput) {
		t.Error(err)
	}
}

func FuzzPath(f *testing.F) {
	f.Add("$.detail.items[*].id", []byte(event))
	f.Add("$.a[0].*", []byte(`{"a":[{"b":1}]}`))
	f.Fuzz(func(t *testing.T, path string, event []byte) {
		p, err := ParsePath(path)
		if err != nil {
			return
		}
		if got, ok := p.Find(event); ok && !json.Valid(got) {
			t.Fatalf("%s of %q gave %q", path, event, got)
		}
	})
}

func FuzzTransform(f *testing.F) {
	f.Add(`{"a": <a>, "b": "x <b>"}`, []byte(`{"a":{"b":[1]},"b":"c"}`))
	f.Add(`"<a> <aws.events.event>"`, []byte(event))
	f.Fuzz(func(t *testing.T, template string, event []byte) {
		tr, err := ParseTransformer("t", map[string]string{"a": "$.a", "b": "$.b[*]"}, template)
		if err != nil {
			return
		}
		got, err := tr.Apply(event, Context{})
		if err == nil && !tr.text && !json.Valid(got) {
			t.Fatalf("%s of %q gave %q", template, event, got)
		}
	})
}
