// Package keystest is the suite that every custodian of package keys passes.
package keystest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"bartizan.dev/keys"
)

// Run tests a kind of custodian. open returns one with a root key of its own;
// reopen returns a further custodian of the same root key, as after a restart,
// and is nil for a kind that keeps nothing. rotates says whether Rotate is
// possible; where it is not it must fail.
func Run(t *testing.T, open func(t *testing.T) keys.Custodian, reopen func(t *testing.T) keys.Custodian, rotates bool) {
	t.Run("wrap and unwrap", func(t *testing.T) { roundTrip(t, open(t)) })
	t.Run("refusals", func(t *testing.T) { refusals(t, open(t), open) })
	t.Run("rotation", func(t *testing.T) {
		if !rotates {
			if err := open(t).Rotate(t.Context()); err == nil {
				t.Error("Rotate succeeds without doing anything")
			}
			return
		}
		rotation(t, open(t))
	})
	t.Run("reopen", func(t *testing.T) {
		if reopen == nil {
			t.Skip("this kind keeps nothing")
		}
		reopened(t, open(t), reopen, rotates)
	})
	t.Run("concurrency", func(t *testing.T) { concurrency(t, open(t), rotates) })
	t.Run("close", func(t *testing.T) { closing(t, open(t)) })
}

// Wrap wraps and fails the test if that fails.
func wrap(t *testing.T, c keys.Custodian, purpose string, secret []byte) []byte {
	t.Helper()
	w, err := c.Wrap(t.Context(), purpose, secret)
	if err != nil {
		t.Fatalf("Wrap: %v", err)
	}
	return w
}

func opens(t *testing.T, c keys.Custodian, purpose string, wrapped, want []byte) {
	t.Helper()
	if got, err := c.Unwrap(t.Context(), purpose, wrapped); err != nil || !bytes.Equal(got, want) {
		t.Errorf("Unwrap: %x, %v; want %x", got, err, want)
	}
}

func refuses(t *testing.T, c keys.Custodian, purpose string, wrapped []byte, what string) {
	t.Helper()
	if got, err := c.Unwrap(t.Context(), purpose, wrapped); !errors.Is(err, keys.ErrUnseal) || got != nil {
		t.Errorf("Unwrap of %s: %x, %v; want ErrUnseal", what, got, err)
	}
}

func roundTrip(t *testing.T, c keys.Custodian) {
	for _, n := range []int{0, 1, 16, 32, 1024} {
		secret := bytes.Repeat([]byte{7}, n)
		a, b := wrap(t, c, "p", secret), wrap(t, c, "p", secret)
		if bytes.Equal(a, b) {
			t.Errorf("wrapping %d bytes twice gives the same", n)
		}
		if n >= 16 && bytes.Contains(a, secret) {
			t.Error("the wrapped secret holds the secret")
		}
		opens(t, c, "p", a, secret)
		opens(t, c, "p", b, secret)
	}
	if _, err := c.Wrap(t.Context(), "p", make([]byte, 1025)); err == nil {
		t.Error("Wrap takes more than 1 KiB")
	}
	if c.Describe() == "" {
		t.Error("Describe says nothing")
	}
}

func refusals(t *testing.T, c keys.Custodian, open func(t *testing.T) keys.Custodian) {
	w := wrap(t, c, "store/barrier", []byte("0123456789abcdef"))
	for _, purpose := range []string{"", "store/barrie", "store/barrier/", "store/barrier\x00", "STORE/BARRIER"} {
		refuses(t, c, purpose, w, fmt.Sprintf("purpose %q", purpose))
	}
	for i := range w {
		for bit := range 8 {
			flipped := slices.Clone(w)
			flipped[i] ^= 1 << bit
			refuses(t, c, "store/barrier", flipped, fmt.Sprintf("a wrap with bit %d of byte %d flipped", bit, i))
		}
		refuses(t, c, "store/barrier", w[:i], fmt.Sprintf("the first %d bytes", i))
		refuses(t, c, "store/barrier", w[i+1:], fmt.Sprintf("all but the first %d bytes", i+1))
	}
	refuses(t, c, "store/barrier", append(slices.Clone(w), 0), "a wrap with a byte more")
	refuses(t, c, "store/barrier", nil, "nothing")
	refuses(t, open(t), "store/barrier", w, "another root key's wrap")
	opens(t, c, "store/barrier", w, []byte("0123456789abcdef"))
}

func rotation(t *testing.T, c keys.Custodian) {
	var old [][]byte
	described := c.Describe()
	for i := range 4 {
		old = append(old, wrap(t, c, "p", []byte{byte(i)}))
		if err := c.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	old = append(old, wrap(t, c, "p", []byte{4}))
	for i, w := range old {
		opens(t, c, "p", w, []byte{byte(i)})
	}
	if c.Describe() == described {
		t.Errorf("after four rotations it is still %q", described)
	}
}

func reopened(t *testing.T, c keys.Custodian, reopen func(t *testing.T) keys.Custodian, rotates bool) {
	first := wrap(t, c, "p", []byte("first"))
	if rotates {
		if err := c.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	second := wrap(t, c, "p", []byte("second"))
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	again := reopen(t)
	opens(t, again, "p", first, []byte("first"))
	opens(t, again, "p", second, []byte("second"))
	opens(t, reopen(t), "p", wrap(t, again, "p", []byte("third")), []byte("third"))
}

func concurrency(t *testing.T, c keys.Custodian, rotates bool) {
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for n := range 20 {
				secret := []byte{byte(i), byte(n)}
				w, err := c.Wrap(t.Context(), "p", secret)
				if err != nil {
					t.Error(err)
					return
				}
				if rotates && i == 0 && n%10 == 0 {
					if err := c.Rotate(t.Context()); err != nil {
						t.Error(err)
					}
				}
				if got, err := c.Unwrap(t.Context(), "p", w); err != nil || !bytes.Equal(got, secret) {
					t.Errorf("Unwrap: %x, %v", got, err)
				}
			}
		})
	}
	all.Wait()
}

func closing(t *testing.T, c keys.Custodian) {
	w := wrap(t, c, "p", []byte("x"))
	for range 2 {
		if err := c.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	if _, err := c.Wrap(t.Context(), "p", nil); err == nil {
		t.Error("Wrap works after Close")
	}
	if _, err := c.Unwrap(t.Context(), "p", w); err == nil {
		t.Error("Unwrap works after Close")
	}
	if err := c.Rotate(t.Context()); err == nil {
		t.Error("Rotate works after Close")
	}
	if c.Describe() == "" {
		t.Error("Describe says nothing after Close")
	}
}
