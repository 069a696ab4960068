package lake

// Events are read column by column, and a query reads all of them: this finds
// the members of an object without decoding what is in them. What is no JSON has
// no members from there on; what is read is decoded by encoding/json.

// members calls f with each key, as it is written, and the value of an object,
// until f returns false.
func members(doc []byte, f func(key, value []byte) bool) {
	i := blank(doc, 0)
	if i >= len(doc) || doc[i] != '{' {
		return
	}
	for i = blank(doc, i+1); i < len(doc) && doc[i] == '"'; {
		end := behind(doc, i)
		if end < 0 {
			return
		}
		key := doc[i+1 : end-1]
		if i = blank(doc, end); i >= len(doc) || doc[i] != ':' {
			return
		}
		if i = blank(doc, i+1); i >= len(doc) {
			return
		}
		if end = behind(doc, i); end < 0 || !f(key, doc[i:end]) {
			return
		}
		if i = blank(doc, end); i >= len(doc) || doc[i] != ',' {
			return
		}
		i = blank(doc, i+1)
	}
}

// blank is the next place that is no white space.
func blank(doc []byte, i int) int {
	for i < len(doc) && (doc[i] == ' ' || doc[i] == '\n' || doc[i] == '\t' || doc[i] == '\r') {
		i++
	}
	return i
}

// behind is the place behind the value that begins at i, or -1.
func behind(doc []byte, i int) int {
	depth := 0
	for begin := i; i < len(doc); i++ {
		switch doc[i] {
		case '"':
			for i++; i < len(doc) && doc[i] != '"'; i++ {
				if doc[i] == '\\' {
					i++
				}
			}
			if i >= len(doc) {
				return -1
			}
			if depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return wordEnd(begin, i)
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ' ', '\n', '\t', '\r':
			if depth == 0 {
				return wordEnd(begin, i)
			}
		}
	}
	return -1
}

// wordEnd is the end of a number or a name, which has a character at least.
func wordEnd(begin, end int) int {
	if end == begin {
		return -1
	}
	return end
}
