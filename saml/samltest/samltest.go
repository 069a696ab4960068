// Package samltest is a SAML identity provider for tests. It writes its
// responses down in their canonical form, so that their signatures owe nothing to
// the code that verifies them, and it signs whatever it is asked to.
package samltest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"fmt"
	"math/big"
	"strings"
	"time"
)

// What responses say unless a test changes it.
const (
	Entity    = "https://idp.example.com/metadata"
	Recipient = "https://signin.aws.amazon.com/saml"
	Audience  = "urn:amazon:webservices"
)

// Namespaces and algorithms.
const (
	protocolSpace  = "urn:oasis:names:tc:SAML:2.0:protocol"
	assertionSpace = "urn:oasis:names:tc:SAML:2.0:assertion"
	metadataSpace  = "urn:oasis:names:tc:SAML:2.0:metadata"
	signatureSpace = "http://www.w3.org/2000/09/xmldsig#"

	Enveloped = signatureSpace + "enveloped-signature"
	Exclusive = "http://www.w3.org/2001/10/xml-exc-c14n#"
	RSASHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
	SHA256    = "http://www.w3.org/2001/04/xmlenc#sha256"

	ecdsaSHA256 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"
)

// IDP is an identity provider: a key and its certificate.
type IDP struct {
	Key  crypto.Signer
	Cert *x509.Certificate
}

// New returns a provider whose certificate has expired, which IAM does not mind.
func New(key crypto.Signer) *IDP {
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "idp"},
		NotBefore: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return &IDP{key, cert}
}

// RSA makes a key.
func RSA(bits int) *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	return k
}

// Metadata is the provider's metadata document.
func (i *IDP) Metadata() string {
	return `<?xml version="1.0" encoding="UTF-8"?>
<md:EntityDescriptor xmlns:md="` + metadataSpace + `" entityID="` + Entity + `" validUntil="2030-01-01T00:00:00Z">
  <md:IDPSSODescriptor protocolSupportEnumeration="` + protocolSpace + `">
    <md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="` + signatureSpace + `"><ds:X509Data><ds:X509Certificate>
` + base64.StdEncoding.EncodeToString(i.Cert.Raw) + `
    </ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>
    <md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://idp.example.com/sso"/>
  </md:IDPSSODescriptor>
</md:EntityDescriptor>`
}

// Parts are the pieces of a response, which a test may change before it is
// signed. What ends in More is inserted as it is.
type Parts struct {
	ResponseID, AssertionID        string
	Destination, ResponseMore      string
	Issuer, ResponseIssuer, Status string
	Issued                         time.Time
	Subject, SubjectMore           string
	Recipient, ConfirmationMore    string
	NotBefore, NotOnOrAfter        time.Time
	Audience, ConditionsMore       string
	Authn, Attributes              string // elements
}

// NewParts are those of a good response at a time, for ann.
func NewParts(now time.Time) *Parts {
	return &Parts{
		ResponseID: "_response", AssertionID: "_assertion", Destination: Recipient,
		Issuer: Entity, ResponseIssuer: Entity, Status: "urn:oasis:names:tc:SAML:2.0:status:Success",
		Issued: now, Subject: "ann", Recipient: Recipient, NotBefore: now.Add(-time.Minute), NotOnOrAfter: now.Add(5 * time.Minute),
		Audience: Audience,
		Authn:    `<saml:AuthnStatement AuthnInstant="` + Stamp(now) + `" SessionNotOnOrAfter="` + Stamp(now.Add(8*time.Hour)) + `"></saml:AuthnStatement>`,
		Attributes: Attribute("https://aws.amazon.com/SAML/Attributes/RoleSessionName", "ann") +
			Attribute("https://aws.amazon.com/SAML/Attributes/Role", "arn:aws:iam::111122223333:role/r,arn:aws:iam::111122223333:saml-provider/p"),
	}
}

// Attribute is an attribute's element.
func Attribute(name string, values ...string) string {
	s := `<saml:Attribute Name="` + name + `">`
	for _, v := range values {
		s += `<saml:AttributeValue>` + v + `</saml:AttributeValue>`
	}
	return s + `</saml:Attribute>`
}

// Stamp writes a date.
func Stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// Mark stands where the signature will: after the issuer.
const Mark = "\x01SIG\x01"

// Unsigned takes the mark away.
func Unsigned(text string) string { return strings.Replace(text, Mark, "", 1) }

// Assertion is the assertion's canonical text, with the mark.
func (p *Parts) Assertion() string {
	return fmt.Sprintf(`<saml:Assertion xmlns:saml="%s" ID="%s" IssueInstant="%s" Version="2.0"><saml:Issuer>%s</saml:Issuer>%s<saml:Subject>%s<saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">%s</saml:NameID><saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData%s NotOnOrAfter="%s" Recipient="%s"></saml:SubjectConfirmationData></saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore="%s" NotOnOrAfter="%s">%s<saml:AudienceRestriction><saml:Audience>%s</saml:Audience></saml:AudienceRestriction></saml:Conditions>%s<saml:AttributeStatement>%s</saml:AttributeStatement></saml:Assertion>`,
		assertionSpace, p.AssertionID, Stamp(p.Issued), p.Issuer, Mark, p.SubjectMore, p.Subject, p.ConfirmationMore, Stamp(p.NotOnOrAfter), p.Recipient,
		Stamp(p.NotBefore), Stamp(p.NotOnOrAfter), p.ConditionsMore, p.Audience, p.Authn, p.Attributes)
}

// Response is the canonical text of a response around an assertion, with the
// mark.
func (p *Parts) Response(assertion string) string {
	return fmt.Sprintf(`<samlp:Response xmlns:samlp="%s" Destination="%s" ID="%s"%s IssueInstant="%s" Version="2.0"><saml:Issuer xmlns:saml="%s">%s</saml:Issuer>%s<samlp:Status><samlp:StatusCode Value="%s"></samlp:StatusCode></samlp:Status>%s</samlp:Response>`,
		protocolSpace, p.Destination, p.ResponseID, p.ResponseMore, Stamp(p.Issued), assertionSpace, p.ResponseIssuer, Mark, p.Status, assertion)
}

// How is the way a signature is made, or says it is.
type How struct {
	Method, Digest, C14N, URI, Transforms, Object string
}

// NewHow signs the element with the ID as SAML wants it.
func NewHow(id string) How {
	return How{Method: RSASHA256, Digest: SHA256, C14N: Exclusive, URI: "#" + id, Transforms: Transform(Enveloped) + Transform(Exclusive)}
}

// Transform is a transform's element.
func Transform(uri string) string { return `<ds:Transform Algorithm="` + uri + `"></ds:Transform>` }

// Sign returns the text with its signature in the place of the mark.
func (i *IDP) Sign(text string, h How) string {
	return strings.Replace(text, Mark, i.Signature(Unsigned(text), h), 1)
}

// Signature signs canonical bytes, with SHA-256 whatever h says. An ECDSA key
// says ECDSA where h says RSASHA256.
func (i *IDP) Signature(canonical string, h How) string {
	_, ec := i.Key.(*ecdsa.PrivateKey)
	if ec && h.Method == RSASHA256 {
		h.Method = ecdsaSHA256
	}
	b64 := base64.StdEncoding.EncodeToString
	sum := sha256.Sum256([]byte(canonical))
	info := `<ds:CanonicalizationMethod Algorithm="` + h.C14N + `"></ds:CanonicalizationMethod><ds:SignatureMethod Algorithm="` + h.Method +
		`"></ds:SignatureMethod><ds:Reference URI="` + h.URI + `"><ds:Transforms>` + h.Transforms + `</ds:Transforms><ds:DigestMethod Algorithm="` + h.Digest +
		`"></ds:DigestMethod><ds:DigestValue>` + b64(sum[:]) + `</ds:DigestValue></ds:Reference></ds:SignedInfo>`
	digest := sha256.Sum256([]byte(`<ds:SignedInfo xmlns:ds="` + signatureSpace + `">` + info))
	signature, err := i.Key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		panic(err)
	}
	if ec {
		var v struct{ R, S *big.Int }
		if _, err := asn1.Unmarshal(signature, &v); err != nil {
			panic(err)
		}
		signature = append(v.R.FillBytes(make([]byte, 32)), v.S.FillBytes(make([]byte, 32))...)
	}
	return `<ds:Signature xmlns:ds="` + signatureSpace + `"><ds:SignedInfo>` + info + `<ds:SignatureValue>` + lines(b64(signature)) + `</ds:SignatureValue>` +
		`<ds:KeyInfo><ds:X509Data><ds:X509Certificate>` + b64(i.Cert.Raw) + `</ds:X509Certificate></ds:X509Data></ds:KeyInfo>` + h.Object + `</ds:Signature>`
}

// lines breaks a text as many signers do.
func lines(s string) (out string) {
	for len(s) > 64 {
		out, s = out+s[:64]+"\n", s[64:]
	}
	return out + s
}

// SignedAssertion is the assertion, signed.
func (i *IDP) SignedAssertion(p *Parts) string { return i.Sign(p.Assertion(), NewHow(p.AssertionID)) }

// Respond is a response that is signed as a whole, or whose assertion is, or
// both.
func (i *IDP) Respond(p *Parts, response, assertion bool) string {
	a := Unsigned(p.Assertion())
	if assertion {
		a = i.SignedAssertion(p)
	}
	if r := p.Response(a); response {
		return i.Sign(r, NewHow(p.ResponseID))
	} else {
		return Unsigned(r)
	}
}

// Encoded is what is posted: base64.
func Encoded(doc string) string { return base64.StdEncoding.EncodeToString([]byte(doc)) }
