package material

import (
	"bytes"
	"encoding/asn1"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// ParseImported checks material that a user imports and answers it in the form
// that New would have made. It must be bytes of the right length for symmetric
// and HMAC keys, and a private key in PKCS#8 for all others: of the spec's own
// size or curve, with a public key, if one is in it, that belongs to it.
//
// https://docs.aws.amazon.com/kms/latest/developerguide/importing-keys-conceptual.html#importing-keys-material-requirements
func ParseImported(name string, plaintext []byte) (secret []byte, err error) {
	s, err := specOf(name)
	if err != nil {
		return nil, err
	}
	return s.imported(plaintext)
}

// parseSeed reads an ML-DSA or ML-KEM key in PKCS#8: the seed alone, or the seed
// and the expanded key, which must then be what the seed expands to. The expanded
// key alone is refused: the seed cannot be found from it (RFC 9881, section 6;
// RFC 9935, section 6).
func parseSeed(der []byte, oid asn1.ObjectIdentifier, size int, expand func(seed []byte) (expanded, public []byte, err error)) ([]byte, error) {
	p, ok := parsePKCS8(der)
	if !ok || !p.oid.Equal(oid) || p.parameters != nil {
		return nil, ErrMaterial
	}
	in := cryptobyte.String(p.key)
	var seed, both, expanded cryptobyte.String
	switch {
	case in.PeekASN1Tag(casn1.Tag(0).ContextSpecific()):
		ok = in.ReadASN1(&seed, casn1.Tag(0).ContextSpecific())
	case in.PeekASN1Tag(casn1.SEQUENCE):
		ok = in.ReadASN1(&both, casn1.SEQUENCE) &&
			both.ReadASN1(&seed, casn1.OCTET_STRING) && both.ReadASN1(&expanded, casn1.OCTET_STRING) && both.Empty()
	default:
		ok = false
	}
	if !ok || !in.Empty() || len(seed) != size {
		return nil, ErrMaterial
	}
	if expanded == nil && p.public == nil {
		return bytes.Clone(seed), nil
	}
	private, public, err := expand(bytes.Clone(seed))
	if err != nil {
		return nil, ErrMaterial
	}
	defer clear(private)
	if expanded != nil && !equal(private, expanded) || p.public != nil && !equal(public, p.public) {
		return nil, ErrMaterial
	}
	return bytes.Clone(seed), nil
}
