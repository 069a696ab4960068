package saml

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	_ "crypto/sha256" // the hashes that the tables name
	_ "crypto/sha512"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"math/big"
	"strings"
)

// Algorithms. SHA-1 is not among them.
// https://www.w3.org/TR/xmldsig-core1/#sec-AlgID
var (
	digests = map[string]crypto.Hash{
		"http://www.w3.org/2001/04/xmlenc#sha256":       crypto.SHA256,
		"http://www.w3.org/2001/04/xmldsig-more#sha384": crypto.SHA384,
		"http://www.w3.org/2001/04/xmlenc#sha512":       crypto.SHA512,
	}
	rsaMethods = map[string]crypto.Hash{
		"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256": crypto.SHA256,
		"http://www.w3.org/2001/04/xmldsig-more#rsa-sha384": crypto.SHA384,
		"http://www.w3.org/2001/04/xmldsig-more#rsa-sha512": crypto.SHA512,
	}
	ecdsaMethods = map[string]crypto.Hash{
		"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256": crypto.SHA256,
		"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384": crypto.SHA384,
		"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512": crypto.SHA512,
	}
)

// Bounds of a signature.
const (
	maxSignedInfo = 30 // elements
	maxPrefixes   = 30
)

const (
	enveloped    = signatureSpace + "enveloped-signature"
	inclusiveURI = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
)

// ownSignature is the signature that stands directly in n, or nil.
func (n *node) ownSignature() (*node, error) { return n.one(signatureSpace, "Signature") }

// checkSignature checks that sig, a child of n, signs n, all of n and nothing
// else, with the key of one of the certificates. KeyInfo is not asked: whose key
// it must be, the metadata says.
func checkSignature(n, sig *node, certificates []*x509.Certificate) error {
	info, err := sig.must(signatureSpace, "SignedInfo")
	if err != nil {
		return err
	}
	value, err := sig.must(signatureSpace, "SignatureValue")
	if err != nil {
		return err
	}
	for _, c := range sig.elements() { // an Object could hold what some other reader finds
		if c != info && c != value && !c.is(signatureSpace, "KeyInfo") {
			return fmt.Errorf("%w: %s in a signature", ErrMalformed, c.local)
		}
	}
	if err := small(info); err != nil {
		return err
	}
	signature, err := binary(value)
	if err != nil {
		return err
	}
	method, err := info.must(signatureSpace, "CanonicalizationMethod")
	if err != nil {
		return err
	}
	f, err := canonicalForm(method)
	if err != nil {
		return err
	}
	algorithm, err := info.must(signatureSpace, "SignatureMethod")
	if err != nil {
		return err
	}
	signed := f.canonical(info, nil)
	for _, cert := range certificates {
		if signedBy(cert.PublicKey, algorithm.attr("Algorithm"), signed, signature) {
			return checkReference(n, sig, info)
		}
	}
	return fmt.Errorf("%w: by %.60q", ErrSignature, algorithm.attr("Algorithm"))
}

// small bounds what is made canonical before anybody has vouched for it.
func small(info *node) error {
	n := 0
	return info.walk(func(*node) error {
		if n++; n > maxSignedInfo {
			return fmt.Errorf("%w: a signature of more than %d elements", ErrMalformed, maxSignedInfo)
		}
		return nil
	})
}

// checkReference checks the digest of n, without sig, that the signature's one
// reference has.
func checkReference(n, sig, info *node) error {
	ref, err := info.must(signatureSpace, "Reference")
	if err != nil {
		return err
	}
	if id := n.attr("ID"); id == "" || ref.attr("URI") != "#"+id {
		return fmt.Errorf("%w: it refers to something else", ErrSignature)
	}
	f, err := transforms(ref)
	if err != nil {
		return err
	}
	method, err := ref.must(signatureSpace, "DigestMethod")
	if err != nil {
		return err
	}
	hash, ok := digests[method.attr("Algorithm")]
	if !ok {
		return fmt.Errorf("%w: a digest by %.60q", ErrSignature, method.attr("Algorithm"))
	}
	value, err := ref.must(signatureSpace, "DigestValue")
	if err != nil {
		return err
	}
	want, err := binary(value)
	if err != nil {
		return err
	}
	h := hash.New()
	h.Write(f.canonical(n, sig)) // a hash never fails
	if subtle.ConstantTimeCompare(h.Sum(nil), want) != 1 {
		return fmt.Errorf("%w: what was signed has changed", ErrSignature)
	}
	return nil
}

// transforms allows what SAML does (core, 5.4.4): the signature itself is left
// out, then the element is made canonical.
func transforms(ref *node) (form, error) {
	list, err := ref.must(signatureSpace, "Transforms")
	if err != nil {
		return form{}, err
	}
	steps := list.elements()
	if len(steps) < 1 || len(steps) > 2 || !steps[0].is(signatureSpace, "Transform") || steps[0].attr("Algorithm") != enveloped {
		return form{}, fmt.Errorf("%w: transforms that are not allowed", ErrSignature)
	}
	if len(steps) == 1 {
		return form{inclusive: true}, nil
	}
	if !steps[1].is(signatureSpace, "Transform") {
		return form{}, fmt.Errorf("%w: transforms that are not allowed", ErrSignature)
	}
	return canonicalForm(steps[1])
}

// canonicalForm reads a Transform or CanonicalizationMethod.
func canonicalForm(n *node) (f form, err error) {
	switch n.attr("Algorithm") {
	case exclusiveSpace, exclusiveSpace + "WithComments":
	case inclusiveURI, inclusiveURI + "#WithComments":
		f.inclusive = true
		for at := n; at != nil; at = at.parent { // xml:lang and the like would be inherited
			for _, a := range at.attrs {
				if a.space == xmlSpace {
					return f, fmt.Errorf("%w: xml:%.20s with an inclusive form", ErrSignature, a.local)
				}
			}
		}
	default:
		return f, fmt.Errorf("%w: the form %.60q", ErrSignature, n.attr("Algorithm"))
	}
	more, err := n.one(exclusiveSpace, "InclusiveNamespaces")
	if err != nil || more == nil {
		return f, err
	}
	list := strings.Fields(more.attr("PrefixList"))
	if len(list) > maxPrefixes {
		return f, fmt.Errorf("%w: more than %d prefixes", ErrMalformed, maxPrefixes)
	}
	for _, p := range list {
		if p == "#default" {
			p = ""
		}
		f.prefixes = append(f.prefixes, p)
	}
	return f, nil
}

// signedBy checks a signature by one key.
func signedBy(key crypto.PublicKey, method string, signed, signature []byte) bool {
	switch k := key.(type) {
	case *rsa.PublicKey:
		hash, ok := rsaMethods[method]
		return ok && rsa.VerifyPKCS1v15(k, hash, sum(hash, signed), signature) == nil
	case *ecdsa.PublicKey: // R and S, each as long as the curve's order
		hash, ok := ecdsaMethods[method]
		n := (k.Curve.Params().BitSize + 7) / 8
		if !ok || len(signature) != 2*n {
			return false
		}
		return ecdsa.Verify(k, sum(hash, signed), new(big.Int).SetBytes(signature[:n]), new(big.Int).SetBytes(signature[n:]))
	}
	return false
}

func sum(hash crypto.Hash, b []byte) []byte {
	h := hash.New()
	h.Write(b) // a hash never fails
	return h.Sum(nil)
}

// binary reads an element's base64, which may be broken into lines.
func binary(n *node) ([]byte, error) {
	s, err := n.content()
	if err != nil {
		return nil, err
	}
	b, err := base64.StdEncoding.Strict().DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrMalformed, n.local, err)
	}
	return b, nil
}
