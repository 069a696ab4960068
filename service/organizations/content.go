package organizations

import (
	"slices"
	"strings"
	"unicode/utf8"

	api "bartizan.dev/api/organizations"
	"bartizan.dev/policy"
	"bartizan.dev/wire"
)

func malformed(cause error) *wire.Error {
	return wire.Errorf("MalformedPolicyDocumentException", "The provided policy document does not meet the requirements of the specified policy type.").With(cause)
}

// checkContent refuses a document that is too large or none of its type. White
// space counts, as AWS counts what comes through the API.
// https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html
func checkContent(t api.PolicyType, text string) error {
	if utf8.RuneCountInString(text) > limitsOf(t).size {
		return constraint("POLICY_CONTENT_LIMIT_EXCEEDED", "You have exceeded the maximum policy size.")
	}
	var err error
	switch t {
	case api.PolicyType_SERVICE_CONTROL_POLICY:
		_, err = parsePolicy(text, policy.SCP)
	case api.PolicyType_RESOURCE_CONTROL_POLICY:
		err = checkRCP(text)
	default:
		err = checkDeclarative(t, text)
	}
	if err != nil {
		return malformed(err)
	}
	return nil
}

func parsePolicy(text string, t policy.Type) (*policy.Document, error) {
	doc, err := policy.Parse([]byte(text))
	if err != nil {
		return nil, err
	}
	if err := doc.CheckVersion(); err != nil {
		return nil, err
	}
	return doc, doc.Check(t)
}

// checkRCP: RCPs only deny, and name what they deny.
// https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps_syntax.html
func checkRCP(text string) error {
	doc, err := parsePolicy(text, policy.RCP)
	if err != nil {
		return err
	}
	for i := range doc.Statements {
		st := &doc.Statements[i]
		switch {
		case st.Effect != policy.Deny:
			return errContent("a resource control policy can only deny")
		case st.NotAction != nil || slices.Contains(st.Action, "*"):
			return errContent("a resource control policy must name the services of its actions")
		}
		for _, a := range st.Action {
			if service, _, _ := strings.Cut(a, ":"); strings.ContainsAny(service, "*?") {
				return errContent("a resource control policy must name the services of its actions")
			}
		}
	}
	return nil
}

// errContent is why a document is refused. AWS does not tell; the log does.
type errContent string

func (e errContent) Error() string { return string(e) }
