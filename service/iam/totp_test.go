package iam

import (
	"testing"
	"time"
)

// The SHA-1 vectors of RFC 6238, appendix B, without their first two digits:
// AWS's codes have six of the eight.
func TestTOTPVectors(t *testing.T) {
	seed := []byte("12345678901234567890")
	for unix, want := range map[int64]string{
		59:          "287082",
		1111111109:  "081804",
		1111111111:  "050471",
		1234567890:  "005924",
		2000000000:  "279037",
		20000000000: "353130",
	} {
		code := totp(seed, stepAt(time.Unix(unix, 0)))
		if string(code[:]) != want {
			t.Errorf("at %d: %s, want %s", unix, code, want)
		}
	}
}

// The vectors of RFC 4226, appendix D: a step is HOTP's counter.
func TestHOTPVectors(t *testing.T) {
	for counter, want := range []string{
		"755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489",
	} {
		if code := totp([]byte("12345678901234567890"), int64(counter)); string(code[:]) != want {
			t.Errorf("counter %d: %s, want %s", counter, code, want)
		}
	}
}

func codeOf(seed []byte, step int64) string {
	c := totp(seed, step)
	return string(c[:])
}

func TestTOTPMatch(t *testing.T) {
	seed, now := []byte("a seed of a device"), int64(50_000_000)
	for _, c := range []struct {
		name       string
		step, used int64
		ok         bool
	}{
		{"now", now, 0, true},
		{"one late", now - 1, 0, true},
		{"one early", now + 1, 0, true},
		{"two late", now - 2, 0, false},
		{"two early", now + 2, 0, false},
		{"used", now, now, false},
		{"before the one used", now - 1, now, false},
		{"after the one used", now + 1, now, true},
	} {
		step, ok := totpMatch(seed, now, c.used, codeOf(seed, c.step))
		if ok != c.ok || ok && step != c.step {
			t.Errorf("%s: step %d, %v", c.name, step, ok)
		}
	}
	for _, code := range []string{"", "12345", "1234567", "abcdef"} {
		if _, ok := totpMatch(seed, now, 0, code); ok {
			t.Errorf("%q was taken", code)
		}
	}
}

func TestTOTPSync(t *testing.T) {
	seed, now := []byte("a seed of a device"), int64(50_000_000)
	for _, c := range []struct {
		name                string
		first, second, used int64
		ok                  bool
	}{
		{"now and next", now, now + 1, 0, true},
		{"last and now", now - 1, now, 0, true},
		{"far behind", now - totpSearch - 1, now - totpSearch, 0, true},
		{"far ahead", now + totpSearch - 1, now + totpSearch, 0, true},
		{"too far behind", now - totpSearch - 2, now - totpSearch - 1, 0, false},
		{"too far ahead", now + totpSearch, now + totpSearch + 1, 0, false},
		{"one code twice", now, now, 0, false},
		{"in the wrong order", now, now - 1, 0, false},
		{"a gap", now - 1, now + 1, 0, false},
		{"the first is used", now, now + 1, now, false},
		{"both are used", now, now + 1, now + 1, false},
		{"after those used", now, now + 1, now - 1, true},
	} {
		step, ok := totpSync(seed, now, c.used, codeOf(seed, c.first), codeOf(seed, c.second))
		if ok != c.ok || ok && step != c.second {
			t.Errorf("%s: step %d, %v", c.name, step, ok)
		}
	}
}

func TestTOTPDrift(t *testing.T) {
	for step, want := range map[int64]int64{99: 0, 100: 0, 101: 0, 98: -2, 140: 40} {
		if got := totpDrift(step, 100); got != want {
			t.Errorf("step %d at 100: %d, want %d", step, got, want)
		}
	}
}

func BenchmarkTOTPMatch(b *testing.B) {
	seed := make([]byte, mfaSeedBytes)
	for b.Loop() {
		totpMatch(seed, 50_000_000, 0, "123456")
	}
}

func BenchmarkTOTPSync(b *testing.B) {
	seed := make([]byte, mfaSeedBytes)
	for b.Loop() {
		totpSync(seed, 50_000_000, 0, "123456", "654321")
	}
}
