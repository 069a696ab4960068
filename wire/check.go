package wire

import (
	"fmt"
	"math"
	"reflect"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	maxDepth    = 64 // nesting of any message
	maxProblems = 10 // constraint violations reported in one answer
)

// A decoder carries what all formats share while they fill an input: where it
// is, and which of the model's constraints failed.
type decoder struct {
	lenient  bool // a client reading an answer: nothing is checked
	path     []string
	problems []string
	count    int
}

// SerializationError is returned for a message that does not have the form of
// its protocol at all.
func serializationError(format string, args ...any) *Error {
	return Errorf("SerializationException", format, args...)
}

var errDepth = serializationError("The request is nested more than %d levels deep.", maxDepth)

func (d *decoder) push(name string) error {
	if len(d.path) >= maxDepth {
		return errDepth
	}
	d.path = append(d.path, name)
	return nil
}

func (d *decoder) pop() { d.path = d.path[:len(d.path)-1] }

// where writes the path as AWS does: members begin in lower case, elements of
// lists are 1.member.
func (d *decoder) where() string {
	var b strings.Builder
	for i, name := range d.path {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(strings.ToLower(name[:min(1, len(name))]))
		b.WriteString(name[min(1, len(name)):])
	}
	return b.String()
}

func (d *decoder) problem(value, constraint string) {
	d.count++
	if d.count > maxProblems {
		return
	}
	d.problems = append(d.problems, fmt.Sprintf("Value %s at '%s' failed to satisfy constraint: Member must %s", value, d.where(), constraint))
}

// missing reports a required member that was not sent.
func (d *decoder) missing(name string) {
	if d.lenient || d.push(name) != nil {
		return
	}
	d.problem("null", "not be null")
	d.pop()
}

// err returns the constraint violations as one error.
func (d *decoder) err(p Protocol) error {
	if len(d.problems) == 0 {
		return nil
	}
	noun := "errors"
	if d.count == 1 {
		noun = "error"
	}
	code := "ValidationException"
	switch p {
	case Query:
		code = "ValidationError"
	case EC2:
		code = "InvalidParameterValue"
	case RESTXML:
		code = "InvalidInput"
	}
	return Errorf(code, "%d validation %s detected: %s", d.count, noun, strings.Join(d.problems, "; "))
}

// check tests a decoded value against the constraints of its shape.
func (d *decoder) check(p *plan, v reflect.Value) {
	if d.lenient {
		return
	}
	switch p.Kind {
	case String:
		d.checkString(p, v.String())
	case Blob:
		if v.Kind() == reflect.Slice {
			d.length(p, v.Len(), func() string {
				return d.shown(p, "java.nio.HeapByteBuffer[pos=0 lim="+strconv.Itoa(v.Len())+" cap="+strconv.Itoa(v.Len())+"]")
			})
		}
	case List, Map:
		d.length(p, v.Len(), func() string { return d.shown(p, sketch(v)) })
	case Integer, Long:
		d.value(p, float64(v.Int()), strconv.FormatInt(v.Int(), 10))
	case Float, Double:
		d.value(p, v.Float(), strconv.FormatFloat(v.Float(), 'g', -1, 64))
	}
}

func (d *decoder) checkString(p *plan, s string) {
	if p.match != nil && !p.match(s) {
		shown := p.Shown
		if shown == "" {
			shown = p.Pattern
		}
		d.problem(d.shown(p, s), "satisfy regular expression pattern: "+shown)
	}
	if p.Bound != 0 {
		d.length(p, utf8.RuneCountInString(s), func() string { return d.shown(p, s) })
	}
	if len(p.Enum) > 0 && !contains(p.Enum, s) {
		d.problem(d.shown(p, s), "satisfy enum value set: ["+strings.Join(p.Enum, ", ")+"]")
	}
}

func contains(set []string, s string) bool {
	for _, v := range set {
		if v == s {
			return true
		}
	}
	return false
}

func (d *decoder) length(p *plan, n int, shown func() string) {
	if p.Bound&HasMin != 0 && int64(n) < p.Min {
		d.problem(shown(), fmt.Sprintf("have length greater than or equal to %d", p.Min))
	}
	if p.Bound&HasMax != 0 && int64(n) > p.Max {
		d.problem(shown(), fmt.Sprintf("have length less than or equal to %d", p.Max))
	}
}

func (d *decoder) value(p *plan, n float64, text string) {
	if p.Bound&HasMin != 0 && n < float64(p.Min) {
		d.problem(d.shown(p, text), fmt.Sprintf("have value greater than or equal to %d", p.Min))
	}
	if p.Bound&HasMax != 0 && n > float64(p.Max) {
		d.problem(d.shown(p, text), fmt.Sprintf("have value less than or equal to %d", p.Max))
	}
}

// shown quotes a value for a message: never a sensitive one, and no more than
// a screenful.
func (d *decoder) shown(p *plan, s string) string {
	if p.Sensitive {
		return "'***'"
	}
	if len(s) > 1024 {
		s = strings.ToValidUTF8(s[:1024], "") + "..."
	}
	return "'" + s + "'"
}

func sketch(v reflect.Value) string {
	if v.Kind() == reflect.Map {
		return "{" + strconv.Itoa(v.Len()) + " entries}"
	}
	if v.Type().Elem().Kind() != reflect.String {
		return "[" + strconv.Itoa(v.Len()) + " elements]"
	}
	var parts []string
	for i := range min(v.Len(), 100) {
		parts = append(parts, v.Index(i).String())
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// matcher compiles a pattern that must match a whole string. Patterns that are
// one repeated character class, which most are, become a table.
func matcher(pattern string) func(string) bool {
	if re, err := syntax.Parse(pattern, syntax.Perl); err == nil {
		if m := classMatcher(re.Simplify()); m != nil {
			return m
		}
	}
	return regexp.MustCompile(`\A(?:` + pattern + `)\z`).MatchString
}

// classMatcher returns a matcher for [class]* and [class]+, else nil.
func classMatcher(re *syntax.Regexp) func(string) bool {
	for re.Op == syntax.OpCapture && len(re.Sub) == 1 {
		re = re.Sub[0]
	}
	if re.Op == syntax.OpConcat && len(re.Sub) == 3 && re.Sub[0].Op == syntax.OpBeginText && re.Sub[2].Op == syntax.OpEndText {
		re = re.Sub[1]
	}
	if re.Op != syntax.OpStar && re.Op != syntax.OpPlus || re.Sub[0].Op != syntax.OpCharClass {
		return nil
	}
	atLeast := 0
	if re.Op == syntax.OpPlus {
		atLeast = 1
	}
	ranges := re.Sub[0].Rune
	var ascii [utf8.RuneSelf]bool
	for i := 0; i < len(ranges); i += 2 {
		for r := ranges[i]; r <= min(ranges[i+1], utf8.RuneSelf-1); r++ {
			ascii[r] = true
		}
	}
	return func(s string) bool {
		for _, r := range s {
			if r < utf8.RuneSelf {
				if !ascii[r] {
					return false
				}
			} else if !inRanges(ranges, r) {
				return false
			}
		}
		return len(s) >= atLeast
	}
}

func inRanges(ranges []rune, r rune) bool {
	for i := 0; i < len(ranges); i += 2 {
		if r >= ranges[i] && r <= ranges[i+1] {
			return true
		}
	}
	return false
}

// integer converts a number to the kind's range.
func integer(k Kind, n int64) (int64, bool) {
	if k == Integer && (n < math.MinInt32 || n > math.MaxInt32) {
		return 0, false
	}
	return n, true
}
