package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"
)

// migrations bring a database from version i to i+1.
var migrations = []string{
	`CREATE TABLE record (key BLOB PRIMARY KEY, value BLOB NOT NULL, rev INTEGER NOT NULL) WITHOUT ROWID;
	 CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
	 INSERT INTO meta (name, value) VALUES ('rev', 0);`,
}

// migrate brings the schema up to date. Before a database that holds data is
// changed, a snapshot of it is written beside it.
func migrate(ctx context.Context, db *sql.DB, path string) error {
	var version int
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return mapped(err)
	}
	switch {
	case version == len(migrations):
		return nil
	case version > len(migrations):
		return fmt.Errorf("store: %s was written by a newer version of bartizan (schema %d; this one knows %d): install that version again, or restore a backup made with this one", path, version, len(migrations))
	case version > 0:
		snapshot := fmt.Sprintf("%s.before-schema-%d.%s", path, len(migrations), time.Now().UTC().Format("20060102T150405"))
		if err := vacuumInto(ctx, db, snapshot); err != nil {
			return fmt.Errorf("store: snapshot before the migration: %w", err)
		}
	}
	for i := version; i < len(migrations); i++ {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return mapped(err)
		}
		if _, err := tx.ExecContext(ctx, migrations[i]+fmt.Sprintf("PRAGMA user_version = %d;", i+1)); err != nil {
			return errors.Join(fmt.Errorf("store: migration to schema %d: %w", i+1, mapped(err)), tx.Rollback())
		}
		if err := tx.Commit(); err != nil {
			return mapped(err)
		}
	}
	return nil
}

// Backup writes a consistent copy of the database to path while the store
// stays in use. path must not exist.
func (s *Store) Backup(ctx context.Context, path string) error {
	return vacuumInto(ctx, s.db, path)
}

func vacuumInto(ctx context.Context, db *sql.DB, path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, "VACUUM INTO '"+strings.ReplaceAll(path, "'", "''")+"'"); err != nil {
		return errors.Join(mapped(err), os.Remove(path))
	}
	return nil
}

// lockFile makes sure that only one process has the database open: SQLite would
// allow more, but then a change of one would not reach the caches of another.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("store: %s is in use by another bartizan: stop it first, or use another --data", strings.TrimSuffix(path, ".lock")), f.Close())
	}
	return f, nil
}
