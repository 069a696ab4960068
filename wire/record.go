package wire

import (
	"reflect"
	"strings"
)

// hidden stands in a record for a member that the model marks sensitive.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference.html
const hidden = "HIDDEN_DUE_TO_SECURITY_REASONS"

// omits says that the service's events leave sensitive members out instead:
// no password in CreateLoginProfile, no secretAccessKey in CreateAccessKey and
// AssumeRole, no plaintext in Encrypt, no secretString in PutSecretValue.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/cloudtrail-integration.html
// https://docs.aws.amazon.com/kms/latest/developerguide/ct-encrypt.html
func (s *Service) omits() bool {
	switch s.Name {
	case "iam", "sts", "kms", "secretsmanager":
		return true
	}
	return false
}

// leaves says that the service's events leave out what is long and says nothing:
// no ciphertext, signature or public key in events of KMS, no grant token.
// https://docs.aws.amazon.com/kms/latest/developerguide/understanding-kms-entries.html
func (s *Service) leaves(f *field) bool {
	return s.Name == "kms" && (f.plan.Kind == Blob || f.Name == "GrantToken" || f.Name == "GrantTokens")
}

// AppendInput appends an input as CloudTrail's requestParameters: members begin
// in lower case, sensitive ones are hidden or left out, an input without
// members is null.
func (op *Operation) AppendInput(b []byte, in any) []byte {
	return op.appendRecord(b, op.in(), reflect.ValueOf(in).Elem())
}

// AppendOutput appends an output as CloudTrail's responseElements.
func (op *Operation) AppendOutput(b []byte, out any) []byte {
	return op.appendRecord(b, op.out(), reflect.ValueOf(out).Elem())
}

func (op *Operation) appendRecord(b []byte, p *plan, v reflect.Value) []byte {
	start := len(b)
	b = appendRecordValue(b, p, v, op.Service)
	if string(b[start:]) == "{}" {
		return append(b[:start], "null"...)
	}
	return b
}

func appendRecordValue(b []byte, p *plan, v reflect.Value, s *Service) []byte {
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
			if !ok || fv.Kind() == reflect.Interface || s.omits() && f.plan.secret() || s.leaves(f) {
				continue
			}
			if !first {
				b = append(b, ',')
			}
			first = false
			b = appendLowerName(b, f.Name)
			b = appendRecordValue(b, f.plan, fv, s)
		}
		return append(b, '}')
	case List:
		b = append(b, '[')
		for i := range v.Len() {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendRecordValue(b, p.elem, v.Index(i), s)
		}
		return append(b, ']')
	case Map:
		b = append(b, '{')
		for i, k := range sortedKeys(v) {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(AppendJSONString(b, k.String()), ':')
			b = appendRecordValue(b, p.elem, v.MapIndex(k), s)
		}
		return append(b, '}')
	case Timestamp:
		return AppendJSONString(b, timeOf(v).UTC().Format("Jan 2, 2006 3:04:05 PM"))
	}
	return appendJSON(b, p, v)
}

// secret says that a value is sensitive, or a list or map of such values.
func (p *plan) secret() bool {
	for p.elem != nil && !p.Sensitive {
		p = p.elem
	}
	return p.Sensitive
}

// appendLowerName appends "name": with a lower-case beginning, as CloudTrail
// writes it: UserName is userName, SSHPublicKeyId is sSHPublicKeyId.
func appendLowerName(b []byte, name string) []byte {
	b = append(b, '"')
	b = append(b, strings.ToLower(name[:1])...)
	b = append(b, name[1:]...)
	return append(b, '"', ':')
}
