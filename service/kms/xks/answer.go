package xks

import (
	"errors"
	"net/http"
	"strconv"
)

// readAnswer returns the body of a success, or else a *Failure. Only a decrypt
// may be answered with InvalidCiphertextException.
func readAnswer(status int, body []byte, decrypting bool) ([]byte, error) {
	if status == http.StatusOK {
		return body, nil
	}
	if status < 400 {
		return nil, &Failure{Name: MalformedResponse, Cause: errors.New("xks: status " + strconv.Itoa(status))}
	}
	f := readErrorAnswer(body)
	if f == nil || f.Name == InvalidCiphertextException && !decrypting {
		return nil, &Failure{Name: MalformedResponse, Cause: errors.New("xks: status " + strconv.Itoa(status) + " without an error that we know")}
	}
	return nil, f
}

// readErrorAnswer reads an error of a proxy, or returns nil. The name decides,
// not the status.
func readErrorAnswer(body []byte) *Failure {
	var name, message string
	err := decode(body,
		field{name: "errorName", need: true, max: 64, text: &name},
		field{name: "errorMessage", text: &message})
	if err != nil || statuses[Name(name)] == 0 {
		return nil
	}
	return &Failure{Name: Name(name), Detail: printable(message)}
}

// readEncryptAnswer reads a ciphertext of size bytes. KMS always asks for the
// integrity value, so an answer without it is none.
func readEncryptAnswer(body []byte, size int, aad []byte) (*Ciphertext, error) {
	c := &Ciphertext{}
	var cdiv []byte
	err := decode(body, append(c.fields(MaxPlaintext),
		field{name: "ciphertextDataIntegrityValue", need: true, blob: &cdiv})...)
	if err != nil {
		return nil, err
	}
	switch {
	case len(c.Data) != size:
		return nil, &problem{field: "ciphertext", what: "is not as long as the plaintext"}
	case !c.valid():
		return nil, &problem{what: "has an IV, a tag or metadata of a wrong length"}
	}
	if want := c.CDIV(aad); string(want[:]) != string(cdiv) {
		return nil, &problem{field: "ciphertextDataIntegrityValue", what: "is not that of the ciphertext"}
	}
	return c, nil
}

func readDecryptAnswer(body []byte, size int) ([]byte, error) {
	var plaintext []byte
	if err := decode(body, field{name: "plaintext", need: true, max: MaxPlaintext, blob: &plaintext}); err != nil {
		return nil, err
	}
	if len(plaintext) != size {
		return nil, &problem{field: "plaintext", what: "is not as long as the ciphertext"}
	}
	return plaintext, nil
}
