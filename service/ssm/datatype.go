package ssm

import (
	"encoding/base64"
	"encoding/json"
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"bartizan.dev/arn"
)

// integration begins the names of aws:ssm:integration parameters.
// https://docs.aws.amazon.com/systems-manager/latest/userguide/creating-integrations.html
const integration = "/d9d01087-4a3f-49e0-b0b4-d568d7826553/ssm/integrations/webhook/"

var (
	imageID  = regexp.MustCompile(`^ami-(?:[0-9a-f]{8}|[0-9a-f]{17})$`)
	regionID = regexp.MustCompile(`^[a-z]{2,4}(?:-[a-z]+)+-[0-9]$`)
	host     = regexp.MustCompile(`^(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.?$`)
)

// dataTypes are the types and what their values must be. Whether an image
// exists is not asked: there is no EC2 that knows images.
// https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
var dataTypes = map[string]func(string) bool{
	"text":                func(string) bool { return true },
	"aws:ec2:image":       imageID.MatchString,
	"aws:ssm:integration": func(v string) bool { return json.Valid([]byte(v)) },
	"aws:region":          regionID.MatchString,
	"aws:account:id":      arn.IsAccount,
	"boolean":             func(v string) bool { return v == "true" || v == "false" },
	"integer":             func(v string) bool { _, err := strconv.ParseInt(v, 10, 64); return err == nil },
	"float":               func(v string) bool { _, err := strconv.ParseFloat(v, 64); return err == nil },
	"binary":              func(v string) bool { _, err := base64.StdEncoding.DecodeString(v); return err == nil },
	"hostname":            func(v string) bool { return len(v) <= 253 && host.MatchString(v) },
	"email":               func(v string) bool { a, err := mail.ParseAddress(v); return err == nil && a.Address == v },
	"ipv4-address":        func(v string) bool { a, err := netip.ParseAddr(v); return err == nil && a.Is4() },
	"ipv6-address":        func(v string) bool { a, err := netip.ParseAddr(v); return err == nil && a.Is6() && a.Zone() == "" },
	"url":                 func(v string) bool { u, err := url.Parse(v); return err == nil && u.Scheme != "" && u.Host != "" },
	"json":                func(v string) bool { return json.Valid([]byte(v)) },
	"jsonc":               func(v string) bool { return json.Valid(uncomment(v)) },
}

// checkDataType checks a value against its data type. No message holds the
// value.
func checkDataType(name, kind, dataType, value string) error {
	valid, known := dataTypes[dataType]
	switch {
	case !known:
		return invalid("The following data type is not supported: %s (Data type names are all lowercase.)", dataType)
	case dataType == "aws:ec2:image" && kind != typeString:
		return invalid("The data type aws:ec2:image is supported for parameters of the type String only.")
	case dataType == "aws:ssm:integration" && kind != typeSecure:
		return invalid("The data type aws:ssm:integration is supported for parameters of the type SecureString only.")
	case dataType == "aws:ssm:integration" && (!strings.HasPrefix(name, integration) || len(name) == len(integration)):
		return invalid("The name of a parameter of the data type aws:ssm:integration must begin with %s", integration)
	case !valid(value):
		return invalid("Parameter value does not match the data type %s.", dataType)
	}
	return nil
}

// uncomment blanks the comments and trailing commas of JSON with comments.
func uncomment(text string) []byte {
	out := []byte(text)
	blank := func(from, to int) {
		for ; from < to; from++ {
			out[from] = ' '
		}
	}
	comma := -1 // of which only white space has followed
	for i := 0; i < len(out); i++ {
		switch c := out[i]; {
		case c == '"':
			for i++; i < len(out) && out[i] != '"'; i++ {
				if out[i] == '\\' {
					i++
				}
			}
			comma = -1
		case strings.HasPrefix(text[i:], "//"):
			end := i + strings.IndexByte(text[i:]+"\n", '\n')
			blank(i, end)
			i = end - 1
		case strings.HasPrefix(text[i:], "/*"):
			end := strings.Index(text[i+2:], "*/")
			if end < 0 {
				return out
			}
			blank(i, i+end+4)
			i += end + 3
		case c == ',':
			comma = i
		case (c == ']' || c == '}') && comma >= 0:
			out[comma], comma = ' ', -1
		case c != ' ' && c != '\t' && c != '\n' && c != '\r':
			comma = -1
		}
	}
	return out
}
