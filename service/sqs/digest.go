package sqs

import (
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"slices"
	"strconv"
	"strings"

	sqsapi "bartizan.dev/api/sqs"
	"bartizan.dev/wire"
)

// attribute is a message attribute.
type attribute struct {
	Name, Type string
	Text       *string `json:",omitempty"`
	Binary     []byte  `json:",omitempty"`
}

// sum is the MD5 that clients compare with their own: against mistakes on the
// way, not against anybody's malice.
func sum(s string) string {
	d := md5.Sum([]byte(s))
	return hex.EncodeToString(d[:])
}

// digest is the MD5 of attributes: of each, in the order of their names, name,
// type, kind and value, with lengths.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html#sqs-attributes-md5-message-digest-calculation
func digest(all []attribute) *string {
	if len(all) == 0 {
		return nil
	}
	var b []byte
	add := func(v string) { b = append(binary.BigEndian.AppendUint32(b, uint32(len(v))), v...) }
	for _, a := range all {
		add(a.Name)
		add(a.Type)
		if a.Text != nil {
			b = append(b, 1)
			add(*a.Text)
		} else {
			b = append(b, 2)
			add(string(a.Binary))
		}
	}
	return new(sum(string(b)))
}

// maxAttributes is how many a message can have.
const maxAttributes = 10

// attributesOf checks message attributes and puts them in order.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
func attributesOf(in map[string]sqsapi.MessageAttributeValue) (out []attribute, size int, err error) {
	if len(in) > maxAttributes {
		return nil, 0, invalid("Number of message attributes [%d] exceeds the allowed maximum [%d].", len(in), maxAttributes)
	}
	for _, name := range slices.Sorted(maps.Keys(in)) {
		v := in[name]
		if !goodAttribute(name) {
			return nil, 0, invalid("Message attribute name '%s' is not valid.", name)
		}
		if v.StringListValues != nil || v.BinaryListValues != nil {
			return nil, 0, wire.Errorf("UnsupportedOperation", "Message attribute list values in SendMessage operation are not supported.")
		}
		kind, _, _ := strings.Cut(v.DataType, ".")
		a := attribute{Name: name, Type: v.DataType}
		switch {
		case kind == "Binary" && len(v.BinaryValue) > 0 && v.StringValue == nil:
			a.Binary = v.BinaryValue
		case (kind == "String" || kind == "Number") && text(v.StringValue) != "" && v.BinaryValue == nil:
			a.Text = v.StringValue
			if kind == "Number" {
				if _, err := strconv.ParseFloat(*v.StringValue, 64); err != nil {
					return nil, 0, invalid("Can't cast the value of message (user) attribute '%s' to a number.", name)
				}
			}
		case kind != "Binary" && kind != "String" && kind != "Number" || len(v.DataType) > 256:
			return nil, 0, invalid("The message attribute '%s' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.", name)
		default:
			return nil, 0, invalid("The message attribute '%s' must contain non-empty message attribute value for message attribute type '%s'.", name, v.DataType)
		}
		size += len(name) + len(v.DataType) + len(text(a.Text)) + len(a.Binary)
		out = append(out, a)
	}
	return out, size, nil
}

func goodAttribute(name string) bool {
	lower := strings.ToLower(name)
	return name != "" && len(name) <= 256 && name[0] != '.' && name[len(name)-1] != '.' && !strings.Contains(name, "..") &&
		!strings.HasPrefix(lower, "aws.") && !strings.HasPrefix(lower, "amazon.") && !strings.ContainsFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' || r == '.')
	})
}
