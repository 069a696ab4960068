package cli

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"bartizan.dev/arn"
	"bartizan.dev/policy/generate"
)

type policyGenerateCmd struct {
	Files     []string  `arg:"" type:"path" help:"CloudTrail files (.json, .json.gz, JSON lines, LookupEvents' answers), folders of them, or - for standard input."`
	Principal string    `help:"ARN of the user, role or session whose events count; without it, everybody's." placeholder:"ARN"`
	From      time.Time `help:"Only events at this time or later, such as 2026-01-02T00:00:00Z." format:"2006-01-02T15:04:05Z07:00"`
	To        time.Time `help:"Only events before this time." format:"2006-01-02T15:04:05Z07:00"`
	Exact     bool      `help:"Name the resources of the events." xor:"resources"`
	Template  bool      `help:"Name resources with placeholders, such as arn:aws:s3:::$${BucketName}." xor:"resources"`
	Regions   bool      `help:"Limit statements to the Regions seen."`
	Denied    bool      `help:"Allow what was denied as well."`
}

func (c *policyGenerateCmd) Run(env Env) error {
	opt := generate.Options{Principal: c.Principal, From: c.From, To: c.To, Denied: c.Denied, Regions: c.Regions}
	switch {
	case c.Exact:
		opt.Resources = generate.Exact
	case c.Template:
		opt.Resources = generate.Templates
	}
	if c.Principal != "" {
		if _, err := arn.Parse(c.Principal); err != nil {
			return fmt.Errorf("principal %q: %w", c.Principal, err)
		}
	}
	g := generate.New(opt)
	for _, name := range c.Files {
		if err := readEvents(g, name); err != nil {
			return err
		}
	}
	r := g.Result()
	for _, p := range r.Policies {
		if _, err := fmt.Fprintln(env.Out, p); err != nil {
			return err
		}
	}
	return summarise(env, r)
}

// summarise tells on the error stream what the policies do not: what was left
// out of them.
func summarise(env Env, r *generate.Result) error {
	fmt.Fprintf(env.Err, "%d calls, %d of them used for %d actions in %d policies; %d denied and left out; %d records are no calls\n",
		r.Events, r.Used, len(r.Actions), len(r.Policies), r.Denied, r.Skipped)
	for _, name := range r.Unknown {
		fmt.Fprintf(env.Err, "no action is known for %s\n", name)
	}
	if !r.Complete {
		fmt.Fprintln(env.Err, "the policies are not complete")
	}
	if r.Used == 0 {
		fmt.Fprintln(env.Err, "no event gave a permission")
		return errSaid
	}
	return nil
}

// readEvents reads a file, the CloudTrail files of a folder in the order of
// their names, or standard input.
func readEvents(g *generate.Generator, name string) error {
	if name == "-" || filepath.Base(name) == "-" {
		return named("standard input", g.Read(os.Stdin))
	}
	return filepath.WalkDir(name, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if path != name && !isTrail(path) {
			return nil
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		return named(path, g.Read(f))
	})
}

func named(name string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func isTrail(path string) bool {
	path = strings.TrimSuffix(strings.ToLower(path), ".gz")
	return strings.HasSuffix(path, ".json") || strings.HasSuffix(path, ".jsonl") || strings.HasSuffix(path, ".ndjson")
}
