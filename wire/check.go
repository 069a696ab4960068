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
			d.length(p, v.Len(), func() string { return sketch(p, v) })
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
	if p.match != nil && !p.match(s) && !d.within() && !d.named(p) && !d.full() {
		d.problem(shown(p, s), p.patternRule())
	}
	if p.Bound != 0 {
		d.length(p, utf8.RuneCountInString(s), func() string { return s })
	}
	if len(p.Enum) > 0 && !slices.Contains(p.Enum, s) && !d.within() && !d.full() {
		d.problem(shown(p, s), p.enumRule())
	}
}

func (p *plan) patternRule() string {
	return "Member must satisfy regular expression pattern: " + orElse(p.Shown, p.Pattern)
}

func (p *plan) enumRule() string {
	return "Member must satisfy enum value set: [" + strings.Join(p.Enum, ", ") + "]"
}

func (p *plan) boundRule(what string, bound Bound) string {
	if bound == HasMax {
		return "Member must have " + what + " less than or equal to " + strconv.FormatInt(p.Max, 10)
	}
	return "Member must have " + what + " greater than or equal to " + strconv.FormatInt(p.Min, 10)
}

// rules are all constraints of a shape, as AWS lists them for the elements of a
// list: "[Member must have length less than or equal to 1024, Member must …]".
func (p *plan) rules() string {
	what := "length"
	if p.Kind >= Integer && p.Kind <= Double {
		what = "value"
	}
	var rules []string
	for _, b := range [...]Bound{HasMax, HasMin} {
		if p.Bound&b != 0 {
			rules = append(rules, p.boundRule(what, b))
		}
	}
	if p.Pattern != "" {
		rules = append(rules, p.patternRule())
	}
	if len(p.Enum) > 0 {
		rules = append(rules, p.enumRule())
	}
	return "[" + strings.Join(rules, ", ") + "]"
}

// checkAll tests a list or map once it is full, and reports what its elements
// violated.
func (d *decoder) checkAll(p *plan, v reflect.Value, outer, badKeys bool) {
	values := d.inner
	d.inner = false
	if badKeys && !d.full() {
		d.problem(shown(p, sketch(p, v)), "Map keys must satisfy constraint: "+p.key.rules())
	}
	if values && !d.full() {
		what := "Member"
		if p.Kind == Map {
			what = "Map value"
		}
		d.problem(shown(p, sketch(p, v)), what+" must satisfy constraint: "+p.elem.rules())
	}
	d.check(p, v)
	d.inner = d.inner || outer
}

// open begins a list or map. What the elements of the outer one violated so far
// comes back at checkAll.
func (d *decoder) open() (outer bool) {
	outer, d.inner = d.inner, false
	return outer
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
	d.bounds(p, "length", p.Bound&HasMin != 0 && int64(n) < p.Min, p.Bound&HasMax != 0 && int64(n) > p.Max, value)
}

func (d *decoder) value(p *plan, n float64, value func() string) {
	d.bounds(p, "value", p.Bound&HasMin != 0 && n < float64(p.Min), p.Bound&HasMax != 0 && n > float64(p.Max), value)
}

func (d *decoder) bounds(p *plan, what string, low, high bool, value func() string) {
	switch {
	case !low && !high, d.within(), d.full():
	case low:
		d.problem(shown(p, value()), p.boundRule(what, HasMin))
	case high:
		d.problem(shown(p, value()), p.boundRule(what, HasMax))
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

// sketch writes the beginning of a list or map as Java does.
func sketch(p *plan, v reflect.Value) string {
	const most = 50
	var parts []string
	switch {
	case p.secret() || p.key != nil && p.key.Sensitive:
		return strconv.Itoa(v.Len()) + " elements"
	case p.elem.Kind != String:
		return "[" + strconv.Itoa(v.Len()) + " elements]"
	case p.Kind == Map:
		for _, k := range sortedKeys(v)[:min(v.Len(), most)] {
			parts = append(parts, clip(k.String())+"="+clip(v.MapIndex(k).String()))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	for i := range min(v.Len(), most) {
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
