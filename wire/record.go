package wire

import (
	"reflect"
	"strings"
	"time"
)

// hidden stands in a record for a member that the model marks sensitive.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference.html
const hidden = "HIDDEN_DUE_TO_SECURITY_REASONS"

// AppendInput appends an input as CloudTrail's requestParameters: members begin
// in lower case, sensitive ones are hidden, an input without members is null.
func (op *Operation) AppendInput(b []byte, in any) []byte {
	return appendRecord(b, op.in(), reflect.ValueOf(in).Elem())
}

// AppendOutput appends an output as CloudTrail's responseElements.
func (op *Operation) AppendOutput(b []byte, out any) []byte {
	return appendRecord(b, op.out(), reflect.ValueOf(out).Elem())
}

func appendRecord(b []byte, p *plan, v reflect.Value) []byte {
	start := len(b)
	b = appendRecordValue(b, p, v)
	if string(b[start:]) == "{}" {
		return append(b[:start], "null"...)
	}
	return b
}

func appendRecordValue(b []byte, p *plan, v reflect.Value) []byte {
	if p.Sensitive {
		return AppendJSONString(b, hidden)
	}
	switch p.Kind {
	case Structure:
		b = append(b, '{')
		first := true
		for i := range p.fields {
			f := &p.fields[i]
			fv, ok := f.present(v, i)
			if !ok || fv.Kind() == reflect.Interface {
				continue
			}
			if !first {
				b = append(b, ',')
			}
			first = false
			b = appendLowerName(b, f.Name)
			b = appendRecordValue(b, f.plan, fv)
		}
		return append(b, '}')
	case List:
		b = append(b, '[')
		for i := range v.Len() {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendRecordValue(b, p.elem, v.Index(i))
		}
		return append(b, ']')
	case Map:
		b = append(b, '{')
		for i, k := range sortedKeys(v) {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(AppendJSONString(b, k.String()), ':')
			b = appendRecordValue(b, p.elem, v.MapIndex(k))
		}
		return append(b, '}')
	case Timestamp:
		return AppendJSONString(b, v.Interface().(time.Time).UTC().Format("Jan 2, 2006 3:04:05 PM"))
	}
	return appendJSON(b, p, v)
}

// appendLowerName appends "name": with a lower-case beginning, as CloudTrail
// writes it: UserName is userName, SSHPublicKeyId is sSHPublicKeyId.
func appendLowerName(b []byte, name string) []byte {
	b = append(b, '"')
	b = append(b, strings.ToLower(name[:1])...)
	b = append(b, name[1:]...)
	return append(b, '"', ':')
}
