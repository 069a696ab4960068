package smithy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"reflect"
	"time"

	"bartizan.dev/wire"
)

// dump turns a generated value into what a test's params hold: objects by
// member name, blobs as text, timestamps as seconds.
func dump(s *wire.Service, shape uint16, v reflect.Value) (any, error) {
	if v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			return nil, nil
		}
		if r, ok := v.Interface().(io.Reader); ok {
			b, err := io.ReadAll(r)
			return string(b), err
		}
		v = v.Elem()
	}
	sh := &s.Shapes[shape]
	switch sh.Kind {
	case wire.Structure:
		out := map[string]any{}
		for i, m := range sh.Members {
			e, err := dump(s, m.Shape, v.Field(i))
			if err != nil {
				return nil, err
			}
			if e != nil {
				out[m.Name] = e
			}
		}
		return out, nil
	case wire.List:
		if v.IsNil() {
			return nil, nil
		}
		out := []any{}
		for i := range v.Len() {
			e, err := dump(s, sh.Elem, v.Index(i))
			if err != nil {
				return nil, err
			}
			out = append(out, e)
		}
		return out, nil
	case wire.Map:
		if v.IsNil() {
			return nil, nil
		}
		out := map[string]any{}
		for _, k := range v.MapKeys() {
			e, err := dump(s, sh.Elem, v.MapIndex(k))
			if err != nil {
				return nil, err
			}
			out[k.String()] = e
		}
		return out, nil
	}
	return scalar(sh, v)
}

func scalar(sh *wire.Shape, v reflect.Value) (any, error) {
	switch sh.Kind {
	case wire.String:
		if v.Type().Name() != "string" && v.Len() == 0 { // an enum that is absent
			return nil, nil
		}
		return v.String(), nil
	case wire.Blob:
		if v.IsNil() {
			return nil, nil
		}
		return string(v.Bytes()), nil
	case wire.Boolean:
		return v.Bool(), nil
	case wire.Integer, wire.Long:
		return float64(v.Int()), nil
	case wire.Float:
		return number(float64(float32(v.Float()))), nil
	case wire.Double:
		return number(v.Float()), nil
	case wire.Timestamp:
		t := v.Interface().(time.Time)
		if t.IsZero() {
			return nil, nil
		}
		return float64(t.UnixMilli()) / 1000, nil
	case wire.Document:
		if v.Len() == 0 {
			return nil, nil
		}
		var out any
		err := json.Unmarshal(v.Bytes(), &out)
		return out, err
	}
	return nil, fmt.Errorf("no value of kind %v", sh.Kind)
}

func number(f float64) any {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	return f
}

// fill is the other way around.
func fill(s *wire.Service, shape uint16, v reflect.Value, from any) error {
	if from == nil {
		return nil
	}
	if v.Kind() == reflect.Interface {
		text, ok := from.(string)
		if !ok {
			return fmt.Errorf("want a text for a stream, got %v", from)
		}
		v.Set(reflect.ValueOf(io.NopCloser(bytes.NewReader([]byte(text)))))
		return nil
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	sh := &s.Shapes[shape]
	switch from := from.(type) {
	case map[string]any:
		switch sh.Kind {
		case wire.Structure:
			for i, m := range sh.Members {
				if err := fill(s, m.Shape, v.Field(i), from[m.Name]); err != nil {
					return fmt.Errorf("%s: %w", m.Name, err)
				}
			}
			return nil
		case wire.Map:
			v.Set(reflect.MakeMap(v.Type()))
			for k, e := range from {
				to := reflect.New(v.Type().Elem()).Elem()
				if err := fill(s, sh.Elem, to, e); err != nil {
					return err
				}
				v.SetMapIndex(reflect.ValueOf(k).Convert(v.Type().Key()), to)
			}
			return nil
		}
	case []any:
		if sh.Kind == wire.List {
			v.Set(reflect.MakeSlice(v.Type(), len(from), len(from)))
			for i, e := range from {
				if err := fill(s, sh.Elem, v.Index(i), e); err != nil {
					return err
				}
			}
			return nil
		}
	}
	return fillScalar(sh, v, from)
}

func fillScalar(sh *wire.Shape, v reflect.Value, from any) error {
	special := map[any]float64{"NaN": math.NaN(), "Infinity": math.Inf(1), "-Infinity": math.Inf(-1)}
	f, isNumber := from.(float64)
	text, isText := from.(string)
	switch {
	case sh.Kind == wire.Document:
		b, err := json.Marshal(from)
		v.SetBytes(b)
		return err
	case sh.Kind == wire.String && isText:
		v.SetString(text)
	case sh.Kind == wire.Blob && isText:
		v.SetBytes([]byte(text))
	case sh.Kind == wire.Timestamp && isNumber:
		v.Set(reflect.ValueOf(time.UnixMilli(int64(math.Round(f * 1000))).UTC()))
	case (sh.Kind == wire.Integer || sh.Kind == wire.Long) && isNumber:
		v.SetInt(int64(f))
	case sh.Kind == wire.Float || sh.Kind == wire.Double:
		if isText {
			f = special[text]
		}
		v.SetFloat(f)
	case sh.Kind == wire.Boolean:
		b, ok := from.(bool)
		if !ok {
			return fmt.Errorf("want a boolean, got %v", from)
		}
		v.SetBool(b)
	default:
		return fmt.Errorf("no %v for kind %v", from, sh.Kind)
	}
	return nil
}

// tidy rounds what a test writes as a decimal of a 32-bit float and drops
// nulls, so that both sides compare.
func tidy(s *wire.Service, shape uint16, v any) any {
	sh := &s.Shapes[shape]
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		switch sh.Kind {
		case wire.Structure:
			for _, m := range sh.Members {
				if e := v[m.Name]; e != nil {
					out[m.Name] = tidy(s, m.Shape, e)
				}
			}
			for k, e := range v {
				if _, known := out[k]; !known && e != nil {
					out[k] = e
				}
			}
			return out
		case wire.Map:
			for k, e := range v {
				if e != nil {
					out[k] = tidy(s, sh.Elem, e)
				}
			}
			return out
		}
	case []any:
		if sh.Kind == wire.List {
			out := []any{}
			for _, e := range v {
				if e != nil {
					out = append(out, tidy(s, sh.Elem, e))
				}
			}
			return out
		}
	case float64:
		if sh.Kind == wire.Float {
			return float64(float32(v))
		}
	}
	return v
}
