package iam

import (
	"errors"
	"net/url"
	"strings"
	"unicode"

	"bartizan.dev/arn"
	"bartizan.dev/policy"
	"bartizan.dev/wire"
)

// checkDocument refuses what AWS refuses as a managed or an inline policy.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
func checkDocument(text string, managed bool) error {
	doc, err := policy.Parse([]byte(text))
	if err == nil && managed {
		err = doc.CheckVersion()
	}
	if err == nil {
		err = doc.Check(policy.Identity)
	}
	if err != nil {
		return malformed("%s", err.Error())
	}
	return nil
}

// checkTrustDocument refuses what AWS refuses as a trust policy, except for
// principals: see principal.go.
func checkTrustDocument(text string) error {
	doc, err := policy.Parse([]byte(text))
	if err == nil {
		err = doc.Check(policy.Trust)
	}
	if e, ok := errors.AsType[*policy.Error](err); ok {
		return malformed("%s", e.MessageFor(policy.Trust))
	}
	return err
}

func malformed(format string, args ...any) *wire.Error {
	return wire.Errorf("MalformedPolicyDocument", format, args...)
}

// size is the size of a document as quotas count it: "IAM doesn't count white
// space".
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-entity-length
func size(document string) int {
	n := 0
	for _, c := range document {
		if !unicode.IsSpace(c) {
			n++
		}
	}
	return n
}

// encodeDocument is the form in which IAM returns documents: "URL-encoded
// compliant with RFC 3986".
func encodeDocument(document string) string {
	return strings.ReplaceAll(url.QueryEscape(document), "+", "%20")
}

// checkPolicyARN refuses what cannot be the ARN of a managed policy.
func checkPolicyARN(name string) error {
	a, err := arn.Parse(name)
	if err != nil {
		return wire.Errorf("ValidationError", "Invalid ARN:  Could not be parsed!")
	}
	if a.Partition != arn.Partition || a.Service != "iam" || a.Region != "" || !strings.HasPrefix(a.Resource, "policy/") {
		return invalidInput("ARN %s is not valid.", name)
	}
	return nil
}
