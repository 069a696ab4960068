package nodes

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"bartizan.dev/sigv4"
)

// answer is what a node answered.
type answer struct {
	status  int
	code    string // of an error
	message string
	body    []byte
	begun   time.Time
	took    time.Duration
}

func (a answer) ok() bool { return a.status == 200 }

// denied reports a refusal: of policies, or in KMS of the key's state.
func (a answer) denied() bool {
	switch a.code {
	case "AccessDeniedException", "DisabledException", "KMSInvalidStateException":
		return true
	}
	return a.status == 403
}

func (a answer) String() string {
	if a.ok() {
		return fmt.Sprintf("200 in %v", a.took)
	}
	return fmt.Sprintf("%d %s %q in %v", a.status, a.code, a.message, a.took)
}

// text returns the text of the first element of that name in an XML answer.
func (a answer) text(name string) string {
	all := a.texts(name)
	if len(all) == 0 {
		return ""
	}
	return all[0]
}

func (a answer) texts(name string) (out []string) {
	d := xml.NewDecoder(bytes.NewReader(a.body))
	for {
		tok, err := d.Token()
		if err != nil {
			return out
		}
		if e, ok := tok.(xml.StartElement); ok && e.Name.Local == name {
			var s string
			if err := d.DecodeElement(&s, &e); err != nil {
				return out
			}
			out = append(out, s)
		}
	}
}

var client = &http.Client{
	Timeout:   40 * time.Second,
	Transport: &http.Transport{MaxIdleConnsPerHost: 64},
}

// call sends one signed call of a query service, arguments as name, value.
func (n *node) call(c sigv4.Credentials, service, action string, args ...string) (answer, error) {
	version := map[string]string{"iam": "2010-05-08", "sts": "2011-06-15"}[service]
	form := url.Values{"Action": {action}, "Version": {version}}
	for i := 0; i < len(args); i += 2 {
		form.Set(args[i], args[i+1])
	}
	return n.send(c, service, "", "application/x-www-form-urlencoded; charset=utf-8", []byte(form.Encode()))
}

func (n *node) send(c sigv4.Credentials, service, target, contentType string, body []byte) (answer, error) {
	r, err := http.NewRequest("POST", n.url+"/", bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	r.Header.Set("Content-Type", contentType)
	if target != "" {
		r.Header.Set("X-Amz-Target", target)
	}
	begun := time.Now()
	if err := sigv4.Sign(r, c, "us-east-1", service, sigv4.HashPayload(body), begun); err != nil {
		return answer{}, err
	}
	res, err := client.Do(r)
	if err != nil {
		return answer{}, err
	}
	a := answer{status: res.StatusCode, begun: begun}
	a.body, err = io.ReadAll(res.Body)
	a.took = time.Since(begun)
	if err = errors.Join(err, res.Body.Close()); err == nil && !a.ok() {
		a.code, a.message = a.text("Code"), a.text("Message")
		if target != "" {
			a.code = res.Header.Get("X-Amzn-Errortype")
		}
	}
	return a, err
}

// try is call where only the answer can go wrong, not the connection.
func (n *node) try(t *testing.T, c sigv4.Credentials, service, action string, args ...string) answer {
	t.Helper()
	a, err := n.call(c, service, action, args...)
	if err != nil {
		t.Errorf("%s:%s: %v", service, action, err)
	}
	return a
}

// do is try that must succeed.
func (n *node) do(t *testing.T, c sigv4.Credentials, service, action string, args ...string) answer {
	t.Helper()
	a := n.try(t, c, service, action, args...)
	if !a.ok() {
		t.Fatalf("%s:%s %v: %v", service, action, args, a)
	}
	return a
}

// user makes a user with an access key.
func (n *node) user(t *testing.T, root sigv4.Credentials, name string) sigv4.Credentials {
	t.Helper()
	n.do(t, root, "iam", "CreateUser", "UserName", name)
	return credentials(n.do(t, root, "iam", "CreateAccessKey", "UserName", name))
}

// credentials are those in the answer of CreateAccessKey or of STS.
func credentials(a answer) sigv4.Credentials {
	return sigv4.Credentials{AccessKey: a.text("AccessKeyId"), Secret: a.text("SecretAccessKey"), Token: a.text("SessionToken")}
}

// all reads every page of a list, in turn from the nodes given.
func all(t *testing.T, c sigv4.Credentials, from []*node, action, element string, args ...string) (out []string) {
	t.Helper()
	for i, marker := 0, ""; ; i++ {
		page := args
		if marker != "" {
			page = append(args[:len(args):len(args)], "Marker", marker)
		}
		a := from[i%len(from)].do(t, c, "iam", action, page...)
		out = append(out, a.texts(element)...)
		if marker = a.text("Marker"); a.text("IsTruncated") != "true" {
			return out
		}
	}
}

// event is one event of LookupEvents.
type event struct {
	EventId, EventName, Username, CloudTrailEvent string
}

// request is what the event says was asked, and the error that was answered.
func (e event) request(t *testing.T) (userName, errorCode string) {
	t.Helper()
	var doc struct {
		ErrorCode         string
		RequestParameters struct{ UserName string }
	}
	if err := json.Unmarshal([]byte(e.CloudTrailEvent), &doc); err != nil {
		t.Fatalf("event %s is not JSON: %v\n%s", e.EventId, err, e.CloudTrailEvent)
	}
	return doc.RequestParameters.UserName, doc.ErrorCode
}

// lookup reads every page of LookupEvents, in turn from the nodes given.
func lookup(t *testing.T, c sigv4.Credentials, from []*node, in map[string]any) (out []event) {
	t.Helper()
	in = maps.Clone(in)
	for i := 0; ; i++ {
		body, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		a, err := from[i%len(from)].send(c, "cloudtrail", "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents", "application/x-amz-json-1.1", body)
		if err != nil {
			t.Fatal(err)
		}
		if !a.ok() {
			t.Fatalf("LookupEvents %s: %v %s", body, a, a.body)
		}
		var page struct {
			Events    []event
			NextToken string
		}
		if err := json.Unmarshal(a.body, &page); err != nil {
			t.Fatal(err)
		}
		out = append(out, page.Events...)
		if page.NextToken == "" {
			return out
		}
		in["NextToken"] = page.NextToken
	}
}

func by(attribute, value string) map[string]any {
	return map[string]any{"LookupAttributes": []map[string]string{{"AttributeKey": attribute, "AttributeValue": value}}}
}

func allow(actions ...string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["` + strings.Join(actions, `","`) + `"],"Resource":"*"}]}`
}
