package scan

import (
	"bytes"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	chunkSize = 1 << 20
	// overlap is what a chunk shares with the next one: a match longer than that
	// may be missed where two chunks meet.
	overlap = 64 << 10
	// lookBack is what a match may look back at.
	lookBack = 4 << 10
	// sniff is where a NUL byte makes a file binary, as git has it.
	sniff = 8 << 10
)

// encoding of a text, told by its first bytes.
type encoding uint8

const (
	plain encoding = iota // UTF-8, or anything else in which ASCII is itself
	utf16LE
	utf16BE
	noText
)

// encodingOf looks at the first bytes of a file. UTF-16 without a mark is known
// by its zeros: of ASCII text every second byte is one.
func encodingOf(head []byte) encoding {
	switch {
	case bytes.HasPrefix(head, []byte{0xff, 0xfe, 0, 0}): // UTF-32, which nobody writes
		return noText
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}):
		return utf16LE
	case bytes.HasPrefix(head, []byte{0xfe, 0xff}):
		return utf16BE
	case bytes.IndexByte(head, 0) < 0:
		return plain
	}
	var zeros [2]int
	for i, b := range head {
		if b == 0 {
			zeros[i&1]++
		}
	}
	half := len(head) / 2
	switch {
	case half < 8:
	case zeros[0] == 0 && zeros[1] > half*7/10:
		return utf16LE
	case zeros[1] == 0 && zeros[0] > half*7/10:
		return utf16BE
	}
	return noText
}

// text reads a file as UTF-8, in chunks, with a buffer that is used again.
type text struct {
	r    io.Reader
	head []byte // read already
	enc  encoding
	odd  []byte // of UTF-16: less than a character
	eof  bool
}

// open looks at the first bytes of r and reports what they are.
func (t *text) open(r io.Reader) (encoding, error) {
	head := t.head[:0]
	if cap(head) < sniff {
		head = make([]byte, 0, sniff)
	}
	n, err := io.ReadFull(r, head[:sniff])
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = nil
	}
	*t = text{r: r, head: head[:n]}
	t.enc = encodingOf(t.head)
	if t.enc != plain && len(t.head) >= 2 && (t.head[0] == 0xff || t.head[0] == 0xfe) {
		t.head = t.head[2:]
	}
	return t.enc, err
}

// fill reads until dst is full or the text ends, and returns how much it read.
func (t *text) fill(dst []byte) (int, error) {
	total := 0
	for total < len(dst) && !t.eof {
		n, err := t.some(dst[total:])
		total += n
		switch {
		case err == io.EOF:
			t.eof = true
		case err != nil:
			return total, err
		case n == 0: // no room for another character
			return total, nil
		}
	}
	return total, nil
}

func (t *text) some(dst []byte) (int, error) {
	if t.enc == plain {
		if len(t.head) > 0 {
			n := copy(dst, t.head)
			t.head = t.head[n:]
			return n, nil
		}
		return t.r.Read(dst)
	}
	if len(dst) < 2*utf8.UTFMax {
		return 0, nil
	}
	// Two bytes of UTF-16 are three of UTF-8 at most.
	var block [4096]byte
	in := block[:min(len(block), len(dst)/3*2)&^3]
	n := copy(in, t.odd)
	t.odd = nil
	var err error
	if len(t.head) > 0 {
		c := copy(in[n:], t.head)
		t.head, n = t.head[c:], n+c
	} else {
		var c int
		c, err = t.r.Read(in[n:])
		n += c
	}
	out, rest := t.decode(dst[:0], in[:n], err == io.EOF)
	t.odd = append([]byte(nil), rest...)
	if len(out) == 0 && err == nil && n > 0 {
		return t.some(dst)
	}
	return len(out), err
}

// decode appends UTF-16 as UTF-8 and returns what is not yet a character.
func (t *text) decode(dst, in []byte, last bool) (out, rest []byte) {
	unit := func(i int) rune {
		if t.enc == utf16LE {
			return rune(in[i]) | rune(in[i+1])<<8
		}
		return rune(in[i])<<8 | rune(in[i+1])
	}
	i := 0
	for ; i+1 < len(in); i += 2 {
		r := unit(i)
		if utf16.IsSurrogate(r) {
			if i+3 >= len(in) && !last {
				break
			}
			if i+3 < len(in) {
				if pair := utf16.DecodeRune(r, unit(i+2)); pair != utf8.RuneError {
					r = pair
					i += 2
				}
			}
		}
		dst = utf8.AppendRune(dst, r) // half a pair becomes U+FFFD
	}
	return dst, in[i:]
}

// chunks calls f with one chunk after the other. The chunk is valid until f
// returns.
func (t *text) chunks(buf []byte, f func(chunk) error) error {
	have, line, own := 0, 1, 0
	for {
		n, err := t.fill(buf[have:])
		if err != nil {
			return err
		}
		data := buf[:have+n]
		last := t.eof || n == 0 && have < len(buf)
		c := chunk{data: data, own: window{own, len(data)}, line: line}
		if !last {
			c.own.to = len(data) - overlap
		}
		if err := f(c); err != nil || last {
			return err
		}
		keep := c.own.to - lookBack
		line += bytes.Count(data[:keep], newline)
		have = copy(buf, data[keep:])
		own = lookBack
	}
}
