package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"bartizan.dev/server"
)

type doctorCmd struct {
	Data   string `help:"Data directory." default:"${data}" env:"BARTIZAN_DATA"`
	Listen string `help:"Address the endpoint should have." default:"${listen}"`
	JSON   bool   `help:"Print JSON."`
}

// finding is the outcome of one check.
type finding struct {
	Check string `json:"check"`
	State string `json:"state"` // ok, warning, problem
	Found string `json:"found"`
	Fix   string `json:"fix,omitempty"`
}

const (
	ok      = "ok"
	warning = "warning"
	problem = "problem"
)

func (c *doctorCmd) Run(ctx context.Context, env Env) error {
	st, err := dial(c.Data).status(ctx)
	running := err == nil
	findings := []finding{
		c.server(st, running), c.directory(), c.rootKey(), c.space(), c.sync(), c.port(running), c.clock(), c.limits(),
	}
	bad := false
	for _, f := range findings {
		bad = bad || f.State == problem
	}
	if c.JSON {
		e := json.NewEncoder(env.Out)
		e.SetIndent("", "  ")
		if err := e.Encode(findings); err != nil {
			return err
		}
	} else {
		for _, f := range findings {
			fmt.Fprintf(env.Out, "%s %s: %s\n", map[string]string{ok: "✓", warning: "!", problem: "✗"}[f.State], f.Check, f.Found)
			if f.Fix != "" {
				fmt.Fprintf(env.Out, "    %s\n", f.Fix)
			}
		}
	}
	if bad {
		return errSaid
	}
	return nil
}

func (c *doctorCmd) server(st server.Status, running bool) finding {
	switch {
	case !running:
		return finding{"server", warning, "none runs in " + c.Data, "bartizan serve --data " + c.Data}
	case st.Problem != "":
		return finding{"server", problem, "runs at " + st.URL + " but refuses calls: " + st.Problem, "mend what it names; calls are answered again by themselves"}
	}
	return finding{"server", ok, "ready at " + st.URL, ""}
}

func (c *doctorCmd) directory() finding {
	info, err := os.Stat(c.Data)
	switch {
	case os.IsNotExist(err):
		return finding{"data directory", ok, c.Data + " will be made at the first start", ""}
	case err != nil:
		return finding{"data directory", problem, err.Error(), "make it readable for the user that runs the server"}
	case info.Mode().Perm()&0o077 != 0:
		return finding{"data directory", problem, fmt.Sprintf("%s is open to others (%v)", c.Data, info.Mode().Perm()), "chmod 700 " + c.Data}
	}
	return finding{"data directory", ok, c.Data, ""}
}

func (c *doctorCmd) rootKey() finding {
	path := filepath.Join(c.Data, server.RootKeyFile)
	info, err := os.Stat(path)
	if err != nil {
		return finding{"root key", ok, "no key file in the data directory (made at the first start, unless a passphrase, a credential or an HSM holds it)", ""}
	}
	if info.Mode().Perm()&0o077 != 0 {
		return finding{"root key", problem, fmt.Sprintf("%s is open to others (%v)", path, info.Mode().Perm()), "chmod 600 " + path}
	}
	return finding{"root key", ok, path + ": keep a copy of it away from the backups", ""}
}

// existing is the data directory or the nearest directory above it that exists.
func (c *doctorCmd) existing() string {
	dir := c.Data
	for {
		if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}

func (c *doctorCmd) space() finding {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(c.existing(), &fs); err != nil {
		return finding{"disk space", warning, err.Error(), ""}
	}
	free := fs.Bavail * uint64(fs.Bsize) >> 20
	text := fmt.Sprintf("%d MiB free", free)
	switch {
	case free < 128:
		return finding{"disk space", problem, text, "free some: below 64 MiB calls are refused, because they cannot be recorded"}
	case free < 1024:
		return finding{"disk space", warning, text, "plan for more: below 64 MiB calls are refused"}
	}
	return finding{"disk space", ok, text, ""}
}

// sync measures what a durable write costs here.
func (c *doctorCmd) sync() finding {
	f, err := os.CreateTemp(c.existing(), ".bartizan-doctor-*")
	if err != nil {
		return finding{"disk sync", problem, err.Error(), "make the directory writable for the user that runs the server"}
	}
	defer os.Remove(f.Name())
	defer f.Close()
	const rounds = 20
	start := time.Now()
	for range rounds {
		if _, err := f.Write(make([]byte, 4096)); err != nil {
			return finding{"disk sync", problem, err.Error(), ""}
		}
		if err := f.Sync(); err != nil {
			return finding{"disk sync", problem, err.Error(), ""}
		}
	}
	each := time.Since(start) / rounds
	text := fmt.Sprintf("%v for each synced write", each.Round(10*time.Microsecond))
	if each > 20*time.Millisecond {
		return finding{"disk sync", warning, text, "use a faster disk: changes wait for it"}
	}
	return finding{"disk sync", ok, text, ""}
}

func (c *doctorCmd) port(running bool) finding {
	if running {
		return finding{"port", ok, c.Listen + ": see server", ""}
	}
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return finding{"port", problem, err.Error(), "stop what listens there, or choose another address with --listen"}
	}
	if err := l.Close(); err != nil {
		return finding{"port", warning, err.Error(), ""}
	}
	return finding{"port", ok, c.Listen + " is free", ""}
}

// clock looks whether the kernel says that the clock is synchronised: AWS
// clients refuse to work, and signatures fail, when it is 5 minutes off.
func (c *doctorCmd) clock() finding {
	var t syscall.Timex
	state, err := syscall.Adjtimex(&t)
	const unsynchronised = 5 // TIME_ERROR, adjtimex(2)
	switch {
	case err != nil:
		return finding{"clock", warning, "cannot be read: " + err.Error(), ""}
	case state == unsynchronised:
		return finding{"clock", warning, "is not synchronised, it says " + time.Now().UTC().Format(time.RFC3339), "run an NTP client: signatures are refused when clocks differ by 5 minutes"}
	}
	return finding{"clock", ok, "is synchronised", ""}
}

func (c *doctorCmd) limits() finding {
	var lim syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim); err != nil {
		return finding{"open files", warning, err.Error(), ""}
	}
	if lim.Max < 4096 {
		return finding{"open files", warning, strconv.FormatUint(lim.Max, 10) + " allowed", "raise the limit: ulimit -n 65536, or LimitNOFILE= in the unit"}
	}
	return finding{"open files", ok, strconv.FormatUint(lim.Max, 10) + " allowed", ""}
}

// privileged reports whether an address needs a capability to listen on.
func privileged(addr string) bool {
	_, port, err := net.SplitHostPort(addr)
	n, convErr := strconv.Atoi(strings.TrimSpace(port))
	return err == nil && convErr == nil && n < 1024
}
