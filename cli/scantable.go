package cli

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"bartizan.dev/scan"
)

// safe makes text from a repository harmless for a terminal: what does not
// print, and what changes the direction of writing, is shown as an escape.
func safe(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case r == '\\':
			b.WriteString(`\\`)
		case !unicode.IsPrint(r):
			q := strconv.QuoteRuneToASCII(r)
			b.WriteString(q[1 : len(q)-1])
		default:
			b.WriteRune(r)
		}
		s = s[n:]
	}
	return b.String()
}

func (c *scanSecretsCmd) printTable(env Env, r *scan.Result) error {
	var b strings.Builder
	for i := range r.Findings {
		c.printFinding(&b, env, &r.Findings[i])
	}
	c.printSummary(&b, r)
	_, err := io.WriteString(env.Out, b.String())
	return err
}

func (c *scanSecretsCmd) printFinding(b *strings.Builder, env Env, f *scan.Finding) {
	place := safe(f.File)
	if f.Line > 0 {
		place += ":" + strconv.Itoa(f.Line)
	}
	secret := f.Redacted()
	if c.ShowSecrets && f.Secret() != "" {
		secret = safe(f.Secret())
	}
	fmt.Fprintf(b, "%s: %s\n  %s\n  secret       %s\n  fingerprint  %s\n", place, safe(f.Rule), safe(f.Description), secret, f.Fingerprint)
	if f.Account != "" {
		fmt.Fprintf(b, "  account      %s, by the form of its id\n", f.Account)
	}
	if f.Commit != nil {
		where := "since commit "
		if !f.InTree {
			where = "only in the history, since commit "
		}
		fmt.Fprintf(b, "  introduced   %s%s, %s, by %s <%s>, line %d\n", where, f.Commit.ID[:12], f.Commit.Date.Format(time.DateOnly),
			safe(f.Commit.Author), safe(f.Commit.Email), f.Commit.Line)
	}
	fmt.Fprintf(b, "  move it      %s\n", safe(c.moveCommand(env, f)))
	if f.Secret() != "" {
		fmt.Fprintf(b, "  or           aws secretsmanager create-secret --name %s --secret-string file://FILE-THAT-HOLDS-IT\n", nameFor(f))
	}
	if s := f.Secret(); strings.HasPrefix(s, "AKIA") && len(s) == 20 {
		fmt.Fprintf(b, "  deactivate   aws iam update-access-key --access-key-id %s --status Inactive --user-name ITS-USER\n", "AKIA…"+s[16:])
	}
	b.WriteString("\n")
}

func (c *scanSecretsCmd) printSummary(b *strings.Builder, r *scan.Result) {
	fmt.Fprintf(b, "%d found in %d files and %d commits (%d blobs), %.1f MB read\n", len(r.Findings), r.Files, r.Commits, r.Blobs, float64(r.Bytes)/1e6)
	var notes []string
	note := func(n int, text string) {
		if n > 0 {
			notes = append(notes, fmt.Sprintf("%d %s", n, text))
		}
	}
	note(r.Known, "left out by the baseline")
	note(r.Allowed, "left out by gitleaks:allow, in all versions")
	note(r.Skipped.Binary, "binary files skipped")
	note(r.Skipped.Large, fmt.Sprintf("files above %d bytes skipped (--max-size)", c.MaxSize))
	note(r.Skipped.Symlinks, "symbolic links not followed")
	note(r.Skipped.Submodules, "submodules or nested repositories not entered: scan them by their own paths")
	note(r.Skipped.Unreadable, "files could not be read")
	note(r.Skipped.Missing, "objects are missing in this partial clone")
	if r.Shallow && r.HistoryRead {
		notes = append(notes, "this clone is shallow: what lies before was not read")
	}
	if !r.Repository && c.History {
		notes = append(notes, "no git repository: there is no history")
	}
	for _, n := range notes {
		fmt.Fprintf(b, "  %s\n", n)
	}
	if len(r.Findings) > 0 {
		b.WriteString("  A secret that was committed stays in the history: replace it where it is used, then revoke it.\n")
	}
}

// showProgress writes one line on a terminal's standard error again and again
// until the function that it returns is called.
func showProgress(env Env, p *scan.Progress) (stop func()) {
	f, ok := env.Err.(*os.File)
	if !ok {
		return func() {}
	}
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 || env.Getenv("TERM") == "dumb" {
		return func() {}
	}
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		t := time.NewTicker(150 * time.Millisecond)
		defer t.Stop()
		for {
			select {
			case <-done:
				fmt.Fprint(f, "\r\x1b[K")
				return
			case <-t.C:
				history := ""
				if n := p.TotalCommits.Load(); n > 0 {
					history = fmt.Sprintf(", commit %d of %d", p.Commits.Load(), n)
				}
				fmt.Fprintf(f, "\r\x1b[K%d files%s, %.0f MB, %d found", p.Files.Load(), history, float64(p.Bytes.Load())/1e6, p.Findings.Load())
			}
		}
	})
	return func() { close(done); wg.Wait() }
}
