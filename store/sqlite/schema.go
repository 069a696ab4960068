package sqlite

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"
)

// migrations bring a database from schema version i to i+1. Those that have been
// released are not changed.
var migrations = []string{
	`CREATE TABLE record (key BLOB PRIMARY KEY, value BLOB NOT NULL, rev INTEGER NOT NULL) WITHOUT ROWID;
	 CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
	 INSERT INTO meta (name, value) VALUES ('rev', 0);`,
}

// applicationID marks the file as ours ("bztn"). SQLite keeps it, like the
// schema version, in the file's header.
// https://sqlite.org/pragma.html#pragma_application_id
const applicationID = 0x627a746e

// schema returns the schema version of a database, 0 for an empty one.
func (c *conn) schema(path string, known int) (int64, error) {
	id, err := c.value("PRAGMA application_id")
	if err != nil {
		return 0, err
	}
	version, err := c.value("PRAGMA user_version")
	if err != nil {
		return 0, err
	}
	tables, err := c.value("SELECT count(*) FROM sqlite_schema")
	if err != nil {
		return 0, err
	}
	switch v := version.(int64); {
	case tables.(int64) == 0 && v == 0:
		return 0, nil
	case id.(int64) != applicationID:
		return 0, fmt.Errorf("store: %s is a SQLite database, but not one of bartizan's", path)
	case v > int64(known):
		return 0, fmt.Errorf("store: %s was written by a newer bartizan (its schema is %d, this one knows %d): run that version, or restore a backup that this one made", path, v, known)
	default:
		return v, nil
	}
}

// migrate brings the schema up to date. Before a database that holds data is
// changed, a snapshot of it is written beside it.
func (s *Store) migrate(migrations []string) error {
	version, err := s.writer.schema(s.path, len(migrations))
	if err != nil || version == int64(len(migrations)) {
		return err
	}
	if version > 0 {
		snapshot := fmt.Sprintf("%s.schema-%d.%s", s.path, version, time.Now().UTC().Format("20060102T150405Z"))
		if err := s.writer.snapshot(context.Background(), snapshot); err != nil {
			return fmt.Errorf("store: no migration without a snapshot before it: %w", err)
		}
	}
	for i := version; i < int64(len(migrations)); i++ {
		err := s.writer.script(fmt.Sprintf("BEGIN IMMEDIATE; %s; PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT", migrations[i], applicationID, i+1))
		if err != nil {
			return errors.Join(fmt.Errorf("store: migrating %s to schema %d: %w", filepath.Base(s.path), i+1, err), s.writer.script("ROLLBACK"))
		}
	}
	return nil
}
