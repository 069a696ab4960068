package soft

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// maxFile bounds what is read of a key file, in bytes: a thousand versions.
const maxFile = 64 << 10

const (
	fileMagic = "bartizan-root-key 1"
	fileNote  = `# The root key of a Bartizan: whoever has this file can open its database, and
# without it nobody can. Keep a copy in a safe place, apart from the backups.
`
)

// Open reads the root key from the file at path, and makes the file, mode 0600,
// when there is none. It does not belong into the directory that is backed up.
//
// A key file is text: comment lines that begin with #, the line
// "bartizan-root-key 1", and a line "key VERSION BASE64" for each version.
func Open(path string) (*Custodian, error) { return open(&file{path: path, form: plain{}}) }

// OpenCredential reads the root key from a systemd credential: a key file as
// Open makes it, or 32 random bytes. The caller knows the path,
// $CREDENTIALS_DIRECTORY/name.
// https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html#Credentials
func OpenCredential(path string) (*Custodian, error) { return open(&credential{path}) }

// A form is how a key file's lines hold the keys.
type form interface {
	// decode returns the keys of the lines (without comments).
	decode(lines []string) ([]rootKey, error)
	encode(keys []rootKey) (string, error)
	// begin is called before the first encode of a new file.
	begin() error
	name() string
}

type file struct {
	path string
	form form
}

func (f *file) describe() string { return f.form.name() + " " + f.path }

func (f *file) load() ([]rootKey, error) {
	keys, err := f.read()
	if !errors.Is(err, fs.ErrNotExist) {
		return keys, err
	}
	return f.change(func(keys []rootKey, err error) ([]rootKey, error) {
		if !errors.Is(err, fs.ErrNotExist) {
			return keys, err // another process was faster
		}
		if err := f.form.begin(); err != nil {
			return nil, err
		}
		return f.write(nil)
	})
}

func (f *file) add() ([]rootKey, error) {
	return f.change(func(keys []rootKey, err error) ([]rootKey, error) {
		if err != nil {
			return nil, err
		}
		return f.write(keys)
	})
}

// change runs fn with what the file holds while no other process changes it.
func (f *file) change(fn func([]rootKey, error) ([]rootKey, error)) (keys []rootKey, err error) {
	err = alone(f.path, func() (err error) {
		keys, err = fn(f.read())
		return err
	})
	if err != nil {
		return nil, err
	}
	return keys, nil
}

// alone runs fn, which may replace the file at path, while no other process is
// in alone for a file of the same directory. The directory is made if it is
// missing, and synced in the end.
func alone(path string, fn func() error) (err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if err := syscall.Flock(int(d.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("keys: locking %s: %w", dir, err)
	}
	if err := fn(); err != nil {
		return err
	}
	if err := d.Sync(); err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	return nil
}

func (f *file) read() ([]rootKey, error) {
	data, err := readSecret(f.path, 0o077)
	if err != nil {
		return nil, err
	}
	defer clear(data)
	keys, err := f.form.decode(lines(data))
	if err != nil {
		return nil, fmt.Errorf("keys: %s: %w", f.path, err)
	}
	return keys, nil
}

// write adds a version to keys and replaces the file.
func (f *file) write(keys []rootKey) (_ []rootKey, err error) {
	k, err := next(keys)
	if err != nil {
		return nil, err
	}
	keys = append(keys, k)
	text, err := f.form.encode(keys)
	if err != nil {
		return nil, err
	}
	return keys, replace(f.path, text)
}

// replace puts text in place of the file at path, mode 0600: at every moment,
// and after a power cut, path is the old file or the new one, whole.
func replace(path, text string) (err error) {
	temp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("keys: writing %s: %w", path, err), os.Remove(temp.Name()))
		}
	}()
	_, err = temp.WriteString(text)
	if err = errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return err
	}
	return os.Rename(temp.Name(), path)
}

// readSecret reads a file that must have none of the permissions in refuse.
func readSecret(path string, refuse fs.FileMode) ([]byte, error) {
	return readSecretUpTo(path, refuse, maxFile)
}

func readSecretUpTo(path string, refuse fs.FileMode, most int) (_ []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("keys: %s is not a regular file", path)
	}
	if mode := info.Mode().Perm(); mode&refuse != 0 {
		return nil, fmt.Errorf("keys: others than the owner may read or change %s (mode %04o): run `chmod 600 %s`; if somebody else may have read it, rotate the root key as well", path, mode, path)
	}
	data, err := io.ReadAll(io.LimitReader(f, int64(most)+1))
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	if len(data) > most {
		return nil, fmt.Errorf("keys: %s is too large to be a key file", path)
	}
	return data, nil
}

func lines(data []byte) (out []string) {
	for s := bufio.NewScanner(bytes.NewReader(data)); s.Scan(); {
		if line := strings.TrimSpace(s.Text()); line != "" && line[0] != '#' {
			out = append(out, line)
		}
	}
	return out
}

// errForm is returned for a file that was not written by this package.
var errForm = errors.New("this is not a key file, or it is damaged; put your copy of it back")

// keyLines reads the lines "key VERSION BASE64", versions ascending, and has
// open make the keys of what the base64 stands for.
func keyLines(lines []string, open func(version uint32, data []byte) ([]byte, error)) ([]rootKey, error) {
	var keys []rootKey
	for _, line := range lines {
		word := strings.Fields(line)
		if len(word) != 3 || word[0] != "key" {
			return nil, errForm
		}
		version, err := strconv.ParseUint(word[1], 10, 32)
		if err != nil || len(keys) > 0 && uint32(version) <= keys[len(keys)-1].version {
			return nil, errForm
		}
		data, err := base64.StdEncoding.Strict().DecodeString(word[2])
		if err != nil {
			return nil, errForm
		}
		secret, err := open(uint32(version), data)
		if err != nil {
			return nil, err
		}
		k, err := newKey(uint32(version), secret)
		if err != nil {
			return nil, errForm
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return nil, errForm
	}
	return keys, nil
}

func keyLine(version uint32, data []byte) string {
	return fmt.Sprintf("key %d %s\n", version, base64.StdEncoding.EncodeToString(data))
}

// plain is a key file that only its permissions protect.
type plain struct{}

func (plain) name() string { return "root key file" }
func (plain) begin() error { return nil }

func (plain) decode(lines []string) ([]rootKey, error) {
	if len(lines) > 0 && lines[0] == passphraseMagic {
		return nil, errors.New("this key file needs its passphrase")
	}
	if len(lines) == 0 || lines[0] != fileMagic {
		return nil, errForm
	}
	return keyLines(lines[1:], func(_ uint32, data []byte) ([]byte, error) { return data, nil })
}

func (plain) encode(keys []rootKey) (string, error) {
	var b strings.Builder
	b.WriteString(fileNote + fileMagic + "\n")
	for _, k := range keys {
		b.WriteString(keyLine(k.version, k.secret))
	}
	return b.String(), nil
}

// credential is a file that systemd wrote.
type credential struct{ path string }

func (c *credential) describe() string { return "root key in systemd credential " + c.path }

func (c *credential) load() ([]rootKey, error) {
	// systemd may give the service's user its access by an ACL, which shows as
	// group permission to read.
	data, err := readSecret(c.path, 0o037)
	if err != nil {
		return nil, err
	}
	if len(data) == keySize {
		k, err := newKey(1, data)
		return []rootKey{k}, err
	}
	defer clear(data)
	keys, err := plain{}.decode(lines(data))
	if err != nil {
		return nil, fmt.Errorf("keys: %s: %w", c.path, err)
	}
	return keys, nil
}

func (c *credential) add() ([]rootKey, error) { return nil, ErrReadOnly }
