// Package pattern is EventBridge's event pattern language: it parses patterns
// with EventBridge's own errors, and compiles any number of them into one
// matcher. Rules of event buses, filters of GuardDuty, automation rules of
// Security Hub and filter policies of SNS are all decided here.
//
//	p, err := pattern.Parse(`{"source":["aws.ec2"],"detail":{"state":[{"prefix":"run"}]}}`)
//	set := pattern.NewSet[string]()
//	set.Put("rule", p)
//	ids, err = set.Match(ids[:0], event) // event is JSON
//
// The language is AWS's:
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
// Where its documentation is silent, AWS's open engine (aws/event-ruler) and
// answers seen from AWS decided: dots in names join paths; a string that is an
// IP address matches however the address is written; 5 matches 5.0; numbers are
// cut off after six decimals; absence is asked in the order of the paths.
//
// # How it works
//
// A pattern becomes branches ($or multiplied out), a branch a list of clauses,
// one per path. Equal clauses of all rules are one. Per path there is an index
// over all its clauses: hash tables for values, radix tries for prefixes and
// suffixes, runs of four bytes for wildcards, a table per length for blocks of
// addresses, a tree for ranges.
//
// A match scans the event's bytes once. It enters only objects and arrays on
// the path of some rule; the rest is passed by, unread, to its end. Each value
// that a rule names is looked up in its path's index, which marks the clauses it
// satisfies. Every branch hangs on one clause, its pivot: the one that selects
// most and that the fewest branches share. Only branches whose pivot is marked
// are looked at, and each of their other clauses is then one comparison. What
// would mark too much (anything-but, exists, ranges) is decided when such a
// branch asks, once per event.
//
// With n the bytes of the event, v those of the values that rules name, and c
// the branches whose pivot is satisfied, a match costs O(n + v + c). c is about
// the number of rules that match or nearly match, whatever the number of rules.
// Nothing is allocated once the working space has grown to the events' size.
//
// Array consistency (two fields must match in the same element of an array) is
// checked for branches that pass, and only where an event has arrays of objects
// on their paths. It takes the number of elements times that of clauses. One
// combination has no such bound: {"exists": false} on a field that occurs within
// an array of objects. There choices are tried up to a limit, and beyond it the
// rule is reported as ErrUndecided.
//
// A set is changed by building the indexes of the paths that the change names
// anew and publishing a snapshot. Matches never wait. Memory is proportional to
// the text of the rules.
//
// A set trusts its caller that events are JSON: what no rule names is not
// checked by more than quotes and brackets. In an event that has a name twice
// in one object every occurrence counts, and arrays of the same path within the
// same element count as one; where a name holds arrays of different depth so,
// consistency is looked for in one of them.
package pattern
