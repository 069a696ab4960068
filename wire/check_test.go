package wire

import (
	"strings"
	"testing"
)

func codeOf(t *testing.T, op Operation, r *Request) (code, message string) {
	t.Helper()
	_, err := op.Decode(r)
	if err == nil {
		return "", ""
	}
	e := AsError(err)
	if e.Status != 400 || e.Fault {
		t.Errorf("%v: status %d, fault %v", e, e.Status, e.Fault)
	}
	return e.Code, e.Message
}

// TestViolations holds AWS's sentences. The first three were recorded from
// EventBridge (CreateConnection, PutTargets) and STS (AssumeRole), those of IAM
// from CreateRole, CreateUser and PutRolePolicy, EC2's from RunInstances.
func TestViolations(t *testing.T) {
	long := strings.Repeat("a", 65)
	for _, c := range []struct{ name, op, body, code, message string }{
		{"pattern, length and enum", "json", `{"Name":"` + long + `/","Kind":"INVALID"}`, "ValidationException",
			"3 validation errors detected: " +
				`Value '` + long + `/' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]+; ` +
				`Value '` + long + `/' at 'name' failed to satisfy constraint: Member must have length less than or equal to 64; ` +
				`Value 'INVALID' at 'kind' failed to satisfy constraint: Member must satisfy enum value set: [BASIC, API_KEY]`},
		{"in a list", "json", `{"Name":"a","Tags":[{"Key":"a","Value":""},{"Key":"b c","Value":""}]}`, "ValidationException",
			`1 validation error detected: Value 'b c' at 'tags.2.member.key' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]+`},
		{"query", "sts", `Name=a%3Ab`, "ValidationError",
			`1 validation error detected: Value 'a:b' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]+`},
		{"absent", "json", `{}`, "ValidationException",
			"1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not be null"},
		{"null is absent", "json", `{"Name":null}`, "ValidationException",
			"1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not be null"},
		{"absent below", "json", `{"Name":"a","Next":{"Tags":[{"Key":"k"}]}}`, "ValidationException",
			"2 validation errors detected: Value null at 'next.tags.1.member.value' failed to satisfy constraint: Member must not be null; " +
				"Value null at 'next.name' failed to satisfy constraint: Member must not be null"},
		{"empty", "json", `{"Name":""}`, "ValidationException",
			`2 validation errors detected: Value '' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]+; ` +
				`Value '' at 'name' failed to satisfy constraint: Member must have length greater than or equal to 1`},
		{"below the range", "json", `{"Name":"a","Count":0}`, "ValidationException",
			"1 validation error detected: Value '0' at 'count' failed to satisfy constraint: Member must have value greater than or equal to 1"},
		{"above the range", "json", `{"Name":"a","Count":101}`, "ValidationException",
			"1 validation error detected: Value '101' at 'count' failed to satisfy constraint: Member must have value less than or equal to 100"},
		{"a sensitive value", "json", `{"Name":"a","Secret":"hunter2"}`, "ValidationException",
			"1 validation error detected: Value at 'secret' failed to satisfy constraint: Member must have length greater than or equal to 8"},
		{"a blob", "json", `{"Name":"a","Data":""}`, "ValidationException",
			"1 validation error detected: Value 'java.nio.HeapByteBuffer[pos=0 lim=0 cap=0]' at 'data' failed to satisfy constraint: Member must have length greater than or equal to 1"},
		{"a list", "json", `{"Name":"a","Tags":[` + strings.Repeat(`{"Key":"k","Value":""},`, 59) + `{"Key":"k","Value":""}]}`, "ValidationException",
			"1 validation error detected: Value '[51 elements]' at 'tags' failed to satisfy constraint: Member must have length less than or equal to 50"},

		{"elements", "json", `{"Name":"a","Names":["ok","b c"]}`, "ValidationException",
			`1 validation error detected: Value '[ok, b c]' at 'names' failed to satisfy constraint: Member must satisfy constraint: ` +
				`[Member must have length less than or equal to 64, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [\w+=,.@-]+]`},
		{"elements of an enum", "sts", `Name=a&Kinds.member.1=X`, "ValidationError",
			`1 validation error detected: Value '[X]' at 'kinds' failed to satisfy constraint: Member must satisfy constraint: [Member must satisfy enum value set: [BASIC, API_KEY]]`},
		{"keys and values", "json", `{"Name":"a","Named":{"b c":""}}`, "ValidationException",
			`2 validation errors detected: Value '{b c=}' at 'named' failed to satisfy constraint: Map keys must satisfy constraint: ` +
				`[Member must have length less than or equal to 64, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [\w+=,.@-]+]; ` +
				`Value '{b c=}' at 'named' failed to satisfy constraint: Map value must satisfy constraint: [Member must have length less than or equal to 64, ` +
				`Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [\w+=,.@-]+]`},

		{"IAM: a length", "iam", `Name=` + long, "ValidationError",
			"1 validation error detected: Value at 'name' failed to satisfy constraint: Member must have length less than or equal to 64"},
		{"IAM: absent", "iam", ``, "ValidationError",
			"1 validation error detected: Value at 'name' failed to satisfy constraint: Member must not be null"},
		{"IAM: an enum", "iam", `Name=a&Kind=X`, "ValidationError",
			"1 validation error detected: Value at 'kind' failed to satisfy constraint: Member must satisfy enum value set: [BASIC, API_KEY]"},
		{"IAM: a name", "iam", `Name=a/b`, "ValidationError",
			"The specified value for name is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-"},
		{"IAM: a path", "iam", `Name=a&Path=bad`, "ValidationError",
			"The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters."},

		{"EC2: absent", "ec2", ``, "MissingParameter", "The request must contain the parameter name"},
		{"EC2: an enum", "ec2", `Name=a&Kind=X`, "InvalidParameterValue",
			"Value (X) for parameter kind is invalid. Member must satisfy enum value set: [BASIC, API_KEY]"},
		{"Route 53", "route53", `<Sink/>`, "InvalidInput",
			"1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not be null"},
		{"S3", "s3", `<Sink/>`, "InvalidArgument",
			"1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not be null"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, message := codeOf(t, namedOp(c.op), &Request{Method: "POST", Path: "/sinks", Body: []byte(c.body)})
			if code != c.code || message != c.message {
				t.Errorf("\n got %s: %s\nwant %s: %s", code, message, c.code, c.message)
			}
		})
	}
}

// namedOp is the sink in the protocol of the service with the name.
func namedOp(name string) Operation {
	p := map[string]Protocol{"json": JSON11, "sts": Query, "iam": Query, "ec2": EC2, "route53": RESTXML, "s3": RESTXML, "guardduty": RESTJSON}[name]
	return sinkOp(name, p)
}

// TestMalformed: what has not the form of its protocol gets the protocol's
// error, and never a partial input.
func TestMalformed(t *testing.T) {
	const serialization = "SerializationException"
	for _, c := range []struct{ op, body, code string }{
		{"json", `{`, serialization},
		{"json", `[]`, serialization},
		{"json", `null`, serialization},
		{"json", `{"Name":"a"} x`, serialization},
		{"json", `{"Name":"a",}`, serialization},
		{"json", `{"Name":"a" "Kind":"BASIC"}`, serialization},
		{"json", `{'Name':'a'}`, serialization},
		{"json", `{"Name":"a","Name":"b"}`, serialization},
		{"json", `{"Name":1}`, serialization},
		{"json", `{"Name":["a"]}`, serialization},
		{"json", "{\"Name\":\"a\x01\"}", serialization},
		{"json", "{\"Name\":\"\xff\"}", serialization},
		{"json", `{"Name":"\ud800"}`, serialization},
		{"json", `{"Name":"\x41"}`, serialization},
		{"json", `{"Name":"a","Count":"1"}`, serialization},
		{"json", `{"Name":"a","Count":1.5}`, serialization},
		{"json", `{"Name":"a","Count":01}`, serialization},
		{"json", `{"Name":"a","Count":2147483648}`, serialization},
		{"json", `{"Name":"a","Big":9223372036854775808}`, serialization},
		{"json", `{"Name":"a","On":"true"}`, serialization},
		{"json", `{"Name":"a","On":True}`, serialization},
		{"json", `{"Name":"a","Data":"***"}`, serialization},
		{"json", `{"Name":"a","When":"yesterday"}`, serialization},
		{"json", `{"Name":"a","When":1e300}`, serialization},
		{"json", `{"Name":"a","Words":[null]}`, serialization},
		{"json", `{"Name":"a","Words":"a"}`, serialization},
		{"json", `{"Name":"a","Labels":{"a":"b","a":"c"}}`, serialization},
		{"json", `{"Name":"a","Labels":[]}`, serialization},
		{"json", `{"Name":"a","Next":[]}`, serialization},
		{"guardduty", `{"Name":1}`, serialization},

		{"sts", `Name=%`, "MalformedQueryString"},
		{"sts", `Name=%FF`, "MalformedQueryString"},
		{"sts", `Name=a&Name=b`, "MalformedQueryString"},
		{"sts", `Name=a&Count=x`, "MalformedInput"},
		{"sts", `Name=a&On=x`, "MalformedInput"},
		{"sts", `Name=a&Name.b=c`, "MalformedInput"},
		{"sts", `Name=a&Words.member.x=1`, "MalformedInput"},
		{"sts", `Name=a&Words.1=1`, "MalformedInput"},
		{"sts", `Name=a&Words.member.01=1`, "MalformedInput"},
		{"sts", `Name=a&Labels.entry.1.value=1`, "MalformedInput"},
		{"ec2", `Name=a&Tags.x.Key=1`, "MalformedInput"},

		{"s3", `<Sink>`, "MalformedXML"},
		{"s3", `<Sink></Other>`, "MalformedXML"},
		{"s3", `<Sink/><Sink/>`, "MalformedXML"},
		{"s3", `text`, "MalformedXML"},
		{"s3", `<Sink>&unknown;</Sink>`, "MalformedXML"},
		{"s3", `<Sink>&#0;</Sink>`, "MalformedXML"},
		{"s3", `<!DOCTYPE Sink><Sink/>`, "MalformedXML"},
		{"s3", `<Sink a="1" a="2"/>`, "MalformedXML"},
		{"s3", `<Sink a=1/>`, "MalformedXML"},
		{"s3", "<Sink>\xff</Sink>", "MalformedXML"},
		{"s3", `<?xml version="1.0" encoding="UTF-16"?><Sink/>`, "MalformedXML"},
		{"route53", `<Sink>`, "MalformedInput"},
	} {
		code, message := codeOf(t, namedOp(c.op), &Request{Method: "POST", Path: "/sinks", Body: []byte(c.body)})
		if code != c.code {
			t.Errorf("%s %q: got %s (%s), want %s", c.op, c.body, code, message, c.code)
		}
	}
}

// TestMalformedCBOR holds RFC 8949 encodings that are cut short, of the wrong
// type or not of the protocol.
func TestMalformedCBOR(t *testing.T) {
	op := namedOp("json")
	for _, body := range []string{
		"\x80", "\x01", "\xf6", "\xa1", "\xa1\x64Name", "\xa1\x64Name\x01", "\xa1\x64Name\x61", "\xa1\x64Name\x61\xff",
		"\xa1\x64Name\x41a", "\xa1\x01\x61a", "\xbf\x64Name\x61a", "\xa1\x64Name\x61a\x00",
		"\xa2\x64Name\x61a\x64Name\x61b", "\xa1\x65Count\x61a", "\xa1\x65Count\xfb\x3f\xf8\x00\x00\x00\x00\x00\x00",
		"\xa1\x65Count\x1b\xff\xff\xff\xff\xff\xff\xff\xff", "\xa1\x62On\x01", "\xa1\x64When\x01", "\xa1\x64When\xc1\x61a",
		"\xa1\x64When\xc1\xfb\x7f\xf0\x00\x00\x00\x00\x00\x00", "\xa1\x65Words\xa0", "\xa1\x65Words\x81\xf6", "\xa1\x66Labels\x80",
	} {
		if code, message := codeOf(t, op, &Request{Header: cborHeader, Body: []byte(body)}); code != "SerializationException" {
			t.Errorf("%q: got %s (%s)", body, code, message)
		}
	}
}
