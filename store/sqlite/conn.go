package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"bartizan.dev/store"
)

// A conn is one connection with its prepared statements. It speaks to the driver
// directly: database/sql would cost more than the query. Queries run without the
// caller's context for the same reason; they are short. One goroutine uses it at a
// time.
type conn struct {
	conn driver.Conn
	stmt [nStatements]stmt
	args [3]driver.NamedValue
}

// stmt is what the driver's statements are.
type stmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

type statement int

const (
	get statement = iota
	list
	listTo // with an upper bound
	put
	del
	setRev
	begin
	commit
	rollback
	nStatements
)

var statements = [nStatements]string{
	get:      `SELECT value, rev FROM record WHERE key = ?`,
	list:     `SELECT key, value, rev FROM record WHERE key >= ? ORDER BY key LIMIT ?`,
	listTo:   `SELECT key, value, rev FROM record WHERE key >= ? AND key < ? ORDER BY key LIMIT ?`,
	put:      `REPLACE INTO record (key, value, rev) VALUES (?, ?, ?)`,
	del:      `DELETE FROM record WHERE key = ?`,
	setRev:   `UPDATE meta SET value = ? WHERE name = 'rev'`,
	begin:    `BEGIN IMMEDIATE`,
	commit:   `COMMIT`,
	rollback: `ROLLBACK`,
}

// dial opens a connection with a page cache of at most cache KiB.
func dial(path string, cache int) (*conn, error) {
	q := url.Values{}
	for _, pragma := range []string{
		"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)",
		"cache_size(-" + strconv.Itoa(cache) + ")",
		// Checkpoints run within a commit: rarer is faster, until the log is too
		// long to be read quickly at the next start. 4000 pages are 16 MiB.
		"wal_autocheckpoint(4000)", "journal_size_limit(67108864)",
		"temp_store(MEMORY)", "trusted_schema(OFF)", "cell_size_check(ON)",
		// What is deleted is overwritten: wrapped keys must not lie in free pages.
		// https://sqlite.org/pragma.html#pragma_secure_delete
		"secure_delete(ON)",
	} {
		q.Add("_pragma", pragma)
	}
	c, err := new(sqlite.Driver).Open("file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode())
	if err != nil {
		return nil, fmt.Errorf("store: opening %s: %w", path, mapped(err))
	}
	return &conn{conn: c}, nil
}

// prepare prepares the statements, once the tables are there.
func (c *conn) prepare() (err error) {
	for i, query := range statements {
		if c.stmt[i], err = c.compile(query); err != nil {
			return err
		}
	}
	return nil
}

func (c *conn) compile(query string) (stmt, error) {
	s, err := c.conn.Prepare(query)
	if err != nil {
		return nil, mapped(err)
	}
	return s.(stmt), nil
}

func (c *conn) close() error {
	var errs []error
	for _, stmt := range c.stmt {
		if stmt != nil {
			errs = append(errs, stmt.Close())
		}
	}
	return errors.Join(append(errs, c.conn.Close())...)
}

// exec runs a statement.
func (c *conn) exec(s statement, args ...driver.Value) error {
	_, err := c.stmt[s].ExecContext(context.Background(), c.named(args))
	return mapped(err)
}

// named lends the connection's room for arguments.
func (c *conn) named(args []driver.Value) []driver.NamedValue {
	for i, v := range args {
		c.args[i] = driver.NamedValue{Ordinal: i + 1, Value: v}
	}
	return c.args[:len(args)]
}

// script runs any SQL.
func (c *conn) script(query string) error {
	s, err := c.compile(query)
	if err != nil {
		return err
	}
	_, err = s.ExecContext(context.Background(), nil)
	return mapped(errors.Join(err, s.Close()))
}

// value returns the first column of the first row of a query.
func (c *conn) value(query string) (_ driver.Value, err error) {
	s, err := c.compile(query)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	rows, err := s.QueryContext(context.Background(), nil)
	if err != nil {
		return nil, mapped(err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	row := make([]driver.Value, len(rows.Columns()))
	if err := rows.Next(row); err != nil {
		return nil, mapped(err)
	}
	return row[0], nil
}

func (c *conn) get(key string) (store.Item, error) {
	rows, err := c.stmt[get].QueryContext(context.Background(), c.named([]driver.Value{[]byte(key)}))
	if err != nil {
		return store.Item{}, mapped(err)
	}
	var row [2]driver.Value
	err = rows.Next(row[:])
	if cerr := rows.Close(); err == nil {
		err = cerr
	}
	if err == io.EOF {
		return store.Item{}, store.ErrNotFound
	} else if err != nil {
		return store.Item{}, mapped(err)
	}
	return store.Item{Key: key, Value: blob(row[0]), Rev: row[1].(int64)}, nil
}

func (c *conn) list(r store.Range) (items []store.Item, err error) {
	from, limit := r.Prefix, int64(-1)
	if r.After != "" {
		from = max(from, r.After+"\x00") // the least key above After
	}
	if r.Limit > 0 {
		limit = int64(r.Limit)
	}
	s, args := list, []driver.Value{[]byte(from), limit}
	if to := above(r.Prefix); to != nil {
		s, args = listTo, []driver.Value{[]byte(from), to, limit}
	}
	rows, err := c.stmt[s].QueryContext(context.Background(), c.named(args))
	if err != nil {
		return nil, mapped(err)
	}
	defer func() { err = errors.Join(err, mapped(rows.Close())) }()
	var row [3]driver.Value
	for {
		if err := rows.Next(row[:]); err == io.EOF {
			return items, nil
		} else if err != nil {
			return nil, mapped(err)
		}
		items = append(items, store.Item{Key: string(blob(row[0])), Value: blob(row[1]), Rev: row[2].(int64)})
	}
}

// blob returns a column's bytes, which the driver has copied.
func blob(v driver.Value) []byte {
	b, _ := v.([]byte)
	return b
}

// above returns the least key above all that begin with prefix, or nil when
// there is none.
func above(prefix string) []byte {
	b := []byte(prefix)
	for len(b) > 0 && b[len(b)-1] == 0xff {
		b = b[:len(b)-1]
	}
	if len(b) == 0 {
		return nil
	}
	b[len(b)-1]++
	return b
}

// mapped turns SQLite's errors into the store's.
// https://sqlite.org/rescode.html
func mapped(err error) error {
	if err == nil || errors.Is(err, store.ErrClosed) {
		return err
	}
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		switch e.Code() {
		case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE:
			return fmt.Errorf("%w: %w", store.ErrFull, err)
		}
	}
	return fmt.Errorf("store: sqlite: %w", err)
}

// lostSync reports whether the disk failed to keep what was written, after which
// nobody knows what it holds: later calls of fsync may well return no error.
func lostSync(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && (e.Code() == sqlite3.SQLITE_IOERR_FSYNC || e.Code() == sqlite3.SQLITE_IOERR_DIR_FSYNC)
}
