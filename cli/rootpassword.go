package cli

import (
	"context"
	"fmt"
	"net/url"
)

type rootPasswordCmd struct {
	Account string `help:"Account whose root user gets the password." default:"${account}"`
	target
}

// Run has the running server make a password, so that none stands on a command
// line.
func (c *rootPasswordCmd) Run(ctx context.Context, env Env) error {
	password, err := c.client().rootPassword(ctx, c.Account)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(env.Out, "the root user of account %s signs in with the password\n  %s\nIt is shown this once.\n", c.Account, password)
	return err
}

func (c *client) rootPassword(ctx context.Context, account string) (password string, err error) {
	return password, c.do(ctx, "POST", "/root-password", url.Values{"account": {account}}, &password)
}
