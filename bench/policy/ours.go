package main

import (
	"encoding/json"
	"slices"

	"bartizan.dev/policy"
)

type ours struct {
	bindings policy.Bindings
	requests []policy.Request
}

// newOurs writes the set as identity-based policies of a user, of 50 statements
// each: one document of all would be longer than Parse takes.
func newOurs(statements []statement, requests []request) (engine, error) {
	var policies []policy.Labelled
	for part := range slices.Chunk(statements, 50) {
		text, err := json.Marshal(iamDocument(part))
		if err != nil {
			return nil, err
		}
		document, err := policy.Parse(text)
		if err != nil {
			return nil, err
		}
		if err := document.Check(policy.Identity); err != nil {
			return nil, err
		}
		policies = append(policies, policy.Labelled{Source: policy.Source{Type: policy.Identity}, Document: document})
	}
	e := &ours{}
	e.bindings.Identity = policy.Compile(policies...)
	e.requests = make([]policy.Request, len(requests))
	for i, r := range requests {
		q := &e.requests[i]
		q.Principal = policy.Principal{
			Kind: policy.User, Account: "111111111111", ARN: "arn:aws:iam::111111111111:user/" + r.user, ID: "AIDAEXAMPLE",
		}
		q.Action, q.Resource, q.ResourceAccount = "s3:"+r.action, r.resource(), "111111111111"
		q.Context.Set("aws:username", r.user)
		q.Context.Set("aws:SourceIp", r.ip)
	}
	return e, nil
}

func (e *ours) decide(request int) bool {
	return policy.Decide(&e.requests[request], &e.bindings).Allowed
}

// iamDocument is the set as an IAM policy document, which MinIO reads as well.
func iamDocument(statements []statement) map[string]any {
	var out []map[string]any
	for _, s := range statements {
		m := map[string]any{"Effect": "Allow", "Action": "s3:" + s.action, "Resource": s.prefix() + "*"}
		if s.deny {
			m["Effect"] = "Deny"
		}
		switch s.condition {
		case equals:
			m["Condition"] = map[string]any{"StringEquals": map[string]any{"aws:username": []string{"alice", s.user}}}
		case like:
			m["Condition"] = map[string]any{"StringLike": map[string]any{"aws:username": "al*"}}
		case internal:
			m["Condition"] = map[string]any{"IpAddress": map[string]any{"aws:SourceIp": "10.0.0.0/8"}}
		}
		out = append(out, m)
	}
	return map[string]any{"Version": "2012-10-17", "Statement": out}
}
