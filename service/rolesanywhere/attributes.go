package rolesanywhere

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"bartizan.dev/caller"
)

// attributeNames are the attribute types of distinguished names that have a
// short name (RFC 4519, RFC 4514, RFC 2985).
var attributeNames = map[string]string{
	"2.5.4.3": "CN", "2.5.4.4": "SN", "2.5.4.5": "SERIALNUMBER", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST",
	"2.5.4.9": "STREET", "2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.12": "T", "2.5.4.17": "PostalCode", "2.5.4.41": "NAME",
	"2.5.4.42": "GN", "2.5.4.43": "I", "2.5.4.44": "GENERATION", "2.5.4.45": "UniqueIdentifier", "2.5.4.46": "DNQ",
	"2.5.4.65": "Pseudonym", "0.9.2342.19200300.100.1.1": "UID", "0.9.2342.19200300.100.1.25": "DC", "1.2.840.113549.1.9.1": "E",
}

func knownAttribute(name string) bool {
	for _, n := range attributeNames {
		if n == name {
			return true
		}
	}
	return false
}

// oidSAN is the subject alternative name extension, RFC 5280, section 4.2.1.6.
var oidSAN = asn1.ObjectIdentifier{2, 5, 29, 17}

// sessionTags makes session tags of a certificate's fields by a profile's
// mappings. Values that STS would refuse as tags are left out, as AWS says.
// https://docs.aws.amazon.com/rolesanywhere/latest/userguide/trust-model.html#trust-policy
func (p *profile) sessionTags(leaf *x509.Certificate) []caller.Tag {
	var out []caller.Tag
	add := func(key, value string) {
		if value != "" && validTag(key, 128) && validTag(value, 256) {
			out = append(out, caller.Tag{Key: key, Value: value})
		}
	}
	name := func(prefix string, dn *pkix.RDNSequence, specifiers []string) {
		for _, t := range attributesOf(dn, specifiers) {
			add(prefix+"/"+t.Key, t.Value)
		}
	}
	name(fieldIssuer, rdns(leaf.RawIssuer), p.Mappings[fieldIssuer])
	name(fieldSubject, rdns(leaf.RawSubject), p.Mappings[fieldSubject])
	san := p.Mappings[fieldSAN]
	if len(san) == 0 {
		return out
	}
	dns, uri, directory := firstNames(leaf)
	if slices.Contains(san, "DNS") {
		add(fieldSAN+"/DNS", dns)
	}
	if slices.Contains(san, "URI") {
		add(fieldSAN+"/URI", uri)
	}
	var inName []string
	for _, s := range san {
		if attribute, ok := strings.CutPrefix(s, "Name/"); ok {
			inName = append(inName, attribute)
		}
	}
	name(fieldSAN+"/Name", directory, inName)
	return out
}

// attributesOf returns the attributes of a name that the specifiers select.
// Several values of one attribute are joined by slashes, in the order of the
// certificate.
func attributesOf(dn *pkix.RDNSequence, specifiers []string) []caller.Tag {
	if dn == nil {
		return nil
	}
	var out []caller.Tag
	for _, rdn := range *dn {
		for _, a := range rdn {
			value, ok := a.Value.(string)
			if !ok {
				continue
			}
			oid := a.Type.String()
			key := attributeNames[oid]
			switch {
			case slices.Contains(specifiers, oid):
				key = oid
			case key == "" || !slices.Contains(specifiers, everything) && !slices.Contains(specifiers, key):
				continue
			}
			if i := slices.IndexFunc(out, func(t caller.Tag) bool { return t.Key == key }); i >= 0 {
				out[i].Value += "/" + value
			} else {
				out = append(out, caller.Tag{Key: key, Value: value})
			}
		}
	}
	return out
}

func rdns(raw []byte) *pkix.RDNSequence {
	var seq pkix.RDNSequence
	if rest, err := asn1.Unmarshal(raw, &seq); err != nil || len(rest) > 0 {
		return nil
	}
	return &seq
}

// firstNames returns the first alternative names of the three types that become
// tags. Package x509 does not read directory names, so the extension is read
// here.
func firstNames(leaf *x509.Certificate) (dns, uri string, directory *pkix.RDNSequence) {
	if len(leaf.DNSNames) > 0 {
		dns = leaf.DNSNames[0]
	}
	if len(leaf.URIs) > 0 {
		uri = leaf.URIs[0].String()
	}
	for _, e := range leaf.Extensions {
		var names asn1.RawValue
		if !e.Id.Equal(oidSAN) {
			continue
		}
		if rest, err := asn1.Unmarshal(e.Value, &names); err != nil || len(rest) > 0 {
			return dns, uri, nil
		}
		for rest := names.Bytes; len(rest) > 0; {
			var v asn1.RawValue
			var err error
			if rest, err = asn1.Unmarshal(rest, &v); err != nil {
				return dns, uri, nil
			}
			if v.Class == asn1.ClassContextSpecific && v.Tag == 4 { // directoryName, explicitly tagged
				return dns, uri, rdns(v.Bytes)
			}
		}
	}
	return dns, uri, nil
}

// tagPattern is STS's pattern of session tags and the source identity's in the
// answer of CreateSession.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_Tag.html
var tagPattern = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)

func validTag(s string, most int) bool {
	return utf8.RuneCountInString(s) <= most && tagPattern.MatchString(s)
}

// sessionName is the default name of a session: the certificate's serial number
// in hex, as its DER has it.
func sessionName(serial *big.Int) string {
	h := evenHex(serial)
	if h[0] >= '8' { // DER writes a zero in front of what would look negative
		h = "00" + h
	}
	return h
}

func evenHex(n *big.Int) string {
	b := n.Bytes()
	if len(b) == 0 {
		b = []byte{0}
	}
	return hex.EncodeToString(b)
}

// sourceIdentity follows AWS's rules: CN= and the common name of up to 61
// characters, a name of 62 to 64 alone, or else ID= and the serial number.
// https://docs.aws.amazon.com/rolesanywhere/latest/userguide/trust-model.html#source-identity-rules
func sourceIdentity(leaf *x509.Certificate) (string, error) {
	cn := leaf.Subject.CommonName
	n := utf8.RuneCountInString(cn)
	switch {
	case n == 0:
		return "ID=" + evenHex(leaf.SerialNumber), nil
	case n > 64 || !validTag(cn, 64):
		return "", denied("The common name of the certificate cannot be a source identity.")
	case n <= 61:
		return "CN=" + cn, nil
	}
	return cn, nil
}
