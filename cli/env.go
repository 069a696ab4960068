package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// target is the server that a command asks.
type target struct {
	Data string `help:"Data directory of the server." default:"${data}" env:"BARTIZAN_DATA"`
	Dev  bool   `help:"Ask bartizan dev."`
}

func (t *target) client() *client {
	if t.Dev {
		return dial(devData())
	}
	return dial(t.Data)
}

type envCmd struct {
	target `embed:""`
}

func (c *envCmd) Run(ctx context.Context, env Env) error {
	st, err := c.client().status(ctx)
	if err != nil {
		return err
	}
	vars := [][2]string{{"AWS_ENDPOINT_URL", st.URL}, {"AWS_REGION", "us-east-1"}, {"AWS_DEFAULT_REGION", "us-east-1"}}
	if st.Dev {
		vars = append(vars, [2]string{"AWS_ACCESS_KEY_ID", "test"}, [2]string{"AWS_SECRET_ACCESS_KEY", "test"})
	} else if file := filepath.Join(st.Data, "credentials"); exists(file) {
		vars = append(vars, [2]string{"AWS_SHARED_CREDENTIALS_FILE", file}, [2]string{"AWS_PROFILE", "default"})
	}
	if st.Authority != "" {
		vars = append(vars, [2]string{"AWS_CA_BUNDLE", st.Authority})
	}
	fmt.Fprintln(env.Out, "unset AWS_SESSION_TOKEN AWS_SECURITY_TOKEN")
	for _, v := range vars {
		fmt.Fprintf(env.Out, "export %s=%s\n", v[0], quote(v[1]))
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// quote makes s one word for a POSIX shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

type statusCmd struct {
	target `embed:""`
	JSON   bool `help:"Print JSON."`
}

func (c *statusCmd) Run(ctx context.Context, env Env) error {
	st, err := c.client().status(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		e := json.NewEncoder(env.Out)
		e.SetIndent("", "  ")
		return e.Encode(st)
	}
	ready := "ready"
	if st.Problem != "" {
		ready = "NOT READY: " + st.Problem
	}
	fmt.Fprintf(env.Out, "%s\n  endpoint  %s\n  process   %d, up %s\n  data      %s\n  store     %s\n  root key  %s\n",
		ready, st.URL, st.PID, st.Uptime.Round(time.Second), st.Data, st.Store, st.RootKey)
	if st.Dev {
		fmt.Fprintf(env.Out, "  time      %s (development)\n", st.Now.Format(time.RFC3339))
	}
	if st.Problem != "" {
		return errSaid
	}
	return nil
}
