package logs

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

// TestAhead: what is read ahead is what is there, and the error after it.
func TestAhead(t *testing.T) {
	want := bytes.Repeat([]byte("0123456789abcdef"), 3*aheadBlock/16+5)
	for _, end := range []error{io.EOF, io.ErrUnexpectedEOF, ErrBomb} {
		for name, r := range map[string]io.Reader{
			"whole": bytes.NewReader(want), "halves": iotest.HalfReader(bytes.NewReader(want)), "error with data": iotest.DataErrReader(bytes.NewReader(want)),
		} {
			stop := make(chan struct{})
			r := readAhead(io.MultiReader(r, iotest.ErrReader(end)), stop)
			var got bytes.Buffer
			buf := make([]byte, 1000)
			var err error
			for err == nil {
				var n int
				n, err = r.Read(buf)
				got.Write(buf[:n])
			}
			if !bytes.Equal(got.Bytes(), want) || !errors.Is(err, end) {
				t.Errorf("%s: %d bytes of %d, %v, want %v", name, got.Len(), len(want), err, end)
			}
			if _, again := r.Read(buf); !errors.Is(again, end) {
				t.Errorf("%s: then %v", name, again)
			}
			close(stop)
		}
	}
}

// TestAheadStops: a reader that nobody reads on from lets go of its stream.
func TestAheadStops(t *testing.T) {
	stop := make(chan struct{})
	r := readAhead(endless{}, stop)
	buf := make([]byte, aheadBlock)
	if _, err := r.Read(buf); err != nil {
		t.Fatal(err)
	}
	close(stop)
	for range 10_000 {
		if _, err := r.Read(buf); err != nil {
			return
		}
	}
	t.Error("it reads on and on")
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }
