// Package saml reads SAML 2.0 responses as a service provider does: what comes
// out was signed by the identity provider, is meant for us, and is valid now.
//
// The attacks on SAML live between parsers: what one component verified, another
// reads differently. So there is one tree here (tree.go). Its signature is checked
// over the canonical form of its own nodes (canonical.go, signature.go), and the
// answer is read from the very same nodes (response.go, assertion.go); nothing is
// serialised and parsed again. Where signatures and assertions may stand is fixed,
// and a document that has one anywhere else is refused, whatever its purpose.
// Comments, document types, entities, processing instructions, duplicate
// attributes and duplicate IDs are refused before anything is looked at.
//
// https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf
// https://docs.oasis-open.org/security/saml/v2.0/saml-profiles-2.0-os.pdf (4.1)
// https://www.w3.org/TR/xmldsig-core1/
package saml

import "errors"

// Errors of this package wrap one of these.
var (
	ErrMalformed  = errors.New("saml: malformed")              // no XML, or not of the allowed shape
	ErrSignature  = errors.New("saml: signature not valid")    // none, not the provider's, or by an algorithm that is not allowed
	ErrIssuer     = errors.New("saml: another issuer")         // than the metadata's
	ErrAudience   = errors.New("saml: another audience")       // the assertion is for somebody else
	ErrRecipient  = errors.New("saml: another recipient")      // or destination
	ErrTime       = errors.New("saml: not valid at this time") // too early, too late
	ErrStatus     = errors.New("saml: not authenticated")      // the identity provider says so
	ErrEncryption = errors.New("saml: encryption")             // missing where required, or not to be opened
)

// Namespaces.
const (
	protocolSpace  = "urn:oasis:names:tc:SAML:2.0:protocol"
	assertionSpace = "urn:oasis:names:tc:SAML:2.0:assertion"
	metadataSpace  = "urn:oasis:names:tc:SAML:2.0:metadata"
	signatureSpace = "http://www.w3.org/2000/09/xmldsig#"
	encryptSpace   = "http://www.w3.org/2001/04/xmlenc#"
	encrypt11Space = "http://www.w3.org/2009/xmlenc11#"
	exclusiveSpace = "http://www.w3.org/2001/10/xml-exc-c14n#"
	xmlSpace       = "http://www.w3.org/XML/1998/namespace"
)
