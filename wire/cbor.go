package wire

import (
	"encoding/binary"
	"math"
	"net/http"
	"reflect"
	"unicode/utf8"
)

// rpcv2Cbor: Smithy's RPC protocol over CBOR (RFC 8949). Only what the protocol
// uses is read: definite and indefinite strings, arrays and maps, integers,
// floats, booleans, null, and tag 1 for timestamps.
// https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html

const (
	cborUint = iota << 5
	cborNegative
	cborBytes
	cborText
	cborArray
	cborMap
	cborTag
	cborSimple
)

const cborBreak = 0xff

// appendHead writes a major type and its argument.
func appendHead(b []byte, major byte, n uint64) []byte {
	switch {
	case n < 24:
		return append(b, major|byte(n))
	case n <= math.MaxUint8:
		return append(b, major|24, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, major|25), uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(b, major|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(b, major|27), n)
}

func appendCBORText(b []byte, s string) []byte {
	return append(appendHead(b, cborText, uint64(len(s))), s...)
}

func appendCBORFloat(b []byte, f float64) []byte {
	bits := math.Float64bits(f)
	if math.IsNaN(f) {
		bits = 0x7ff8 << 48 // the one that RFC 8949, 4.2.2 prefers
	}
	return binary.BigEndian.AppendUint64(append(b, cborSimple|27), bits)
}

func appendCBORInt(b []byte, n int64) []byte {
	if n < 0 {
		return appendHead(b, cborNegative, uint64(^n))
	}
	return appendHead(b, cborUint, uint64(n))
}

func appendCBOR(b []byte, p *plan, v reflect.Value) []byte {
	switch p.Kind {
	case Structure:
		b = append(b, cborMap|31)
		for i := range p.fields {
			f := &p.fields[i]
			if fv, ok := f.present(v, i); ok {
				b = appendCBOR(appendCBORText(b, f.Name), f.plan, fv)
			} else if f.Required && f.plan.Kind == List {
				b = appendHead(appendCBORText(b, f.Name), cborArray, 0)
			}
		}
		return append(b, cborBreak)
	case List:
		b = appendHead(b, cborArray, uint64(v.Len()))
		for i := range v.Len() {
			b = appendCBOR(b, p.elem, v.Index(i))
		}
		return b
	case Map:
		b = appendHead(b, cborMap, uint64(v.Len()))
		for _, k := range sortedKeys(v) {
			b = appendCBOR(appendCBORText(b, k.String()), p.elem, v.MapIndex(k))
		}
		return b
	case String:
		return appendCBORText(b, v.String())
	case Blob, Document:
		return append(appendHead(b, cborBytes, uint64(v.Len())), v.Bytes()...)
	case Boolean:
		if v.Bool() {
			return append(b, cborSimple|21)
		}
		return append(b, cborSimple|20)
	case Integer, Long:
		return appendCBORInt(b, v.Int())
	case Timestamp:
		return appendCBORFloat(append(b, cborTag|1), float64(timeOf(v).UnixMilli())/1000)
	}
	return appendCBORFloat(b, v.Float())
}

// rpcv2Cbor is the value of the Smithy-Protocol header.
const rpcv2Cbor = "rpc-v2-cbor"

func isCBOR(h http.Header) bool {
	v := h["Smithy-Protocol"]
	return len(v) == 1 && v[0] == rpcv2Cbor
}

// encodeCBOR writes an answer; an operation without an output has no body.
func (op *Operation) encodeCBOR(res *Response, p *plan, v reflect.Value) {
	res.set("Smithy-Protocol", rpcv2Cbor)
	if op.Out != None {
		res.set("Content-Type", contentCBOR)
		res.Body = appendCBOR(make([]byte, 0, 512), p, v)
	}
}

func appendCBORError(b []byte, e *Error) []byte {
	b = append(b, cborMap|31)
	b = appendCBORText(appendCBORText(b, "__type"), e.Code)
	if e.Message != "" {
		b = appendCBORText(appendCBORText(b, orElse(e.MessageName, "message")), e.Message)
	}
	for _, f := range e.Fields {
		b = appendCBORText(b, f.Name)
		switch v := f.Value.(type) {
		case int:
			b = appendCBORInt(b, int64(v))
		case []string:
			b = appendHead(b, cborArray, uint64(len(v)))
			for _, s := range v {
				b = appendCBORText(b, s)
			}
		default:
			b = appendCBORText(b, f.text())
		}
	}
	return append(b, cborBreak)
}

type cborReader struct {
	data []byte
	pos  int
}

func (r *cborReader) fail(what string) error {
	return serializationError("Malformed CBOR at byte %d: %s.", r.pos, what)
}

// head reads a major type and its argument; indefinite is set for an item that
// ends with a break.
func (r *cborReader) head() (major byte, n uint64, indefinite bool, err error) {
	if r.pos >= len(r.data) {
		return 0, 0, false, r.fail("unexpected end")
	}
	c := r.data[r.pos]
	major, r.pos = c&0xe0, r.pos+1
	low := c & 0x1f
	switch {
	case low < 24:
		return major, uint64(low), false, nil
	case low == 31:
		return major, 0, true, nil
	case low > 27:
		return 0, 0, false, r.fail("reserved length")
	}
	size := 1 << (low - 24)
	if len(r.data)-r.pos < size {
		return 0, 0, false, r.fail("unexpected end")
	}
	for _, c := range r.data[r.pos : r.pos+size] {
		n = n<<8 | uint64(c)
	}
	r.pos += size
	if major == cborSimple { // keep apart the float widths
		return major | low, n, false, nil
	}
	return major, n, false, nil
}

// chunk reads a string of the major type, whole or in pieces.
func (r *cborReader) chunk(want byte) ([]byte, error) {
	major, n, indefinite, err := r.head()
	if err != nil {
		return nil, err
	}
	if major != want {
		return nil, r.fail("wrong type")
	}
	if !indefinite {
		if n > uint64(len(r.data)-r.pos) {
			return nil, r.fail("unexpected end")
		}
		s := r.data[r.pos : r.pos+int(n)]
		r.pos += int(n)
		if want == cborText && !utf8.Valid(s) {
			return nil, r.fail("invalid UTF-8")
		}
		return s, nil
	}
	var out []byte
	for !r.broke() {
		if r.pos < len(r.data) && r.data[r.pos] == want|31 {
			return nil, r.fail("nested indefinite string")
		}
		s, err := r.chunk(want)
		if err != nil {
			return nil, err
		}
		out = append(out, s...)
	}
	return out, nil
}

// broke consumes a break, if it is next.
func (r *cborReader) broke() bool {
	if r.pos < len(r.data) && r.data[r.pos] == cborBreak {
		r.pos++
		return true
	}
	return false
}

// null consumes null or undefined, if it is next.
func (r *cborReader) null() bool {
	if r.pos < len(r.data) && (r.data[r.pos] == cborSimple|22 || r.data[r.pos] == cborSimple|23) {
		r.pos++
		return true
	}
	return false
}

// each calls fn for every entry of an array or map.
func (r *cborReader) each(want byte, fn func(i int) error) error {
	major, n, indefinite, err := r.head()
	if err != nil {
		return err
	}
	if major != want {
		return r.fail("wrong type")
	}
	if !indefinite && n > uint64(len(r.data)-r.pos) {
		return r.fail("unexpected end")
	}
	for i := 0; indefinite || uint64(i) < n; i++ {
		if indefinite && r.broke() {
			return nil
		}
		if err := fn(i); err != nil {
			return err
		}
	}
	return nil
}

// skip reads past any value.
func (r *cborReader) skip(depth int) error {
	if depth > maxDepth {
		return errDepth
	}
	if r.pos >= len(r.data) {
		return r.fail("unexpected end")
	}
	switch major := r.data[r.pos] & 0xe0; major {
	case cborBytes, cborText:
		_, err := r.chunk(major)
		return err
	case cborArray:
		return r.each(cborArray, func(int) error { return r.skip(depth + 1) })
	case cborMap:
		return r.each(cborMap, func(int) error {
			if err := r.skip(depth + 1); err != nil {
				return err
			}
			return r.skip(depth + 1)
		})
	case cborTag:
		if _, _, _, err := r.head(); err != nil {
			return err
		}
		return r.skip(depth + 1)
	}
	_, _, indefinite, err := r.head()
	if indefinite {
		return r.fail("unexpected break")
	}
	return err
}
