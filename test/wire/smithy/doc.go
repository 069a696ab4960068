// Package smithy judges package wire by Smithy's own protocol tests: what a
// server must read from a request, write as an answer, and refuse.
// https://smithy.io/2.0/additional-specs/http-protocol-compliance-tests.html
//
// testdata holds them in a compact form, made by
//
//	go run ./smithy/update
//
// from the Maven artifacts that testdata/NOTICE names. The services they speak
// of are written as botocore would write them, and go through tools/gen.
package smithy
