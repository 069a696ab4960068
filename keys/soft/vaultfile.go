package soft

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"bartizan.dev/keys"
)

const (
	vaultMagic = "bartizan-vault 1"
	vaultNote  = `# Keys of a Bartizan, each wrapped under its root key.
`
	// maxVault bounds what is read of a vault's file: some 40,000 keys.
	maxVault = 8 << 20
)

// vaultFile keeps a vault's keys as text: comment lines that begin with #, the
// line "bartizan-vault 1", and a line "key LABEL BASE64" for each, the base64 of
// what the custodian made of the key.
type vaultFile struct {
	path string
	c    keys.Custodian
}

// purpose binds a wrapped key to its label.
func vaultPurpose(label string) string { return "keys/soft vault " + label }

func (f *vaultFile) read(ctx context.Context) (map[string]vaultKey, error) {
	data, err := readSecretUpTo(f.path, 0o077, maxVault)
	if err != nil {
		return nil, err
	}
	wrapped, err := decodeVault(lines(data))
	if err != nil {
		return nil, fmt.Errorf("keys: %s: %w", f.path, err)
	}
	held := make(map[string]vaultKey, len(wrapped))
	for label, w := range wrapped {
		secret, err := f.c.Unwrap(ctx, vaultPurpose(label), w)
		if err != nil {
			return nil, fmt.Errorf("keys: %s: %w", f.path, err)
		}
		if held[label], err = newVaultKey(secret); err != nil || len(secret) != keySize {
			return nil, fmt.Errorf("keys: %s: %w", f.path, errVaultForm)
		}
	}
	return held, nil
}

func (f *vaultFile) write(ctx context.Context, held map[string]vaultKey) error {
	var b strings.Builder
	b.WriteString(vaultNote + vaultMagic + "\n")
	for _, label := range slices.Sorted(maps.Keys(held)) {
		w, err := f.c.Wrap(ctx, vaultPurpose(label), held[label].secret)
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "key %s %s\n", label, base64.StdEncoding.EncodeToString(w))
	}
	if b.Len() > maxVault {
		return errors.New("keys: the vault's file is full")
	}
	return replace(f.path, b.String())
}

var errVaultForm = errors.New("this is not a vault's file, or it is damaged; put your copy of it back")

// decodeVault reads the wrapped keys of a file's lines, by label.
func decodeVault(lines []string) (map[string][]byte, error) {
	if len(lines) == 0 || lines[0] != vaultMagic {
		return nil, errVaultForm
	}
	wrapped := make(map[string][]byte, len(lines)-1)
	for _, line := range lines[1:] {
		word := strings.Fields(line)
		if len(word) != 3 || word[0] != "key" || !keys.ValidLabel(word[1]) || wrapped[word[1]] != nil {
			return nil, errVaultForm
		}
		w, err := base64.StdEncoding.Strict().DecodeString(word[2])
		if err != nil || len(w) == 0 {
			return nil, errVaultForm
		}
		wrapped[word[1]] = w
	}
	return wrapped, nil
}
