package pkcs11

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"bartizan.dev/keys"
	"bartizan.dev/keys/pkcs11/frame"
)

// FuzzClient: a helper that answers anything makes an error or an answer of its
// bytes, and nothing worse.
func FuzzClient(f *testing.F) {
	for status := frame.OK; status <= frame.NotLoggedIn; status++ {
		b, err := frame.AppendAnswer(nil, &frame.Answer{Status: status, Text: "why", Data: []byte("data")})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte{})
	f.Add([]byte("\xff\xff\xff\xff"))
	dir, err := os.MkdirTemp("", "hsm") // a socket's path is short
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { l.Close() })
	hello, err := frame.AppendAnswer(nil, &frame.Answer{})
	if err != nil {
		f.Fatal(err)
	}
	var answer atomic.Pointer[[]byte]
	go func() {
		for {
			h, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer h.Close()
				for _, out := range [][]byte{hello, *answer.Load()} {
					if _, err := frame.Read(h, nil); err != nil {
						return
					}
					if _, err := h.Write(out); err != nil {
						return
					}
				}
			}()
		}
	}()
	f.Fuzz(func(t *testing.T, in []byte) {
		answer.Store(&in)
		c := Dial(socket)
		defer c.Close()
		tokens, err := c.Tokens(t.Context())
		if err != nil && tokens != nil {
			t.Errorf("%v and an error: %v", tokens, err)
		}
		if len(in) < 4 && !errors.Is(err, keys.ErrUnavailable) {
			t.Errorf("a cut answer: %v", err)
		}
	})
}
