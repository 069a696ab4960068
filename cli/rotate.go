package cli

import (
	"context"
	"fmt"
)

type rotateCmd struct {
	Data string `help:"Data directory of the server." default:"${data}" env:"BARTIZAN_DATA"`
}

// Run asks the running server to rotate its keys.
func (c *rotateCmd) Run(ctx context.Context, env Env) error {
	n, err := dial(c.Data).rotate(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(env.Out, "new root key and barrier key; %d values sealed again\nCopy the root key file again: backups made from now on need the new one,\nand so does every other node on the same database when it starts the next time.\n", n)
	return err
}
