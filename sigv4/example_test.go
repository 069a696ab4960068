package sigv4_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"bartizan.dev/sigv4"
)

// A server verifies what a client signed.
func Example() {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	body := []byte("Action=GetCallerIdentity&Version=2011-06-15")

	// The client.
	r := httptest.NewRequest("POST", "http://localhost:4566/", nil)
	creds := sigv4.Credentials{AccessKey: "AKIAEXAMPLEEXAMPLE00", Secret: "secret"}
	if err := sigv4.Sign(r, creds, "us-east-1", "sts", sigv4.HashPayload(body), now); err != nil {
		fmt.Println(err)
	}

	// The server.
	keys := sigv4.NewKeys(4096) // one for the whole server
	verify := func(r *http.Request, secretOf func(accessKey, token string) string) error {
		var claim sigv4.Claim
		if err := claim.Parse(r); err != nil {
			return err
		}
		rules := sigv4.RulesFor(claim.Scope.Service, "") // from the route, in a real server
		if err := claim.Check(rules, now); err != nil {
			return err
		}
		return claim.Verify(keys, secretOf(claim.AccessKey, claim.Token), body)
	}
	fmt.Println(verify(r, func(string, string) string { return "secret" }))

	err := verify(r, func(string, string) string { return "" }) // no such key
	fmt.Println(err)
	answer := sigv4.AnswerTo(err, sigv4.FamilyOf("sts", "query"))
	fmt.Println(answer.Status, answer.Code, answer.Message)

	// Output:
	// <nil>
	// sigv4: UnknownKey
	// 403 InvalidClientTokenId The security token included in the request is invalid.
}
