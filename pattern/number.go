package pattern

// Numbers compare as EventBridge compares them: between -5.0e9 and 5.0e9
// inclusive, to six digits right of the decimal point. They are held as
// millionths; further digits are cut off.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html#eb-filtering-numeric-matching
const (
	decimals    = 6
	maxMillions = 5_000_000_000_000_000 // 5e9 in millionths
)

// number is what a JSON number's text says. ok: the text is a JSON number;
// comparable: it lies within the range that can be compared.
func number(text []byte) (v int64, comparable, ok bool) {
	i, neg := 0, false
	if i < len(text) && text[i] == '-' {
		neg, i = true, i+1
	}
	whole := i
	for i < len(text) && isDigit(text[i]) {
		i++
	}
	if i == whole || text[whole] == '0' && i > whole+1 {
		return 0, false, false
	}
	wholeEnd, frac := i, i
	if i < len(text) && text[i] == '.' {
		i++
		frac = i
		for i < len(text) && isDigit(text[i]) {
			i++
		}
		if i == frac {
			return 0, false, false
		}
	}
	fracEnd := i
	exp := 0
	if i < len(text) && (text[i] == 'e' || text[i] == 'E') {
		if exp, i = exponent(text, i+1); i < 0 {
			return 0, false, false
		}
	}
	if i != len(text) {
		return 0, false, false
	}
	v, comparable = millionths(text[whole:wholeEnd], text[frac:fracEnd], exp)
	if neg {
		v = -v
	}
	return v, comparable, true
}

func isDigit(c byte) bool { return c-'0' < 10 }

// exponent reads the digits after e; it stops counting where no digit of any
// text can matter any more.
func exponent(text []byte, i int) (exp, end int) {
	neg := false
	if i < len(text) && (text[i] == '+' || text[i] == '-') {
		neg = text[i] == '-'
		i++
	}
	start := i
	for ; i < len(text) && isDigit(text[i]); i++ {
		if exp < 1<<28 {
			exp = exp*10 + int(text[i]-'0')
		}
	}
	if i == start {
		return 0, -1
	}
	if neg {
		exp = -exp
	}
	return exp, i
}

// millionths is whole.frac * 10^exp in millionths, cut off towards zero.
func millionths(whole, frac []byte, exp int) (int64, bool) {
	digits := len(whole) + len(frac)
	want := len(whole) + exp + decimals // so many digits lie left of the millionths' end
	var v int64
	for k := 0; k < want; k++ {
		d := int64(0)
		switch {
		case k < len(whole):
			d = int64(whole[k] - '0')
		case k < digits:
			d = int64(frac[k-len(whole)] - '0')
		case v == 0:
			return 0, true // nothing but zeros follows
		}
		v = v*10 + d
		if v > maxMillions {
			return 0, false
		}
	}
	return v, true
}
