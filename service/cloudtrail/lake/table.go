package lake

import (
	"encoding/json"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"modernc.org/sqlite/vtab"
)

const moduleName = "event_data_store"

type columnKind uint8

const (
	plainText columnKind = iota
	boolean
	structure
	moment // a time
	whole  // the record itself
)

type column struct {
	name string
	kind columnKind
}

// columns are those of the schema for CloudTrail events.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/query-supported-event-schemas.html
var columns = []column{
	{"eventVersion", plainText}, {"userIdentity", structure}, {"eventTime", moment}, {"eventSource", plainText}, {"eventName", plainText},
	{"awsRegion", plainText}, {"sourceIPAddress", plainText}, {"userAgent", plainText}, {"errorCode", plainText}, {"errorMessage", plainText},
	{"requestParameters", structure}, {"responseElements", structure}, {"additionalEventData", structure}, {"requestID", plainText},
	{"eventID", plainText}, {"readOnly", boolean}, {"resources", structure}, {"eventType", plainText}, {"apiVersion", plainText},
	{"managementEvent", boolean}, {"recipientAccountId", plainText}, {"sharedEventID", plainText}, {"annotation", structure},
	{"vpcEndpointId", plainText}, {"vpcEndpointAccountId", plainText}, {"serviceEventDetails", structure}, {"addendum", structure},
	{"edgeDeviceDetails", structure}, {"insightDetails", structure}, {"eventCategory", plainText}, {"tlsDetails", structure},
	{"sessionCredentialFromConsole", plainText}, {"eventJson", whole},
}

// timeColumn is the place of eventTime.
const timeColumn = 2

// schema is the declaration of every table.
func schema() string {
	var b strings.Builder
	for i, c := range columns {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(c.name)
		switch c.kind {
		case boolean:
			b.WriteString(" BOOLEAN")
		case moment:
			b.WriteString(" TEXT COLLATE " + collation)
		default:
			b.WriteString(" TEXT")
		}
	}
	return "CREATE TABLE events(" + b.String() + ")"
}

// module makes the tables of a connection.
type module struct{ engine *Engine }

func (m *module) Connect(ctx vtab.Context, args []string) (vtab.Table, error) {
	return m.Create(ctx, args)
}

// Create gets module, database, table and the number of the run.
func (m *module) Create(ctx vtab.Context, args []string) (vtab.Table, error) {
	if len(args) != 4 {
		return nil, fmt.Errorf("%d arguments", len(args))
	}
	id, err := strconv.ParseUint(args[3], 10, 64)
	r, ok := m.engine.runs.Load(id)
	if err != nil || !ok {
		return nil, fmt.Errorf("no run %q", args[3])
	}
	return &table{r.(*run), strings.Trim(args[2], `"`)}, ctx.Declare(schema())
}

// table is an event data store.
type table struct {
	run   *run
	store string
}

// BestIndex takes the bounds of eventTime, so that no older and no newer events
// are read than need be. SQLite checks them again.
func (t *table) BestIndex(info *vtab.IndexInfo) error {
	n := 0
	var plan strings.Builder
	for i := range info.Constraints {
		c := &info.Constraints[i]
		c.ArgIndex = -1
		if c.Column != timeColumn || !c.Usable {
			continue
		}
		switch c.Op {
		case vtab.OpGT, vtab.OpGE:
			plan.WriteByte('>')
		case vtab.OpLT, vtab.OpLE:
			plan.WriteByte('<')
		case vtab.OpEQ:
			plan.WriteByte('=')
		default:
			continue
		}
		c.ArgIndex = n
		n++
	}
	info.IdxStr = plan.String()
	info.EstimatedRows, info.EstimatedCost = 1_000_000>>min(n, 4), float64(int(1_000_000)>>min(n, 4))
	return nil
}

func (t *table) Open() (vtab.Cursor, error) { return &cursor{table: t}, nil }
func (t *table) Disconnect() error          { return nil }
func (t *table) Destroy() error             { return nil }

// cursor reads a store once.
type cursor struct {
	table *table
	next  func() ([]byte, error, bool)
	stop  func()
	event []byte
	row   map[string]json.RawMessage // the event, once a column of it was asked for
	id    int64
	eof   bool
}

func (c *cursor) Filter(_ int, plan string, vals []vtab.Value) error {
	var from, to time.Time
	for i, v := range vals {
		text, _ := textOf(v)
		t, ok := parseTime(text)
		if !ok || i >= len(plan) {
			continue
		}
		if plan[i] != '<' && (from.IsZero() || t.After(from)) {
			from = t
		}
		if plan[i] != '>' && (to.IsZero() || t.Before(to)) {
			to = t
		}
	}
	if err := c.Close(); err != nil {
		return err
	}
	c.next, c.stop = iter.Pull2(c.table.run.source(c.table.run.ctx, c.table.store, from, to))
	c.eof, c.id = false, 0
	return c.Next()
}

func (c *cursor) Next() error {
	r := c.table.run
	err := r.ctx.Err()
	ok := false
	if err == nil {
		c.event, err, ok = c.next()
	}
	if err != nil {
		r.err = err
		return err
	}
	if c.row = nil; !ok {
		c.eof = true
		return nil
	}
	c.id++
	r.scanned++
	r.bytes += int64(len(c.event))
	return nil
}

func (c *cursor) Eof() bool             { return c.eof }
func (c *cursor) Rowid() (int64, error) { return c.id, nil }

func (c *cursor) Close() error {
	if c.stop != nil {
		c.stop()
	}
	c.stop, c.eof = nil, true
	return nil
}

func (c *cursor) Column(i int) (vtab.Value, error) {
	if i < 0 || i >= len(columns) {
		return nil, nil
	}
	col := &columns[i]
	if col.kind == whole {
		return string(c.event), nil
	}
	if c.row == nil {
		c.row = make(map[string]json.RawMessage, 32)
		if json.Unmarshal(c.event, &c.row) != nil {
			return nil, nil // what is no record has no columns
		}
	}
	raw, ok := c.row[col.name]
	if !ok {
		return nil, nil
	}
	v := plain(raw)
	switch col.kind {
	case boolean:
		switch v {
		case "true":
			return int64(1), nil
		case "false":
			return int64(0), nil
		}
		return nil, nil
	case moment:
		if s, ok := v.(string); ok {
			if t, ok := parseTime(s); ok {
				return t.Format(layout), nil
			}
		}
		return nil, nil
	}
	return v, nil
}
