package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"bartizan.dev/server"
)

// client talks to the admin socket of a server in a data directory. The
// socket's permissions are its authentication.
type client struct {
	http http.Client
	path string
}

func dial(data string) *client {
	path := filepath.Join(data, server.AdminSocket)
	return &client{path: path, http: http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", path)
		},
	}}}
}

var errNotRunning = errors.New("no server runs here")

func (c *client) do(ctx context.Context, method, path string, query url.Values, out any) error {
	return c.send(ctx, method, path, query, nil, out)
}

// maxAnswer bounds what a server may say, in bytes.
const maxAnswer = 16 << 20

func (c *client) send(ctx context.Context, method, path string, query url.Values, in io.Reader, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, "http://admin"+path+"?"+query.Encode(), in)
	if err != nil {
		return err
	}
	res, err := c.http.Do(req)
	if errors.Is(err, os.ErrPermission) {
		return fmt.Errorf("%s: not allowed: run as the user that runs the server", c.path)
	} else if err != nil {
		return fmt.Errorf("%w: %s does not answer: start one with bartizan serve, or name its directory with --data", errNotRunning, c.path)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the server says: %s", body)
	}
	return json.Unmarshal(body, out)
}

func (c *client) status(ctx context.Context) (st server.Status, err error) {
	return st, c.do(ctx, "GET", "/status", nil, &st)
}

func (c *client) advance(ctx context.Context, d time.Duration) (now time.Time, err error) {
	return now, c.do(ctx, "POST", "/advance", url.Values{"by": {d.String()}}, &now)
}

func (c *client) backup(ctx context.Context, path string) error {
	var ok bool
	return c.do(ctx, "POST", "/backup", url.Values{"path": {path}}, &ok)
}

func (c *client) rotate(ctx context.Context) (n int, err error) {
	return n, c.do(ctx, "POST", "/rotate", nil, &n)
}
