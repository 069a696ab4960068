package pattern

// anythingBut reads what a field's value must not be: a value, a list of
// values of one kind, or one operator with a string or a list of strings.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html#eb-filtering-anything-but
func (p *parser) anythingBut() matcher {
	const tooMany = "Too many elements in numeric expression" // so EventBridge says
	op := ""
	if p.next() == beginObject {
		if p.next() != nameToken {
			p.fail("Anything-But expression name not found")
			return matcher{}
		}
		switch op = p.field; op {
		case "equals-ignore-case", "prefix", "suffix", "wildcard":
		default:
			p.fail("Unsupported anything-but pattern: %s", op)
			return matcher{}
		}
		p.next()
	}
	m := matcher{op: opNot}
	switch p.tok {
	case beginArray:
		m.not = p.notList(op)
	case stringToken:
		m.not = []matcher{p.notString(op, p.text())}
	case numberToken:
		if op != "" {
			p.fail("%s", notKind(op))
			return m
		}
		v, ok, _ := number([]byte(p.lit))
		if !ok {
			p.failBare(outOfRange)
		}
		m.not = []matcher{{op: opNumber, lo: v, hi: v}}
	default:
		p.fail("Value of anything-but must be an array or single string/number value.")
	}
	p.close(tooMany)
	if op != "" {
		p.close(tooMany)
	}
	m.indexStrings()
	return m
}

// notKind says that an operator's argument is of the wrong kind.
func notKind(op string) string {
	switch op {
	case "":
		return "Inside anything but list, start|null|boolean is not supported."
	case "equals-ignore-case":
		return "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported."
	case "wildcard":
		return "wildcard match pattern must be a string"
	}
	return "prefix/suffix match pattern must be a string"
}

func (p *parser) notList(op string) (out []matcher) {
	numbers, strings := false, false
	for p.next() != endArray {
		switch {
		case p.tok == stringToken:
			strings = true
			out = append(out, p.notString(op, p.text()))
			if p.failed != nil && op != "wildcard" && p.failed.Reason != tooComplex {
				p.twice()
			}
		case p.tok == numberToken && op == "":
			numbers = true
			v, ok, _ := number([]byte(p.lit))
			if !ok {
				p.fail(outOfRange)
			}
			out = append(out, matcher{op: opNumber, lo: v, hi: v})
		case p.failed == nil:
			p.fail("%s", notKind(op))
			p.twice()
		}
		if p.failed != nil {
			return nil
		}
	}
	if op == "" && numbers == strings {
		p.fail("Inside anything but list, either all values are number or string, mixed type is not supported")
	}
	return out
}

// twice ends the reason with its place a second time: EventBridge wraps the
// errors inside such lists in one of their own.
func (p *parser) twice() { p.failed.Reason += p.place(p.pos) }

func (p *parser) notString(op, s string) matcher {
	switch op {
	case "":
		return matcher{op: opString, s: s}
	case "equals-ignore-case":
		return matcher{op: opFold, s: fold(s)}
	case "wildcard":
		return p.wildcard(s)
	}
	if s == "" {
		p.fail("Null prefix/suffix not allowed")
	}
	if op == "suffix" {
		return matcher{op: opSuffix, s: s}
	}
	return matcher{op: opPrefix, s: s}
}
