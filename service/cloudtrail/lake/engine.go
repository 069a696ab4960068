package lake

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Source has the events of a store that may be of a time, each a whole record,
// which is the reader's until the next one. A zero time is no bound; events of
// other times are passed over by whoever asks.
type Source func(ctx context.Context, store string, from, to time.Time) iter.Seq2[[]byte, error]

// Engine runs statements. It may be used concurrently.
type Engine struct {
	driver *sqlite.Driver
	runs   sync.Map // number of a run → *run
	last   atomic.Uint64
}

// run is what the tables of one connection read.
type run struct {
	ctx     context.Context
	source  Source
	scanned int64
	bytes   int64
	err     error // what ended the run: SQLite only knows its text
}

// Stats is what a run has read.
type Stats struct{ Events, Bytes int64 }

// New returns an engine with a clock.
func New(now func() time.Time) (*Engine, error) {
	e := &Engine{driver: new(sqlite.Driver)}
	return e, errors.Join(register(e.driver, now), e.driver.RegisterModule(moduleName, &module{e}))
}

// dsn is a database of its own in memory. What does not fit into the cache of a
// connection is spilled to unlinked files of the temporary directory.
const dsn = "file::memory:?_dqs=0&_pragma=temp_store(FILE)&_pragma=cache_size(-8192)&_pragma=case_sensitive_like(ON)&_pragma=trusted_schema(OFF)"

type connector struct{ driver *sqlite.Driver }

func (c connector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(dsn) }
func (c connector) Driver() driver.Driver                        { return c.driver }

// limits are SQLite's for strangers' statements.
// https://sqlite.org/c3ref/c_limit_attached.html
var limits = map[int]int{
	sqlite3.SQLITE_LIMIT_LENGTH: 4 << 20, sqlite3.SQLITE_LIMIT_SQL_LENGTH: 4 * MaxStatement, sqlite3.SQLITE_LIMIT_COLUMN: 200,
	sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 200, sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 20, sqlite3.SQLITE_LIMIT_VDBE_OP: 100_000,
	sqlite3.SQLITE_LIMIT_FUNCTION_ARG: 32, sqlite3.SQLITE_LIMIT_ATTACHED: 0, sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 1000,
	sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,
}

// connect opens a connection on which a statement can read the tables of its
// stores and do nothing else.
func (e *Engine) connect(ctx context.Context, st *Statement, r *run) (conn *sql.Conn, done func(), err error) {
	id := e.last.Add(1)
	e.runs.Store(id, r)
	db := sql.OpenDB(connector{e.driver})
	db.SetMaxOpenConns(1)
	done = func() {
		if conn != nil {
			_ = conn.Close() // the database in memory goes with it
		}
		_ = db.Close()
		e.runs.Delete(id)
	}
	defer func() {
		if err != nil {
			done()
		}
	}()
	if conn, err = db.Conn(ctx); err != nil {
		return nil, nil, err
	}
	for _, name := range st.Stores {
		if _, err := conn.ExecContext(ctx, fmt.Sprintf("CREATE VIRTUAL TABLE %q USING %s(%d)", name, moduleName, id)); err != nil {
			return nil, nil, err
		}
	}
	for limit, n := range limits {
		if _, err := sqlite.Limit(conn, limit, n); err != nil {
			return nil, nil, err
		}
	}
	err = conn.Raw(func(c any) error {
		return c.(sqlite.AuthorizerRegisterer).RegisterAuthorizer(allow(st))
	})
	return conn, done, err
}

// allow lets a statement read the tables that it names, and call functions.
// https://sqlite.org/c3ref/set_authorizer.html
func allow(st *Statement) sqlite.AuthorizerFn {
	tables := map[string]bool{"json_each": true, "json_tree": true}
	for _, name := range st.Stores {
		tables[name] = true
	}
	return func(action sqlite.AuthorizerActionCode, table, function, database, _ string) sqlite.AuthorizerReturnCode {
		switch action {
		case sqlite.AuthSelect, sqlite.AuthRecursive:
			return sqlite.AuthorizerOK
		case sqlite.AuthRead:
			if tables[strings.ToLower(table)] || database == "" { // what is of no database was named WITH … AS
				return sqlite.AuthorizerOK
			}
		case sqlite.AuthFunction:
			switch strings.ToLower(function) {
			case "load_extension", "fts3_tokenizer":
			default:
				return sqlite.AuthorizerOK
			}
		}
		return sqlite.AuthorizerDeny
	}
}

// Check reports why SQLite does not understand a statement.
func (e *Engine) Check(ctx context.Context, st *Statement) error {
	conn, done, err := e.connect(ctx, st, &run{ctx: ctx})
	if err != nil {
		return err
	}
	defer done()
	s, err := conn.PrepareContext(ctx, st.Text)
	if err != nil {
		return plainly(err)
	}
	return s.Close()
}

// Run runs a statement and calls row for each row of its results, until that
// returns an error.
func (e *Engine) Run(ctx context.Context, st *Statement, parameters []string, source Source, row func(columns []string, values []*string) error) (Stats, error) {
	r := &run{ctx: ctx, source: source}
	conn, done, err := e.connect(ctx, st, r)
	if err != nil {
		return Stats{}, err
	}
	defer done()
	err = r.query(ctx, conn, st, parameters, row)
	switch {
	case ctx.Err() != nil:
		err = ctx.Err()
	case r.err != nil:
		err = r.err
	}
	return Stats{r.scanned, r.bytes}, err
}

func (r *run) query(ctx context.Context, conn *sql.Conn, st *Statement, parameters []string, row func([]string, []*string) error) error {
	args := make([]any, len(parameters))
	for i := range parameters {
		args[i] = parameters[i]
	}
	rows, err := conn.QueryContext(ctx, st.Text, args...)
	if err != nil {
		return plainly(err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells
	names, err := rows.Columns()
	if err != nil {
		return err
	}
	types, err := rows.ColumnTypes()
	if err != nil {
		return err
	}
	cells, pointers, values := make([]any, len(names)), make([]any, len(names)), make([]*string, len(names))
	for i := range names {
		names[i], pointers[i] = label(names[i], i), &cells[i]
	}
	for rows.Next() {
		if err := rows.Scan(pointers...); err != nil {
			return err
		}
		for i, c := range cells {
			if n, ok := c.(int64); ok && types[i].DatabaseTypeName() == "BOOLEAN" {
				c = n != 0
			}
			values[i] = shown(c)
		}
		if err := row(names, values); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return plainly(err)
	}
	return nil
}

// shown is a value as results have it; NULL is none.
func shown(v any) *string {
	var s string
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		s = v
	case []byte:
		s = string(v)
	case int64:
		s = strconv.FormatInt(v, 10)
	case bool:
		s = strconv.FormatBool(v)
	case float64:
		if s = strconv.FormatFloat(v, 'f', -1, 64); !strings.ContainsAny(s, ".IN") {
			s += ".0" // as Presto writes a double
		}
	default:
		s = fmt.Sprint(v)
	}
	return &s
}

// Error is what a statement's author has to be told.
type Error struct{ Text string }

func (e *Error) Error() string { return e.Text }

// plainly takes SQLite's own words out of an error of its driver.
func plainly(err error) error {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return err
	}
	text := strings.TrimPrefix(e.Error(), "SQL logic error: ")
	if i := strings.LastIndex(text, " ("); i > 0 {
		text = text[:i]
	}
	return &Error{strings.ReplaceAll(text, `"`, "'")}
}
