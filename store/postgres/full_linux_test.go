package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"bartizan.dev/store"
	"bartizan.dev/store/postgres/pgtest"
)

// TestDiskFull puts the records on a disk of 2 MB, where one may be mounted:
// writes are refused, reads go on, and with room all goes on.
func TestDiskFull(t *testing.T) {
	dsn := pgtest.Start(t)
	dir, err := os.MkdirTemp("", "pgsmall")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2m"); err != nil {
		t.Skipf("cannot mount a small disk here: %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	host, _, _ := strings.Cut(strings.TrimPrefix(dsn, "host="), " ")
	var st syscall.Stat_t
	if err := syscall.Stat(host, &st); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir, int(st.Uid), int(st.Gid)); err != nil { // the server's user
		t.Fatal(err)
	}
	opt := Options{Schema: schema()}
	s := mustOpen(t, dsn, opt)
	admin(t, dsn, `CREATE TABLESPACE small LOCATION '`+dir+`'`)
	admin(t, dsn, `ALTER TABLE `+pgx.Identifier{opt.Schema}.Sanitize()+`.record SET TABLESPACE small`)
	admin(t, dsn, `ALTER TABLE `+pgx.Identifier{opt.Schema}.Sanitize()+`.record ALTER value SET STORAGE PLAIN`)
	ctx := context.Background()
	write := func(i int) error {
		_, err := s.Update(ctx, func(tx store.Tx) error { return tx.Put(ctx, fmt.Sprint("k", i), make([]byte, 7000)) })
		return err
	}
	n := 0
	for ; n < 1000; n++ {
		if err = write(n); err != nil {
			break
		}
	}
	if !errors.Is(err, store.ErrFull) || n == 0 {
		t.Fatalf("after %d records: %v, want ErrFull", n, err)
	}
	items, err := s.List(ctx, store.Range{Prefix: "k"})
	if err != nil || len(items) != n {
		t.Errorf("List: %d records, %v, want %d", len(items), err, n)
	}
	if rev, err := s.Revision(ctx); err != nil || rev != int64(n) {
		t.Errorf("revision %d, %v, want %d", rev, err, n)
	}
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT, "size=8m"); err != nil {
		t.Fatal(err)
	}
	if err := write(n); err != nil {
		t.Errorf("with room: %v", err)
	}
}
