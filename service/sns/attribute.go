package sns

import (
	"encoding/base64"
	"maps"
	"slices"
	"strconv"
	"strings"

	snsapi "bartizan.dev/api/sns"
)

// attribute is a message attribute; the value of a binary one is in base64.
type attribute struct{ Name, Type, Value string }

// messageAttributes checks attributes and puts them in order.
// https://docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html
func messageAttributes(in map[string]snsapi.MessageAttributeValue) (out []attribute, size int, err error) {
	for _, name := range slices.Sorted(maps.Keys(in)) {
		v := in[name]
		if err := checkAttributeName(name); err != nil {
			return nil, 0, err
		}
		kind, _, custom := strings.Cut(v.DataType, ".")
		if kind != "String" && kind != "Number" && kind != "Binary" || custom && len(v.DataType) == len(kind)+1 || len(v.DataType) > 256 {
			return nil, 0, badValue("The message attribute '%s' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.", name)
		}
		if v.StringValue == nil && v.BinaryValue == nil {
			return nil, 0, badValue("The message attribute '%s' must contain non-empty message attribute value for message attribute type '%s'.", name, v.DataType)
		}
		a := attribute{Name: name, Type: v.DataType}
		if kind == "Binary" {
			if v.StringValue != nil {
				return nil, 0, badValue("The message attribute '%s' with type '%s' must use field 'Binary'.", name, v.DataType)
			}
			a.Value = base64.StdEncoding.EncodeToString(v.BinaryValue)
			size += len(v.BinaryValue)
		} else {
			if v.BinaryValue != nil {
				return nil, 0, badValue("The message attribute '%s' with type '%s' must use field 'String'.", name, v.DataType)
			}
			a.Value = *v.StringValue
			size += len(a.Value)
		}
		if a.Value == "" {
			return nil, 0, badValue("The message attribute '%s' must contain non-empty message attribute value for message attribute type '%s'.", name, v.DataType)
		}
		if kind == "Number" {
			if _, err := strconv.ParseFloat(a.Value, 64); err != nil {
				return nil, 0, badValue("Could not cast message attribute '%s' value to number.", name)
			}
		}
		size += len(name) + len(v.DataType)
		out = append(out, a)
	}
	return out, size, nil
}

func checkAttributeName(name string) error {
	switch {
	case name == "":
		return badValue("Message attribute name can not be empty.")
	case len(name) > 256:
		return badValue("Length of message attribute name must be less than 256 bytes.")
	case name[0] == '.':
		return badValue("Invalid message attribute name starting with character '.' was found.")
	case name[len(name)-1] == '.':
		return badValue("Invalid message attribute name ending with character '.' was found.")
	}
	for _, r := range name {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' || r == '.') {
			return badValue("Invalid non-alphanumeric character '#x%X' was found in the message attribute name. Can only include alphanumeric characters, hyphens, underscores, or dots.", r)
		}
	}
	if strings.Contains(name, "..") {
		return badValue("Message attribute name can not have successive '.' character.")
	}
	return nil
}
