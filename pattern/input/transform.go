package input

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Bounds of a transformer, as the API model has them.
const (
	MaxVariables = 100
	MaxTemplate  = 8192
	MaxOutput    = 1 << 20 // what a template may grow to
)

// ErrOutput: the filled template is no JSON, so that there is nothing to
// deliver. EventBridge drops such an event.
var ErrOutput = errors.New("the filled input template is not valid JSON")

// Error says why a target's input is not valid; EventBridge answers it as
// ValidationException.
type Error struct{ Message string }

func (e *Error) Error() string { return e.Message }

// Check refuses a target that says more than one thing about its input.
func Check(target string, hasInput, hasPath, hasTransformer bool) error {
	if hasInput && hasPath || hasInput && hasTransformer || hasPath && hasTransformer {
		return &Error{fmt.Sprintf("Only one of Input, InputPath, or InputTransformer must be provided for target %s.", target)}
	}
	return nil
}

// ForTarget is ParsePath with the error for a target.
func ForTarget(target, path string) (*Path, error) {
	p, err := ParsePath(path)
	if err != nil {
		return nil, &Error{fmt.Sprintf("Invalid InputPath for target %s.", target)}
	}
	return p, nil
}

// Context is what the reserved variables say.
type Context struct {
	RuleARN, RuleName string
	IngestionTime     string // ISO 8601
}

var reserved = []string{"aws.events.rule-arn", "aws.events.rule-name", "aws.events.event.ingestion-time", "aws.events.event", "aws.events.event.json"}

// Transformer is a parsed InputTransformer. It is immutable.
type Transformer struct {
	paths map[string]*Path
	parts []part
	text  bool // the template is one string or more, not an object
}

// part is literal text and the variable after it, if any.
type part struct {
	literal  string
	variable string
	quoted   bool // the variable stands within a JSON string
}

// ParseTransformer reads the paths and the template of a target. Every
// <variable> must be among the paths or be reserved.
func ParseTransformer(target string, paths map[string]string, template string) (*Transformer, error) {
	if len(paths) > MaxVariables || len(template) > MaxTemplate || template == "" {
		return nil, &Error{fmt.Sprintf("Invalid InputTransformer for target %s.", target)}
	}
	t := &Transformer{paths: map[string]*Path{}, text: !strings.HasPrefix(strings.TrimSpace(template), "{")}
	names := make([]string, 0, len(paths))
	for name := range paths {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if len(name) >= 3 && strings.EqualFold(name[:3], "aws") {
			return nil, &Error{fmt.Sprintf("InputPathsMap for target %s contains a key that starts with AWS: %s.", target, name)}
		}
		p, err := ParsePath(paths[name])
		if err != nil {
			return nil, &Error{fmt.Sprintf("Invalid InputPathsMap value %s for target %s.", paths[name], target)}
		}
		t.paths[name] = p
	}
	t.split(template)
	for _, x := range t.parts {
		if x.variable != "" && t.paths[x.variable] == nil && !slices.Contains(reserved, x.variable) {
			return nil, &Error{fmt.Sprintf("InputTemplate for target %s contains invalid placeholder %s.", target, x.variable)}
		}
	}
	return t, nil
}

// split takes the template apart at its variables, and notes which of them
// stand in strings.
func (t *Transformer) split(s string) {
	quoted, start := false, 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			quoted = !quoted
		case '\\':
			if quoted {
				i++
			}
		case '<':
			end := strings.IndexAny(s[i+1:], "<>\n")
			if end <= 0 || s[i+1+end] != '>' {
				continue // a mere less-than
			}
			t.parts = append(t.parts, part{s[start:i], s[i+1 : i+1+end], quoted})
			i += 1 + end
			start = i + 1
		}
	}
	t.parts = append(t.parts, part{literal: s[start:]})
}

// Apply fills the template from event. Outside a string a variable is its JSON,
// and an empty string where the event lacks it. Within a string it is its text;
// of objects and arrays within a text template the quotes are left out.
func (t *Transformer) Apply(event []byte, c Context) ([]byte, error) {
	var out bytes.Buffer
	known := map[string][]byte{}
	for _, x := range t.parts {
		out.WriteString(x.literal)
		if x.variable == "" {
			continue
		}
		v, ok := known[x.variable]
		if !ok {
			v = t.variable(x.variable, event, c)
			known[x.variable] = v
		}
		if x.quoted {
			v = t.within(v, x.variable)
		}
		if out.Write(v); out.Len() > MaxOutput {
			return nil, ErrOutput
		}
	}
	return t.finish(out.Bytes())
}

// within is how the JSON v stands inside a string.
func (t *Transformer) within(v []byte, name string) []byte {
	switch {
	case v[0] == '"':
		return v[1 : len(v)-1]
	case t.text && !strings.HasPrefix(name, "aws.events.event"):
		return bytes.ReplaceAll(v, []byte{'"'}, nil)
	}
	return v
}

// variable is a variable's JSON.
func (t *Transformer) variable(name string, event []byte, c Context) []byte {
	switch name {
	case "aws.events.rule-arn":
		return quote(c.RuleARN)
	case "aws.events.rule-name":
		return quote(c.RuleName)
	case "aws.events.event.ingestion-time":
		return quote(c.IngestionTime)
	case "aws.events.event":
		return withoutDetail(event)
	case "aws.events.event.json":
		var out bytes.Buffer
		if json.Compact(&out, event) == nil {
			return out.Bytes()
		}
	default:
		if v, ok := t.paths[name].Find(event); ok {
			return v
		}
	}
	return []byte(`""`)
}

// withoutDetail is the event but for its detail, and with detailType for
// detail-type, in the order that EventBridge writes.
func withoutDetail(event []byte) []byte {
	fields, err := members(event)
	if err != nil {
		return []byte(`""`)
	}
	order := []string{"id", "account", "detail-type", "time", "source", "region", "resources", "version"}
	rank := func(m member) int {
		if i := slices.Index(order, m.name); i >= 0 {
			return i
		}
		return len(order)
	}
	slices.SortStableFunc(fields, func(a, b member) int { return rank(a) - rank(b) })
	var out bytes.Buffer
	for _, f := range fields {
		if f.name == "detail" {
			continue
		}
		if f.name == "detail-type" {
			f.name = "detailType"
		}
		if out.Len() > 0 {
			out.WriteByte(',')
		}
		out.Write(quote(f.name))
		out.WriteByte(':')
		if json.Compact(&out, f.value) != nil {
			return []byte(`""`)
		}
	}
	return append(append([]byte{'{'}, out.Bytes()...), '}')
}

// quote is s as a JSON string, with < > & as they are.
func quote(s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always encodes
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'})
}

// finish minifies an object, and leaves lines of strings as they stand.
func (t *Transformer) finish(b []byte) ([]byte, error) {
	if !t.text {
		var out bytes.Buffer
		if json.Compact(&out, b) != nil {
			return nil, ErrOutput
		}
		return out.Bytes(), nil
	}
	d := json.NewDecoder(bytes.NewReader(b))
	for n := 0; ; n++ {
		var v json.RawMessage
		switch err := d.Decode(&v); {
		case err == io.EOF && n > 0:
			return b, nil
		case err != nil:
			return nil, ErrOutput
		}
	}
}
