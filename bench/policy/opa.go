package main

import (
	"context"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
)

// module evaluates statements that lie in data, by effect and action, so that
// only those of the request's action are looked at.
const module = `package authz

default allow := false

allow if {
	permitted
	not denied
}

permitted if {
	some s in data.allow[input.action]
	startswith(input.resource, s.prefix)
	holds(s)
}

denied if {
	some s in data.deny[input.action]
	startswith(input.resource, s.prefix)
	holds(s)
}

holds(s) if s.condition == "always"

holds(s) if {
	s.condition == "equals"
	input.username in s.users
}

holds(s) if {
	s.condition == "like"
	startswith(input.username, "al")
}

holds(s) if {
	s.condition == "internal"
	net.cidr_contains("10.0.0.0/8", input.ip)
}
`

type opaEngine struct {
	query  rego.PreparedEvalQuery
	inputs []ast.Value
}

func newOPA(statements []statement, requests []request) (engine, error) {
	data := map[string]any{"allow": map[string]any{}, "deny": map[string]any{}}
	for _, s := range statements {
		effect := "allow"
		if s.deny {
			effect = "deny"
		}
		byAction := data[effect].(map[string]any)
		list, _ := byAction[s.action].([]any)
		byAction[s.action] = append(list, map[string]any{
			"prefix":    s.prefix(),
			"condition": [...]string{"always", "equals", "like", "internal"}[s.condition],
			"users":     []any{"alice", s.user},
		})
	}
	query, err := rego.New(
		rego.Query("data.authz.allow"), rego.Module("authz.rego", module), rego.Store(inmem.NewFromObject(data)),
	).PrepareForEval(context.Background())
	if err != nil {
		return nil, err
	}
	e := &opaEngine{query: query}
	for _, r := range requests {
		input, err := ast.InterfaceToValue(map[string]any{
			"action": r.action, "resource": r.resource(), "username": r.user, "ip": r.ip,
		})
		if err != nil {
			return nil, err
		}
		e.inputs = append(e.inputs, input)
	}
	return e, nil
}

func (e *opaEngine) decide(request int) bool {
	result, err := e.query.Eval(context.Background(), rego.EvalParsedInput(e.inputs[request]))
	return err == nil && result.Allowed()
}
