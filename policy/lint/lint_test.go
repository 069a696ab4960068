package lint

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

// The policy of the AWS CLI's page, with the findings AWS gave for it; the page
// has made the last value two characters shorter than AWS saw it.
// https://docs.aws.amazon.com/cli/latest/reference/accessanalyzer/validate-policy.html
const cognito = `{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "",
            "Effect": "Allow",
            "Principal": {
                "Federated": "cognito-identity.amazonaws.com"
            },
            "Action": [
                "sts:AssumeRole",
                "sts:TagSession"
            ],
            "Condition": {
                "StringEquals": {
                    "cognito-identity.amazonaws.com:aud": "us-west-2_EXAMPLE__"
                }
            }
        }
    ]
}
`

func TestAWSExample(t *testing.T) {
	found := Validate([]byte(cognito), Options{Type: Resource, Reference: testReference})
	var got []string
	for _, f := range found {
		line := string(f.Type) + " " + f.Code
		for _, l := range f.Locations {
			path, err := json.Marshal(l.Path)
			if err != nil {
				t.Fatal(err)
			}
			line += fmt.Sprintf(" %s %v-%v", path, l.Span.Start, l.Span.End)
		}
		got = append(got, line)
	}
	want := []string{
		`SUGGESTION EMPTY_SID_VALUE [{"value":"Statement"},{"index":0},{"value":"Sid"}] {5 19 79}-{5 21 81}`,
		`ERROR MISMATCHED_ACTION_FOR_PRINCIPAL [{"value":"Statement"},{"index":0},{"value":"Action"},{"index":0}] {11 16 258}-{11 32 274}` +
			` [{"value":"Statement"},{"index":0},{"value":"Principal"},{"value":"Federated"}] {8 29 170}-{8 61 202}`,
		`ERROR UNSUPPORTED_ACTION_FOR_CONDITION_KEY [{"value":"Statement"},{"index":0},{"value":"Action"},{"index":1}] {12 16 292}-{12 32 308}` +
			` [{"value":"Statement"},{"index":0},{"value":"Condition"},{"value":"StringEquals"},{"value":"cognito-identity.amazonaws.com:aud"}] {16 58 443}-{16 79 464}`,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if want := "https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html#access-analyzer-reference-policy-checks-error-mismatched-action-for-principal"; found[1].LearnMore != want {
		t.Errorf("link %s, want %s", found[1].LearnMore, want)
	}
	if want := "The following actions: sts:TagSession are not supported by the condition key cognito-identity.amazonaws.com:aud. The condition will not be evaluated for these actions. We recommend that you move these actions to a different statement without this condition key."; found[2].Details != want {
		t.Errorf("details %q", found[2].Details)
	}
}

// TestPositions: characters are counted, not bytes; parts of strings have
// places of their own.
func TestPositions(t *testing.T) {
	doc := "{\"Version\":\"2012-10-17\",\n\"Id\":\"äöü€😀\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"s3:GetObject\",\n\"Resource\":\"arn:azure:s3:::ä\"}}"
	found := Validate([]byte(doc), Options{Reference: testReference})
	if len(found) != 1 || found[0].Code != "INVALID_PARTITION" {
		t.Fatalf("%+v", found)
	}
	l := found[0].Locations[0]
	start := len([]rune(doc[:strings.Index(doc, "azure")]))
	if want := (Span{Position{3, 16, start}, Position{3, 21, start + 5}}); l.Span != want {
		t.Errorf("span %+v, want %+v", l.Span, want)
	}
	if last := l.Path[len(l.Path)-1]; last.Substring == nil || *last.Substring != (Substring{4, 5}) {
		t.Errorf("path ends in %+v", last)
	}
	// With an escape in the string its parts have no places of their own.
	found = Validate([]byte(strings.Replace(doc, "arn:azure", `\u0061rn:azure`, 1)), Options{Reference: testReference})
	if got := found[0].Locations[0].Span.End.Offset - found[0].Locations[0].Span.Start.Offset; got != len([]rune(`"\u0061rn:azure:s3:::ä"`)) {
		t.Errorf("%d characters", got)
	}
}

func TestSyntaxErrors(t *testing.T) {
	for doc, offset := range map[string]int{
		"":                                 0,
		"{":                                1,
		"\ufeff{}":                         0,
		"{}x":                              2,
		`{"a":1,}`:                         7,
		`{"a":01}`:                         5,
		`{"a":"` + "\n" + `"}`:             6,
		`{"a":"\ud800"}`:                   12,
		"{\"a\":\"\xff\"}":                 6,
		`{"a":tru}`:                        5,
		strings.Repeat("[", 100):           33,
		strings.Repeat(" ", MaxSize+1):     MaxSize,
		`{"Version":"2012-10-17","a":[1 2`: 31,
	} {
		found := Validate([]byte(doc), Options{Reference: testReference})
		if len(found) != 1 || found[0].Code != "JSON_SYNTAX_ERROR" || found[0].Locations[0].Span.Start.Offset != offset {
			t.Errorf("%.40q: %+v, want a fault at %d", doc, found, offset)
		}
	}
}

// TestBounded: the longest documents of the worst kinds take no longer than
// some seconds, whatever is in them.
func TestBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	fill := func(prefix, item, suffix string) string {
		n := (MaxSize - len(prefix) - len(suffix)) / len(item)
		var b strings.Builder
		b.WriteString(prefix)
		for i := range n {
			b.WriteString(strings.ReplaceAll(item, "######", fmt.Sprintf("%06d", i)))
		}
		return strings.TrimSuffix(b.String(), ",") + suffix
	}
	head := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",`
	for name, doc := range map[string]string{
		"actions":    fill(head+`"Resource":"*","Action":[`, `"s3:*a*t######",`, `]}]}`),
		"resources":  fill(head+`"Action":"s3:*","Resource":[`, `"arn:aws:apigateway:::*a*b*######*",`, `]}]}`),
		"long":       fill(head+`"Action":"s3:*","Resource":["arn:aws:apigateway:::`, `*a*b`, `"]}]}`),
		"long star":  fill(head+`"Resource":"*","Action":["s3:`, `*a`, `"]}]}`),
		"services":   fill(head+`"Resource":"*","Action":[`, `"x######:Get",`, `]}]}`),
		"conditions": fill(head+`"Action":"s3:*","Resource":"*","Condition":{"StringLike":{`, `"aws:x######":["*"],`, `}}}]}`),
		"statements": fill(`{"Version":"2012-10-17","Statement":[`, `{"Sid":"a"},`, `]}`),
		"one line":   fill(head+`"Action":"s3:*","Resource":[`, `"ä",`, `]}]}`),
		"keys":       fill(head+`"Resource":"*","Action":["iam:GetRole"],"Condition":{`, `"######":{"iam:PassedToService":"x"},`, `}}]}`),
		"principals": fill(head+`"Action":["sts:AssumeRole","sts:AssumeRoleWithSAML"],"Principal":{"AWS":[`, `"arn:aws:sts::1:assumed-role/r/######",`, `]}}]}`),
	} {
		opt := Options{Type: Identity, Reference: testReference}
		if name == "principals" {
			opt.Type, opt.ResourceType = Resource, RoleTrust
		}
		begin := time.Now()
		found := Validate([]byte(doc), opt)
		if took := time.Since(begin); took > 10*time.Second { // some hundred milliseconds on an idle machine
			t.Errorf("%s: %v, %d findings", name, took, len(found))
		}
		places := 0
		for _, f := range found {
			places += len(f.Locations)
		}
		if places > maxPlaces {
			t.Errorf("%s: %d locations", name, places)
		}
	}
}

func FuzzValidate(f *testing.F) {
	f.Add([]byte(cognito), "RESOURCE_POLICY", "")
	f.Add([]byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*","iam:P*"],"Resource":["arn:aws:s3:::${aws:username, 'x'}/*","*"],"Condition":{"ForAllValues:StringLikeIfExists":{"aws:TagKeys":["a",1,true]}}}]}`), "IDENTITY_POLICY", "")
	f.Add([]byte(`{"Statement":{"Effect":"Deny","Principal":{"Service":["a"],"AWS":"*"},"NotAction":"*","NotResource":[],"Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.1/8"}}}}`), "RESOURCE_CONTROL_POLICY", "")
	f.Add([]byte(`{"Statement":{"Principal":{"Federated":"token.actions.githubusercontent.com"},"Action":"sts:AssumeRole"}}`), "RESOURCE_POLICY", RoleTrust)
	f.Fuzz(func(t *testing.T, doc []byte, kind, resource string) {
		if len(doc) > 4096 {
			return
		}
		opt := Options{Type: PolicyType(kind), ResourceType: resource, Reference: testReference}
		found := Validate(doc, opt)
		wellFormed(t, strings.ToValidUTF8(string(doc), "?"), found)
		if !reflect.DeepEqual(found, Validate(doc, opt)) {
			t.Error("the same text gives other findings")
		}
	})
}

// BenchmarkValidate checks a small trust policy.
func BenchmarkValidate(b *testing.B) {
	doc := []byte(cognito)
	for b.Loop() {
		Validate(doc, Options{Type: Resource, Reference: testReference})
	}
}
