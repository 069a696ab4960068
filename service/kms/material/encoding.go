package material

import (
	"crypto/elliptic"
	"encoding/asn1"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// The object identifiers of RFC 8017, RFC 5480, RFC 8410, RFC 9881 and RFC 9935.
var (
	oidRSA       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
	oidEC        = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
	oidP256      = asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7}
	oidP384      = asn1.ObjectIdentifier{1, 3, 132, 0, 34}
	oidP521      = asn1.ObjectIdentifier{1, 3, 132, 0, 35}
	oidSecp256k1 = asn1.ObjectIdentifier{1, 3, 132, 0, 10}
	oidEd25519   = asn1.ObjectIdentifier{1, 3, 101, 112}
	oidMLDSA44   = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 3, 17}
	oidMLDSA65   = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 3, 18}
	oidMLDSA87   = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 3, 19}
	oidMLKEM512  = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 4, 1}
	oidMLKEM768  = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 4, 2}
	oidMLKEM1024 = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 4, 3}
)

func curveOID(curve elliptic.Curve) asn1.ObjectIdentifier {
	switch curve {
	case elliptic.P256():
		return oidP256
	case elliptic.P384():
		return oidP384
	}
	return oidP521
}

// maxDER bounds what is parsed. An RSA_4096 key has some 2,400 bytes, an
// ML_DSA_87 key in both forms some 5,000; a peer's public key has at most 8,192
// in the model.
const maxDER = 8192

// pkcs8 is a PrivateKeyInfo (RFC 5208) or OneAsymmetricKey (RFC 5958).
type pkcs8 struct {
	oid        asn1.ObjectIdentifier
	parameters []byte // with its header; nil if absent
	key        []byte
	public     []byte // nil if absent
}

func (p *pkcs8) nullParameters() bool {
	return len(p.parameters) == 2 && p.parameters[0] == 5 && p.parameters[1] == 0
}

// parsePKCS8 is strict: the distinguished encoding, every element known, nothing
// left over, the version that says whether a public key follows.
func parsePKCS8(der []byte) (p pkcs8, ok bool) {
	if len(der) > maxDER {
		return p, false
	}
	in := cryptobyte.String(der)
	var body, alg, key, public cryptobyte.String
	var version int
	if !in.ReadASN1(&body, casn1.SEQUENCE) || !in.Empty() ||
		!body.ReadASN1Integer(&version) || version < 0 || version > 1 ||
		!body.ReadASN1(&alg, casn1.SEQUENCE) || !alg.ReadASN1ObjectIdentifier(&p.oid) ||
		!body.ReadASN1(&key, casn1.OCTET_STRING) {
		return p, false
	}
	if !alg.Empty() {
		p.parameters = alg
		var element cryptobyte.String
		var tag casn1.Tag
		if !alg.ReadAnyASN1Element(&element, &tag) || !alg.Empty() {
			return p, false
		}
	}
	var present bool
	if !body.SkipOptionalASN1(casn1.Tag(0).ContextSpecific().Constructed()) || // attributes
		!body.ReadOptionalASN1(&public, &present, casn1.Tag(1).ContextSpecific()) ||
		!body.Empty() || present != (version == 1) {
		return p, false
	}
	if present { // a BIT STRING, tagged implicitly, of whole bytes
		if len(public) < 2 || public[0] != 0 {
			return p, false
		}
		p.public = public[1:]
	}
	p.key = key
	return p, true
}

// octets reads the OCTET STRING that is all of der.
func octets(der []byte) ([]byte, bool) {
	in := cryptobyte.String(der)
	var out cryptobyte.String
	ok := in.ReadASN1(&out, casn1.OCTET_STRING) && in.Empty()
	return out, ok
}

// parseEC reads an ECPrivateKey (RFC 5915) of a named curve inside PKCS#8. Curves
// by explicit parameters are refused. public is nil if there is none.
func parseEC(der []byte, curve asn1.ObjectIdentifier) (scalar, public []byte, err error) {
	p, ok := parsePKCS8(der)
	if !ok || !p.oid.Equal(oidEC) || !isOID(p.parameters, curve) {
		return nil, nil, ErrMaterial
	}
	in := cryptobyte.String(p.key)
	var body, secret, named, bits cryptobyte.String
	var version int
	var hasCurve, hasPublic bool
	if !in.ReadASN1(&body, casn1.SEQUENCE) || !in.Empty() ||
		!body.ReadASN1Integer(&version) || version != 1 ||
		!body.ReadASN1(&secret, casn1.OCTET_STRING) ||
		!body.ReadOptionalASN1(&named, &hasCurve, casn1.Tag(0).ContextSpecific().Constructed()) ||
		!body.ReadOptionalASN1(&bits, &hasPublic, casn1.Tag(1).ContextSpecific().Constructed()) ||
		!body.Empty() || hasCurve && !isOID(named, curve) {
		return nil, nil, ErrMaterial
	}
	if hasPublic && (!bits.ReadASN1BitStringAsBytes(&public) || !bits.Empty() || len(public) == 0) {
		return nil, nil, ErrMaterial
	}
	if p.public != nil { // RFC 5958 has a second place for it
		if public != nil && string(public) != string(p.public) {
			return nil, nil, ErrMaterial
		}
		public = p.public
	}
	return secret, public, nil
}

func isOID(der []byte, want asn1.ObjectIdentifier) bool {
	in := cryptobyte.String(der)
	var got asn1.ObjectIdentifier
	return in.ReadASN1ObjectIdentifier(&got) && in.Empty() && got.Equal(want)
}

// samePoint says whether a public key found beside a private one, in any of the
// three forms of SEC 1, section 2.3.3, is that key's. point is uncompressed.
func samePoint(point, given []byte) bool {
	if given == nil {
		return true
	}
	odd := point[len(point)-1] & 1
	switch given[0] {
	case 2 | odd:
		return string(given[1:]) == string(point[1:1+len(point)/2])
	case 4, 6 | odd:
		return string(given[1:]) == string(point[1:])
	}
	return false
}

// parseECPublic reads the point of a SubjectPublicKeyInfo of a named curve.
func parseECPublic(der []byte, curve asn1.ObjectIdentifier) (point []byte, ok bool) {
	if len(der) > maxDER {
		return nil, false
	}
	in := cryptobyte.String(der)
	var body, alg cryptobyte.String
	var oid, named asn1.ObjectIdentifier
	ok = in.ReadASN1(&body, casn1.SEQUENCE) && in.Empty() &&
		body.ReadASN1(&alg, casn1.SEQUENCE) && alg.ReadASN1ObjectIdentifier(&oid) && oid.Equal(oidEC) &&
		alg.ReadASN1ObjectIdentifier(&named) && named.Equal(curve) && alg.Empty() &&
		body.ReadASN1BitStringAsBytes(&point) && body.Empty()
	return point, ok
}
