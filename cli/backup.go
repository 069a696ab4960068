package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"bartizan.dev/server"
)

type backupCmd struct {
	File string `arg:"" help:"Where to write the backup, a tar file that must not exist." type:"path"`
	Data string `help:"Data directory." default:"${data}" env:"BARTIZAN_DATA"`
}

// Run asks the running server for a backup, or opens the data itself.
func (c *backupCmd) Run(ctx context.Context, env Env) error {
	path, err := filepath.Abs(c.File)
	if err != nil {
		return err
	}
	err = dial(c.Data).backup(ctx, path)
	if errors.Is(err, errNotRunning) {
		err = c.offline(ctx, path)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(env.Out, "wrote %s\nThe root key is not in it. Keep a copy of %s somewhere else: without it the backup cannot be read.\n",
		path, filepath.Join(c.Data, server.RootKeyFile))
	return err
}

func (c *backupCmd) offline(ctx context.Context, path string) (err error) {
	s, err := server.Open(ctx, server.Options{Data: c.Data, Existing: true, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return s.Backup(ctx, path)
}

type restoreCmd struct {
	File    string `arg:"" help:"The backup." type:"existingfile"`
	Data    string `help:"Data directory to make; it must be empty or missing." default:"${data}" env:"BARTIZAN_DATA"`
	RootKey string `help:"Copy of the root key file that belongs to the backup." type:"existingfile" placeholder:"FILE"`
}

func (c *restoreCmd) Run(ctx context.Context, env Env) error {
	if err := server.Restore(ctx, c.File, c.Data, c.RootKey); err != nil {
		return err
	}
	fmt.Fprintln(env.Out, "restored into", c.Data)
	if c.RootKey == "" {
		fmt.Fprintf(env.Out, "Next: put the root key that belongs to it at %s, mode 0600.\n", filepath.Join(c.Data, server.RootKeyFile))
	}
	_, err := fmt.Fprintf(env.Out, "Then: %s serve --data %s\n", env.program(), c.Data)
	return err
}
