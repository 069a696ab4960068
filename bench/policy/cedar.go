package main

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
)

type cedarEngine struct {
	policies *cedar.PolicySet
	requests []cedar.Request
}

// newCedar writes each statement as one policy. Cedar compares entities, not
// names with wildcards, so the ARN is an attribute compared with like.
func newCedar(statements []statement, requests []request) (engine, error) {
	var text strings.Builder
	for _, s := range statements {
		effect := "permit"
		if s.deny {
			effect = "forbid"
		}
		fmt.Fprintf(&text, "%s (principal, action == Action::%q, resource) when { context.arn like \"%s*\"", effect, s.action, s.prefix())
		switch s.condition {
		case equals:
			fmt.Fprintf(&text, ` && ["alice", %q].contains(context.username)`, s.user)
		case like:
			text.WriteString(` && context.username like "al*"`)
		case internal:
			text.WriteString(` && context.ip.isInRange(ip("10.0.0.0/8"))`)
		}
		text.WriteString(" };\n")
	}
	policies, err := cedar.NewPolicySetFromBytes("bench.cedar", []byte(text.String()))
	if err != nil {
		return nil, err
	}
	e := &cedarEngine{policies: policies}
	for _, r := range requests {
		addr, err := netip.ParseAddr(r.ip)
		if err != nil {
			return nil, err
		}
		e.requests = append(e.requests, cedar.Request{
			Principal: cedar.NewEntityUID("User", types.String(r.user)),
			Action:    cedar.NewEntityUID("Action", types.String(r.action)),
			Resource:  cedar.NewEntityUID("Object", types.String(r.resource())),
			Context: cedar.NewRecord(cedar.RecordMap{
				"arn": types.String(r.resource()), "username": types.String(r.user),
				"ip": types.IPAddr(netip.PrefixFrom(addr, addr.BitLen())),
			}),
		})
	}
	return e, nil
}

func (e *cedarEngine) decide(request int) bool {
	decision, _ := e.policies.IsAuthorized(cedar.EntityMap{}, e.requests[request])
	return decision == cedar.Allow
}
