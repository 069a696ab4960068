package server

import (
	"os"
	"path/filepath"
	"testing"
)

// A backup that is damaged or no backup leaves nothing behind, so that the next
// try finds the directory empty.
func TestRestoreOfADamagedBackup(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(t.Context(), Options{Data: filepath.Join(dir, "data"), Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	good := filepath.Join(dir, "good.tar")
	if err := s.Backup(t.Context(), good); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	holed := append([]byte(nil), content...)
	const second = 3*512 + 4096 // manifest's header and text, the database's header, its first page
	for i := second; i < second+100; i++ {
		holed[i] = 0xff
	}
	to := filepath.Join(dir, "restored")
	for name, text := range map[string][]byte{"cut short": content[:2048], "damaged": holed, "no backup": []byte("hello")} {
		file := filepath.Join(dir, "bad.tar")
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := Restore(t.Context(), file, to, ""); err == nil {
			t.Errorf("%s: restored", name)
		}
		if left, err := os.ReadDir(to); err != nil || len(left) > 0 {
			t.Errorf("%s: %v is left, %v", name, left, err)
		}
	}
	if err := Restore(t.Context(), good, to, filepath.Join(dir, "data", RootKeyFile)); err != nil {
		t.Fatal(err)
	}
	again, err := Open(t.Context(), Options{Data: to, Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}
