// Package lint compares policy/lint with another linter of IAM policies, the
// PyPI package parliament, which runs as a process of its own (oracle.py).
//
// The policies are those in the tests of policy_sentry (PyPI), AWS's managed
// policies, and mutants of both: misspelt actions and services, ARNs with parts
// missing, operators that do not exist, statements with unknown elements. What
// parliament finds malformed or unknown must have a finding of ours. Its data
// are older than ours, so what AWS has documented since is no fault; there are
// no other exceptions. scripts/setup installs both packages in .tools/policies.
package lint
