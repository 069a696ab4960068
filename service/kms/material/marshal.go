package material

import (
	"encoding/asn1"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// What crypto/x509 does not write: secp256k1, ML-DSA and ML-KEM. BytesOrPanic
// panics on lengths past four bytes only.

// marshalEC writes PKCS#8 with an ECPrivateKey as OpenSSL does: the curve outside,
// the public key inside.
func marshalEC(curve asn1.ObjectIdentifier, scalar, point []byte) []byte {
	return marshalPKCS8(oidEC, curve, func(b *cryptobyte.Builder) {
		b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1Int64(1)
			b.AddASN1OctetString(scalar)
			b.AddASN1(casn1.Tag(1).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
				b.AddASN1BitString(point)
			})
		})
	})
}

// marshalSeed writes PKCS#8 with the seed alone, the form that RFC 9881 (section
// 6) and RFC 9935 (section 6) recommend.
func marshalSeed(oid asn1.ObjectIdentifier, seed []byte) []byte {
	return marshalPKCS8(oid, nil, func(b *cryptobyte.Builder) {
		b.AddASN1(casn1.Tag(0).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes(seed) })
	})
}

func marshalPKCS8(oid, curve asn1.ObjectIdentifier, key func(*cryptobyte.Builder)) []byte {
	var b cryptobyte.Builder
	b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(0)
		addAlgorithm(b, oid, curve)
		b.AddASN1(casn1.OCTET_STRING, key)
	})
	return b.BytesOrPanic()
}

func addAlgorithm(b *cryptobyte.Builder, oid, curve asn1.ObjectIdentifier) {
	b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(oid)
		if curve != nil {
			b.AddASN1ObjectIdentifier(curve)
		}
	})
}

// marshalPublic writes a SubjectPublicKeyInfo whose algorithm has no parameters.
func marshalPublic(oid asn1.ObjectIdentifier, key []byte) []byte { return marshalSPKI(oid, nil, key) }

func marshalECPublic(curve asn1.ObjectIdentifier, point []byte) []byte {
	return marshalSPKI(oidEC, curve, point)
}

func marshalSPKI(oid, curve asn1.ObjectIdentifier, key []byte) []byte {
	var b cryptobyte.Builder
	b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		addAlgorithm(b, oid, curve)
		b.AddASN1BitString(key)
	})
	return b.BytesOrPanic()
}
