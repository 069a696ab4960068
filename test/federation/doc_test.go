// Package federation proves that who authenticates and who controls access are
// different parties: identity providers of other projects let a user in, STS gives
// the user credentials of a role that trusts the provider, and IAM says what these
// may do. The AWS CLI asks; it knows nothing of Bartizan. What is missing of
// .tools skips a test, or fails it when CI=true.
package federation
