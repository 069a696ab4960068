package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
	"time"

	"bartizan.dev/scan"
)

type scanSecretsCmd struct {
	Path        string   `arg:"" help:"Folder, file or bare repository." type:"path"`
	Format      string   `help:"table, json or sarif. json and sarif never hold a secret." enum:"table,json,sarif" default:"table"`
	ShowSecrets bool     `help:"Print secrets whole in the table."`
	Tree        bool     `help:"Scan the files as they lie there." default:"true" negatable:""`
	History     bool     `help:"Scan all commits of all refs, if there is a git repository." default:"true" negatable:""`
	Since       string   `help:"Only commits since this day or time (2026-01-31, or RFC 3339)." placeholder:"DATE"`
	Branch      []string `help:"Only the history of this branch or tag; may be repeated." placeholder:"NAME"`
	Ignored     bool     `help:"Scan files that .gitignore names too." default:"false"`
	MaxSize     int64    `help:"Skip files above this many bytes." default:"52428800" placeholder:"BYTES"`
	Rules       string   `help:"Rules to use instead of the built-in ones, in gitleaks' TOML form ([extend] useDefault = true adds to them)." type:"existingfile" placeholder:"FILE"`
	Baseline    string   `help:"Finds to leave out: a report of --format json, or lines of fingerprints." type:"existingfile" placeholder:"FILE"`

	Move string `help:"Create a secret from this find in Secrets Manager." placeholder:"FINGERPRINT"`
	Name string `help:"Name of the secret that --move makes." placeholder:"NAME"`

	awsTarget `embed:""`
}

// Help is what --help tells below the flags.
func (c *scanSecretsCmd) Help() string {
	return `Exit status: 0 if nothing was found, 1 if something was, 2 for an error. After --move: 0 if the secret was made.
A line with "gitleaks:allow" is left out. Nothing of a repository is executed.`
}

// exitCode is an error with an exit status of its own.
type exitCode struct {
	error
	code int
}

func (e exitCode) Unwrap() error { return e.error }

func (c *scanSecretsCmd) Run(ctx context.Context, env Env) error {
	opt, err := c.options()
	if err != nil {
		return exitCode{err, 2}
	}
	stop := showProgress(env, opt.Progress)
	result, err := scan.Run(ctx, opt)
	stop()
	if err != nil {
		return exitCode{err, 2}
	}
	if c.Move != "" {
		if err := c.move(ctx, env, result); err != nil {
			return exitCode{err, 2}
		}
		return nil
	}
	switch c.Format {
	case "json":
		err = c.printJSON(env, result)
	case "sarif":
		err = scan.SARIF(env.Out, result.Findings, version())
	default:
		err = c.printTable(env, result)
	}
	switch {
	case err != nil:
		return exitCode{err, 2}
	case len(result.Findings) > 0:
		return errSaid
	}
	return nil
}

func (c *scanSecretsCmd) options() (scan.Options, error) {
	opt := scan.Options{
		Path: c.Path, Tree: c.Tree, History: c.History, IgnoredToo: c.Ignored, MaxSize: c.MaxSize, Branches: c.Branch, Progress: new(scan.Progress),
	}
	switch {
	case c.MaxSize < 1:
		return opt, errors.New("--max-size: want at least 1")
	case !c.Tree && !c.History:
		return opt, errors.New("--no-tree --no-history leave nothing to scan")
	case !c.History && (c.Since != "" || len(c.Branch) > 0):
		return opt, errors.New("--since and --branch choose commits, and --no-history reads none")
	case c.ShowSecrets && c.Format != "table":
		return opt, errors.New("--show-secrets goes with --format table: the other formats never hold a secret")
	case (c.Move == "") != (c.Name == ""):
		return opt, errors.New("--move FINGERPRINT and --name NAME go together")
	case c.Move != "" && !secretName.MatchString(c.Name):
		return opt, errors.New("--name: want 1 to 512 letters, digits and /_+=.@-")
	}
	var err error
	if c.Since != "" {
		if opt.Since, err = parseDay(c.Since); err != nil {
			return opt, err
		}
	}
	if c.Rules != "" {
		if opt.Rules, err = scan.Load(c.Rules); err != nil {
			return opt, err
		}
	}
	if c.Baseline != "" && c.Move == "" {
		if opt.Known, err = scan.LoadKnown(c.Baseline); err != nil {
			return opt, err
		}
	}
	return opt, nil
}

func parseDay(text string) (time.Time, error) {
	for _, form := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(form, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("--since %q: want a day such as 2026-01-31 or a time such as 2026-01-31T12:00:00Z", text)
}

// found is a find in the JSON output, with the command that moves it.
type found struct {
	scan.Finding
	Move string `json:"move"`
}

func (c *scanSecretsCmd) printJSON(env Env, r *scan.Result) error {
	out := struct {
		Path     string       `json:"path"`
		Findings []found      `json:"findings"`
		Known    int          `json:"baseline"`
		Allowed  int          `json:"allowed"`
		Skipped  scan.Skipped `json:"skipped"`
		Files    int64        `json:"files"`
		Commits  int64        `json:"commits"`
		Blobs    int64        `json:"blobs"`
		Bytes    int64        `json:"bytes"`
		Shallow  bool         `json:"shallow"`
	}{c.Path, []found{}, r.Known, r.Allowed, r.Skipped, r.Files, r.Commits, r.Blobs, r.Bytes, r.Shallow}
	for i := range r.Findings {
		out.Findings = append(out.Findings, found{r.Findings[i], c.moveCommand(env, &r.Findings[i])})
	}
	e := json.NewEncoder(env.Out)
	e.SetIndent("", "  ")
	return e.Encode(out)
}

// secretName is what Secrets Manager takes for one.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
var secretName = regexp.MustCompile(`^[A-Za-z0-9/_+=.@-]{1,512}$`)

var notInNames = regexp.MustCompile(`[^A-Za-z0-9/_+=.@-]+`)

// nameFor proposes a secret's name: the file's folder and name, and the rule.
func nameFor(f *scan.Finding) string {
	file := strings.Trim(notInNames.ReplaceAllString(strings.TrimSuffix(f.File, path.Ext(f.File)), "-"), "/-.")
	name := strings.TrimLeft(file+"/"+notInNames.ReplaceAllString(f.Rule, "-"), "/")
	return name[max(0, len(name)-200):]
}

func (c *scanSecretsCmd) moveCommand(env Env, f *scan.Finding) string {
	if f.Secret() == "" { // the file is the find
		return fmt.Sprintf("aws secretsmanager create-secret --name %s --secret-binary %s", nameFor(f), quote("fileb://"+c.Path+"/"+f.File))
	}
	return fmt.Sprintf("%s scan-secrets %s --move %s --name %s", env.program(), quote(c.Path), f.Fingerprint, nameFor(f))
}
