package saml

import (
	"strings"
	"testing"
)

// TestWrapping: the signature wrapping attacks of Somorovsky et al. ("On Breaking
// SAML: Be Whoever You Want to Be", 2012), in the numbering that tools use, and a
// ninth. Each moves what was signed to a place that a reader passes over, and puts
// "root" where the reader looks.
func TestWrapping(t *testing.T) {
	for _, evilID := range []string{"_evil", "_assertion", "_response"} {
		for name, doc := range wrapped(evilID) {
			if a, err := Verify(encoded(doc), expect(t, good())); err == nil {
				t.Errorf("%s with the ID %s passes as %s", name, evilID, a.Subject)
			}
		}
	}
}

// wrapped are the attacks; evilID is the ID of what the attacker adds.
func wrapped(evilID string) map[string]string {
	p := newParts()
	evilParts := newParts()
	evilParts.Subject, evilParts.AssertionID, evilParts.ResponseID = "root", evilID, evilID
	none := func(s string) string { return strings.Replace(s, mark, "", 1) }

	// A response that is signed as a whole.
	plainResponse := p.Response(none(p.Assertion()))
	responseSig := good().Signature(none(plainResponse), newHow(p.ResponseID))
	evilAssertion := none(evilParts.Assertion())
	evilResponse := evilParts.Response(none(newEvil("_inner").Assertion()))
	inSig := strings.Replace(responseSig, "</ds:Signature>", none(plainResponse)+"</ds:Signature>", 1)

	// An assertion that is signed.
	plain := none(p.Assertion())
	sig := good().Signature(plain, newHow(p.AssertionID))
	signed := strings.Replace(p.Assertion(), mark, sig, 1)
	wrap := func(inside string) string { return none(p.Response(inside)) }
	withSig := func(assertion, sig string) string { return strings.Replace(assertion, mark, sig, 1) }
	evilMarked := evilParts.Assertion()

	return map[string]string{
		"XSW1: the signed response in the signature of a new one":    strings.Replace(evilResponse, mark, inSig, 1),
		"XSW2: the signed response beside its signature":             strings.Replace(evilResponse, mark, none(plainResponse)+responseSig, 1),
		"XSW3: a new assertion before the signed one":                wrap(evilAssertion + signed),
		"XSW4: the signed assertion in a new one":                    wrap(withSig(evilMarked, signed)),
		"XSW5: a new assertion with the signature, the old one last": wrap(withSig(evilMarked, sig) + plain),
		"XSW6: the old assertion in the signature of a new one":      wrap(withSig(evilMarked, strings.Replace(sig, "</ds:Signature>", plain+"</ds:Signature>", 1))),
		"XSW7: a new assertion in Extensions":                        wrap("<samlp:Extensions>" + evilAssertion + "</samlp:Extensions>" + signed),
		"XSW8: the old assertion in an Object of the signature": wrap(withSig(evilMarked,
			strings.Replace(sig, "</ds:Signature>", "<ds:Object>"+plain+"</ds:Object></ds:Signature>", 1))),
		"XSW9: the signed assertion in the status":                strings.Replace(wrap(evilAssertion), "</samlp:Status>", "<samlp:StatusDetail>"+signed+"</samlp:StatusDetail></samlp:Status>", 1),
		"a new assertion after the signed one":                    wrap(signed + evilAssertion),
		"the signed assertion in the new one's subject":           wrap(strings.Replace(evilAssertion, "<saml:Subject>", "<saml:Subject>"+signed, 1)),
		"the signed assertion in KeyInfo":                         wrap(withSig(evilMarked, strings.Replace(sig, "<ds:KeyInfo>", "<ds:KeyInfo>"+plain, 1))),
		"the signature at the response, for the assertion":        strings.Replace(p.Response(evilAssertion+plain), mark, sig, 1),
		"the assertion's signature in a response without another": strings.Replace(p.Response(evilAssertion), mark, sig, 1),
		"two signatures of one assertion":                         wrap(withSig(evilMarked, sig+sig)),
		"the signature in the subject":                            wrap(strings.Replace(evilAssertion, "<saml:Subject>", "<saml:Subject>"+sig, 1)),
		"an encrypted assertion beside the signed one":            wrap(signed + "<saml:EncryptedAssertion xmlns:saml=\"" + assertionSpace + "\"></saml:EncryptedAssertion>"),
	}
}

func newEvil(id string) *parts {
	p := newParts()
	p.Subject, p.AssertionID = "root", id
	return p
}
