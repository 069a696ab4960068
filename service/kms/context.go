package kms

import (
	"encoding/binary"
	"slices"
)

// An encryptionContext is a map of the caller's, in an order that does not
// depend on how it was written. It is authenticated with the ciphertext, not
// encrypted.
// https://docs.aws.amazon.com/kms/latest/developerguide/encrypt_context.html
type encryptionContext struct {
	pairs map[string]string
	keys  []string // sorted
}

func newContext(pairs map[string]string) (encryptionContext, error) {
	c := encryptionContext{pairs: pairs}
	if len(pairs) == 0 {
		return c, nil
	}
	c.keys = make([]string, 0, len(pairs))
	size := 0
	for k, v := range pairs {
		size += len(k) + len(v)
		c.keys = append(c.keys, k)
	}
	if size > maxContext {
		return c, invalid("The encryption context has %d bytes; keys and values together may have at most %d.", size, maxContext)
	}
	slices.Sort(c.keys)
	return c, nil
}

// appendTo appends the context to associated data. Each text is preceded by its
// length, so that no two contexts look alike: {"a":"bc"} is not {"ab":"c"}.
func (c *encryptionContext) appendTo(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(c.keys)))
	for _, k := range c.keys {
		v := c.pairs[k]
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(k))), k...)
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(v))), v...)
	}
	return b
}
