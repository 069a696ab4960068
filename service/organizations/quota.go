package organizations

import (
	api "bartizan.dev/api/organizations"
)

// Quotas are the numbers that Organizations bounds per organization and that
// AWS raises on request.
// https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html
type Quotas struct {
	Accounts int // with closed and invited ones, and the management account
	Units    int
	Creating int // accounts being made at a time
	Closing  int // accounts being closed at a time
}

func (q Quotas) orDefault() Quotas {
	for _, f := range []struct {
		field *int
		value int
	}{{&q.Accounts, 10}, {&q.Units, 2000}, {&q.Creating, 5}, {&q.Closing, 3}} {
		if *f.field == 0 {
			*f.field = f.value
		}
	}
	return q
}

const (
	maxDepth     = 5 // OUs below the root
	maxTags      = 50
	maxPageItems = 20
	// Closing accounts: the higher of 250 or a fifth of the members, at most
	// 1,000, in 30 days.
	minClosings, maxClosings = 250, 1000
	minHandshakes            = 20 // a day, or as many as there may be accounts
	maxTransfersIn           = 1000
)

// limits are AWS's numbers for a type of policy.
type limits struct {
	size     int // of a document, in characters, as it was given
	number   int // of policies in an organization
	attached int // to one root, OU or account
	least    int // attached to each
}

func limitsOf(t api.PolicyType) limits {
	switch t {
	case api.PolicyType_SERVICE_CONTROL_POLICY:
		return limits{5120, 10_000, 5, 1}
	case api.PolicyType_RESOURCE_CONTROL_POLICY:
		return limits{5120, 1000, 5, 1}
	case api.PolicyType_AISERVICES_OPT_OUT_POLICY:
		return limits{2500, 1000, 5, 0}
	case api.PolicyType_CHATBOT_POLICY:
		return limits{10_000, 1000, 5, 0}
	}
	return limits{10_000, 1000, 10, 0}
}
