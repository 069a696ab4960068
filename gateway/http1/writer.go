package http1

import (
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// maxHeld is how much of an answer is held back to be sent in one piece with its
// length.
const maxHeld = 32 << 10

// writer is the http.ResponseWriter of one connection, used for one request after
// the other. An answer that fits is sent in one write; of one that does not, the
// head is sent first, and the body goes through, in chunks when its length was
// not given (RFC 9112 section 7.1).
type writer struct {
	c        *conn
	header   http.Header
	out      *buffers
	status   int   // 0 until WriteHeader
	length   int64 // given by the handler, -1: none
	written  int64 // of the body
	started  bool  // the head was sent
	chunked  bool
	close    bool // the connection ends after this answer
	typed    bool // there is a Content-Type or a Content-Encoding
	dated    bool
	bodyless bool // of a status that has none
	failed   error
}

// buffers are what an answer needs for a moment.
type buffers struct {
	head, body []byte
}

var pool = sync.Pool{New: func() any { return &buffers{make([]byte, 0, 512), make([]byte, 0, 1024)} }}

func (w *writer) begin(c *conn) {
	header := w.header
	if header == nil {
		header = http.Header{}
	}
	clear(header)
	*w = writer{c: c, header: header, out: pool.Get().(*buffers), length: -1, close: c.server.closing.Load()}
}

// Header implements http.ResponseWriter.
func (w *writer) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter. What the header says by now is what
// is sent. Informational answers are left out: nobody has asked for them.
func (w *writer) WriteHeader(status int) {
	if w.status != 0 || status >= 100 && status < 200 {
		return
	}
	if status < 100 || status > 999 {
		panic("http1: invalid status " + strconv.Itoa(status))
	}
	w.status = status
	w.bodyless = status == http.StatusNoContent || status == http.StatusNotModified
	b := append(w.out.head[:0], "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(append(append(b, ' '), http.StatusText(status)...), "\r\n"...)
	for name, values := range w.header {
		switch name {
		case "Content-Length":
			if n, err := strconv.ParseInt(strings.TrimSpace(values[0]), 10, 64); err == nil && n >= 0 && !w.bodyless {
				w.length = n
			}
			continue
		case "Connection":
			for _, v := range values {
				w.close = w.close || strings.EqualFold(strings.TrimSpace(v), "close")
			}
			continue
		case "Transfer-Encoding", "Trailer", "Keep-Alive", "Upgrade": // how it is sent is said here
			continue
		case "Content-Type", "Content-Encoding":
			w.typed = w.typed || len(values) > 0
		case "Date":
			w.dated = true
		}
		if !fieldName(name) {
			continue
		}
		for _, v := range values {
			b = append(append(b, name...), ": "...)
			b = append(appendValue(b, textproto.TrimString(v)), "\r\n"...)
		}
	}
	w.out.head = b
}

func fieldName(name string) bool {
	for i := range len(name) {
		if !token[name[i]] {
			return false
		}
	}
	return name != ""
}

// appendValue appends a field's value. No value ends the line it is on.
func appendValue(b []byte, v string) []byte {
	at := len(b)
	b = append(b, v...)
	for i := at; i < len(b); i++ {
		if b[i] == '\r' || b[i] == '\n' {
			b[i] = ' '
		}
	}
	return b
}

// Write implements http.ResponseWriter.
func (w *writer) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	switch {
	case w.bodyless:
		return 0, http.ErrBodyNotAllowed
	case w.length >= 0 && w.written+int64(len(p)) > w.length:
		return 0, http.ErrContentLength
	}
	if !w.started && len(w.out.body)+len(p) <= maxHeld {
		w.out.body = append(w.out.body, p...)
		w.written += int64(len(p))
		return len(p), nil
	}
	if err := w.start(p); err != nil {
		return 0, err
	}
	w.written += int64(len(p))
	return len(p), w.send(p)
}

// Flush implements http.Flusher.
func (w *writer) Flush() {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	_ = w.start(nil) // the next Write tells
}

// SetWriteDeadline is for http.ResponseController.
func (w *writer) SetWriteDeadline(t time.Time) error { return w.c.nc.SetWriteDeadline(t) }

// start sends the head and what was held back. next is what comes behind it.
func (w *writer) start(next []byte) error {
	if w.started {
		return nil
	}
	w.started, w.chunked = true, w.length < 0 && !w.bodyless
	if !w.typed && len(w.out.body) == 0 && len(next) > 0 {
		w.sniff(next)
	}
	w.finishHead(w.length)
	held := w.out.body
	err := w.raw(w.out.head)
	if err == nil && len(held) > 0 {
		err = w.send(held)
	}
	return err
}

// send writes a part of the body.
func (w *writer) send(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	if !w.chunked {
		return w.raw(p)
	}
	b := strconv.AppendInt(w.out.head[:0], int64(len(p)), 16)
	w.out.head = append(b, "\r\n"...)
	if err := w.raw(w.out.head); err != nil {
		return err
	}
	if err := w.raw(p); err != nil {
		return err
	}
	return w.raw(crlf)
}

var crlf = []byte("\r\n")

func (w *writer) raw(p []byte) error {
	if w.failed == nil {
		_, w.failed = w.c.nc.Write(p)
	}
	return w.failed
}

// sniff names the type of a body whose handler did not, as net/http does.
func (w *writer) sniff(p []byte) {
	w.typed = true
	w.out.head = append(append(append(w.out.head, "Content-Type: "...), http.DetectContentType(p)...), "\r\n"...)
}

// finishHead ends the head of an answer whose body has length bytes; less than
// none means chunks.
func (w *writer) finishHead(length int64) {
	if !w.typed && len(w.out.body) > 0 {
		w.sniff(w.out.body)
	}
	b := w.out.head
	switch {
	case w.bodyless:
	case length >= 0:
		b = append(strconv.AppendInt(append(b, "Content-Length: "...), length, 10), "\r\n"...)
	default:
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	}
	if !w.dated {
		b = append(append(append(b, "Date: "...), date()...), "\r\n"...)
	}
	if w.close {
		b = append(b, "Connection: close\r\n"...)
	}
	w.out.head = append(b, "\r\n"...)
}

// end sends what is left and reports whether all was sent.
func (w *writer) end() bool {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.length >= 0 && w.written != w.length {
		w.close = true // less than was promised: only the end of the connection says so
	}
	switch {
	case !w.started:
		length := w.length
		if length < 0 {
			length = w.written
		}
		w.finishHead(length)
		if len(w.out.body) <= maxHeld/2 { // one write costs more than a copy
			w.out.head = append(w.out.head, w.out.body...)
			w.out.body = wipe(w.out.body)
		}
		_ = w.raw(w.out.head) // failed is looked at below
		if len(w.out.body) > 0 {
			_ = w.raw(w.out.body)
		}
	case w.chunked:
		_ = w.raw([]byte("0\r\n\r\n"))
	}
	w.out.head, w.out.body = wipe(w.out.head), wipe(w.out.body)
	pool.Put(w.out)
	w.out = nil
	return w.failed == nil
}

// wipe empties a buffer, which may hold secrets.
func wipe(b []byte) []byte {
	clear(b)
	return b[:0]
}

// date is the Date field of this second (RFC 9110 section 6.6.1).
func date() string {
	now := time.Now()
	if d := dates.Load(); d != nil && d.second == now.Unix() {
		return d.text
	}
	d := &dated{now.Unix(), now.UTC().Format(http.TimeFormat)}
	dates.Store(d)
	return d.text
}

type dated struct {
	second int64
	text   string
}

var dates atomic.Pointer[dated]
