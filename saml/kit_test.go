package saml

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
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
	"sync"
	"testing"
	"time"
)

// The responses of these tests are written down in their canonical form, so that
// their signatures owe nothing to canonical.go.

const (
	entity    = "https://idp.example.com/metadata"
	recipient = "https://signin.aws.amazon.com/saml"
	audience  = "urn:amazon:webservices"
	rsaSHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
	sha256URI = "http://www.w3.org/2001/04/xmlenc#sha256"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// idp is an identity provider: a key and its certificate, which is expired, as
// IAM does not mind.
type idp struct {
	key  crypto.Signer
	cert *x509.Certificate
}

func newIDP(key crypto.Signer) *idp {
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "idp"}, NotBefore: noon.AddDate(-3, 0, 0), NotAfter: noon.AddDate(-1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return &idp{key, cert}
}

func newRSA(bits int) *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	return k
}

// good and other are made once: RSA keys take their time.
var (
	good  = sync.OnceValue(func() *idp { return newIDP(newRSA(2048)) })
	other = sync.OnceValue(func() *idp { return newIDP(newRSA(2048)) })
	opens = sync.OnceValue(func() *rsa.PrivateKey { return newRSA(2048) })
)

func newECIDP() *idp {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return newIDP(k)
}

func (i *idp) metadata() string {
	return `<?xml version="1.0" encoding="UTF-8"?>
<md:EntityDescriptor xmlns:md="` + metadataSpace + `" entityID="` + entity + `" validUntil="2030-01-01T00:00:00Z">
  <md:IDPSSODescriptor protocolSupportEnumeration="` + protocolSpace + `">
    <md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="` + signatureSpace + `"><ds:X509Data><ds:X509Certificate>
` + base64.StdEncoding.EncodeToString(i.cert.Raw) + `
    </ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>
    <md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://idp.example.com/sso"/>
  </md:IDPSSODescriptor>
</md:EntityDescriptor>`
}

// parts are the pieces of a response that a test may change before it is
// signed.
type parts struct {
	responseID, assertionID        string
	destination, responseMore      string // response attributes
	issuer, responseIssuer, status string
	issued                         time.Time
	subject, subjectMore           string
	recipient, confirmationMore    string
	notBefore, notOnOrAfter        time.Time
	audience, conditionsMore       string
	authn, attributes              string
}

func newParts() *parts {
	return &parts{
		responseID: "_response", assertionID: "_assertion", destination: recipient,
		issuer: entity, responseIssuer: entity, status: "urn:oasis:names:tc:SAML:2.0:status:Success",
		issued: noon, subject: "ann", recipient: recipient, notBefore: noon.Add(-time.Minute), notOnOrAfter: noon.Add(5 * time.Minute),
		audience: audience,
		authn:    `<saml:AuthnStatement AuthnInstant="2026-11-23T11:59:00Z" SessionNotOnOrAfter="2026-11-23T20:00:00Z"></saml:AuthnStatement>`,
		attributes: attribute("https://aws.amazon.com/SAML/Attributes/RoleSessionName", "ann") +
			attribute("https://aws.amazon.com/SAML/Attributes/Role", "arn:aws:iam::111122223333:role/r,arn:aws:iam::111122223333:saml-provider/p"),
	}
}

func attribute(name string, values ...string) string {
	s := `<saml:Attribute Name="` + name + `">`
	for _, v := range values {
		s += `<saml:AttributeValue>` + v + `</saml:AttributeValue>`
	}
	return s + `</saml:Attribute>`
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// SIG marks where the signature goes: after the issuer.
const mark = "\x01SIG\x01"

// assertion is the canonical text, with the mark.
func (p *parts) assertion() string {
	return fmt.Sprintf(`<saml:Assertion xmlns:saml="%s" ID="%s" IssueInstant="%s" Version="2.0"><saml:Issuer>%s</saml:Issuer>%s<saml:Subject>%s<saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">%s</saml:NameID><saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData%s NotOnOrAfter="%s" Recipient="%s"></saml:SubjectConfirmationData></saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore="%s" NotOnOrAfter="%s">%s<saml:AudienceRestriction><saml:Audience>%s</saml:Audience></saml:AudienceRestriction></saml:Conditions>%s<saml:AttributeStatement>%s</saml:AttributeStatement></saml:Assertion>`,
		assertionSpace, p.assertionID, stamp(p.issued), p.issuer, mark, p.subjectMore, p.subject, p.confirmationMore, stamp(p.notOnOrAfter), p.recipient,
		stamp(p.notBefore), stamp(p.notOnOrAfter), p.conditionsMore, p.audience, p.authn, p.attributes)
}

// response is the canonical text around an assertion, with the mark.
func (p *parts) response(assertion string) string {
	return fmt.Sprintf(`<samlp:Response xmlns:samlp="%s" Destination="%s" ID="%s"%s IssueInstant="%s" Version="2.0"><saml:Issuer xmlns:saml="%s">%s</saml:Issuer>%s<samlp:Status><samlp:StatusCode Value="%s"></samlp:StatusCode></samlp:Status>%s</samlp:Response>`,
		protocolSpace, p.destination, p.responseID, p.responseMore, stamp(p.issued), assertionSpace, p.responseIssuer, mark, p.status, assertion)
}

// how is how a signature is made.
type how struct {
	method, digest, c14n, uri, transforms, object string
}

func newHow(id string) how {
	return how{method: rsaSHA256, digest: sha256URI, c14n: exclusiveSpace, uri: "#" + id,
		transforms: transform(enveloped) + transform(exclusiveSpace)}
}

func transform(uri string) string {
	return `<ds:Transform Algorithm="` + uri + `"></ds:Transform>`
}

// sign returns the text with a signature in the place of the mark.
func (i *idp) sign(text string, h how) string {
	return strings.Replace(text, mark, i.signature(strings.Replace(text, mark, "", 1), h), 1)
}

// signature signs canonical bytes.
func (i *idp) signature(canonical string, h how) string {
	sum := sha256.Sum256([]byte(canonical))
	info := func(open string) string {
		return open + `<ds:CanonicalizationMethod Algorithm="` + h.c14n + `"></ds:CanonicalizationMethod><ds:SignatureMethod Algorithm="` + h.method +
			`"></ds:SignatureMethod><ds:Reference URI="` + h.uri + `"><ds:Transforms>` + h.transforms + `</ds:Transforms><ds:DigestMethod Algorithm="` + h.digest +
			`"></ds:DigestMethod><ds:DigestValue>` + base64.StdEncoding.EncodeToString(sum[:]) + `</ds:DigestValue></ds:Reference></ds:SignedInfo>`
	}
	digest := sha256.Sum256([]byte(info(`<ds:SignedInfo xmlns:ds="` + signatureSpace + `">`)))
	signature, err := i.key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		panic(err)
	}
	if _, ec := i.key.(*ecdsa.PrivateKey); ec {
		var v struct{ R, S *big.Int }
		if _, err := asn1.Unmarshal(signature, &v); err != nil {
			panic(err)
		}
		signature = append(v.R.FillBytes(make([]byte, 32)), v.S.FillBytes(make([]byte, 32))...)
	}
	return `<ds:Signature xmlns:ds="` + signatureSpace + `">` + info(`<ds:SignedInfo>`) + `<ds:SignatureValue>` + lines(signature) + `</ds:SignatureValue>` +
		`<ds:KeyInfo><ds:X509Data><ds:X509Certificate>` + base64.StdEncoding.EncodeToString(i.cert.Raw) + `</ds:X509Certificate></ds:X509Data></ds:KeyInfo>` +
		h.object + `</ds:Signature>`
}

// lines is base64 in lines, as many signers write it.
func lines(b []byte) string {
	s, out := base64.StdEncoding.EncodeToString(b), ""
	for len(s) > 64 {
		out, s = out+s[:64]+"\n", s[64:]
	}
	return out + s
}

func (i *idp) signedAssertion(p *parts) string { return i.sign(p.assertion(), newHow(p.assertionID)) }

// bySigning are responses with a signed assertion, signed as a whole, or both.
func (i *idp) respond(p *parts, response, assertion bool) string {
	a := strings.Replace(p.assertion(), mark, "", 1)
	if assertion {
		a = i.signedAssertion(p)
	}
	r := p.response(a)
	if response {
		return i.sign(r, newHow(p.responseID))
	}
	return strings.Replace(r, mark, "", 1)
}

func expect(t testing.TB, i *idp) Expect {
	t.Helper()
	m, err := ParseMetadata([]byte(i.metadata()))
	if err != nil {
		t.Fatal(err)
	}
	return Expect{
		Provider: m, Audience: func(a string) bool { return a == audience || a == recipient }, Now: noon, Skew: time.Minute,
		Recipient: func(a string) bool { return a == recipient },
	}
}

func encoded(doc string) string { return base64.StdEncoding.EncodeToString([]byte(doc)) }
