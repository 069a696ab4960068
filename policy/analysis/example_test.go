package analysis_test

import (
	"fmt"

	"bartizan.dev/policy"
	"bartizan.dev/policy/analysis"
	"bartizan.dev/policy/reference"
)

func Example() {
	parse := func(text string) []*policy.Document {
		d, err := policy.Parse([]byte(text))
		if err != nil {
			panic(err)
		}
		return []*policy.Document{d}
	}
	old := parse(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::logs/*"}}`)
	updated := parse(`{"Version":"2012-10-17","Statement":{"Sid":"Logs","Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::logs*"}}`)
	a := &analysis.Analyzer{Reference: reference.Open()}
	r, err := a.NoNewAccess(old, updated, policy.Identity)
	if err != nil {
		panic(err)
	}
	fmt.Println(r.Pass, r.Message)
	for _, why := range r.Reasons {
		fmt.Println(why.Description)
		fmt.Println(why.Witness.Request.Action, why.Witness.Request.Resource)
	}
	// Output:
	// false The modified permissions grant new access compared to your existing policy.
	// New access in the statement with sid: Logs.
	// s3:GetObject arn:aws:s3:::logsexample
}
