package scan

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"bartizan.dev/caller"
)

// Finding is one secret in one file, wherever and however often it stands there.
type Finding struct {
	Rule        string   `json:"rule"`
	Description string   `json:"description"`
	Tags        []string `json:"tags,omitempty"`
	File        string   `json:"file"` // relative to the scanned path, with slashes
	Line        int      `json:"line"` // 0 when the file itself is the find
	EndLine     int      `json:"endLine"`
	Fingerprint string   `json:"fingerprint"`
	InTree      bool     `json:"inTree"`           // the file holds it now
	Times       int      `json:"occurrences"`      // in the versions that were read
	Commit      *Commit  `json:"commit,omitempty"` // the first that holds it
	// Account is read from an AWS access key id; it says whose key it is, not
	// whether it works.
	Account string `json:"account,omitempty"`

	secret string
	order  int // of the commit, from the oldest
}

// Commit is a commit of the history.
type Commit struct {
	ID     string    `json:"id"`
	Author string    `json:"author"`
	Email  string    `json:"email"`
	Date   time.Time `json:"date"`
	Line   int       `json:"line"` // where the secret stands in it
}

// Secret returns what was found: handle it as one. It is empty when the file
// itself is the find.
func (f *Finding) Secret() string { return f.secret }

// Redacted returns enough of the secret to recognise it, and nothing of a short
// one.
func (f *Finding) Redacted() string {
	switch s := f.secret; {
	case s == "":
		return "(the file)"
	case len(s) < 12:
		return "****"
	case len(s) < 24:
		return printable(s[:2]) + "****"
	case strings.HasPrefix(s, "-----BEGIN"):
		head, _, _ := strings.Cut(s, "\n")
		return printable(head[:min(len(head), 60)]) + "****"
	default:
		return printable(s[:4]) + "****" + printable(s[len(s)-2:])
	}
}

func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
}

// fingerprintRounds makes guessing a password from a published report cost
// about two milliseconds a guess.
const fingerprintRounds = 10_000

// fingerprint names a secret of a rule in a file. It stays when lines move. It
// is stretched, because reports are published and passwords are short.
func fingerprint(rule, file, secret string) string {
	salt := sha256.Sum256([]byte("bartizan scan-secrets 1\x00" + rule + "\x00" + file))
	key, err := pbkdf2.Key(sha256.New, secret, salt[:], fingerprintRounds, 16)
	if err != nil { // no HMAC key of no bytes in FIPS mode, say: nothing to hide then
		key = salt[:16]
	}
	return hex.EncodeToString(key)
}

// accountOf reads the account from a long-term or temporary access key id. Ids
// from before 2019 (AKIAI…, AKIAJ…) do not carry it.
func accountOf(secret string) string {
	if len(secret) != 20 || !strings.HasPrefix(secret, "AKIA") && !strings.HasPrefix(secret, "ASIA") || secret[4] == 'I' || secret[4] == 'J' {
		return ""
	}
	return caller.AccountOf(secret)
}

// merge joins another sighting of the same secret in the same file.
func (f *Finding) merge(g *Finding) {
	times := f.Times + g.Times
	switch {
	case f.InTree && g.InTree:
		if g.Line < f.Line {
			f.Line, f.EndLine = g.Line, g.EndLine
		}
	case f.InTree:
		if f.Commit == nil || g.order < f.order {
			f.Commit, f.order = g.Commit, g.order
		}
	case g.InTree:
		commit, order := f.Commit, f.order
		*f = *g
		f.Commit, f.order = commit, order
	case g.order < f.order || g.order == f.order && g.Line < f.Line:
		*f = *g
	}
	f.Times = times
}
