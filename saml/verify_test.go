package saml

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestVerify(t *testing.T) {
	for name, i := range map[string]*idp{"RSA": good(), "ECDSA": newECIDP()} {
		e := expect(t, i)
		for _, signed := range [][2]bool{{false, true}, {true, false}, {true, true}} {
			p := newParts()
			a, err := Verify(encoded(i.Respond(p, signed[0], signed[1])), e)
			if err != nil {
				t.Errorf("%s, response, assertion signed %v: %v", name, signed, err)
				continue
			}
			if a.ID != "_assertion" || a.Issuer != entity || a.Subject != "ann" || a.Recipient != recipient ||
				a.SubjectFormat != "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent" || !a.Issued.Equal(noon) ||
				!a.Until.Equal(noon.Add(5*time.Minute)) || a.SessionTo.Hour() != 20 ||
				a.Attributes["https://aws.amazon.com/SAML/Attributes/RoleSessionName"][0] != "ann" {
				t.Errorf("%+v", a)
			}
		}
	}
}

// TestVerifyRefuses: responses that the provider did sign, but that do not fit.
func TestVerifyRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*parts)
		want   error
	}{
		"another issuer":               {func(p *parts) { p.Issuer = "https://evil.example" }, ErrIssuer},
		"another issuer, response":     {func(p *parts) { p.ResponseIssuer = "https://evil.example" }, ErrIssuer},
		"another audience":             {func(p *parts) { p.Audience = "https://sp.example.com" }, ErrAudience},
		"an audience of ours in it":    {func(p *parts) { p.Audience = audience + ".evil.example" }, ErrAudience},
		"another recipient":            {func(p *parts) { p.Recipient = "https://sp.example.com/acs" }, ErrRecipient},
		"another destination":          {func(p *parts) { p.Destination = "https://sp.example.com/acs" }, ErrRecipient},
		"expired":                      {func(p *parts) { p.NotOnOrAfter = noon.Add(-2 * time.Minute) }, ErrTime},
		"not yet":                      {func(p *parts) { p.NotBefore = noon.Add(2 * time.Minute) }, ErrTime},
		"issued in the future":         {func(p *parts) { p.Issued = noon.Add(2 * time.Minute) }, ErrTime},
		"session over":                 {func(p *parts) { p.Authn = strings.Replace(p.Authn, "23T20", "23T10", 1) }, ErrTime},
		"no authentication":            {func(p *parts) { p.Authn = "" }, ErrMalformed},
		"not authenticated":            {func(p *parts) { p.Status = "urn:oasis:names:tc:SAML:2.0:status:Responder" }, ErrStatus},
		"an answer":                    {func(p *parts) { p.ResponseMore = ` InResponseTo="_r"` }, ErrMalformed},
		"an answer, by the subject":    {func(p *parts) { p.ConfirmationMore = ` InResponseTo="_r"` }, ErrMalformed},
		"an unknown condition":         {func(p *parts) { p.ConditionsMore = `<saml:Condition></saml:Condition>` }, ErrMalformed},
		"two names":                    {func(p *parts) { p.SubjectMore = `<saml:NameID>bob</saml:NameID>` }, ErrMalformed},
		"no name":                      {func(p *parts) { p.Subject = " " }, ErrMalformed},
		"elements in the name":         {func(p *parts) { p.Subject = `ann<saml:X></saml:X>` }, ErrMalformed},
		"an attribute with structure":  {func(p *parts) { p.Attributes = attribute("x", "a<saml:X>b</saml:X>") }, ErrMalformed},
		"a second confirmation":        {func(p *parts) { p.SubjectMore = `<saml:SubjectConfirmation></saml:SubjectConfirmation>` }, ErrMalformed},
		"one ID for two elements":      {func(p *parts) { p.AssertionID = p.ResponseID }, ErrMalformed},
		"one ID, otherwise spelt":      {func(p *parts) { p.SubjectMore = `<saml:X Id="_assertion"></saml:X>` }, ErrMalformed},
		"an assertion in an assertion": {func(p *parts) { p.SubjectMore = `<saml:Assertion></saml:Assertion>` }, ErrMalformed},
	} {
		for _, signed := range [][2]bool{{false, true}, {true, false}, {true, true}} {
			p := newParts()
			tc.change(p)
			if a, err := Verify(encoded(good().Respond(p, signed[0], signed[1])), expect(t, good())); !errors.Is(err, tc.want) {
				t.Errorf("%s (response, assertion signed %v): %+v, %v, want %v", name, signed, a, err, tc.want)
			}
		}
	}
}

// TestSkew: clocks may differ, by so much and no more.
func TestSkew(t *testing.T) {
	p := newParts()
	doc := encoded(good().Respond(p, true, true))
	for at, want := range map[time.Time]bool{
		p.NotBefore.Add(-time.Minute):                true,
		p.NotBefore.Add(-time.Minute - 1):            false,
		p.NotOnOrAfter.Add(time.Minute - 1):          true,
		p.NotOnOrAfter.Add(time.Minute):              false,
		p.Issued.Add(-time.Minute):                   true,
		p.NotBefore.Add(-30*time.Second - time.Hour): false,
	} {
		e := expect(t, good())
		e.Now = at
		if _, err := Verify(doc, e); (err == nil) != (want && !at.Before(p.Issued.Add(-time.Minute))) {
			t.Errorf("at %v: %v", at, err)
		}
	}
}

// TestSignatures: signatures that are not good enough.
func TestSignatures(t *testing.T) {
	p := newParts()
	sign := func(i *idp, change func(*how)) string {
		h := newHow(p.AssertionID)
		change(&h)
		return strings.Replace(p.Response(i.Sign(p.Assertion(), h)), mark, "", 1)
	}
	same := func(*how) {}
	text := sign(good(), same)
	replace := func(old, to string) string {
		if strings.Count(text, old) == 0 {
			t.Fatalf("%q is not in the response", old)
		}
		return strings.Replace(text, old, to, 1)
	}
	value := text[strings.Index(text, "<ds:SignatureValue>") : strings.Index(text, "</ds:SignatureValue>")+len("</ds:SignatureValue>")]
	for name, tc := range map[string]struct {
		doc  string
		want error
	}{
		"unsigned":                  {good().Respond(p, false, false), ErrSignature},
		"another key, own KeyInfo":  {sign(other(), same), ErrSignature},
		"RSA-SHA1":                  {sign(good(), func(h *how) { h.Method = signatureSpace + "rsa-sha1" }), ErrSignature},
		"a digest by SHA-1":         {sign(good(), func(h *how) { h.Digest = signatureSpace + "sha1" }), ErrSignature},
		"HMAC":                      {sign(good(), func(h *how) { h.Method = signatureSpace + "hmac-sha256" }), ErrSignature},
		"ECDSA for an RSA key":      {sign(good(), func(h *how) { h.Method = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256" }), ErrSignature},
		"a reference to all":        {sign(good(), func(h *how) { h.URI = "" }), ErrSignature},
		"a reference to another":    {sign(good(), func(h *how) { h.URI = "#_response" }), ErrSignature},
		"a reference outside":       {sign(good(), func(h *how) { h.URI = "https://evil.example/a.xml" }), ErrSignature},
		"an unknown form":           {sign(good(), func(h *how) { h.C14N = "urn:none" }), ErrSignature},
		"no form, empty bytes":      {sign(good(), func(h *how) { h.Transforms = transform(enveloped) + transform("urn:none") }), ErrSignature},
		"XSLT":                      {sign(good(), func(h *how) { h.Transforms += transform("http://www.w3.org/TR/1999/REC-xslt-19991116") }), ErrSignature},
		"XPath":                     {sign(good(), func(h *how) { h.Transforms = transform("http://www.w3.org/TR/1999/REC-xpath-19991116") }), ErrSignature},
		"not enveloped":             {sign(good(), func(h *how) { h.Transforms = transform(exclusiveSpace) }), ErrSignature},
		"an object":                 {sign(good(), func(h *how) { h.Object = `<ds:Object></ds:Object>` }), ErrMalformed},
		"two signature values":      {replace(value, value+value), ErrMalformed},
		"an empty signature value":  {replace(value, `<ds:SignatureValue></ds:SignatureValue>`), ErrSignature},
		"a changed name":            {replace(">ann</saml:NameID>", ">root</saml:NameID>"), ErrSignature},
		"a changed attribute":       {replace(`Name="https://aws.amazon.com/SAML/Attributes/Role"`, `Name="x"`), ErrSignature},
		"a changed date":            {replace(stamp(p.NotOnOrAfter), stamp(p.NotOnOrAfter.AddDate(1, 0, 0))), ErrSignature},
		"a changed digest":          {replace("<ds:DigestValue>", "<ds:DigestValue>AAAA"), ErrSignature},
		"an added attribute":        {replace("</saml:AttributeStatement>", attribute("x", "y")+"</saml:AttributeStatement>"), ErrSignature},
		"a space more":              {replace("<saml:Subject>", "<saml:Subject> "), ErrSignature},
		"a prefix that means other": {replace(`<saml:Subject>`, `<saml:Subject xmlns:saml="urn:x">`), ErrSignature},
		"a comment in the name":     {replace(">ann<", ">ann<!-- -->.evil<"), ErrMalformed},
		"a comment anywhere":        {replace("<samlp:Status>", "<!-- x --><samlp:Status>"), ErrMalformed},
		"a document type":           {`<!DOCTYPE r SYSTEM "file:///etc/passwd">` + text, ErrMalformed},
		"an entity":                 {`<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>` + replace(">ann<", ">&x;<"), ErrMalformed},
		"an entity, undeclared":     {replace(">ann<", ">&x;<"), ErrMalformed},
		"billions of laughs":        {`<!DOCTYPE r [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>` + text, ErrMalformed},
		"a processing instruction":  {replace("<samlp:Status>", "<?x y?><samlp:Status>"), ErrMalformed},
		"an attribute twice":        {replace(` ID="_assertion"`, ` ID="_assertion" ID="_evil"`), ErrMalformed},
		"an attribute twice, by ns": {replace(`<saml:Subject>`, `<saml:Subject xmlns:a="urn:x" xmlns:b="urn:x" a:y="1" b:y="2">`), ErrMalformed},
		"two roots":                 {text + text, ErrMalformed},
		"half of it":                {text[:len(text)/2], ErrMalformed},
		"text after it":             {text + "x", ErrMalformed},
		"a colon too many":          {replace("<saml:Subject>", "<saml:a:b></saml:a:b><saml:Subject>"), ErrMalformed},
		"too deep":                  {replace("<saml:Subject>", strings.Repeat("<saml:x>", 50)+strings.Repeat("</saml:x>", 50)+"<saml:Subject>"), ErrMalformed},
		"another encoding":          {`<?xml version="1.0" encoding="UTF-7"?>` + text, ErrMalformed},
		"a prefix undeclared":       {replace("<saml:Subject>", "<evil:x></evil:x><saml:Subject>"), ErrMalformed},
		"extensions":                {replace("<samlp:Status>", "<samlp:Extensions></samlp:Extensions><samlp:Status>"), ErrMalformed},
		"a bare assertion":          {good().SignedAssertion(p), ErrMalformed},
		"nothing":                   {"", ErrMalformed},
	} {
		if a, err := Verify(encoded(tc.doc), expect(t, good())); !errors.Is(err, tc.want) {
			t.Errorf("%s: %+v, %v, want %v", name, a, err, tc.want)
		}
	}
	for _, bad := range []string{"%%%", encoded(text) + "=", strings.Repeat("A", maxResponse+4)} {
		if _, err := Verify(bad, expect(t, good())); !errors.Is(err, ErrMalformed) {
			t.Errorf("%.20s: %v", bad, err)
		}
	}
	whole := good().Respond(p, true, false) // the response's signature covers what stands beside the assertion
	if _, err := Verify(encoded(strings.Replace(whole, "status:Success", "status:Success ", 1)), expect(t, good())); !errors.Is(err, ErrSignature) {
		t.Errorf("a changed status: %v", err)
	}
	both := good().Respond(p, true, true)
	cut := both[:strings.Index(both, "<saml:Subject>")] + strings.Replace(both[strings.Index(both, "<saml:Subject>"):], ">ann<", ">eve<", 1)
	if _, err := Verify(encoded(cut), expect(t, good())); !errors.Is(err, ErrSignature) {
		t.Errorf("a changed name under two signatures: %v", err)
	}
	ok, bad := good().SignedAssertion(p), other() // a good assertion in a response that another signed
	if _, err := Verify(encoded(bad.Sign(p.Response(ok), newHow(p.ResponseID))), expect(t, good())); !errors.Is(err, ErrSignature) {
		t.Errorf("another's signature around the provider's: %v", err)
	}
}
