package xks

import (
	"encoding/base64"
	"encoding/json"
	"strconv"

	"bartizan.dev/wire"
)

// The bodies of requests and answers, written by hand: each is short, and a
// plaintext should pass through as few buffers as can be.

// The values that version 1 knows.
const (
	algorithm     = "AES_GCM"
	cdivAlgorithm = "SHA_256"
	aes256        = "AES_256"
)

// object builds a JSON object.
type object []byte

func (o *object) key(name string) {
	sep := byte(',')
	if len(*o) == 0 || (*o)[len(*o)-1] == '{' {
		sep = '{'
	}
	if len(*o) == 0 || sep == ',' {
		*o = append(*o, sep)
	}
	*o = append(append(append(*o, '"'), name...), '"', ':')
}

func (o *object) text(name, value string) {
	o.key(name)
	*o = wire.AppendJSONString(*o, value)
}

func (o *object) some(name, value string) {
	if value != "" {
		o.text(name, value)
	}
}

func (o *object) blob(name string, value []byte) {
	o.key(name)
	*o = append(base64.StdEncoding.AppendEncode(append(*o, '"'), value), '"')
}

func (o *object) open(name string) {
	o.key(name)
	*o = append(*o, '{')
}

func (o *object) close() { *o = append(*o, '}') }

func (m *RequestMetadata) write(o *object) {
	o.open("requestMetadata")
	o.some("awsPrincipalArn", m.PrincipalARN)
	o.some("awsSourceVpc", m.SourceVPC)
	o.some("awsSourceVpce", m.SourceVPCE)
	o.some("kmsKeyArn", m.KeyARN)
	o.text("kmsOperation", m.Operation)
	o.text("kmsRequestId", m.RequestID)
	o.some("kmsViaService", m.ViaService)
	o.close()
}

func metadataRequest(m *RequestMetadata) []byte {
	var o object
	m.write(&o)
	o.close()
	return o
}

func encryptRequest(m *RequestMetadata, plaintext, aad []byte) []byte {
	o := make(object, 0, 1024+2*len(plaintext)+2*len(aad))
	m.write(&o)
	if len(aad) > 0 {
		o.blob("additionalAuthenticatedData", aad)
	}
	o.blob("plaintext", plaintext)
	o.text("encryptionAlgorithm", algorithm)
	o.text("ciphertextDataIntegrityValueAlgorithm", cdivAlgorithm)
	o.close()
	return o
}

func decryptRequest(m *RequestMetadata, c *Ciphertext, aad []byte) []byte {
	o := make(object, 0, 1024+2*len(c.Data)+2*len(aad))
	m.write(&o)
	if len(aad) > 0 {
		o.blob("additionalAuthenticatedData", aad)
	}
	c.write(&o)
	o.text("encryptionAlgorithm", algorithm)
	o.close()
	return o
}

func (c *Ciphertext) write(o *object) {
	o.blob("ciphertext", c.Data)
	if len(c.Metadata) > 0 {
		o.blob("ciphertextMetadata", c.Metadata)
	}
	o.blob("initializationVector", c.IV)
	o.blob("authenticationTag", c.Tag)
}

// fields are those of a ciphertext. Their sizes beyond max are for the reader
// to check: to a proxy a short tag is an invalid ciphertext, to KMS an invalid
// answer.
func (c *Ciphertext) fields(max int) []field {
	return []field{
		{name: "ciphertext", need: true, max: max, blob: &c.Data},
		{name: "ciphertextMetadata", blob: &c.Metadata},
		{name: "initializationVector", need: true, blob: &c.IV},
		{name: "authenticationTag", need: true, blob: &c.Tag},
	}
}

func encryptAnswer(c *Ciphertext, cdiv []byte) []byte {
	o := make(object, 0, 256+2*len(c.Data))
	c.write(&o)
	if cdiv != nil {
		o.blob("ciphertextDataIntegrityValue", cdiv)
	}
	o.close()
	return o
}

func decryptAnswer(plaintext []byte) []byte {
	o := make(object, 0, 64+2*len(plaintext))
	o.blob("plaintext", plaintext)
	o.close()
	return o
}

func keyAnswer(k *KeyMetadata) []byte {
	var o object
	o.text("keySpec", k.Spec)
	o.key("keyUsage")
	o = append(o, '[')
	for i, u := range k.Usage {
		if i > 0 {
			o = append(o, ',')
		}
		o = wire.AppendJSONString(o, u)
	}
	o = append(o, ']')
	o.text("keyStatus", k.Status)
	o.close()
	return o
}

func readKeyAnswer(data []byte) (*KeyMetadata, error) {
	k := &KeyMetadata{}
	var usage []byte
	err := decode(data,
		field{name: "keySpec", need: true, max: 64, text: &k.Spec},
		field{name: "keyUsage", need: true, raw: &usage},
		field{name: "keyStatus", need: true, max: 64, text: &k.Status})
	if err != nil {
		return nil, err
	}
	err = elements(usage, func(value []byte) error {
		s, ok := text(value)
		if !ok || s == "" || len(s) > 64 || len(k.Usage) == 10 {
			return &problem{field: "keyUsage", what: "is not up to ten strings"}
		}
		k.Usage = append(k.Usage, s)
		return nil
	})
	if err == nil && k.Status != "ENABLED" && k.Status != "DISABLED" {
		err = &problem{field: "keyStatus", what: "is neither ENABLED nor DISABLED"}
	}
	if err != nil {
		return nil, err
	}
	return k, nil
}

func healthAnswer(h *Health) []byte {
	var o object
	o.key("xksProxyFleetSize")
	o = strconv.AppendInt(o, int64(h.FleetSize), 10)
	o.text("xksProxyVendor", h.ProxyVendor)
	o.text("xksProxyModel", h.ProxyModel)
	o.text("ekmVendor", h.Vendor)
	o.key("ekmFleetDetails")
	for i, m := range h.Managers {
		if i > 0 {
			o = append(o, ',', '{')
		} else {
			o = append(o, '[', '{')
		}
		o.text("id", m.ID)
		o.text("model", m.Model)
		o.text("healthStatus", m.Status)
		o.close()
	}
	o = append(o, ']')
	o.close()
	return o
}

func readHealthAnswer(data []byte) (*Health, error) {
	h := &Health{}
	var size, details []byte
	err := decode(data,
		field{name: "xksProxyFleetSize", need: true, raw: &size},
		field{name: "xksProxyVendor", need: true, max: 1024, text: &h.ProxyVendor},
		field{name: "xksProxyModel", need: true, max: 1024, text: &h.ProxyModel},
		field{name: "ekmVendor", need: true, max: 1024, text: &h.Vendor},
		field{name: "ekmFleetDetails", need: true, raw: &details})
	if err != nil {
		return nil, err
	}
	if json.Unmarshal(size, &h.FleetSize) != nil || h.FleetSize < 1 {
		return nil, &problem{field: "xksProxyFleetSize", what: "is not an integer greater than zero"}
	}
	err = elements(details, func(value []byte) error {
		var m Manager
		err := decodeObject(value,
			field{name: "id", need: true, max: 1024, text: &m.ID},
			field{name: "model", need: true, max: 1024, text: &m.Model},
			field{name: "healthStatus", need: true, max: 64, text: &m.Status})
		if err != nil {
			return err
		}
		h.Managers = append(h.Managers, m)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if why := h.invalid(); why != "" {
		return nil, &problem{field: "ekmFleetDetails", what: why}
	}
	return h, nil
}

// invalid says what the specification forbids about h, or nothing.
func (h *Health) invalid() string {
	if len(h.Managers) < 1 || len(h.Managers) > 10 {
		return "is not one to ten entries"
	}
	for _, m := range h.Managers {
		if m.Status != Active && m.Status != Degraded && m.Status != Unavailable {
			return "has a healthStatus that is none"
		}
	}
	return ""
}
