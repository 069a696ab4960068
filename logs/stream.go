package logs

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"unsafe"
)

const chunk = 64 << 10

// stream is a window on a reader: text[pos:] has been read and not yet used.
// Buffers are written once and then only read, so views of text stay true.
type stream struct {
	r    io.Reader
	buf  []byte
	text string // what of buf has been filled
	pos  int
	base int64 // offset of buf[0] in the stream
	err  error // why reading ended; io.EOF at the regular end
}

func (s *stream) offset() int64 { return s.base + int64(s.pos) }

// more reads on; false at the end. It keeps text[pos:], in a new buffer if the
// old one is full.
func (s *stream) more() bool {
	if s.err != nil {
		return false
	}
	n := len(s.text)
	if len(s.buf)-n < chunk/4 {
		rest := s.text[s.pos:]
		size := chunk
		for size < len(rest)*2 {
			size *= 2
		}
		buf := make([]byte, size)
		copy(buf, rest)
		s.base += int64(s.pos)
		s.buf, s.pos, n = buf, 0, len(rest)
	}
	got, err := io.ReadAtLeast(s.r, s.buf[n:], 1)
	for err == nil && n+got < len(s.buf)/2 { // few large steps, since a record cut in two is read twice
		var more int
		more, err = s.r.Read(s.buf[n+got:])
		if got += more; more == 0 && err == nil {
			break
		}
	}
	if n+got > 0 {
		s.text = unsafe.String(&s.buf[0], n+got)
	} else {
		s.text = ""
	}
	s.err = err
	return got > 0
}

// room says whether the record that begins at pos may still grow.
func (s *stream) room() bool { return len(s.text)-s.pos < MaxRecord }

// line returns the next line without its end; ok is false at the end of the
// stream. A line that is too long is skipped and reported.
func (s *stream) line() (line string, ok, long bool) {
	from := s.pos
	for {
		if i := indexByte(s.text, from, '\n'); i >= 0 {
			line = s.text[s.pos:i]
			s.pos = i + 1
			return trimCR(line), true, false
		}
		seen := len(s.text) - s.pos
		if !s.room() {
			return "", true, true
		}
		if !s.more() {
			line = s.text[s.pos:]
			s.pos = len(s.text)
			return trimCR(line), line != "", false
		}
		from = s.pos + seen
	}
}

// skipLine drops everything up to the next line.
func (s *stream) skipLine() {
	for {
		if i := indexByte(s.text, s.pos, '\n'); i >= 0 {
			s.pos = i + 1
			return
		}
		s.pos = len(s.text)
		if !s.more() {
			return
		}
	}
}

func trimCR(s string) string {
	if n := len(s); n > 0 && s[n-1] == '\r' {
		return s[:n-1]
	}
	return s
}

// ErrBomb is the end of a stream that unpacks to far more than it is.
var ErrBomb = errors.New("logs: unpacks to more than 200 times its size")

const (
	maxRatio    = 200
	freeUnpacks = 64 << 20 // below this no ratio is looked at
)

// guard counts what goes in and what comes out of a decompressor.
type guard struct {
	in  *counter
	out io.Reader
	n   int64
}

func (g *guard) Read(b []byte) (int, error) {
	n, err := g.out.Read(b)
	g.n += int64(n)
	if in := g.in.n.Load(); g.n > freeUnpacks && g.n > maxRatio*in {
		return n, fmt.Errorf("%w (%d bytes from %d)", ErrBomb, g.n, in)
	}
	return n, err
}

// counter counts the bytes that were read.
type counter struct {
	r io.Reader
	n atomic.Int64
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n.Add(int64(n))
	return n, err
}
