package server_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"bartizan.dev/bartizantest"
)

// events calls EventBridge, IAM's role pages aside.
func events(t *testing.T, s *bartizantest.Server, as bartizantest.Credentials, operation string, in object) (object, int) {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequest(http.MethodPost, s.URL()+"/", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "AWSEvents."+operation)
	res, err := s.Client(as, "events").Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var out object
	if text, err := io.ReadAll(res.Body); err != nil {
		t.Fatal(err)
	} else if err := json.Unmarshal(text, &out); err != nil && len(text) > 0 {
		t.Fatalf("%s: %s", operation, text)
	}
	return out, res.StatusCode
}

// TestApiDestination: an event reaches an HTTP endpoint with a token that the
// authorization server gave for the client's secret, which is kept in Secrets
// Manager, and only if the target's role may call the destination.
func TestApiDestination(t *testing.T) {
	got := make(chan string, 10)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("grant_type") != "client_credentials" || r.FormValue("client_id") != "me" || r.FormValue("client_secret") != "hush" || r.FormValue("scope") != "all" {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		io.WriteString(w, `{"access_token":"t0ken","token_type":"Bearer"}`)
	})
	mux.HandleFunc("POST /hooks/{id}", func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- strings.Join([]string{r.PathValue("id"), r.URL.RawQuery, r.Header.Get("Authorization"), r.Header.Get("X-Extra"), string(body)}, "|")
	})
	endpoint := httptest.NewServer(mux)
	defer endpoint.Close()
	s := bartizantest.New(t)
	do := func(operation string, in object) object {
		t.Helper()
		out, status := events(t, s, s.Root(), operation, in)
		if status != 200 {
			t.Fatalf("%s: %v", operation, out)
		}
		return out
	}
	param := func(k, v string) []object { return []object{{"Key": k, "Value": v, "IsValueSecret": false}} }
	c := do("CreateConnection", object{"Name": "c", "AuthorizationType": "OAUTH_CLIENT_CREDENTIALS", "AuthParameters": object{
		"OAuthParameters": object{"ClientParameters": object{"ClientID": "me", "ClientSecret": "hush"}, "AuthorizationEndpoint": endpoint.URL + "/token", "HttpMethod": "POST",
			"OAuthHttpParameters": object{"BodyParameters": param("scope", "all")}},
		"InvocationHttpParameters": object{"HeaderParameters": param("X-Extra", "x"), "QueryStringParameters": param("q", "1"), "BodyParameters": param("added", "yes")},
	}})
	if c["ConnectionState"] != "AUTHORIZING" {
		t.Errorf("%v", c)
	}
	shown := do("DescribeConnection", object{"Name": "c"})
	secret, _ := shown["SecretArn"].(string)
	if text, _ := json.Marshal(shown); !strings.Contains(secret, ":secret:events!connection/c/") || strings.Contains(string(text), "hush") {
		t.Errorf("%s", text)
	}
	if v, err := (sm{t, s, s.Root()}).call("GetSecretValue", object{"SecretId": secret}); err != nil || !strings.Contains(v["SecretString"].(string), `"client_secret":"hush"`) {
		t.Errorf("%v %v", v, err)
	}
	d := do("CreateApiDestination", object{"Name": "d", "ConnectionArn": c["ConnectionArn"], "InvocationEndpoint": endpoint.URL + "/hooks/*", "HttpMethod": "POST"})
	const trust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	for role, effect := range map[string]string{"may": "Allow", "maynot": "Deny"} {
		iam(t, s, "CreateRole", "RoleName", role, "AssumeRolePolicyDocument", trust)
		iam(t, s, "PutRolePolicy", "RoleName", role, "PolicyName", "p", "PolicyDocument",
			`{"Version":"2012-10-17","Statement":[{"Effect":"`+effect+`","Action":"events:InvokeApiDestination","Resource":"*"}]}`)
		do("PutRule", object{"Name": role, "EventPattern": `{"source":["` + role + `"]}`})
		do("PutTargets", object{"Rule": role, "Targets": []object{{"Id": "1", "Arn": d["ApiDestinationArn"], "RoleArn": "arn:aws:iam::" + s.Account() + ":role/" + role,
			"InputPath": "$.detail", "HttpParameters": object{"PathParameterValues": []string{"7"}}}}})
	}
	for _, source := range []string{"maynot", "may"} {
		do("PutEvents", object{"Entries": []object{{"Source": source, "DetailType": "T", "Detail": `{"from":"` + source + `"}`}}})
	}
	select {
	case call := <-got:
		if call != `7|q=1|Bearer t0ken|x|{"added":"yes","from":"may"}` {
			t.Error(call)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the endpoint was not called")
	}
	if len(got) != 0 {
		t.Errorf("called by a role that may not: %s", <-got)
	}
	do("DeleteApiDestination", object{"Name": "d"})
	do("DeleteConnection", object{"Name": "c"})
	if _, err := (sm{t, s, s.Root()}).call("GetSecretValue", object{"SecretId": secret}); err == nil {
		t.Error("the secret of a deleted connection is still there")
	}
	out, status := events(t, s, s.Root(), "DescribeConnection", object{"Name": "c"})
	if message, _ := out["message"].(string); status != 400 || !strings.Contains(message, "Failed to describe the connection(s). Connection 'c' does not exist.") {
		t.Errorf("%v", out)
	}
}

// iam calls IAM as root.
func iam(t *testing.T, s *bartizantest.Server, action string, args ...string) {
	t.Helper()
	in := map[string][]string{}
	for i := 0; i < len(args); i += 2 {
		in[args[i]] = []string{args[i+1]}
	}
	if _, err := s.Call(s.Root(), "iam", action, in); err != nil {
		t.Fatal(err)
	}
}
