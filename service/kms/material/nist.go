package material

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
)

// nistSpec is a NIST curve: ECDSA with the one hash that AWS pairs with it, or
// ECDH.
//
// https://docs.aws.amazon.com/kms/latest/developerguide/symm-asymm-choose-key-spec.html#key-spec-ecc
func nistSpec(curve elliptic.Curve, ecdsaName string) *spec {
	return &spec{
		usages:     []string{signVerify, keyAgreement},
		algorithms: map[string][]string{signVerify: {ecdsaName}, keyAgreement: {"ECDH"}},
		pair:       true,
		fresh: func() ([]byte, error) {
			key, err := ecdsa.GenerateKey(curve, rand.Reader)
			if err != nil {
				return nil, err
			}
			return x509.MarshalPKCS8PrivateKey(key)
		},
		open: func(secret []byte) (opened, error) {
			key, err := parseNIST(secret, curve)
			if err != nil {
				return nil, err
			}
			agreement, err := key.ECDH()
			if err != nil {
				return nil, ErrMaterial
			}
			return &nistKey{PrivateKey: key, agreement: agreement}, nil
		},
		imported: func(plaintext []byte) ([]byte, error) {
			key, err := parseNIST(plaintext, curve)
			if err != nil {
				return nil, err
			}
			return x509.MarshalPKCS8PrivateKey(key)
		},
	}
}

func parseNIST(der []byte, curve elliptic.Curve) (*ecdsa.PrivateKey, error) {
	scalar, public, err := parseEC(der, curveOID(curve))
	if err != nil {
		return nil, err
	}
	key, err := ecdsa.ParseRawPrivateKey(curve, scalar)
	if err != nil {
		return nil, ErrMaterial
	}
	point, err := key.PublicKey.Bytes()
	if err != nil || !samePoint(point, public) {
		return nil, ErrMaterial
	}
	return key, nil
}

type nistKey struct {
	*ecdsa.PrivateKey
	agreement *ecdh.PrivateKey
}

func (k *nistKey) public() ([]byte, error) { return x509.MarshalPKIXPublicKey(&k.PublicKey) }

func (k *nistKey) wipe() {
	wipeInt(k.D)
}

func (k *nistKey) sign(a algorithm, messageType string, message []byte) ([]byte, error) {
	d, err := hashed(a, messageType, message)
	if err != nil {
		return nil, err
	}
	return ecdsa.SignASN1(rand.Reader, k.PrivateKey, d)
}

func (k *nistKey) verify(a algorithm, messageType string, message, signature []byte) error {
	d, err := hashed(a, messageType, message)
	if err != nil {
		return err
	}
	if !ecdsa.VerifyASN1(&k.PublicKey, d, signature) {
		return ErrSignature
	}
	return nil
}

// agree is the cofactor Diffie-Hellman of SP 800-56A, section 5.7.1.2: the x
// coordinate (the cofactor of these curves is 1).
func (k *nistKey) agree(peer []byte) ([]byte, error) {
	point, ok := parseECPublic(peer, curveOID(k.Curve))
	if !ok {
		return nil, ErrPeer
	}
	other, err := k.agreement.Curve().NewPublicKey(point)
	if err != nil {
		return nil, ErrPeer
	}
	secret, err := k.agreement.ECDH(other)
	if err != nil {
		return nil, ErrPeer
	}
	return secret, nil
}
