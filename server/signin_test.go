package server

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"bartizan.dev/trail"
)

// TestRootSignsIn: the root user signs in with its address, once it has a
// password, and changes it.
func TestRootSignsIn(t *testing.T) {
	c := newClient(t)
	c.emailed = func(_ context.Context, email string) (string, error) {
		if email == "root@example.com" {
			return DefaultAccount, nil
		}
		return "", nil
	}
	var cookie *http.Cookie
	token := ""
	send := func(method, path, body string) (int, map[string]any) {
		t.Helper()
		r := httptest.NewRequest(method, "http://localhost"+path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Csrf-Token", token)
		if cookie != nil {
			r.AddCookie(cookie)
		}
		w := httptest.NewRecorder()
		c.handler.ServeHTTP(w, r)
		if list := w.Result().Cookies(); len(list) > 0 {
			cookie = list[0]
		}
		out := map[string]any{}
		if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
			t.Fatalf("%s: %s", path, w.Body)
		}
		if got, ok := out["csrfToken"].(string); ok {
			token = got
		}
		return w.Code, out
	}
	signIn := func(password string) (int, map[string]any) {
		t.Helper()
		return send("POST", "/signin/v1/session", `{"email":"root@example.com","password":"`+password+`"}`)
	}
	if status, out := signIn("Correct-Horse-7"); status != 401 {
		t.Fatalf("without a password: %d %v", status, out)
	}
	if err := c.iam.SetRootPassword(t.Context(), DefaultAccount, "Correct-Horse-7"); err != nil {
		t.Fatal(err)
	}
	if status, out := signIn("Correct-Horse-7"); status != 200 || out["arn"] != "arn:aws:iam::"+DefaultAccount+":root" {
		t.Fatalf("with it: %d %v", status, out)
	}
	if status, out := send("POST", "/signin/v1/password", `{"oldPassword":"wrong","newPassword":"Another-Horse-8"}`); status != 401 {
		t.Errorf("the wrong old password: %d %v", status, out)
	}
	if status, out := send("POST", "/signin/v1/password", `{"oldPassword":"Correct-Horse-7","newPassword":"short"}`); status != 400 || out["error"] != "PasswordPolicyViolation" {
		t.Errorf("a bad new password: %d %v", status, out)
	}
	if status, out := send("POST", "/signin/v1/password", `{"oldPassword":"Correct-Horse-7","newPassword":"Another-Horse-8"}`); status != 200 {
		t.Fatalf("change: %d %v", status, out)
	}
	if status, out := send("GET", "/signin/v1/session", ""); status != 200 {
		t.Errorf("the session in which it was changed: %d %v", status, out)
	}
	if status, out := send("POST", "/signin/v1/session/role", `{"account":"000000000000","role":"x"}`); status != 403 {
		t.Errorf("the root user switches roles: %d %v", status, out)
	}
	cookie, token = nil, ""
	if status, _ := signIn("Correct-Horse-7"); status != 401 {
		t.Errorf("the old password: %d", status)
	}
	if status, _ := signIn("Another-Horse-8"); status != 200 {
		t.Errorf("the new password: %d", status)
	}
	page, err := c.trail.Lookup(t.Context(), trail.Query{Account: DefaultAccount, Region: "us-east-1", Attribute: trail.EventName, Value: "PasswordUpdated", Limit: 50})
	if err != nil || len(page.Events) != 2 {
		t.Fatalf("%d events, %v", len(page.Events), err)
	}
	for i, want := range []string{`"responseElements":{"PasswordUpdated":"Success"}`, `"responseElements":{"PasswordUpdated":"Failure"}`} {
		if doc := string(page.Events[i].JSON); !strings.Contains(doc, want) || !strings.Contains(doc, `"type":"Root"`) || strings.Contains(doc, "Horse") {
			t.Errorf("event %s", doc)
		}
	}
}
