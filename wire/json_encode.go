package wire

import (
	"encoding/base64"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// appendJSON writes v as JSON.
func appendJSON(b []byte, p *plan, v reflect.Value) []byte {
	switch p.Kind {
	case Structure:
		return append(appendMembers(append(b, '{'), p, v), '}')
	case List:
		b = append(b, '[')
		for i := range v.Len() {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, p.elem, v.Index(i))
		}
		return append(b, ']')
	case Map:
		b = append(b, '{')
		for i, k := range sortedKeys(v) {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(AppendJSONString(b, k.String()), ':')
			b = appendJSON(b, p.elem, v.MapIndex(k))
		}
		return append(b, '}')
	case Document:
		return append(b, v.Bytes()...)
	case String:
		return AppendJSONString(b, v.String())
	case Blob:
		b = base64.StdEncoding.AppendEncode(append(b, '"'), v.Bytes())
		return append(b, '"')
	case Float, Double:
		if f := v.Float(); math.IsNaN(f) || math.IsInf(f, 0) {
			return append(appendFloat(append(b, '"'), f, 64), '"')
		}
	case Timestamp:
		if p.Format == TimeISO || p.Format == TimeHTTP {
			return append(appendTime(append(b, '"'), timeOf(v), p.Format), '"')
		}
	}
	return appendScalar(b, p, v, TimeUnix)
}

// appendMembers writes the members of the body, without the braces. A required
// list or map that is nil is written empty.
func appendMembers(b []byte, p *plan, v reflect.Value) []byte {
	first := true
	for i := range p.fields {
		f := &p.fields[i]
		fv, ok := f.present(v, i)
		empty := !ok && f.Required && (f.plan.Kind == List || f.plan.Kind == Map)
		if f.Location != InBody || !ok && !empty {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(AppendJSONString(b, f.name), ':')
		b = appendJSON(b, f.plan, fv)
	}
	return b
}

func sortedKeys(v reflect.Value) []reflect.Value {
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	return keys
}

const hexDigits = "0123456789abcdef"

// AppendJSONString appends s as a JSON string. Invalid UTF-8 becomes the
// replacement character.
func AppendJSONString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				b = append(append(b, s[start:i]...), "\uFFFD"...)
				start = i + 1
			}
			i += size
			continue
		}
		if c >= 0x20 && c != '"' && c != '\\' {
			i++
			continue
		}
		b = append(b, s[start:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		start = i
	}
	return append(append(b, s[start:]...), '"')
}

// scalarText is appendScalar as a string.
func scalarText(p *plan, v reflect.Value, format TimeFormat) string {
	if p.Kind == String {
		return v.String()
	}
	return string(appendScalar(nil, p, v, format))
}

// appendScalar writes a number, a boolean, a timestamp, a string or a blob as
// text; format is the protocol's own for timestamps.
func appendScalar(b []byte, p *plan, v reflect.Value, format TimeFormat) []byte {
	switch p.Kind {
	case String:
		return append(b, v.String()...)
	case Blob:
		return base64.StdEncoding.AppendEncode(b, v.Bytes())
	case Document:
		return append(b, v.Bytes()...)
	case Boolean:
		return strconv.AppendBool(b, v.Bool())
	case Integer, Long:
		return strconv.AppendInt(b, v.Int(), 10)
	case Float, Double:
		return appendFloat(b, v.Float(), v.Type().Bits())
	case Timestamp:
		if p.Format != TimeDefault {
			format = p.Format
		}
		return appendTime(b, timeOf(v), format)
	}
	panic("wire: " + p.Name + " is no scalar")
}

// timeOf reads a timestamp, without an allocation where it can.
func timeOf(v reflect.Value) time.Time {
	if v.CanAddr() {
		return *v.Addr().Interface().(*time.Time)
	}
	return v.Interface().(time.Time)
}

func appendFloat(b []byte, f float64, bits int) []byte {
	switch {
	case math.IsNaN(f):
		return append(b, "NaN"...)
	case math.IsInf(f, 1):
		return append(b, "Infinity"...)
	case math.IsInf(f, -1):
		return append(b, "-Infinity"...)
	}
	return strconv.AppendFloat(b, f, 'f', -1, bits)
}

func appendTime(b []byte, t time.Time, format TimeFormat) []byte {
	ms := t.Nanosecond() / 1e6
	switch {
	case format == TimeUnix && ms == 0:
		return strconv.AppendInt(b, t.Unix(), 10)
	case format == TimeUnix:
		return strconv.AppendFloat(b, float64(t.UnixMilli())/1000, 'f', 3, 64)
	case format == TimeHTTP:
		return t.UTC().AppendFormat(b, "Mon, 02 Jan 2006 15:04:05 GMT")
	case ms != 0:
		return t.UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z")
	}
	return t.UTC().AppendFormat(b, "2006-01-02T15:04:05Z")
}
