package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"modernc.org/sqlite"

	"bartizan.dev/store"
)

// Backup writes a copy of the database to path, which must not exist: all
// commits up to one moment, while the store stays in use. The copy is a database
// of its own, sealed like the original and of no use without its root key.
func (s *Store) Backup(ctx context.Context, path string) error {
	if s.closed.Load() {
		return store.ErrClosed
	}
	c, err := dial(s.path, readerCache)
	if err != nil {
		return err
	}
	return errors.Join(c.snapshot(ctx, path), c.close())
}

// BackupTo writes the same copy to w. It needs room for it in dir, or beside the
// database when dir is empty.
func (s *Store) BackupTo(ctx context.Context, w io.Writer, dir string) (err error) {
	if dir == "" {
		dir = filepath.Dir(s.path)
	}
	temp, err := os.MkdirTemp(dir, ".backup-*") // mode 0700
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()
	path := filepath.Join(temp, "copy.db")
	if err := s.Backup(ctx, path); err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	defer f.Close()
	if _, err := io.Copy(w, f); err != nil {
		return fmt.Errorf("store: writing the backup: %w", err)
	}
	return nil
}

// snapshot writes the copy under another name first: a file at path is whole.
func (c *conn) snapshot(ctx context.Context, path string) (err error) {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("store: %s exists already", path)
	}
	temp := path + ".part"
	f, err := os.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(temp))
		}
	}()
	// https://sqlite.org/lang_vacuum.html#vacuuminto: an empty file is as good as
	// none, and so the copy has our permissions from the first byte.
	_, err = c.conn.(driver.ExecerContext).ExecContext(ctx, "VACUUM INTO '"+strings.ReplaceAll(temp, "'", "''")+"'", nil)
	if err = errors.Join(mapped(err), f.Close()); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return err
	}
	return settle(temp, path)
}

// settle gives a finished file its name, durably, unless the name is taken.
func settle(temp, path string) error {
	if err := syncPath(temp); err != nil {
		return err
	}
	if err := os.Link(temp, path); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if err := os.Remove(temp); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return syncPath(filepath.Dir(path))
}

func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

// Check reads a whole backup and reports what is wrong with it. It must not be
// in use.
func Check(ctx context.Context, path string) (err error) {
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	raw, err := new(sqlite.Driver).Open("file:" + (&url.URL{Path: path}).EscapedPath() + "?mode=ro&immutable=1")
	if err != nil {
		return fmt.Errorf("store: %s: %w", path, mapped(err))
	}
	c := &conn{conn: raw}
	defer func() { err = errors.Join(err, c.close()) }()
	switch version, err := c.schema(path, len(migrations)); {
	case err != nil:
		return fmt.Errorf("store: %s is no backup: %w", path, err)
	case version == 0:
		return fmt.Errorf("store: %s is no backup: it is empty", path)
	}
	found, err := c.value("PRAGMA integrity_check(1)")
	if err != nil {
		return fmt.Errorf("store: %s is damaged: %w", path, err)
	}
	if found != "ok" {
		return fmt.Errorf("store: %s is damaged: %v", path, found)
	}
	return ctx.Err()
}

// Restore checks a backup and copies it to path, where no database may be.
func Restore(ctx context.Context, backup, path string) (err error) {
	if err := Check(ctx, backup); err != nil {
		return err
	}
	for _, p := range []string{path, path + "-wal"} {
		if _, err := os.Lstat(p); err == nil {
			return fmt.Errorf("store: %s exists: move it away first, nothing is overwritten", p)
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	in, err := os.Open(backup)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	defer in.Close()
	temp := path + ".part"
	out, err := os.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Close()); err == nil {
		err = settle(temp, path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("store: restoring: %w", err), os.Remove(temp))
	}
	return nil
}
