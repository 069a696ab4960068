package executor

import (
	"context"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// login is what a secret says of a database.
type login struct {
	host, database string
	port           uint16
	user, password string
	ssl            string // sslmode
}

// loginOf reads a secret of AWS's structure. Without the member ssl TLS is used
// if the server has it; with true it must have a valid certificate.
func loginOf(value map[string]any) (*login, error) {
	l := &login{port: 5432, database: "postgres", ssl: "prefer"}
	if engine, ok := value["engine"].(string); ok && engine != "postgres" && engine != "aurora-postgresql" {
		return nil, errors.New("the engine of the secret is not postgres")
	}
	var err error
	if l.host, err = text(value, "host"); err != nil {
		return nil, err
	}
	// Neither a Unix socket of the server's machine nor several hosts.
	if strings.ContainsAny(l.host, "/,@\\ \t\n\x00") || strings.HasPrefix(l.host, "%") {
		return nil, errors.New("the host of the secret is not the name or address of a host")
	}
	if l.user, err = text(value, "username"); err != nil {
		return nil, err
	}
	if l.password, err = text(value, "password"); err != nil {
		return nil, err
	}
	if name, ok := value["dbname"].(string); ok && name != "" {
		l.database = name
	}
	if err := l.setPort(value["port"]); err != nil {
		return nil, err
	}
	switch ssl := value["ssl"].(type) {
	case bool:
		l.ssl = map[bool]string{true: "verify-full", false: "disable"}[ssl]
	case string:
		l.ssl = map[bool]string{true: "verify-full", false: "disable"}[strings.EqualFold(ssl, "true")]
	}
	return l, nil
}

func (l *login) setPort(port any) error {
	number := float64(l.port)
	switch p := port.(type) {
	case nil:
	case float64:
		number = p
	case string:
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil {
			return errors.New("the port of the secret is not a number")
		}
		number = float64(n)
	default:
		return errors.New("the port of the secret is not a number")
	}
	if number < 1 || number > math.MaxUint16 || number != math.Trunc(number) {
		return errors.New("the port of the secret is not a number")
	}
	l.port = uint16(number)
	return nil
}

const connectTime = 20 * time.Second

// connect logs in. Everything that pgx would take from the environment is given.
// Its errors name host, user and database, never a password.
func (l *login) connect(ctx context.Context) (*pgx.Conn, error) {
	to := url.URL{
		Scheme: "postgres", User: url.UserPassword(l.user, l.password), Host: net.JoinHostPort(l.host, strconv.Itoa(int(l.port))), Path: "/" + l.database,
		RawQuery: url.Values{"sslmode": {l.ssl}, "application_name": {"bartizan-rotation"}, "connect_timeout": {"20"}, "passfile": {"/dev/null"},
			"sslcert": {""}, "sslkey": {""}, "sslrootcert": {""}, "target_session_attrs": {"any"}}.Encode(),
	}
	config, err := pgx.ParseConfig(to.String())
	if err != nil {
		return nil, errors.New("the secret does not describe a connection")
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	config.DialFunc = (&net.Dialer{Timeout: connectTime, Control: control}).DialContext
	ctx, stop := context.WithTimeout(ctx, connectTime)
	defer stop()
	conn, err := pgx.ConnectConfig(ctx, config)
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return nil, fmt.Errorf("the database refuses the user %s: %s (SQLSTATE %s)", l.user, e.Message, e.Code)
	} else if err != nil {
		return nil, fmt.Errorf("the database at %s cannot be reached: %w", l.host, bare(err))
	}
	return conn, nil
}

// bare leaves of an error of pgx what the network says.
func bare(err error) error {
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return e
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return context.DeadlineExceeded
	}
	return errors.New("it does not speak as expected, or has no certificate that is trusted")
}

// control refuses addresses at which machines answer that are no databases: of
// the link, where clouds serve credentials, and of many hosts.
func control(_, address string, _ syscall.RawConn) error {
	a, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	if ip := a.Addr().Unmap(); ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified() {
		return fmt.Errorf("the address %s is not one of a database", ip)
	}
	return nil
}

// works logs in and asks something.
func (l *login) works(ctx context.Context) error {
	conn, err := l.connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	return query(ctx, conn, "SELECT now()")
}

// query runs a statement whose error must not quote it.
func query(ctx context.Context, conn *pgx.Conn, sql string) error {
	ctx, stop := context.WithTimeout(ctx, connectTime)
	defer stop()
	_, err := conn.Exec(ctx, sql)
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return fmt.Errorf("the database refuses the change (SQLSTATE %s)", e.Code)
	} else if err != nil {
		return errors.New("the connection to the database broke off")
	}
	return nil
}

func setPassword(ctx context.Context, conn *pgx.Conn, user, password string) error {
	v, err := verifier(password)
	if err != nil {
		return err
	}
	return query(ctx, conn, "ALTER USER "+pgx.Identifier{user}.Sanitize()+" WITH PASSWORD '"+v+"'")
}

// setClone makes the user clone with the rights of another, or changes its
// password.
func setClone(ctx context.Context, conn *pgx.Conn, user, clone, password string) error {
	var exists bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = $1)", clone).Scan(&exists); err != nil {
		return errors.New("the superuser cannot read pg_roles")
	}
	if exists {
		return setPassword(ctx, conn, clone, password)
	}
	v, err := verifier(password)
	if err != nil {
		return err
	}
	name := pgx.Identifier{clone}.Sanitize()
	tx, err := conn.Begin(ctx)
	if err != nil {
		return errors.New("the connection to the database broke off")
	}
	defer tx.Rollback(ctx) //nolint:errcheck // after Commit it has no effect
	if err := query(ctx, conn, "CREATE USER "+name+" WITH PASSWORD '"+v+"'"); err != nil {
		return err
	}
	if err := query(ctx, conn, "GRANT "+pgx.Identifier{user}.Sanitize()+" TO "+name); err != nil {
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		return errors.New("the connection to the database broke off")
	}
	return nil
}

const rounds = 4096 // PostgreSQL's own

// verifier is what PostgreSQL keeps of a password. The password itself is not
// sent, so no log of the database's can hold it.
// https://www.postgresql.org/docs/current/protocol-sasl.html
// RFC 5802, section 3; RFC 7677
func verifier(password string) (string, error) {
	for i := range len(password) {
		if password[i] < ' ' || password[i] > '~' { // SASLprep leaves the rest as it is
			return "", errors.New("the password has characters other than printable ASCII")
		}
	}
	salt := make([]byte, 16)
	rand.Read(salt) // never fails: see crypto/rand
	salted, err := pbkdf2.Key(sha256.New, password, salt, rounds, sha256.Size)
	if err != nil {
		return "", err
	}
	sum := func(label string) []byte {
		m := hmac.New(sha256.New, salted)
		m.Write([]byte(label))
		return m.Sum(nil)
	}
	stored := sha256.Sum256(sum("Client Key"))
	b := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", rounds, b(salt), b(stored[:]), b(sum("Server Key"))), nil
}
