package wire

import (
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// check tests a decoded value against the constraints of its shape.
func (d *decoder) check(p *plan, v reflect.Value) {
	if d.lenient {
		return
	}
	switch p.Kind {
	case String:
		d.checkString(p, v.String())
	case Blob:
		if p.Bound != 0 && v.Kind() == reflect.Slice {
			n := strconv.Itoa(v.Len())
			d.length(p, v.Len(), func() string { return "java.nio.HeapByteBuffer[pos=0 lim=" + n + " cap=" + n + "]" })
		}
	case List, Map:
		if p.Bound != 0 {
			d.length(p, v.Len(), func() string { return sketch(v) })
		}
	case Integer, Long:
		if p.Bound != 0 {
			d.value(p, float64(v.Int()), func() string { return strconv.FormatInt(v.Int(), 10) })
		}
	case Float, Double:
		if p.Bound != 0 {
			d.value(p, v.Float(), func() string { return strconv.FormatFloat(v.Float(), 'g', -1, 64) })
		}
	}
}

// checkString tests pattern, length and enum, in AWS's order.
func (d *decoder) checkString(p *plan, s string) {
	if d.lenient {
		return
	}
	if p.match != nil && !p.match(s) && !d.named(p) && !d.full() {
		d.problem(shown(p, s), "satisfy regular expression pattern: "+orElse(p.Shown, p.Pattern))
	}
	if p.Bound != 0 {
		d.length(p, utf8.RuneCountInString(s), func() string { return s })
	}
	if len(p.Enum) > 0 && !slices.Contains(p.Enum, s) && !d.full() {
		d.problem(shown(p, s), "satisfy enum value set: ["+strings.Join(p.Enum, ", ")+"]")
	}
}

// named writes IAM's own sentence for a malformed name or path, and reports
// whether it did. Recorded: "The specified value for roleName is invalid. …"
func (d *decoder) named(p *plan) bool {
	if d.manner != silent {
		return false
	}
	want := ""
	switch {
	case p.Pattern == `[\w+=,.@-]+`, p.Pattern == `[\w+=,.@-]*`:
		want = "contain only alphanumeric characters and/or the following: +=,.@_-"
	case strings.HasPrefix(p.Pattern, `(\x{002F})|(\x{002F}[`):
		want = "begin and end with / and contain only alphanumeric characters and/or / characters."
	default:
		return false
	}
	d.say("ValidationError", "The specified value for %s is invalid. It must %s", d.where(), want)
	return true
}

func (d *decoder) length(p *plan, n int, value func() string) {
	if p.Bound&HasMin != 0 && int64(n) < p.Min && !d.full() {
		d.problem(shown(p, value()), "have length greater than or equal to "+strconv.FormatInt(p.Min, 10))
	}
	if p.Bound&HasMax != 0 && int64(n) > p.Max && !d.full() {
		d.problem(shown(p, value()), "have length less than or equal to "+strconv.FormatInt(p.Max, 10))
	}
}

func (d *decoder) value(p *plan, n float64, value func() string) {
	if p.Bound&HasMin != 0 && n < float64(p.Min) && !d.full() {
		d.problem(shown(p, value()), "have value greater than or equal to "+strconv.FormatInt(p.Min, 10))
	}
	if p.Bound&HasMax != 0 && n > float64(p.Max) && !d.full() {
		d.problem(shown(p, value()), "have value less than or equal to "+strconv.FormatInt(p.Max, 10))
	}
}

// shown quotes a value for a message, with a space before it: never a
// sensitive one ("Value at 'password' failed …"), and no more than a screenful.
func shown(p *plan, s string) string {
	if p.Sensitive {
		return ""
	}
	if len(s) > 1024 {
		s = strings.ToValidUTF8(s[:1024], "") + "..."
	}
	return " '" + s + "'"
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
		parts = append(parts, clip(v.Index(i).String()))
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// excess says that an element is beyond the longest list or map the model
// allows: it need not be read.
func (d *decoder) excess(p *plan, n int) bool {
	return !d.lenient && p.Bound&HasMax != 0 && int64(n) > p.Max
}

// integer converts a number to the kind's range.
func integer(k Kind, n int64) (int64, bool) {
	if k == Integer && (n < math.MinInt32 || n > math.MaxInt32) {
		return 0, false
	}
	return n, true
}
