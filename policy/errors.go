package policy

import "fmt"

// Error is a document that AWS would refuse with MalformedPolicyDocument.
// Error returns AWS's own wording where it is known.
//
// AWS has two parsers with two vocabularies: the one of identity-based
// policies ("Syntax errors in policy.") and the one of trust and other
// resource-based policies ("Syntax error at position (1,5)"). Parse speaks the
// first; MessageFor gives the second.
type Error struct {
	Message  string
	Position Position // zero when the fault has no one place
	kind     fault
}

// fault is what MessageFor needs to know.
type fault uint8

const (
	other fault = iota
	badJSON
	badSyntax
	noStatement
	badVersion
	noEffect
)

func (e *Error) Error() string { return e.Message }

// MessageFor returns the wording for a policy of type t.
func (e *Error) MessageFor(t Type) string {
	if t != Trust && t != Resource && t != Endpoint {
		return e.Message
	}
	switch e.kind {
	case badJSON:
		return "This policy contains invalid Json"
	case badSyntax:
		return fmt.Sprintf("Syntax error at position (%d,%d)", e.Position.Line, e.Position.Column)
	case noStatement:
		return "Could not parse the policy: Statement is empty!"
	case badVersion:
		return "The policy must contain a valid version string"
	case noEffect:
		return "Missing required field Effect"
	}
	return e.Message
}

func refuse(at Position, format string, args ...any) *Error {
	return &Error{Message: fmt.Sprintf(format, args...), Position: at}
}
