package postgres

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"strconv"

	"bartizan.dev/trail"
)

// encode appends e's attributes: read-only as a byte, the strings each with a
// varint length, the number of resources as a varint, their types and names.
func encode(b []byte, e *trail.Event) []byte {
	var readOnly byte
	if e.ReadOnly {
		readOnly = 1
	}
	b = append(b, readOnly)
	for _, s := range [...]string{e.ID, e.Account, e.Region, e.Source, e.Name, e.Username, e.AccessKeyID} {
		b = appendString(b, s)
	}
	b = binary.AppendUvarint(b, uint64(len(e.Resources)))
	for i := range e.Resources {
		b = appendString(appendString(b, e.Resources[i].Type), e.Resources[i].Name)
	}
	return b
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

var errAttributes = errors.New("trail: an event's attributes do not decode")

// decode reads what encode wrote.
func decode(b []byte, e *trail.Event) error {
	if len(b) == 0 {
		return errAttributes
	}
	e.ReadOnly, b = b[0] == 1, b[1:]
	ok := true
	number := func() uint64 {
		n, size := binary.Uvarint(b)
		if size <= 0 {
			ok, b = false, nil
			return 0
		}
		b = b[size:]
		return n
	}
	text := func() string {
		n := number()
		if n > uint64(len(b)) {
			ok, b = false, nil
			return ""
		}
		s := string(b[:n])
		b = b[n:]
		return s
	}
	for _, p := range [...]*string{&e.ID, &e.Account, &e.Region, &e.Source, &e.Name, &e.Username, &e.AccessKeyID} {
		*p = text()
	}
	n := number()
	if n > trail.MaxResources {
		return errAttributes
	}
	for range n {
		e.Resources = append(e.Resources, trail.Resource{Type: text(), Name: text()})
	}
	if !ok || len(b) > 0 {
		return errAttributes
	}
	return nil
}

// hasher makes the keys of postings. They are seeded with a random number of
// the trail, so that nobody can choose names that share a key; what a key finds
// is compared with the query all the same.
type hasher struct{ buf []byte }

func (h *hasher) key(seed []byte, account, region string, a trail.Attribute, value string) int64 {
	h.buf = append(append(h.buf[:0], seed...), byte(a))
	h.buf = appendString(appendString(appendString(h.buf, account), region), value)
	sum := sha256.Sum256(h.buf)
	return int64(binary.LittleEndian.Uint64(sum[:]))
}

// keys appends the keys that e is to be found by, each once.
func (h *hasher) keys(out []int64, seed []byte, e *trail.Event) []int64 {
	begin := len(out)
	add := func(a trail.Attribute, v string) {
		if v == "" && a != trail.Any {
			return
		}
		k := h.key(seed, e.Account, e.Region, a, v)
		for _, o := range out[begin:] {
			if o == k {
				return
			}
		}
		out = append(out, k)
	}
	add(trail.Any, "")
	add(trail.ReadOnly, strconv.FormatBool(e.ReadOnly))
	add(trail.EventID, e.ID)
	add(trail.EventName, e.Name)
	add(trail.EventSource, e.Source)
	add(trail.Username, e.Username)
	add(trail.AccessKeyID, e.AccessKeyID)
	for i := range e.Resources {
		add(trail.ResourceType, e.Resources[i].Type)
		add(trail.ResourceName, e.Resources[i].Name)
	}
	return out
}
