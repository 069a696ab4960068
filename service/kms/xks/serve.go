package xks

import (
	"context"
	"crypto/subtle"
	"errors"
)

// call reads the body and asks the key manager.
func (s *Server) call(ctx context.Context, e *Event, body []byte) ([]byte, error) {
	switch e.Operation {
	case "health":
		return s.health(ctx, &e.Call, body)
	case "metadata":
		return s.metadata(ctx, &e.Call, body)
	case "encrypt":
		return s.encrypt(ctx, &e.Call, body)
	}
	return s.decrypt(ctx, &e.Call, body)
}

// fieldsOf are those of every request; the operation's own follow.
func fieldsOf(raw *[]byte, own ...field) []field {
	return append(own, field{name: "requestMetadata", need: true, raw: raw})
}

// read reads requestMetadata. Operations that we do not know are no error:
// KMS may have new ones.
func (m *RequestMetadata) read(raw []byte, caller, key bool) error {
	return decodeObject(raw,
		field{name: "awsPrincipalArn", need: caller, text: &m.PrincipalARN},
		field{name: "awsSourceVpc", text: &m.SourceVPC},
		field{name: "awsSourceVpce", text: &m.SourceVPCE},
		field{name: "kmsKeyArn", need: key, text: &m.KeyARN},
		field{name: "kmsOperation", need: true, text: &m.Operation},
		field{name: "kmsRequestId", need: true, text: &m.RequestID},
		field{name: "kmsViaService", text: &m.ViaService})
}

func (s *Server) health(ctx context.Context, call *Call, body []byte) ([]byte, error) {
	var raw []byte
	if err := decode(body, fieldsOf(&raw)...); err != nil {
		return nil, err
	}
	if err := call.Metadata.read(raw, false, false); err != nil {
		return nil, err
	}
	h, err := s.Keys.Health(ctx, call)
	if err != nil {
		return nil, err
	}
	if h.FleetSize < 1 || h.invalid() != "" {
		return nil, errors.New("xks: a health that the specification forbids")
	}
	return healthAnswer(h), nil
}

func (s *Server) metadata(ctx context.Context, call *Call, body []byte) ([]byte, error) {
	var raw []byte
	if err := decode(body, fieldsOf(&raw)...); err != nil {
		return nil, err
	}
	if err := call.Metadata.read(raw, true, false); err != nil {
		return nil, err
	}
	k, err := s.Keys.Metadata(ctx, call)
	if err != nil {
		return nil, err
	}
	if len(k.Usage) > 10 {
		return nil, errors.New("xks: a key with more than ten usages")
	}
	return keyAnswer(k), nil
}

// encryptBody is the body of an encrypt request.
type encryptBody struct {
	metadata       RequestMetadata
	plaintext, aad []byte
	cdiv           bool // the integrity value is wanted
}

func (in *encryptBody) read(body []byte) error {
	var raw []byte
	var algo, cdiv string
	err := decode(body, fieldsOf(&raw,
		field{name: "plaintext", need: true, max: serverPlaintext, blob: &in.plaintext},
		field{name: "encryptionAlgorithm", need: true, text: &algo},
		field{name: "additionalAuthenticatedData", max: MaxAAD, blob: &in.aad},
		field{name: "ciphertextDataIntegrityValueAlgorithm", text: &cdiv})...)
	if err != nil {
		return err
	}
	if algo != algorithm {
		return &problem{field: "encryptionAlgorithm", what: "is not " + algorithm}
	}
	if cdiv != "" && cdiv != cdivAlgorithm {
		return &problem{field: "ciphertextDataIntegrityValueAlgorithm", what: "is not " + cdivAlgorithm}
	}
	in.cdiv = cdiv != ""
	return in.metadata.read(raw, true, true)
}

func (s *Server) encrypt(ctx context.Context, call *Call, body []byte) ([]byte, error) {
	var in encryptBody
	err := in.read(body)
	call.Metadata = in.metadata // for the log, even so
	if err != nil {
		return nil, err
	}
	c, err := s.Keys.Encrypt(ctx, call, in.plaintext, in.aad)
	if err != nil {
		return nil, err
	}
	if !c.valid() || len(c.Data) != len(in.plaintext) {
		return nil, errors.New("xks: a ciphertext that the specification forbids")
	}
	if !in.cdiv {
		return encryptAnswer(c, nil), nil
	}
	// The value first, then the proof (Appendix C): what is damaged later no
	// longer matches the value.
	cdiv := c.CDIV(in.aad)
	proving := *call
	proving.Proving = true
	again, err := s.Keys.Decrypt(ctx, &proving, c, in.aad)
	if f, ok := errors.AsType[*Fault](err); ok && f.Name != InvalidCiphertextException {
		return nil, err // the key manager went away, or may only encrypt
	}
	if err != nil || subtle.ConstantTimeCompare(again, in.plaintext) != 1 {
		return nil, &Fault{Name: InternalException, Message: "The key manager made a ciphertext that does not decrypt.", Cause: err}
	}
	return encryptAnswer(c, cdiv[:]), nil
}

// decryptBody is the body of a decrypt request.
type decryptBody struct {
	metadata   RequestMetadata
	ciphertext Ciphertext
	aad        []byte
}

func (in *decryptBody) read(body []byte) error {
	var raw []byte
	var algo string
	c := &in.ciphertext
	err := decode(body, append(fieldsOf(&raw, c.fields(serverPlaintext)...),
		field{name: "encryptionAlgorithm", need: true, text: &algo},
		field{name: "additionalAuthenticatedData", max: MaxAAD, blob: &in.aad})...)
	if err != nil {
		return err
	}
	switch {
	case algo != algorithm:
		return &problem{field: "encryptionAlgorithm", what: "is not " + algorithm}
	case len(c.Metadata) > MaxMetadata:
		return &problem{field: "ciphertextMetadata", what: "is longer than 20 bytes"}
	}
	if err := in.metadata.read(raw, true, true); err != nil {
		return err
	}
	if !c.valid() { // an IV or a tag that nobody made
		return errCiphertext
	}
	return nil
}

func (s *Server) decrypt(ctx context.Context, call *Call, body []byte) ([]byte, error) {
	var in decryptBody
	err := in.read(body)
	call.Metadata = in.metadata
	if err != nil {
		return nil, err
	}
	plaintext, err := s.Keys.Decrypt(ctx, call, &in.ciphertext, in.aad)
	if err != nil {
		return nil, err
	}
	if len(plaintext) != len(in.ciphertext.Data) {
		return nil, errors.New("xks: a plaintext that is not as long as its ciphertext")
	}
	return decryptAnswer(plaintext), nil
}
