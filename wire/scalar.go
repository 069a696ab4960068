package wire

import (
	"encoding/base64"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// scalar sets a value from its text; forms and XML write them alike, and so do
// headers, query parameters and labels of the REST protocols.
func (d *decoder) scalar(p *plan, text string, v reflect.Value) error {
	switch p.Kind {
	case String:
		v.SetString(text)
		return nil
	case Blob:
		return setBlob(v, []byte(text))
	case Document:
		v.SetBytes([]byte(text))
		return nil
	}
	text = strings.TrimSpace(text)
	switch p.Kind {
	case Boolean:
		switch {
		case text == "true" || d.loose && strings.EqualFold(text, "true"):
			v.SetBool(true)
		case text == "false" || d.loose && strings.EqualFold(text, "false"):
			v.SetBool(false)
		default:
			return Errorf("MalformedInput", "%q is not a boolean at %s", clip(text), d.where())
		}
		return nil
	case Timestamp:
		return d.setTime(v, text, p.Format)
	case Float, Double:
		if setSpecialFloat(v, text) == nil {
			return nil
		}
	}
	if len(text) > maxNumber || d.setNumber(p, v, text) != nil {
		return Errorf("MalformedInput", "%q is not a number at %s", clip(text), d.where())
	}
	return nil
}

// setNumber sets an integer, a float or an epoch time from its text.
func (d *decoder) setNumber(p *plan, v reflect.Value, text string) error {
	switch p.Kind {
	case Integer, Long:
		n, ok := parseInt(text)
		if ok {
			n, ok = integer(p.Kind, n)
		}
		if !ok {
			return serializationError("%s cannot be converted to %s", text, p.Kind)
		}
		v.SetInt(n)
		return nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || p.Kind == Float && math.Abs(f) > math.MaxFloat32 {
		return serializationError("%s cannot be converted to %s", text, p.Kind)
	}
	if p.Kind == Timestamp {
		return setEpoch(v, f)
	}
	v.SetFloat(f)
	return nil
}

func setEpoch(v reflect.Value, seconds float64) error {
	if !(math.Abs(seconds) < 1e12) {
		return serializationError("timestamp out of range")
	}
	ms := math.Round(seconds * 1000)
	*v.Addr().Interface().(*time.Time) = time.UnixMilli(int64(ms)).UTC()
	return nil
}

func setSpecialFloat(v reflect.Value, s string) error {
	switch s {
	case "NaN":
		v.SetFloat(math.NaN())
	case "Infinity":
		v.SetFloat(math.Inf(1))
	case "-Infinity":
		v.SetFloat(math.Inf(-1))
	default:
		return serializationError("STRING_VALUE cannot be converted to Float")
	}
	return nil
}

func setBlob(v reflect.Value, s []byte) error {
	b := make([]byte, base64.StdEncoding.DecodedLen(len(s)))
	n, err := base64.StdEncoding.Decode(b, s)
	if err != nil {
		return serializationError("invalid base64 in a blob")
	}
	v.SetBytes(b[:n])
	return nil
}

var kindNames = [...]string{"Structure", "List", "Map", "String", "Blob", "Boolean", "Integer", "Long", "Float", "Double", "Timestamp", "Document"}

func (k Kind) String() string { return kindNames[k] }

// timeLayouts are the forms AWS accepts, by format.
func (d *decoder) setTime(v reflect.Value, s string, format TimeFormat) error {
	if format == TimeUnix {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return serializationError("%q is not a timestamp", clip(s))
		}
		return setEpoch(v, f)
	}
	layouts := []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02"}
	if format == TimeHTTP {
		layouts = []string{"Mon, 02 Jan 2006 15:04:05 GMT", "Mon, 02 Jan 2006 15:04:05.999 GMT", time.RFC1123Z}
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, s); err == nil {
			*v.Addr().Interface().(*time.Time) = t.UTC()
			return nil
		}
	}
	return serializationError("%q is not a timestamp", clip(s))
}
