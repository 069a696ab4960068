package main

import (
	"testing"

	"bartizan.dev/keys/pkcs11/frame"
)

// FuzzRequest: no request of a client that is not logged in reaches a key or
// brings the helper down.
func FuzzRequest(f *testing.F) {
	for op := frame.Hello; op <= frame.Has; op++ {
		b, err := frame.AppendRequest(nil, &frame.Request{Op: op, Label: "k", Data: []byte{frame.Version}})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b[4:])
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := frame.ParseRequest(body)
		if err != nil {
			return
		}
		switch r.Op { // these ask the module, which is not here
		case frame.Tokens, frame.InitToken, frame.SetPIN, frame.Login:
			return
		}
		c := &conn{h: &hsm{m: &module{}}, hello: true}
		if a := c.answer(r); a.Status == frame.OK && r.Op != frame.Hello {
			t.Errorf("%+v answers %+v", r, a)
		}
	})
}
