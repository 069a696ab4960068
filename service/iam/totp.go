package iam

import (
	"crypto/hmac"
	"crypto/sha1" // RFC 6238's default, and what authenticator apps expect
	"crypto/subtle"
	"encoding/binary"
	"hash"
	"time"
)

// Time-based one-time passwords as AWS's virtual MFA devices make them: six
// digits, 30 seconds, HMAC-SHA-1.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_mfa_enable_virtual.html
// https://www.rfc-editor.org/rfc/rfc6238
const (
	totpStep   = 30 // seconds
	totpDigits = 6
	// totpWindow is how many steps a code may be early or late: RFC 6238, section
	// 5.2, recommends one.
	totpWindow = 1
	// totpSearch is how many steps a device may be off when two of its codes set
	// its clock, about eight hours. Two wrong codes are taken with a probability
	// of 2 in 10⁹.
	totpSearch = 1000
)

// stepAt is the time step of a moment.
func stepAt(t time.Time) int64 { return t.Unix() / totpStep }

// totp is the code of a step.
// https://www.rfc-editor.org/rfc/rfc4226#section-5.3
func totp(seed []byte, step int64) (code [totpDigits]byte) {
	return totpOf(hmac.New(sha1.New, seed), step)
}

// totpOf is totp for who needs many: mac is HMAC-SHA-1 under the seed.
func totpOf(mac hash.Hash, step int64) (code [totpDigits]byte) {
	var in [8]byte
	var out [sha1.Size]byte
	binary.BigEndian.PutUint64(in[:], uint64(step))
	mac.Reset()
	mac.Write(in[:]) // never fails: see hash.Hash
	sum := mac.Sum(out[:0])
	n := binary.BigEndian.Uint32(sum[sum[len(sum)-1]&15:]) &^ (1 << 31)
	for i := totpDigits - 1; i >= 0; i-- {
		code[i] = '0' + byte(n%10)
		n /= 10
	}
	return code
}

func sameCode(a [totpDigits]byte, b string) int { return subtle.ConstantTimeCompare(a[:], []byte(b)) }

// totpMatch returns the step near now, the device's time, whose code this is,
// if it is later than the step used before. All steps are compared, whichever
// it is.
func totpMatch(seed []byte, now, used int64, code string) (step int64, ok bool) {
	mac := hmac.New(sha1.New, seed)
	for s := now - totpWindow; s <= now+totpWindow; s++ {
		if sameCode(totpOf(mac, s), code) == 1 && s > used {
			step, ok = s, true
		}
	}
	return step, ok
}

// totpSync looks for two codes in succession, the second of which is of a later
// step than used, and returns that step. Of several it is the one nearest to
// now.
// https://www.rfc-editor.org/rfc/rfc6238#section-6
func totpSync(seed []byte, now, used int64, first, second string) (step int64, ok bool) {
	begin := now - totpSearch - 1
	var hits [2*totpSearch + 2][2]bool
	mac := hmac.New(sha1.New, seed)
	for i := range hits {
		code := totpOf(mac, begin+int64(i))
		hits[i] = [2]bool{sameCode(code, first) == 1, sameCode(code, second) == 1}
	}
	best := int64(totpSearch + 1)
	for i := 1; i < len(hits); i++ {
		s := begin + int64(i)
		if distance := max(s-now, now-s); hits[i-1][0] && hits[i][1] && s-1 > used && distance < best {
			step, ok, best = s, true, distance
		}
	}
	return step, ok
}

// totpDrift is how many steps a device is off that has just shown the code of
// step. One step is what the window allows for.
func totpDrift(step, now int64) int64 {
	if drift := step - now; drift < -totpWindow || drift > totpWindow {
		return drift
	}
	return 0
}
