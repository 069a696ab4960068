package segment

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"time"
	"unsafe"

	"bartizan.dev/trail"
)

// A record on disk:
//
//	length  4 bytes, little endian, of what follows the checksum
//	CRC32C  4 bytes, of what follows
//	flags   1 byte, bit 0: read-only
//	time    8 bytes, nanoseconds since 1970
//	event id, account, Region, source, name, user name, access key id: each a varint length and bytes
//	resources: varint count, each a type and a name
//	JSON    the rest
const (
	headSize  = 8
	minRecord = 1 + 8 + 7 + 1
	// maxRecord is above what an event that passes Check can become.
	maxRecord = trail.MaxEvent + minRecord + 10*(8+2*trail.MaxResources)
)

var (
	errTorn    = errors.New("segment: record is torn or damaged")
	errRecord  = errors.New("segment: record does not decode")
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

// encode appends e's record to b.
func encode(b []byte, e *trail.Event) []byte {
	at := len(b)
	b = append(b, 0, 0, 0, 0, 0, 0, 0, 0)
	var flags byte
	if e.ReadOnly {
		flags = 1
	}
	b = append(b, flags)
	b = binary.LittleEndian.AppendUint64(b, uint64(e.Time.UnixNano()))
	b = appendString(b, e.ID)
	b = appendString(b, e.Account)
	b = appendString(b, e.Region)
	b = appendString(b, e.Source)
	b = appendString(b, e.Name)
	b = appendString(b, e.Username)
	b = appendString(b, e.AccessKeyID)
	b = binary.AppendUvarint(b, uint64(len(e.Resources)))
	for i := range e.Resources {
		b = appendString(b, e.Resources[i].Type)
		b = appendString(b, e.Resources[i].Name)
	}
	b = append(b, e.JSON...)
	body := b[at+headSize:]
	binary.LittleEndian.PutUint32(b[at:], uint32(len(body)))
	binary.LittleEndian.PutUint32(b[at+4:], crc32.Checksum(body, castagnoli))
	return b
}

func appendString(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// frame returns the length of the whole record that begins b, or errTorn. The
// error is the same when b is too short to tell.
func frame(b []byte) (int, error) {
	if len(b) < headSize {
		return 0, errTorn
	}
	n := int(binary.LittleEndian.Uint32(b))
	if n < minRecord || n > maxRecord || len(b) < headSize+n {
		return 0, errTorn
	}
	if crc32.Checksum(b[headSize:headSize+n], castagnoli) != binary.LittleEndian.Uint32(b[4:]) {
		return 0, errTorn
	}
	return headSize + n, nil
}

// decode reads the record b, which frame has found whole, into e. It copies
// nothing: e's strings and JSON are good for as long as b does not change. The
// array of e.Resources is used again.
func decode(b []byte, e *trail.Event) error {
	r := reader{b: b[headSize:]}
	e.ReadOnly = r.byte()&1 == 1
	e.Time = time.Unix(0, int64(r.uint64())).UTC()
	for _, p := range [...]*string{&e.ID, &e.Account, &e.Region, &e.Source, &e.Name, &e.Username, &e.AccessKeyID} {
		*p = r.string()
	}
	n := r.uvarint()
	if n > trail.MaxResources {
		return fmt.Errorf("%w: %d resources", errRecord, n)
	}
	e.Resources = e.Resources[:0]
	for range n {
		e.Resources = append(e.Resources, trail.Resource{Type: r.string(), Name: r.string()})
	}
	if r.short {
		return errRecord
	}
	e.JSON = r.b[:len(r.b):len(r.b)]
	return nil
}

// reader takes fields off the front of b. After short nothing it returned
// counts.
type reader struct {
	b     []byte
	short bool
}

func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.short, r.b = true, nil
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) uint64() uint64 {
	if b := r.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (r *reader) uvarint() uint64 {
	n, size := binary.Uvarint(r.b)
	if size <= 0 {
		r.short, r.b = true, nil
		return 0
	}
	r.b = r.b[size:]
	return n
}

func (r *reader) string() string {
	b := r.take(r.uvarint())
	return unsafe.String(unsafe.SliceData(b), len(b))
}
