package iam

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"bartizan.dev/wire"
)

// A hasher makes and checks password hashes: Argon2id (RFC 9106), written in the
// PHC string format. At work are at most cap(slots) at a time, which bounds the
// memory that callers can make us use; the others wait.
//
// A hash takes some 20 ms, so it must never be made inside a transaction.
type hasher struct {
	memory uint32 // KiB
	passes uint32
	slots  chan struct{}
}

// newHasher takes the second of OWASP's equivalent choices: 19 MiB, two passes,
// one lane. Half of the processors stay free for other calls.
// https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html#argon2id
func newHasher() *hasher {
	return &hasher{memory: 19 << 10, passes: 2, slots: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2))}
}

const (
	saltBytes = 16
	hashBytes = 32
	phcFormat = "$argon2id$v=%d$m=%d,t=%d,p=1$%s$%s"
)

// hash returns the hash of a password with a salt of its own.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltBytes)
	rand.Read(salt) // never fails: see crypto/rand
	key, err := h.derive(ctx, password, salt, h.memory, h.passes)
	if err != nil {
		return "", err
	}
	b64 := base64.RawStdEncoding
	return fmt.Sprintf(phcFormat, argon2.Version, h.memory, h.passes, b64.EncodeToString(salt), b64.EncodeToString(key)), nil
}

// matches reports whether the hash is the password's, in constant time.
func (h *hasher) matches(ctx context.Context, hash, password string) (bool, error) {
	memory, passes, salt, want, err := parseHash(hash)
	if err != nil {
		return false, err
	}
	got, err := h.derive(ctx, password, salt, memory, passes)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(got, want) == 1, nil
}

// refuse takes the time of a matches that says no, for the sign-in of a user
// that does not exist or has no password.
func (h *hasher) refuse(ctx context.Context, password string) error {
	_, err := h.derive(ctx, password, make([]byte, saltBytes), h.memory, h.passes)
	return err
}

func (h *hasher) derive(ctx context.Context, password string, salt []byte, memory, passes uint32) ([]byte, error) {
	select {
	case h.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-h.slots }()
	return argon2.IDKey([]byte(password), salt, passes, memory, 1, hashBytes), nil
}

var errHash = errors.New("iam: damaged password hash")

// parseHash reads a hash of our own. Its cost is bounded, so that a damaged
// record cannot ask for all memory or time.
func parseHash(s string) (memory, passes uint32, salt, key []byte, err error) {
	f := strings.Split(s, "$")
	if len(f) != 6 || f[0] != "" || f[1] != "argon2id" || f[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return 0, 0, nil, nil, errHash
	}
	if _, err := fmt.Sscanf(f[3], "m=%d,t=%d,p=1", &memory, &passes); err != nil || memory > 1<<20 || passes < 1 || passes > 16 {
		return 0, 0, nil, nil, errHash
	}
	if salt, err = base64.RawStdEncoding.DecodeString(f[4]); err != nil {
		return 0, 0, nil, nil, errHash
	}
	if key, err = base64.RawStdEncoding.DecodeString(f[5]); err != nil || len(key) != hashBytes {
		return 0, 0, nil, nil, errHash
	}
	return memory, passes, salt, key, nil
}

// symbols are the characters that count as symbols.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateAccountPasswordPolicy.html
const symbols = "!@#$%^&*()_+-=[]{}|'"

// violation is AWS's answer for a password that breaks the policy.
func violation(format string, args ...any) *wire.Error {
	return wire.Errorf("PasswordPolicyViolation", format, args...)
}

const (
	defaultMinLength = 8 // without a policy
	customMinLength  = 6 // of a policy that does not say
)

// check refuses a password that breaks the rules about its characters. nil is
// AWS's default policy. names are what the password must not be.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_passwords_account-policy.html
func (p *passwordPolicy) check(password string, names ...string) error {
	upper := strings.ContainsAny(password, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
	lower := strings.ContainsAny(password, "abcdefghijklmnopqrstuvwxyz")
	number := strings.ContainsAny(password, "0123456789")
	symbol := strings.ContainsAny(password, symbols)
	length := defaultMinLength
	if p != nil {
		length = int(p.MinLength)
	}
	if utf8.RuneCountInString(password) < length {
		return violation("Password should have a minimum length of %d", length)
	}
	if p == nil {
		kinds := 0
		for _, has := range []bool{upper, lower, number, symbol} {
			if has {
				kinds++
			}
		}
		if kinds < 3 {
			return violation("Password should have at least three of: uppercase letters, lowercase letters, numbers, symbols")
		}
		for _, name := range names {
			if name != "" && strings.EqualFold(name, password) {
				return violation("Password should not be the account's name")
			}
		}
		return nil
	}
	switch {
	case p.Symbols && !symbol:
		return violation("Password should have at least one symbol")
	case p.Numbers && !number:
		return violation("Password should have at least one number")
	case p.Upper && !upper:
		return violation("Password should have at least one uppercase letter")
	case p.Lower && !lower:
		return violation("Password should have at least one lowercase letter")
	}
	return nil
}

// reuse is how many passwords back, the current one included, must not be used
// again.
func (p *passwordPolicy) reuse() int {
	if p == nil {
		return 0
	}
	return int(p.Reuse)
}
