package server

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"bartizan.dev/store/sqlite"
)

// A backup is a tar file: manifest.json, the database as the engine has it
// (every value sealed), and the trail. The root key is not in it: whoever has
// both has everything, so they are kept apart.

// manifest is the first file of a backup.
type manifest struct {
	Format  int       `json:"format"`
	Made    time.Time `json:"made"`
	RootKey string    `json:"rootKey"` // where the root key was, for people
}

const (
	backupFormat = 1
	databaseFile = "bartizan.db"
	trailDir     = "trail"
)

// Backup writes a consistent copy to path, which must not exist, while the
// server goes on. The trail is copied after the database, so that it has at
// least every event of what the copy holds.
func (s *Server) Backup(ctx context.Context, path string) (err error) {
	engine, ok := s.engine.(interface {
		Backup(ctx context.Context, path string) error
	})
	if !ok {
		return fmt.Errorf("the store %s is backed up with its own tools (pg_dump for PostgreSQL)", s.storeName)
	}
	if !filepath.IsAbs(path) {
		return fmt.Errorf("backup to %q: want an absolute path", path)
	}
	tmp, err := os.MkdirTemp(s.opt.Data, "backup-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	snapshot := filepath.Join(tmp, databaseFile)
	if err := engine.Backup(ctx, snapshot); err != nil {
		return err
	}
	out, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, out.Close()); err != nil {
			err = errors.Join(err, os.Remove(path))
		}
	}()
	w := tar.NewWriter(out)
	text, err := json.Marshal(manifest{backupFormat, time.Now().UTC(), s.custodian.Describe()})
	if err != nil {
		return err
	}
	if err := w.WriteHeader(&tar.Header{Name: "manifest.json", Mode: 0o600, Size: int64(len(text))}); err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return err
	}
	if err := addFile(w, snapshot, databaseFile); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(s.opt.Data, trailDir, "*.*"))
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := addFile(w, f, trailDir+"/"+filepath.Base(f)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return errors.Join(w.Close(), out.Sync())
}

// addFile copies what a file holds now; the newest segment grows meanwhile.
func addFile(w *tar.Writer, path, name string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: info.Size(), ModTime: info.ModTime()}); err != nil {
		return err
	}
	_, err = io.CopyN(w, f, info.Size())
	return err
}

// Restore makes a data directory, which must be empty or missing, from a
// backup, checks the database in it, and puts the root key from rootKey beside
// it unless that is empty. If it fails the directory is empty again.
func Restore(ctx context.Context, backup, data, rootKey string) (err error) {
	entries, err := os.ReadDir(data)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if len(entries) > 0 {
		return fmt.Errorf("%s is not empty: restore into a new directory, nothing is overwritten", data)
	}
	in, err := os.Open(backup)
	if err != nil {
		return err
	}
	defer in.Close()
	defer func() {
		if err != nil {
			for _, name := range []string{trailDir, databaseFile, RootKeyFile} {
				err = errors.Join(err, os.RemoveAll(filepath.Join(data, name)))
			}
		}
	}()
	if err := os.MkdirAll(filepath.Join(data, trailDir), 0o700); err != nil {
		return err
	}
	if err := os.Chmod(data, 0o700); err != nil {
		return err
	}
	if err := extract(tar.NewReader(in), data); err != nil {
		return fmt.Errorf("%s: %w", backup, err)
	}
	if err := sqlite.Check(ctx, filepath.Join(data, databaseFile)); err != nil {
		return fmt.Errorf("%s: %w", backup, err)
	}
	if rootKey == "" {
		return nil
	}
	key, err := os.ReadFile(rootKey)
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(data, RootKeyFile), key, 0o600)
}

func extract(r *tar.Reader, data string) error {
	for first := true; ; first = false {
		h, err := r.Next()
		if errors.Is(err, io.EOF) && !first {
			return syncDir(data)
		} else if err != nil {
			return fmt.Errorf("not a backup of bartizan, or cut short: %w", err)
		}
		if first {
			var m manifest
			if h.Name != "manifest.json" || json.NewDecoder(io.LimitReader(r, 1<<16)).Decode(&m) != nil {
				return errors.New("not a backup of bartizan")
			}
			if m.Format != backupFormat {
				return fmt.Errorf("format %d: made by a newer version of bartizan", m.Format)
			}
			continue
		}
		name, inTrail := strings.CutPrefix(h.Name, trailDir+"/")
		if name != filepath.Base(name) || !inTrail && name != databaseFile {
			return fmt.Errorf("unexpected file %q", h.Name)
		}
		if err := extractFile(r, filepath.Join(data, filepath.FromSlash(h.Name))); err != nil {
			return err
		}
	}
}

func extractFile(r io.Reader, path string) (err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := io.Copy(f, r); err != nil {
		return err
	}
	return f.Sync()
}
