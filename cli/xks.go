package cli

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"text/tabwriter"

	"bartizan.dev/server"
)

// xksFlags say how the proxies of external key stores are reached.
type xksFlags struct {
	XksCA   string            `name:"xks-ca" help:"File with certificates of authorities that vouch for XKS proxies, beside the system's." placeholder:"FILE"`
	XksDial map[string]string `name:"xks-dial" help:"Where the host of an XKS proxy really is: proxy.example.com=127.0.0.1:8443." placeholder:"HOST=ADDR"`
}

func (f *xksFlags) apply(opt *server.Options) { opt.XKS = server.XKS{CA: f.XksCA, Dial: f.XksDial} }

type xksCmd struct {
	Add    xksAddCmd    `cmd:"" help:"Let a KMS elsewhere use keys that are held here; prints what it needs to know, once."`
	List   xksListCmd   `cmd:"" help:"List the KMSs elsewhere that may use keys here."`
	Remove xksRemoveCmd `cmd:"" help:"End what add began, at once."`
}

type xksAddCmd struct {
	Name   string `arg:"" help:"Name, of a-z, 0-9 and -; it becomes part of the path."`
	User   string `help:"ARN of the IAM user as whom the other KMS acts here: it needs kms:DescribeKey, kms:Encrypt and kms:Decrypt on the keys." required:"" placeholder:"ARN"`
	Region string `help:"Region of the keys." default:"us-east-1"`
	target
}

func (c *xksAddCmd) Run(ctx context.Context, env Env) error {
	var p server.NewProxy
	if err := c.client().do(ctx, "POST", "/xks/add", url.Values{"name": {c.Name}, "user": {c.User}, "region": {c.Region}}, &p); err != nil {
		return err
	}
	_, err := fmt.Fprintf(env.Out, "%s\nThis is the configuration file for the external key store; the secret in it is shown this once.\n"+
		"The proxy's endpoint is this server's, by https. The id of an external key is the id of a key here.\n", p.Configuration)
	return err
}

type xksListCmd struct{ target }

func (c *xksListCmd) Run(ctx context.Context, env Env) error {
	var list []server.Proxy
	if err := c.client().do(ctx, "GET", "/xks", nil, &list); err != nil {
		return err
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tREGION\tUSER\tACCESS KEY\tPATH\tSINCE")
	for _, p := range list {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", p.Name, p.Region, p.User, p.AccessKeyID, p.Path, p.Created.Format("2006-01-02"))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprint(env.Out, b.String())
	return err
}

type xksRemoveCmd struct {
	Name string `arg:"" help:"Name given to add."`
	target
}

func (c *xksRemoveCmd) Run(ctx context.Context, env Env) error {
	var ok bool
	if err := c.client().do(ctx, "POST", "/xks/remove", url.Values{"name": {c.Name}}, &ok); err != nil {
		return err
	}
	_, err := fmt.Fprintf(env.Out, "%s can use no key here any more\n", c.Name)
	return err
}
