package main

import (
	"encoding/binary"
	"runtime"
	"unsafe"
)

// Attributes, classes and mechanisms (pkcs11t.h of PKCS#11 2.40).
const (
	attrClass       = 0x000
	attrToken       = 0x001
	attrPrivate     = 0x002
	attrLabel       = 0x003
	attrKeyType     = 0x100
	attrID          = 0x102
	attrSensitive   = 0x103
	attrEncrypt     = 0x104
	attrDecrypt     = 0x105
	attrWrap        = 0x106
	attrUnwrap      = 0x107
	attrValueLen    = 0x161
	attrExtractable = 0x162
	attrNeverOut    = 0x164 // CKA_NEVER_EXTRACTABLE
	attrAlwaysSens  = 0x165 // CKA_ALWAYS_SENSITIVE

	classSecretKey = 4
	keyTypeAES     = 0x1F

	mechAESKeyGen = 0x1080
	mechAESGCM    = 0x1087
)

// attribute is CK_ATTRIBUTE.
type attribute struct {
	kind  ulong
	value uintptr
	size  ulong
}

// template is a list of attributes whose values are pinned until release.
type template struct {
	list []attribute
	pin  runtime.Pinner
}

func (t *template) bytes(kind ulong, value []byte) *template {
	buf := append(make([]byte, 0, len(value)+1), value...)
	first := &buf[:1][0]
	t.pin.Pin(first)
	t.list = append(t.list, attribute{kind, uintptr(unsafe.Pointer(first)), ulong(len(value))})
	return t
}

func (t *template) number(kind ulong, n ulong) *template {
	return t.bytes(kind, binary.NativeEndian.AppendUint64(nil, uint64(n)))
}

func (t *template) is(kind ulong, yes bool) *template {
	if yes {
		return t.bytes(kind, []byte{1})
	}
	return t.bytes(kind, []byte{0})
}

func (t *template) release() { t.pin.Unpin() }

// mechanism is CK_MECHANISM.
type mechanism struct {
	kind  ulong
	param uintptr
	size  ulong
}

// labelled is the template of a secret key with a label.
func labelled(label string) *template {
	return new(template).number(attrClass, classSecretKey).is(attrToken, true).bytes(attrLabel, []byte(label))
}

// find returns the handles, at most two, of the objects that a template fits.
func (m *module) find(session ulong, t *template) ([]ulong, error) {
	if err := m.call(fnFindObjectsInit, session, uintptr(unsafe.Pointer(&t.list[0])), ulong(len(t.list))); err != nil {
		return nil, err
	}
	handles, n := make([]ulong, 2), new(ulong)
	err := m.call(fnFindObjects, session, uintptr(unsafe.Pointer(&handles[0])), 2, uintptr(unsafe.Pointer(n)))
	if end := m.call(fnFindObjectsFinal, session); err == nil {
		err = end
	}
	if err != nil {
		return nil, err
	}
	return handles[:min(*n, 2)], nil
}

// bytesOf reads an attribute of at most 256 bytes.
func (m *module) bytesOf(session, object, kind ulong) ([]byte, error) {
	buf := make([]byte, 256)
	var pin runtime.Pinner
	pin.Pin(&buf[0])
	defer pin.Unpin()
	a := &attribute{kind, uintptr(unsafe.Pointer(&buf[0])), ulong(len(buf))}
	if err := m.call(fnGetAttributeValue, session, object, uintptr(unsafe.Pointer(a)), 1); err != nil {
		return nil, err
	}
	return buf[:min(a.size, ulong(len(buf)))], nil
}

func (m *module) isSet(session, object, kind ulong) (bool, error) {
	b, err := m.bytesOf(session, object, kind)
	return len(b) == 1 && b[0] == 1, err
}
