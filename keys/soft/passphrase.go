package soft

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// ErrPassphrase is returned when a passphrase does not open its key file.
var ErrPassphrase = errors.New("wrong passphrase, or the file is damaged")

// MinPassphrase is how short a new passphrase may be, in bytes.
const MinPassphrase = 12

const (
	passphraseMagic = "bartizan-root-passphrase 1"
	passphraseNote  = `# The root key of a Bartizan, sealed under a passphrase. Without both nobody can
# open its database. Keep a copy in a safe place.
`
)

// The second recommended option of RFC 9106 section 4: 64 MiB, three passes,
// four lanes; about 0.2 s.
var cost = argonCost{time: 3, memory: 64 << 10, threads: 4}

type argonCost struct {
	time, memory uint32 // passes, KiB
	threads      uint8
}

// sane refuses costs that would make a damaged file eat the memory, or make a
// forged one cheap to try.
func (c argonCost) sane() bool {
	return c.time >= 1 && c.time <= 100 && c.memory >= 8<<10 && c.memory <= 4<<20 && c.threads >= 1 && c.threads <= 64
}

// OpenPassphrase reads the root key from the file at path, where it is sealed
// under a key made from the passphrase with Argon2id, and makes the file when
// there is none. It takes a fifth of a second and 64 MiB, once.
//
// The file is text: "bartizan-root-passphrase 1", "argon2id PASSES KIB LANES
// SALT", and a line "key VERSION BASE64" for each version, the root key sealed
// as Wrap does.
func OpenPassphrase(path string, passphrase []byte) (*Custodian, error) {
	if len(passphrase) < MinPassphrase {
		return nil, fmt.Errorf("keys: a passphrase needs at least %d characters", MinPassphrase)
	}
	// The passphrase itself is not needed after this: read or begin makes the
	// key of it.
	s := &sealed{passphrase: append([]byte(nil), passphrase...), cost: cost}
	defer func() { clear(s.passphrase); s.passphrase = nil }()
	return open(&file{path: path, form: s})
}

// sealed is a key file under a passphrase.
type sealed struct {
	passphrase []byte // until the key is made
	cost       argonCost
	salt       []byte
	key        rootKey // made from the passphrase
}

func (s *sealed) name() string { return "root key under a passphrase in" }

func (s *sealed) begin() error {
	s.salt = make([]byte, 16)
	rand.Read(s.salt)
	return s.derive()
}

func (s *sealed) derive() (err error) {
	s.key, err = newKey(1, argon2.IDKey(s.passphrase, s.salt, s.cost.time, s.cost.memory, s.cost.threads, keySize))
	return err
}

// purposeOf binds a sealed root key to its version.
func purposeOf(version uint32) []byte { return associated(version, "root key under a passphrase") }

func (s *sealed) decode(lines []string) ([]rootKey, error) {
	if len(lines) > 0 && lines[0] == fileMagic {
		return nil, errors.New("this key file has no passphrase")
	}
	if len(lines) < 3 || lines[0] != passphraseMagic {
		return nil, errForm
	}
	var c argonCost
	var text string
	if _, err := fmt.Sscanf(lines[1], "argon2id %d %d %d %s", &c.time, &c.memory, &c.threads, &text); err != nil || !c.sane() {
		return nil, errForm
	}
	salt, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(salt) < 16 {
		return nil, errForm
	}
	switch {
	case s.passphrase != nil:
		s.cost, s.salt = c, salt
		if err := s.derive(); err != nil {
			return nil, err
		}
	case string(salt) != string(s.salt) || c != s.cost:
		return nil, errors.New("somebody has put another file in its place; restart")
	}
	return keyLines(lines[2:], func(version uint32, data []byte) ([]byte, error) {
		secret, err := s.key.aead.Open(nil, nil, data, purposeOf(version))
		if err != nil {
			return nil, ErrPassphrase
		}
		return secret, nil
	})
}

func (s *sealed) encode(keys []rootKey) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s%s\nargon2id %d %d %d %s\n", passphraseNote, passphraseMagic,
		s.cost.time, s.cost.memory, s.cost.threads, base64.StdEncoding.EncodeToString(s.salt))
	for _, k := range keys {
		b.WriteString(keyLine(k.version, s.key.aead.Seal(nil, nil, k.secret, purposeOf(k.version))))
	}
	return b.String(), nil
}
