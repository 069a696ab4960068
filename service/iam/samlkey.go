package iam

import (
	"slices"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/saml"
	"bartizan.dev/wire"
)

func (s *Service) addSAMLKey(p *samlProvider, text string) error {
	if _, err := saml.ParseKey([]byte(text)); err != nil {
		return invalidInput("Invalid private key.")
	}
	if len(p.Keys) == maxSAMLKeys {
		return wire.Errorf("LimitExceeded", "Private key limit of %d is reached.", maxSAMLKeys).WithStatus(409)
	}
	p.Keys = append(slices.Clone(p.Keys), samlKey{ID: newSAMLID(), PEM: text, Added: s.now()})
	return nil
}

func (p *samlProvider) removeKey(id string) error {
	i := slices.IndexFunc(p.Keys, func(k samlKey) bool { return k.ID == id })
	switch {
	case i < 0:
		return invalidInput("Failed to remove private key because the Key ID does not match a private key.")
	case len(p.Keys) == 1 && p.Encryption == iamapi.AssertionEncryptionModeType_Required:
		return invalidInput("Failed to remove private key.")
	}
	p.Keys = slices.Delete(slices.Clone(p.Keys), i, i+1)
	return nil
}

func (p *samlProvider) checkEncryption() error {
	if p.Encryption == iamapi.AssertionEncryptionModeType_Required && len(p.Keys) == 0 {
		return invalidInput("Unable to set assertion encryption mode to Required because no private key is provided.")
	}
	return nil
}

// newSAMLID makes the id of a provider or a private key: 26 letters and digits.
func newSAMLID() string { return newID("SAML") + newID("")[:5] }
