package filter

import (
	"errors"
	"testing"
)

const record = `{"eventType": "UpdateTrail", "sourceIPAddress": "111.111.111.111", "arrayKey": ["value", "another value"], "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}], "SomeObject": null, "ThisFlag": true, "n": "5", "a b": 1, "code": 404}`

// Patterns and answers of AWS's page about the syntax.
func TestMatch(t *testing.T) {
	for _, x := range []struct {
		pattern, message string
		want             bool
	}{
		{"", "anything", true}, {" ", "anything", true}, {"ERROR", "[ERROR 400] BAD", true}, {"ERROR", "an error", false}, {"ERROR ARGUMENTS", "ERROR of ARGUMENTS", true},
		{"ERROR ARGUMENTS", "ERROR only", false}, {"?ERROR ?ARGUMENTS", "an ARGUMENTS", true}, {"?ERROR ?ARGUMENTS", "none", false}, {`"INTERNAL SERVER ERROR"`, "an INTERNAL SERVER ERROR", true},
		{"ERROR -ARGUMENTS", "ERROR of ARGUMENTS", false}, {"ERROR -ARGUMENTS", "ERROR 400", true}, {"?ERROR REQUEST", "ERROR", false}, {`%ERR[0-9]+%`, "ERR42", true}, {`%ERR[0-9]+%`, "ERR", false},
		{`{ $.eventType = "UpdateTrail" }`, record, true}, {`{ $.sourceIPAddress != 123.123.* }`, record, true}, {`{ $.arrayKey[0] = "value" }`, record, true},
		{`{ $.objectList[1].id = 2 }`, record, true}, {`{ $.SomeObject IS NULL }`, record, true}, {`{ $.SomeOtherObject NOT EXISTS }`, record, true}, {`{ $.ThisFlag IS TRUE }`, record, true},
		{`{ $.ThisFlag IS FALSE }`, record, false}, {`{ ($.code > 400 && $.code <= 404) || $.x = 1 }`, record, true}, {`{ $.code >= 405 }`, record, false}, {`{ $.eventType = %^Update% && $.n = 5 }`, record, true},
		{`{ $.eventType = *Trail }`, record, true}, {`{ $.["a b"] = 1 }`, record, false}, {`{ $["a b"] = 1 }`, record, true}, {`{ $.missing != "x" }`, record, false}, {`{ $.a = 1 }`, "no JSON", false},
	} {
		p, err := Parse(x.pattern)
		if err != nil {
			if x.pattern != `{ $.["a b"] = 1 }` {
				t.Error(x.pattern, err)
			}
			continue
		}
		if got := p.Match(x.message); got != x.want {
			t.Errorf("%s on %s: %v", x.pattern, x.message, got)
		}
	}
}

func TestInvalid(t *testing.T) {
	for _, bad := range []string{"a.b", `"open`, "%open", "%[%", "-", "?", "{", "{}", "{ $.a }", "{ $.a = }", "{ $ = 1 }", "{ $.a > b }", "{ ($.a = 1 }", "{ $.a = 1 } x", "{ $.a[x] = 1 }", "{ a = 1 }", "{ $.a = 1 && }"} {
		if _, err := Parse(bad); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if _, err := Parse("[a, b]"); !errors.Is(err, ErrColumns) {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`{ ($.a.b[0] = "x*" && $.c >= 1) || $.d NOT EXISTS }`, record)
	f.Add(`ERROR ?"a b" -c %d+%`, "x")
	f.Fuzz(func(t *testing.T, pattern, message string) {
		if p, err := Parse(pattern); err == nil {
			p.Match(message)
		}
	})
}
