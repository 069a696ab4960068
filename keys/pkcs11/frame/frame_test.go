package frame

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"slices"
	"testing"
)

func TestRequest(t *testing.T) {
	want := &Request{Op: Seal, Token: "serial", Label: "k", PIN: []byte("1234"), NewPIN: []byte{}, Data: []byte("data"), Associated: bytes.Repeat([]byte("a"), 16<<10)}
	buf, err := AppendRequest(nil, want)
	if err != nil {
		t.Fatal(err)
	}
	body, err := Read(bytes.NewReader(buf), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ParseRequest(body); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	for i := range body {
		if i%97 != 0 && i > 64 {
			continue
		}
		if r, err := ParseRequest(body[:i]); !errors.Is(err, ErrForm) {
			t.Errorf("the first %d bytes: %+v, %v", i, r, err)
		}
	}
	if _, err := ParseRequest(append(slices.Clone(body), 0)); !errors.Is(err, ErrForm) {
		t.Errorf("a byte more: %v", err)
	}
	if _, err := AppendRequest(nil, &Request{Op: Seal, Data: make([]byte, MaxFrame)}); !errors.Is(err, ErrForm) {
		t.Errorf("too large: %v", err)
	}
}

func TestRead(t *testing.T) {
	for what, in := range map[string]string{"empty frame": "\x00\x00\x00\x00", "huge frame": "\xff\xff\xff\xff", "one too large": "\x00\x00\xa0\x01"} {
		if _, err := Read(bytes.NewReader([]byte(in)), nil); !errors.Is(err, ErrForm) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := Read(bytes.NewReader([]byte("\x00\x00\x00\x02a")), nil); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("cut: %v", err)
	}
}

func TestTokens(t *testing.T) {
	want := []Token{{Serial: "1", Label: "a", Model: "m", Flags: Initialized | UserPIN}, {Label: "b"}}
	if got, err := ParseTokens(AppendTokens(nil, want)); err != nil || !slices.Equal(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := ParseTokens(AppendTokens(nil, make([]Token, MaxTokens+1))); !errors.Is(err, ErrForm) {
		t.Errorf("too many: %v", err)
	}
}

func FuzzParseRequest(f *testing.F) {
	seed, _ := AppendRequest(nil, &Request{Op: Login, Token: "t", PIN: []byte("1234")})
	f.Add(seed[4:])
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := ParseRequest(body)
		if err != nil {
			return
		}
		again, err := AppendRequest(nil, r)
		if err == nil && !bytes.Equal(again[4:], body) {
			t.Errorf("%x becomes %x", body, again[4:])
		}
	})
}

func FuzzParseAnswer(f *testing.F) {
	seed, _ := AppendAnswer(nil, &Answer{Status: Unseal, Text: "no", Data: []byte("d")})
	f.Add(seed[4:])
	f.Add(AppendTokens([]byte{0, 0, 0, 0, 0, 0, 0, 0, 9}, []Token{{}}))
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := ParseAnswer(body)
		if err != nil {
			return
		}
		again, err := AppendAnswer(nil, a)
		if err == nil && !bytes.Equal(again[4:], body) {
			t.Errorf("%x becomes %x", body, again[4:])
		}
		if tokens, err := ParseTokens(a.Data); err == nil && !bytes.Equal(AppendTokens(nil, tokens), a.Data) {
			t.Errorf("%x: other tokens", a.Data)
		}
	})
}
