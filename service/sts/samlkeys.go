package sts

import (
	"strings"

	"bartizan.dev/caller"
	"bartizan.dev/policy"
)

// setKeys makes the condition keys of an assertion. Name qualifier, subject and
// its type stay with the session.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-saml
func (a *assertion) setKeys(p *SAMLProvider) {
	a.nameQualifier = qualifier(a.Issuer, p)
	a.subjectType = a.SubjectFormat
	if a.subjectType == "" { // SAML core, 8.3.1: the default
		a.subjectType = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
	}
	a.subjectType = strings.TrimPrefix(a.subjectType, "urn:oasis:names:tc:SAML:2.0:nameid-format:")
	for _, k := range []caller.Tag{
		{Key: "saml:namequalifier", Value: a.nameQualifier}, {Key: "saml:sub", Value: a.Subject}, {Key: "saml:sub_type", Value: a.subjectType},
	} {
		a.kept = append(a.kept, k)
		a.keys = append(a.keys, policy.Pair{Key: k.Key, Values: []string{k.Value}})
	}
	a.keys = append(a.keys,
		policy.Pair{Key: "saml:aud", Values: []string{a.Recipient}},
		policy.Pair{Key: "saml:iss", Values: []string{a.Issuer}},
		policy.Pair{Key: "saml:doc", Values: []string{p.Account + "/" + p.Name}},
	)
	set := map[string]bool{} // "If you include more than one, only one claim will be mapped."
	for _, m := range samlAttributes {
		if values := a.Attributes[m.name]; len(values) > 0 && !set[m.key] {
			set[m.key] = true
			if !m.list {
				values = values[:1]
			}
			a.keys = append(a.keys, policy.Pair{Key: "saml:" + m.key, Values: values, Multi: m.list})
		}
	}
}

// samlAttributes are the attributes that are condition keys; list says that the
// key is one with several values.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_saml_assertions.html#saml-attribute-mapping
var samlAttributes = []struct {
	name, key string
	list      bool
}{
	{"urn:oid:1.3.6.1.4.1.5923.1.1.1.1", "edupersonaffiliation", true},
	{"urn:oid:1.3.6.1.4.1.5923.1.1.1.2", "edupersonnickname", true},
	{"urn:oid:1.3.6.1.4.1.5923.1.1.1.3", "edupersonorgdn", false},
	{"urn:oid:1.3.6.1.4.1.5923.1.1.1.4", "edupersonorgunitdn", true},
	{"urn:oid:1.3.6.1.4.1.5923.1.1.1.5", "edupersonprimaryaffiliation", false},
	{"urn:oid:1.3.6.1.4.1.5923.1.1.1.6", "edupersonprincipalname", false},
	{"urn:oid:1.3.6.1.4.1.5923.1.1.1.7", "edupersonentitlement", true},
	{"urn:oid:1.3.6.1.4.1.5923.1.1.1.8", "edupersonprimaryorgunitdn", false},
	{"urn:oid:1.3.6.1.4.1.5923.1.1.1.9", "edupersonscopedaffiliation", true},
	{"urn:oid:1.3.6.1.4.1.5923.1.1.1.10", "edupersontargetedid", true},
	{"urn:oid:1.3.6.1.4.1.5923.1.1.1.11", "edupersonassurance", true},
	{"urn:oid:1.3.6.1.4.1.5923.1.2.1.2", "eduorghomepageuri", true},
	{"urn:oid:1.3.6.1.4.1.5923.1.2.1.3", "eduorgidentityauthnpolicyuri", true},
	{"urn:oid:1.3.6.1.4.1.5923.1.2.1.4", "eduorglegalname", true},
	{"urn:oid:1.3.6.1.4.1.5923.1.2.1.5", "eduorgsuperioruri", true},
	{"urn:oid:1.3.6.1.4.1.5923.1.2.1.6", "eduorgwhitepagesuri", true},
	{"urn:oid:2.5.4.3", "cn", true},

	{"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name", "name", true},
	{"http://schemas.xmlsoap.org/claims/CommonName", "commonName", true},
	{"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname", "givenName", true},
	{"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/surname", "surname", true},
	{"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress", "mail", true},
	{"http://schemas.microsoft.com/ws/2008/06/identity/claims/primarygroupsid", "uid", true},
	{"http://schemas.microsoft.com/ws/2008/06/identity/claims/primarygroupsid", "primaryGroupSID", true},

	{"2.5.4.3", "commonName", true},
	{"2.5.4.4", "surname", true},
	{"2.4.5.42", "givenName", true},
	{"2.5.4.45", "x500UniqueIdentifier", true},
	{"0.9.2342.19200300100.1.1", "uid", true},
	{"0.9.2342.19200300100.1.3", "mail", true},
	{"0.9.2342.19200300.100.1.45", "organizationStatus", true},
}
