package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"bartizan.dev/intel"
	"bartizan.dev/logs"
	"bartizan.dev/report"
)

type analyzeCmd struct {
	Paths     []string `arg:"" name:"path" help:"Files and folders of logs; - is the standard input."`
	Format    string   `help:"table, json (a finding in AWS's form on each line) or sarif." enum:"table,json,sarif" default:"table"`
	Report    string   `help:"Also write a page with charts, in one file." placeholder:"FILE.html"`
	lookFlags `embed:""`
	Since     string `help:"Pass over what happened before this day or time (2026-01-31, or RFC 3339)." placeholder:"DATE"`
}

// lookFlags say what detectors know and what of theirs is shown.
type lookFlags struct {
	ThreatList  []string `help:"File or HTTPS URL of malicious addresses and domains, TOR=… and so on for what they are; may be repeated." placeholder:"[KIND=]FILE|URL" sep:"none"`
	TrustedList []string `help:"File or HTTPS URL of addresses and domains that raise nothing; may be repeated." placeholder:"FILE|URL" sep:"none"`
	HomeNet     []string `help:"A network of one's own besides private ones; may be repeated." placeholder:"CIDR"`
	MinSeverity string   `help:"Leave out findings below: low, medium, high, critical, or a number from 1 to 10." default:"low" placeholder:"SEVERITY"`
}

// home is the networks of --home-net.
func (f *lookFlags) home() (out []netip.Prefix, err error) {
	for _, net := range f.HomeNet {
		p, err := netip.ParsePrefix(net)
		if err != nil {
			return nil, fmt.Errorf("--home-net: %w", err)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

// severity is --min-severity.
func (f *lookFlags) severity() (float64, error) {
	s, err := report.ParseSeverity(f.MinSeverity)
	if err != nil {
		return 0, fmt.Errorf("--min-severity: %w", err)
	}
	return s, nil
}

// Help is what --help tells below the flags.
func (c *analyzeCmd) Help() string {
	return `Reads CloudTrail (as AWS delivers it, as an array, or an event a line), VPC flow logs (text and Parquet), Route 53
Resolver query logs, and Zeek's conn.log and dns.log, also with gzip. What a file is, is told by its content.

Exit status: 0 if there are no findings, 1 if there are some (of --min-severity or above), 2 for an error: a wrong
command line, a list or file that cannot be read, no log at all. Bad records and cut-off files are told at the end, on
standard error, and are no error.

Kinds of threat lists: ` + kindNames() + `; custom if none is given. Their formats are recognised: plain text,
STIX, OTX_CSV, ALIEN_VAULT, PROOF_POINT, FIRE_EYE. What is on a trusted list raises nothing.

Files are taken in the order of the times in AWS's file names; within an account, events may be 15 minutes late.`
}

func (c *analyzeCmd) Run(ctx context.Context, env Env) error {
	found, err := c.analyze(ctx, env)
	switch {
	case err != nil:
		return exitCode{err, 2}
	case found:
		return errSaid
	}
	return nil
}

func (c *analyzeCmd) analyze(ctx context.Context, env Env) (found bool, err error) {
	opt, err := c.options()
	if err != nil {
		return false, err
	}
	lists, err := c.lists(ctx, env)
	if err != nil {
		return false, err
	}
	opt.Intel = intel.Compile(lists...)
	inputs, err := logs.Find(c.Paths...)
	if err != nil {
		return false, err
	}
	stop := showAnalysis(env, opt.Progress, inputs)
	result, err := report.Run(ctx, inputs, opt)
	stop()
	if err != nil {
		return false, err
	}
	if err := c.print(env, result, lists); err != nil {
		return false, err
	}
	incomplete, err := result.Troubles(env.Err)
	if err != nil {
		return false, err
	}
	if incomplete {
		return false, exitCode{errSaid, 2}
	}
	return len(result.Findings) > 0, nil
}

func (c *analyzeCmd) options() (report.Options, error) {
	opt := report.Options{Progress: new(report.Progress), Stdin: os.Stdin}
	var err error
	if opt.MinSeverity, err = c.severity(); err != nil {
		return opt, err
	}
	if c.Since != "" {
		t, err := parseDay(c.Since)
		if err != nil {
			return opt, err
		}
		opt.Since = logs.TimeOf(t)
	}
	opt.Home, err = c.home()
	return opt, err
}

func (c *analyzeCmd) print(env Env, r *report.Result, lists []*intel.List) error {
	if c.Report != "" {
		if err := c.writeReport(r, lists); err != nil {
			return fmt.Errorf("--report: %w", err)
		}
	}
	switch c.Format {
	case "json":
		return r.JSON(env.Out)
	case "sarif":
		return r.SARIF(env.Out, version())
	}
	return r.Table(env.Out)
}

// writeReport replaces the page as a whole: who has it open never sees half of
// it. What is in it is for its owner only.
func (c *analyzeCmd) writeReport(r *report.Result, lists []*intel.List) error {
	var names []string
	for _, l := range lists {
		names = append(names, fmt.Sprintf("%s (%s, %d entries)", l.Name, kindName(l.Kind), l.Entries))
	}
	var page bytes.Buffer
	if err := r.HTML(&page, version(), time.Now(), names); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(c.Report), ".report-*")
	if err != nil {
		return err
	}
	_, err = io.Copy(f, &page)
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), c.Report)
	}
	if err != nil {
		return fmt.Errorf("%w (%w)", err, os.Remove(f.Name()))
	}
	return nil
}
