package pattern

import (
	"errors"
	"strings"
	"testing"
)

// The reasons that AWS was seen to give, with the places in the JSON; the
// texts without a place are those that its compiler throws without one.
func TestReasons(t *testing.T) {
	at := func(src, reason string, line, column string) string {
		return reason + "\n at [Source: (String)\"" + src + "\"; line: " + line + ", column: " + column + "]"
	}
	for _, x := range []struct{ src, reason, column string }{
		{`{"int": 42}`, `"int" must be an object or an array`, "11"},
		{`{"string": "my-value"}`, `"string" must be an object or an array`, "13"},
		{`{"detail": {"equal": [{"NUMERIC": ["=", 5]}]}}`, "Unrecognized match type NUMERIC", "36"},
		{`{"my_key": [{"EXISTS": true}]}`, "Unrecognized match type EXISTS", "28"},
		{`{"resources": []}`, "Empty arrays are not allowed", "17"},
		{`{"detail": {"c-count": [{"numeric": [">", 0, ">", 0]}]}}`, "Bad numeric range operator: >", "49"},
		{`{"detail": {"c-count": [{"numeric": [">", 0, "<"]}]}}`, "Value of < must be numeric", "50"},
		{`{"detail-type": [{"equals-ignore-case": ["ec2 instance state-change notification"]}]}`, "equals-ignore-case match pattern must be a string", "42"},
		{`{"detail-type": [{"equals-ignore-case": {"prefix": "ec2"}}]}`, "equals-ignore-case match pattern must be a string", "42"},
		{`{"detail": {"state": [{"anything-but": {"equals-ignore-case": 123}}]}}`, "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.", "66"},
		{`{"EventBusArn": [{"wildcard": 123}]}`, "wildcard match pattern must be a string", "34"},
		{`{"detail": {"FilePath": [{"anything-but": {"wildcard": 123}}]}}`, "wildcard match pattern must be a string", "59"},
		{`{"detail": {"FileName": [{"anything-but": {"suffix": 123}}]}}`, "prefix/suffix match pattern must be a string", "57"},
		{`{"detail": {"state": [{"anything-but": {"prefix": 123}}]}}`, "prefix/suffix match pattern must be a string", "54"},
		{`{"time": [{"prefix": ["2022-07-13"]}]}`, "prefix match pattern must be a string", "23"},
		{`{"time": [{"prefix": 123}]}`, "prefix match pattern must be a string", "25"},
		{`{"FileName": [{"suffix": [".png"]}]}`, "suffix match pattern must be a string", "27"},
		{`{"detail": {"FileName": [{"anything-but": {"prefix": {"equals-ignore-case": "file"}}}]}}`, "Value of anything-but must be an array or single string/number value.", "55"},
		{`{"detail": {"sourceIPAddress": [{"cidr": ["bad-type"]}]}}`, "prefix match pattern must be a string", "43"},
		{`this is valid json but not a dict`, "Unrecognized token 'this': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')", "5"},
		{`{'bad': 'quotation'}`, "Unexpected character (''' (code 39)): was expecting double-quote to start field name", "2"},
		{`{"not": closed mark"`, "Unrecognized token 'closed': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')", "15"},
		{`["not", "a", "dict", "but valid json"]`, "Filter is not an object", "2"},
		{`{"b": [{"wildcard": "arn:aws:events:us-east-1:**:event-bus/*"}]}`, "Consecutive wildcard characters at pos 26", "62"},
		{`{"a": {}}`, "Empty objects are not allowed", "9"},
		{`{}`, "Empty objects are not allowed", "3"},
		{`{"$or": {"a": [1]}}`, "It must be an Array followed with $or.", "10"},
		{`{"$or": [{"a": [1]}]}`, "There must have at least 2 Objects in $or relationship.", "21"},
		{`{"$or": [{"a": [1]}, 1]}`, "Only JSON object is allowed in array of $or relationship.", "23"},
		{`{"$or": [{"numeric": 123}, {"prefix": "abc"}]}`, "numeric is Ruler reserved fieldName which cannot be used inside $or.", "25"},
		{`{"a": [[1]]}`, "Match value must be String, number, true, false, or null", "9"},
		{`{"a": [{"exists": "true"}]}`, "exists match pattern must be either true or false.", "20"},
		{`{"a": [{"prefix": "x", "suffix": "y"}]}`, "Only one key allowed in match expression", "35"},
		{`{"a": [{}]}`, "Match expression name not found", "10"},
		{`{"a": [{"anything-but": ["a", 1]}]}`, "Inside anything but list, either all values are number or string, mixed type is not supported", "33"},
		{`{"a": [{"anything-but": []}]}`, "Inside anything but list, either all values are number or string, mixed type is not supported", "27"},
		{`{"a": [{"anything-but": {"numeric": 1}}]}`, "Unsupported anything-but pattern: numeric", "38"},
		{`{"a": [{"anything-but": null}]}`, "Value of anything-but must be an array or single string/number value.", "29"},
		{`{"a": [{"anything-but": {"prefix": ""}}]}`, "Null prefix/suffix not allowed", "38"},
		{`{"a": [{"numeric": [">", 5000000001]}]}`, "Value must be between -5.0E9 and 5.0E9, inclusive", "36"},
		{`{"a": [{"numeric": [">", 30, "<", 1]}]}`, "Bottom must be less than top", "37"},
		{`{"a": [{"numeric": ["=", 1, "<", 2]}]}`, "Too many elements in numeric expression", "30"},
		{`{"a": [{"numeric": ["<>", 1]}]}`, "Unrecognized numeric range operator: <>", "28"},
		{`{"a": [{"numeric": [1]}]}`, "Invalid member in numeric match: 1", "22"},
		{`{"a": [{"numeric": ">"}]}`, "Value of numeric must be an array.", "21"},
		{`{"a": [1] "b": [2]}`, "Unexpected character ('\"' (code 34)): was expecting comma to separate Object entries", "11"},
		{`{"a" [1]}`, "Unexpected character ('[' (code 91)): was expecting a colon to separate field name and value", "6"},
	} {
		check(t, x.src, at(x.src, x.reason, "1", x.column))
	}
	for src, reason := range map[string]string{
		`{"b": [{"wildcard": "*:*:*:*:*:event-bus/*"}]}`: tooComplex,
		`{"a": [{"cidr": "bad-filter"}]}`:                "Malformed CIDR, one '/' required",
		`{"a": [{"cidr": "10.0.0.0/xx"}]}`:               "Malformed CIDR, mask bits must be an integer",
		`{"a": [{"cidr": "xx.11.xx/8"}]}`:                "Nonstandard IP address: xx.11.xx",
		`{"a": [{"cidr": "xxxx:db8:1234:1a00::/64"}]}`:   "Nonstandard IP address: xxxx:db8:1234:1a00::",
		`{"a": [{"cidr": "10.0.0.0/32"}]}`:               "IPv4 mask bits must be < 32",
		`{"a": [{"cidr": "::/128"}]}`:                    "IPv6 mask bits must be < 128",
		`{"a": [{"cidr": "10.0.0.0/-1"}]}`:               "Malformed CIDR, mask bits must not be negative",
	} {
		check(t, src, reason)
	}
	list := `{"detail": {"state": [{"anything-but": {"equals-ignore-case": [123, 456]}}]}}`
	place := strings.TrimPrefix(at(list, "", "1", "67"), "")
	check(t, list, "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported."+place+place)
	two := "{\n \"a\": [\"é\", \n  {\"x\": 1}]}"
	check(t, two, at(two, "Unrecognized match type x", "3", "10"))
}

func check(t *testing.T, src, reason string) {
	t.Helper()
	_, err := Parse(src)
	var e *Error
	if !errors.As(err, &e) || e.Reason != reason {
		t.Errorf("%s\ngot  %v\nwant %s", src, err, reason)
	}
	if err != nil && !strings.HasPrefix(err.Error(), "Event pattern is not valid. Reason: ") {
		t.Error(err)
	}
}

func TestAccepted(t *testing.T) {
	for _, src := range []string{
		`{"FileName": [{"wildcard": "/Users/*/dir/dir/dir/dir/dir/doc.txt"}]}`,
		`{"a": [{"anything-but": {"wildcard": ""}}, {"equals-ignore-case": ""}, {"exactly": "x"}]}`,
		`{"a": [{"numeric": ["=", 3.8]}, {"numeric": ["<", -4e-8]}, 123456789012, 1e999]}`,
		"\n {\"a\" : [ \"\\u00e9\" ] } \n",
		`{"$or": [{"a": [1]}, {"b": {"$or": [{"c": [2]}, {"d": [3]}]}}], "e": [4]}`,
		`{"a.b": [1], "": [2], "a": {"c": [3]}}`,
	} {
		if p, err := Parse(src); err != nil || p.String() != src {
			t.Errorf("%s: %v", src, err)
		}
	}
}

func TestBounds(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 120) + `["x"]` + strings.Repeat("}", 120)
	or := `{"$or":[{"a":[1]},{"a":[2]}]}`
	wide := or
	for range 10 {
		wide = `{"x":` + or + "," + wide[1:]
	}
	for name, src := range map[string]string{
		"long": `{"a":["` + strings.Repeat("x", 5000) + `"]}`, "deep": deep, "wide": wide,
		"cut": `{"a":[`, "cut string": `{"a":["x`, "cut name": `{"a`, "trailing": `{"a":[1]} x`, "trailing value": `{"a":[1]}{"b":[1]}`,
		"escape": `{"a":["\x"]}`, "control": "{\"a\":[\"\n\"]}", "number": `{"a":[01]}`, "close": `{"a":[1}`, "empty": "", "utf8": "{\"a\":[\"\xff\"]}",
	} {
		if _, err := Parse(src); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if _, err := (Limits{Bytes: 10_000, Depth: 200}).Parse(deep); err != nil {
		t.Error(err)
	}
	if _, err := (Limits{Complexity: 11}).Parse(`{"b": [{"wildcard": "*:*:*:*:*:event-bus/*"}]}`); err != nil {
		t.Error(err)
	}
	shown := `{"a":["` + strings.Repeat("x", 600) + `"], "b": 1}`
	if _, err := Parse(shown); err == nil || !strings.Contains(err.Error(), `"[truncated 118 chars]; line: 1`) {
		t.Error(err)
	}
}

// Event Ruler's own figures: how many prefixes one value can match at once.
func TestComplexity(t *testing.T) {
	for s, n := range map[string]int{
		"*": 1, "*ab": 2, "*aa": 3, "a*b": 2, "aa*": 2, "a*bc": 2, "a*bb": 3, "a*bcb": 3, "a*bbb": 4, "*ab*ad": 4, "*ab*d": 3, "*aba*": 4,
		"a*b*bb": 5, "a*b*cb": 4, "a*b*cd": 3, "a*b*b": 4, "a*bb*": 4, "ab*b*": 3, "*ab*b*b*": 7, "*a*a*a*a*a*a*a*a*": 17,
		"*:*:*:*:*:event-bus/*": 11, "/Users/*/dir/dir/dir/dir/dir/doc.txt": 7,
	} {
		w, _ := parseWildcard(s)
		if w.exceeds(n) || !w.exceeds(n-1) {
			t.Errorf("%s is not of complexity %d", s, n)
		}
	}
}
