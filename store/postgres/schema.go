package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// steps lead from an empty schema to ours. A step that was released is never
// changed; a change is another step. Keys are bytea, whose order is that of the
// bytes.
var steps = []string{`
CREATE TABLE record (
	key   bytea  PRIMARY KEY,
	value bytea  NOT NULL,
	rev   bigint NOT NULL
);
CREATE TABLE change (
	rev     bigint  NOT NULL,
	n       bigint  NOT NULL, -- order within a transaction
	key     bytea   NOT NULL,
	deleted boolean NOT NULL,
	PRIMARY KEY (rev, n)
);
-- The one row: the newest revision, and the one after which the log begins.
CREATE TABLE head (
	one   boolean PRIMARY KEY DEFAULT true CHECK (one),
	rev   bigint  NOT NULL,
	floor bigint  NOT NULL
) WITH (fillfactor = 10);
INSERT INTO head (rev, floor) VALUES (0, 0);
-- Locked by whoever writes; always empty, so that nothing else ever locks it.
CREATE TABLE writer ();
`}

// migrationLock is the key of the advisory lock that lets one node at a time
// change the schema: "bartizan" in ASCII.
const migrationLock = 0x62617274697a616e

// migrate makes the schema and brings it up to date. Each step is a transaction
// together with its number.
func (s *Store) migrate(ctx context.Context) error {
	c, err := s.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer c.Release()
	if _, err := c.Exec(ctx, `SET lock_timeout = '60s'; SET statement_timeout = 0`); err != nil {
		return err
	}
	if _, err := c.Exec(ctx, `SELECT pg_advisory_lock($1)`, int64(migrationLock)); err != nil {
		return err
	}
	defer func() {
		// A connection that cannot be put back as it was is not used again.
		if _, err := c.Exec(ctx, `SELECT pg_advisory_unlock($1)`, int64(migrationLock)); err != nil {
			c.Conn().Close(ctx)
		} else if _, err := c.Exec(ctx, `RESET lock_timeout; RESET statement_timeout`); err != nil {
			c.Conn().Close(ctx)
		}
	}()
	if err := s.makeSchema(ctx, c.Conn()); err != nil {
		return err
	}
	var version int
	if err := c.QueryRow(ctx, `SELECT coalesce(max(version), 0) FROM store_version`).Scan(&version); err != nil {
		return err
	}
	if version > len(steps) {
		return fmt.Errorf("the schema %q is of version %d, this program knows version %d: run the newer program, or restore a backup made with this one",
			s.opt.Schema, version, len(steps))
	}
	for i := version; i < len(steps); i++ {
		err := pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, steps[i]); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, `INSERT INTO store_version (version) VALUES ($1)`, i+1)
			return err
		})
		if err != nil {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
	}
	return nil
}

// makeSchema makes the schema and the table of versions. A user who may not
// make schemas can be given one.
func (s *Store) makeSchema(ctx context.Context, c *pgx.Conn) error {
	var exists bool
	if err := c.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)`, s.opt.Schema).Scan(&exists); err != nil {
		return err
	}
	var err error
	if !exists {
		_, err = c.Exec(ctx, `CREATE SCHEMA `+pgx.Identifier{s.opt.Schema}.Sanitize())
	}
	_, err2 := c.Exec(ctx, `CREATE TABLE IF NOT EXISTS store_version (version int PRIMARY KEY, applied timestamptz NOT NULL DEFAULT now())`)
	return errors.Join(err, err2)
}
