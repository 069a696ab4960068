package cli

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"

	"bartizan.dev/server"
)

type hsmCmd struct {
	Tokens hsmTokensCmd `cmd:"" help:"List the tokens of the HSM."`
	User   hsmUserCmd   `cmd:"" help:"Manage the crypto users of CloudHSM clusters."`

	Certificate hsmCertificateCmd `cmd:"" help:"Write a Redshift HSM client certificate and its private key to a file, for the cluster that uses it."`
}

type hsmUserCmd struct {
	Set  hsmUserSetCmd  `cmd:"" help:"Make a cluster's crypto user, or give it a new password."`
	List hsmUserListCmd `cmd:"" help:"List the crypto users of an account's clusters."`
}

type hsmTokensCmd struct{ target }

func (c *hsmTokensCmd) Run(ctx context.Context, env Env) error {
	var tokens []server.Token
	if err := c.client().do(ctx, "GET", "/hsm/tokens", nil, &tokens); err != nil {
		return err
	}
	w := tabwriter.NewWriter(env.Out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "SERIAL\tLABEL\tMODEL\tSTATE")
	for _, t := range tokens {
		state := "without a user"
		switch {
		case !t.Initialized: // whatever else its flags say
			state = "free"
		case t.Locked:
			state = "locked"
		case t.UserPIN:
			state = "ready"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", t.Serial, t.Label, t.Model, state)
	}
	return w.Flush()
}

type hsmPlace struct {
	Account string `help:"Account of the cluster." default:"${account}"`
	Region  string `help:"Region of the cluster." required:""`
	target
}

func (p *hsmPlace) query() url.Values {
	return url.Values{"account": {p.Account}, "region": {p.Region}}
}

type hsmUserSetCmd struct {
	Cluster      string `help:"Id of the cluster." required:"" placeholder:"cluster-…"`
	Name         string `help:"Name of the user; KMS wants kmsuser." default:"kmsuser"`
	PasswordFile string `help:"File with the password, 7 to 32 characters; /dev/stdin reads it from there." required:"" placeholder:"FILE"`
	hsmPlace
}

// Run sends the password over the admin socket: it stands on no command line.
func (c *hsmUserSetCmd) Run(ctx context.Context, env Env) error {
	text, err := os.ReadFile(c.PasswordFile)
	if err != nil {
		return err
	}
	q := c.query()
	q.Set("cluster", c.Cluster)
	q.Set("name", c.Name)
	var user server.HSMUser
	if err := c.client().send(ctx, "POST", "/hsm/user", q, strings.NewReader(strings.TrimRight(string(text), "\r\n")), &user); err != nil {
		return err
	}
	_, err = fmt.Fprintf(env.Out, "%s uses the keys of %s with this password\n", user.Name, user.Cluster)
	return err
}

type hsmUserListCmd struct{ hsmPlace }

func (c *hsmUserListCmd) Run(ctx context.Context, env Env) error {
	var users []server.HSMUser
	if err := c.client().do(ctx, "GET", "/hsm/users", c.query(), &users); err != nil {
		return err
	}
	w := tabwriter.NewWriter(env.Out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "CLUSTER\tUSER")
	for _, u := range users {
		fmt.Fprintf(w, "%s\t%s\n", u.Cluster, u.Name)
	}
	return w.Flush()
}

type hsmCertificateCmd struct {
	ID  string `name:"id" help:"Identifier of the HSM client certificate." required:""`
	Out string `help:"File to write, mode 0600." required:"" placeholder:"FILE"`
	hsmPlace
}

func (c *hsmCertificateCmd) Run(ctx context.Context, env Env) error {
	q := c.query()
	q.Set("id", c.ID)
	var text string
	if err := c.client().do(ctx, "POST", "/hsm/certificate", q, &text); err != nil {
		return err
	}
	f, err := os.OpenFile(c.Out, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := f.WriteString(text); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Close(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(env.Out, "%s holds the certificate and its private key: whoever has it can ask the HSM endpoint\n", c.Out)
	return err
}
