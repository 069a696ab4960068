package generate

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

// maxObject is the largest object that is read, in bytes. CloudTrail's events
// are at most 256 KB.
const maxObject = 16 << 20

// ErrTooLarge is returned for an object larger than any event.
var ErrTooLarge = errors.New("generate: an object of more than 16 MiB")

// cursor is a window on a stream.
type cursor struct {
	r     io.Reader
	buf   []byte // what is read and not yet used is buf[pos:]
	pos   int
	ended bool
	total int64 // bytes before buf
}

// fill reads more, moving what is left to the front. It returns io.EOF when
// there is no more.
func (c *cursor) fill() error {
	if c.ended {
		return io.EOF
	}
	c.total += int64(c.pos)
	n := copy(c.buf, c.buf[c.pos:])
	c.buf, c.pos = c.buf[:n], 0
	if n == cap(c.buf) {
		if n >= maxObject {
			return ErrTooLarge
		}
		c.buf = append(make([]byte, 0, min(2*n, maxObject)), c.buf...)
	}
	for range 100 { // a reader may return nothing some times
		m, err := c.r.Read(c.buf[len(c.buf):cap(c.buf)])
		c.buf = c.buf[:len(c.buf)+m]
		if err == io.EOF {
			c.ended = true
			if m == 0 {
				return io.EOF
			}
			return nil
		}
		if err != nil {
			return fmt.Errorf("generate: read: %w", err)
		}
		if m > 0 {
			return nil
		}
	}
	return io.ErrNoProgress
}

// next returns the next byte that is not white space, without taking it.
func (c *cursor) next() (byte, error) {
	for {
		if c.pos = space(c.buf, c.pos); c.pos < len(c.buf) {
			return c.buf[c.pos], nil
		}
		if err := c.fill(); err != nil {
			return 0, err
		}
	}
}

// whole calls try, which returns an offset, more or bad, until the buffer holds
// enough, and takes what it found.
func (c *cursor) whole(try func(b []byte, i int) int) error {
	for {
		end := try(c.buf, c.pos)
		switch {
		case end >= 0:
			c.pos = end
			return nil
		case end == bad:
			return c.fault()
		}
		if err := c.fill(); err != nil {
			if err == io.EOF {
				return c.fault()
			}
			return err
		}
	}
}

func (c *cursor) fault() error {
	return fmt.Errorf("generate: no JSON after byte %d", c.total+int64(c.pos))
}

// Read adds the events of a stream: JSON objects one after another or in an
// array, each an event, CloudTrail's {"Records": […]} or LookupEvents'
// {"Events": […]}; compressed by gzip or not. What is no call of an API is
// counted as skipped; an error means that the stream is not JSON, or that
// reading failed. It keeps one object at a time, at most 16 MiB.
func (g *Generator) Read(r io.Reader) error {
	br := bufio.NewReaderSize(r, 64<<10)
	if head, err := br.Peek(2); err == nil && head[0] == 0x1f && head[1] == 0x8b {
		z, err := gzip.NewReader(br)
		if err != nil {
			return fmt.Errorf("generate: %w", err)
		}
		return g.stream(&cursor{r: z, buf: make([]byte, 0, 256<<10)})
	}
	return g.stream(&cursor{r: br, buf: make([]byte, 0, 256<<10)})
}

// stream reads the values of a stream.
func (g *Generator) stream(c *cursor) error {
	for {
		b, err := c.next()
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case b == '[':
			err = g.array(c)
		case b == '{':
			err = g.object(c)
		case b == ',': // between objects that somebody cut out of an array
			c.pos++
		default:
			return c.fault()
		}
		if err != nil {
			return err
		}
	}
}

// array reads events to the end of an array.
func (g *Generator) array(c *cursor) error {
	c.pos++
	for {
		b, err := c.next()
		switch {
		case err == io.EOF:
			return c.fault()
		case err != nil:
			return err
		case b == ']':
			c.pos++
			return nil
		case b == ',':
			c.pos++
		case b == '{':
			err = g.object(c)
		default:
			g.result.Skipped++
			err = c.whole(skip)
		}
		if err != nil {
			return err
		}
	}
}

// object reads an event, or what wraps many.
func (g *Generator) object(c *cursor) error {
	wraps, err := c.wrapper()
	if err != nil {
		return err
	}
	if !wraps {
		if err := c.whole(g.event.parse); err != nil {
			return err
		}
		g.lookup()
		return nil
	}
	if err := g.array(c); err != nil {
		return err
	}
	for { // what follows the array in its object
		b, err := c.next()
		switch {
		case err == io.EOF:
			return c.fault()
		case err != nil:
			return err
		case b == '}':
			c.pos++
			return nil
		case b == ',' || b == ':':
			c.pos++
		default:
			if err := c.whole(skip); err != nil {
				return err
			}
		}
	}
}

// wrapper takes {"Records": or {"Events": if an array follows.
func (c *cursor) wrapper() (bool, error) {
	for {
		end, found := wrapperEnd(c.buf, c.pos)
		if end != more {
			if found {
				c.pos = end
			}
			return found, nil
		}
		if err := c.fill(); err == io.EOF {
			return false, nil
		} else if err != nil {
			return false, err
		}
	}
}

func wrapperEnd(b []byte, i int) (end int, found bool) {
	if i = space(b, i+1); i >= len(b) {
		return more, false
	}
	if b[i] != '"' {
		return i, false
	}
	end = skipString(b, i)
	if end < 0 {
		return more, false
	}
	if name := string(b[i:end]); name != `"Records"` && name != `"Events"` {
		return end, false
	}
	if i = space(b, end); i >= len(b) {
		return more, false
	}
	if b[i] != ':' {
		return i, false
	}
	if i = space(b, i+1); i >= len(b) {
		return more, false
	}
	return i, b[i] == '['
}

// lookup adds the event just read, or the one that is in it as text.
func (g *Generator) lookup() {
	if text := g.event.nested; text != nil && len(g.event.name) == 0 {
		if space(text, 0) >= len(text) || text[space(text, 0)] != '{' || g.event.parse(text, space(text, 0)) < 0 {
			g.event = event{}
		}
	}
	g.add(&g.event)
}
