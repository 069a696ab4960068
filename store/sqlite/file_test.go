package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"bartizan.dev/store"
)

func mustOpen(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func mustPut(t *testing.T, s store.Store, key, value string) int64 {
	t.Helper()
	rev, err := s.Update(t.Context(), func(tx store.Tx) error { return tx.Put(t.Context(), key, []byte(value)) })
	if err != nil {
		t.Fatal(err)
	}
	return rev
}

func wantValue(t *testing.T, s store.Store, key, value string) {
	t.Helper()
	if item, err := s.Get(t.Context(), key); err != nil || string(item.Value) != value {
		t.Errorf("Get(%q) = %q, %v; want %q", key, item.Value, err, value)
	}
}

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("error %v; want one that says %q", err, part)
		}
	}
}

func TestReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "store.db")
	s := mustOpen(t, path)
	rev := mustPut(t, s, "a", "1")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path + "-wal"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the log is still there after Close: %v", err)
	}
	s = mustOpen(t, path)
	wantValue(t, s, "a", "1")
	if got, err := s.Revision(t.Context()); got != rev || err != nil {
		t.Errorf("Revision() = %d, %v; want %d", got, err, rev)
	}
	if next := mustPut(t, s, "a", "2"); next <= rev {
		t.Errorf("revision %d after %d", next, rev)
	}
	if _, err := s.Changes(t.Context(), rev-1, 10); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Changes from before the start: %v; want ErrNotFound", err)
	}
}

func TestPermissions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "store.db")
	s := mustOpen(t, path)
	mustPut(t, s, "a", "1")
	for _, name := range []string{path, path + "-wal", path + "-shm", path + ".lock"} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %04o; want 0600", filepath.Base(name), info.Mode().Perm())
		}
	}
	if info, err := os.Stat(filepath.Dir(path)); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder has mode %04o, %v; want 0700", info.Mode().Perm(), err)
	}
	s.Close()
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), path)
	wantError(t, err, "0640", "chmod 600")
}

func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s := mustOpen(t, path)
	_, err := Open(t.Context(), path)
	wantError(t, err, path, "in use", fmt.Sprint(os.Getpid()))
	mustPut(t, s, "a", "1") // the failed Open has harmed nothing
	s.Close()
	wantValue(t, mustOpen(t, path), "a", "1")
}

func TestForeignFiles(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte("not a database, but long enough to be taken for a header of one by a careless reader"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), text); err == nil {
		t.Error("opened a text file")
	}
	other := filepath.Join(dir, "other")
	c, err := dial(other, 100)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.script("CREATE TABLE t (x)"), c.close(), os.Chmod(other, 0o600)); err != nil {
		t.Fatal(err)
	}
	_, err = Open(t.Context(), other)
	wantError(t, err, "not one of bartizan's")
}

func TestMigration(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "store.db")
	s := mustOpen(t, path)
	mustPut(t, s, "a", "1")
	s.Close()

	later := append(slices.Clone(migrations), "ALTER TABLE record ADD COLUMN note TEXT", "CREATE TABLE more (x)")
	broken := append(slices.Clone(later), "CREATE TABLE half (x); SELECT * FROM nowhere")
	_, err := open(t.Context(), path, broken)
	wantError(t, err, "schema 4")
	s, err = open(t.Context(), path, later) // the steps before the broken one have been taken
	if err != nil {
		t.Fatal(err)
	}
	wantValue(t, s, "a", "1")
	mustPut(t, s, "a", "2")
	if n, err := s.writer.value("SELECT count(*) FROM sqlite_schema WHERE name = 'half'"); err != nil || n != int64(0) {
		t.Errorf("half of the failed migration is there: %v, %v", n, err)
	}
	s.Close()

	_, err = Open(t.Context(), path)
	wantError(t, err, "newer", "schema is 3", "knows 1")

	snapshots, err := filepath.Glob(path + ".schema-1.*")
	if err != nil || len(snapshots) != 1 {
		t.Fatalf("snapshots: %v, %v", snapshots, err)
	}
	if err := Check(t.Context(), snapshots[0]); err != nil {
		t.Error(err)
	}
	wantValue(t, mustOpen(t, snapshots[0]), "a", "1")
}

// TestBackup takes copies while commits of two records each go on: a copy must
// hold both or none.
func TestBackup(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, filepath.Join(dir, "it's a store?.db"))
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for w := range 4 {
		all.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				_, err := s.Update(t.Context(), func(tx store.Tx) error {
					v := fmt.Append(nil, i)
					return errors.Join(tx.Put(t.Context(), fmt.Sprintf("a/%d", w), v), tx.Put(t.Context(), fmt.Sprintf("b/%d", w), v), tx.Put(t.Context(), fmt.Sprintf("fill/%d/%d", w, i), record))
				})
				if err != nil {
					t.Errorf("Update: %v", err)
					return
				}
			}
		})
	}
	defer all.Wait()
	defer cancel()
	for i := range 3 {
		mustPut(t, s, "round", fmt.Sprint(i))
		backup := filepath.Join(dir, fmt.Sprintf("backup%d", i))
		if err := s.Backup(t.Context(), backup); err != nil {
			t.Fatal(err)
		}
		wantError(t, s.Backup(t.Context(), backup), "exists")
		restored := filepath.Join(dir, fmt.Sprint(i), "store.db")
		if err := Restore(t.Context(), backup, restored); err != nil {
			t.Fatal(err)
		}
		wantError(t, Restore(t.Context(), backup, restored), "exists")
		r := mustOpen(t, restored)
		wantValue(t, r, "round", fmt.Sprint(i))
		for w := range 4 {
			a, errA := r.Get(t.Context(), fmt.Sprintf("a/%d", w))
			b, errB := r.Get(t.Context(), fmt.Sprintf("b/%d", w))
			if !bytes.Equal(a.Value, b.Value) || (errA == nil) != (errB == nil) {
				t.Errorf("half a commit in the backup: %s %v, %s %v", a.Value, errA, b.Value, errB)
			}
		}
	}
	var buf bytes.Buffer
	if err := s.BackupTo(t.Context(), &buf, ""); err != nil || !bytes.HasPrefix(buf.Bytes(), []byte("SQLite format 3")) {
		t.Errorf("BackupTo: %d bytes, %v", buf.Len(), err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := s.Backup(ended, filepath.Join(dir, "never")); !errors.Is(err, context.Canceled) {
		t.Errorf("Backup under a context that has ended: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.part")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestCheckFindsDamage(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, filepath.Join(dir, "store.db"))
	for i := range 200 {
		mustPut(t, s, recordKey(i), string(record))
	}
	backup := filepath.Join(dir, "backup")
	if err := s.Backup(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(backup)
	if err != nil {
		t.Fatal(err)
	}
	clear(whole[5*4096 : 6*4096])
	for name, content := range map[string][]byte{"damaged": whole, "short": whole[:3*4096], "empty": nil} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := Check(t.Context(), path); err == nil {
			t.Errorf("Check passed the %s copy", name)
		}
		if err := Restore(t.Context(), path, path+".restored"); err == nil {
			t.Errorf("Restore took the %s copy", name)
		}
	}
	wantError(t, Check(t.Context(), filepath.Join(dir, "none")), "none")
}

// TestDeletedIsOverwritten: what was deleted or replaced is not in the database
// file any more, small values and those of many pages; after an orderly end not
// in the log either. So a key that KMS has deleted for good cannot be had back
// from the file by who has the root key.
func TestDeletedIsOverwritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bartizan.db")
	s := mustOpen(t, path)
	small, large := "small secret 7c1f", strings.Repeat("large secret 93ab ", 5000)
	for i := range 200 {
		mustPut(t, s, fmt.Sprintf("other/%03d", i), "stays")
	}
	mustPut(t, s, "other/050a", small)
	mustPut(t, s, "other/100a", large)
	mustPut(t, s, "other/150a", small)
	mustPut(t, s, "other/150a", "replaced")
	_, err := s.Update(t.Context(), func(tx store.Tx) error {
		return errors.Join(tx.Delete(t.Context(), "other/050a"), tx.Delete(t.Context(), "other/100a"))
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{small, large[:18]} {
			if bytes.Contains(text, []byte(secret)) {
				t.Errorf("%s still holds %q", filepath.Base(name), secret)
			}
		}
	}
}
