// Package envelope lets programs that nobody here wrote encrypt with data keys
// from Bartizan's KMS: the AWS Encryption SDK for JavaScript and for Go, SOPS,
// the wrapper with which Vault and OpenBao are unsealed, and Tink.
// scripts/setup installs the programs. The package is a module of its own:
// Bartizan depends on none of them, and the Encryption SDK takes minutes to
// compile once.
package envelope
