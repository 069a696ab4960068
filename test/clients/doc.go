// Package clients lets AWS's own SDKs, and Terraform, work against Bartizan.
// Every program does the same: it makes users, roles and policies, is allowed
// and denied, meets errors as its SDK's own types, assumes a role, turns pages
// and waits. scripts/setup installs the programs. The package is a module of
// its own: Bartizan does not depend on an SDK.
package clients
