// Package simulate compares the policy engine with another implementation of
// AWS's evaluation logic, the npm package @cloud-copilot/iam-simulate: the same
// random requests and policies go to both, and the answers must be the same.
//
// The other one is under the AGPL. It is a test tool: it runs as a process of
// its own (oracle.mjs) that reads and writes lines of JSON, and no part of it
// is linked, copied or shipped. scripts/setup installs it in .tools/node.
//
// Where the two disagree, AWS's documentation decides. Faults of the other one
// are listed in argued_test.go, each with AWS's page; everything else fails the
// test, which prints the seed and the smallest case that still disagrees.
//
//	go test ./test/simulate                       # 10,000 cases
//	go test ./test/simulate -seed 7 -cases 50000  # other ones
package simulate
