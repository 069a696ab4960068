package signin_test

import (
	"testing"

	"bartizan.dev/bartizantest"
)

func TestConsoleAuthorization(t *testing.T) {
	s := bartizantest.New(t)
	u := newUser(t, s, "")
	ask := func(path string, in any, status int) map[string]any {
		return call(t, s, s.Root(), "signin", "POST", path, nil, in, status)
	}
	if out := ask("/get-resource-policy", fields{}, 404); out["error"] != "RESOURCE_NOT_FOUND" {
		t.Errorf("no policy: %v", out)
	}
	statement := fields{"sourceIp": "203.0.113.0/24", "clientToken": "one"}
	id := ask("/put-resource-permission-statement", statement, 200)["statementId"]
	if again := ask("/put-resource-permission-statement", statement, 200)["statementId"]; again != id {
		t.Errorf("the same token made %v and %v", id, again)
	}
	ask("/put-resource-permission-statement", fields{"sourceIp": "203.0.113.0/24", "clientToken": "two"}, 409)
	ask("/put-resource-permission-statement", fields{"sourceIp": "198.51.100.0/24", "clientToken": "one"}, 409)
	ask("/put-resource-permission-statement", fields{}, 400)
	other := ask("/put-resource-permission-statement", fields{"sourceIp": "198.51.100.0/24"}, 200)["statementId"]
	page := ask("/list-resource-permission-statements", fields{"maxResults": 1}, 200)
	next := ask("/list-resource-permission-statements", fields{"maxResults": 1, "nextToken": page["nextToken"]}, 200)
	if len(next["permissionStatements"].([]any)) != 1 || next["nextToken"] != nil {
		t.Errorf("second page %v", next)
	}
	ask("/delete-resource-permission-statement", fields{"statementId": other}, 200)
	ask("/delete-resource-permission-statement", fields{"statementId": other}, 404)

	newBrowser(t, s).signIn(u.Name, secretPassword) // nothing is enforced yet
	if out := ask("/get-console-authorization-configuration", fields{}, 200); out["consoleAuthorizationEnabled"] != false {
		t.Errorf("at first: %v", out)
	}
	if out := ask("/put-console-authorization-configuration", fields{"targetId": s.Account()}, 200); out["consoleAuthorizationEnabled"] != true || out["targetId"] != s.Account() {
		t.Errorf("enabled: %v", out)
	}
	ask("/put-console-authorization-configuration", fields{"targetId": "o-abcdefghij"}, 403)
	b := newBrowser(t, s)
	b.want(401, "POST", "/signin/v1/session", login(u.Name, secretPassword))
	e := events(t, s, "ConsoleLogin")[0]
	if e["errorCode"] != "AccessDenied" || e["errorMessage"] != "Authorization denied because of a resource-based policy" || at(e, "responseElements", "ConsoleLogin") != "Failure" {
		t.Errorf("event %v", e)
	}
	ask("/delete-resource-permission-statement", fields{"statementId": id}, 200)
	ask("/put-resource-permission-statement", fields{"sourceIp": "203.0.113.0/24", "excludedPrincipal": u.ARN}, 200)
	b.signIn(u.Name, secretPassword)
	barred := newUser(t, s, "")
	newBrowser(t, s).want(401, "POST", "/signin/v1/session", login(barred.Name, secretPassword))
	ask("/delete-console-authorization-configuration", fields{}, 200)
	newBrowser(t, s).signIn(barred.Name, secretPassword)
}
