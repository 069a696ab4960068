// Package cli is Bartizan's command line. It is thin: flags become
// server.Options, and what a running server must do itself is asked of its
// admin socket.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/alecthomas/kong"

	"bartizan.dev/server"
)

// Env is what the command line takes from the world.
type Env struct {
	Out, Err io.Writer
	Getenv   func(string) string
	Program  string // as it was called, for the commands it tells people to run
}

func (e Env) program() string {
	if e.Program == "" {
		return "bartizan"
	}
	return e.Program
}

// Commands is the whole command line.
type Commands struct {
	Config kong.ConfigFlag `help:"Read flags from a JSON file, as {\"serve\": {\"listen\": \"…\"}}." placeholder:"FILE"`

	Serve        serveCmd        `cmd:"" help:"Serve AWS's APIs and keep everything in a data directory."`
	Dev          devCmd          `cmd:"" help:"Serve from memory, with the root keys test/test, for development and tests."`
	Env          envCmd          `cmd:"" help:"Print the environment for AWS clients: eval \"$(bartizan env)\"."`
	Status       statusCmd       `cmd:"" help:"Tell what a running server does."`
	Doctor       doctorCmd       `cmd:"" help:"Look for what is wrong with this machine or data directory, and say how to mend it."`
	Check        checkCmd        `cmd:"" help:"Show the order of defence and whether each part of it is in place."`
	Backup       backupCmd       `cmd:"" help:"Write a consistent copy of the data, while the server runs or not."`
	Restore      restoreCmd      `cmd:"" help:"Make a data directory from a backup."`
	RootPassword rootPasswordCmd `cmd:"" help:"Give the root user of an account a new password for the console."`
	XKS          xksCmd          `cmd:"" name:"xks" help:"Hold keys for a KMS elsewhere: be the proxy of its external key store."`
	HSM          hsmCmd          `cmd:"" name:"hsm" help:"Tokens of the HSM, and crypto users of CloudHSM clusters."`
	Rotate       rotateCmd       `cmd:"" help:"Make new keys for what is stored, and seal everything again."`
	Policy       policyCmd       `cmd:"" help:"Explain, compare, write and check IAM policies."`
	ScanSecrets  scanSecretsCmd  `cmd:"" help:"Find keys and passwords in source trees and git history, and move them into Secrets Manager."`
	Analyze      analyzeCmd      `cmd:"" help:"Find what is wrong in logs that AWS or Zeek wrote, without a server or an account."`
	Detect       detectCmd       `cmd:"" help:"Find what is wrong in logs that come over NATS JetStream or Kafka, on as many nodes as it takes."`
	Service      serviceCmd      `cmd:"" help:"Run as a system service."`

	CredentialProcess credentialProcessCmd `cmd:"" help:"Print credentials that this host gets with its certificate, for credential_process in ~/.aws/config."`
	Metadata          metadataCmd          `cmd:"" help:"On a host with a certificate: give its programs credentials where AWS's SDKs look for them."`

	Completion completionCmd `cmd:"" help:"Print a completion script for bash, zsh or fish."`
	Version    versionCmd    `cmd:"" help:"Print the version."`
}

// Run runs one command line and returns its exit code: 0, 1 for a failure, 2
// for a wrong command line.
func Run(ctx context.Context, args []string, env Env) int {
	var c Commands
	exit := -1
	parser, err := kong.New(&c,
		kong.Name("bartizan"),
		kong.Description("The AWS security stack on your own machines.\n\nFirst steps: bartizan serve, then eval \"$(bartizan env)\" and aws sts get-caller-identity."),
		kong.Configuration(readConfig),
		kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Writers(env.Out, env.Err),
		kong.Exit(func(code int) { exit = code }),
		kong.Vars{"listen": server.DefaultListen, "data": defaultData(env.Getenv), "devdata": devData(), "detectdata": filepath.Join(defaultData(env.Getenv), "detect"), "account": server.DefaultAccount},
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(env),
	)
	if err != nil {
		fmt.Fprintln(env.Err, "bartizan:", err)
		return 2
	}
	k, err := parser.Parse(args)
	if exit >= 0 { // --help
		return exit
	}
	if err != nil {
		if e, ok := errors.AsType[*kong.ParseError](err); ok && len(args) == 0 {
			return boolCode(e.Context.PrintUsage(false) == nil)
		}
		fmt.Fprintln(env.Err, "bartizan:", err)
		fmt.Fprintln(env.Err, "bartizan --help tells what there is.")
		return 2
	}
	k.Bind(k)
	if err := k.Run(); err != nil {
		if !errors.Is(err, errSaid) {
			fmt.Fprintln(env.Err, "bartizan:", err)
		}
		if e, ok := errors.AsType[exitCode](err); ok {
			return e.code
		}
		return 1
	}
	return 0
}

// errSaid ends a command that has told its failure already.
var errSaid = errors.New("failed")

func boolCode(ok bool) int {
	if ok {
		return 0
	}
	return 2
}

// defaultData is the data directory: /var/lib for root, else under the user's
// own data home.
func defaultData(getenv func(string) string) string {
	if os.Geteuid() == 0 {
		return "/var/lib/bartizan"
	}
	if dir := getenv("XDG_DATA_HOME"); dir != "" {
		return filepath.Join(dir, "bartizan")
	}
	if home, err := os.UserHomeDir(); err == nil {
		return filepath.Join(home, ".local", "share", "bartizan")
	}
	return "bartizan-data"
}

// devData is where `bartizan dev` keeps its trail and its admin socket.
func devData() string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("bartizan-dev-%d", os.Geteuid()))
}

type logFlags struct {
	LogLevel  slog.Level `help:"debug, info, warn or error." default:"info"`
	LogFormat string     `help:"text or json." enum:"text,json" default:"text"`
}

func (f *logFlags) logger(w io.Writer) *slog.Logger {
	opt := &slog.HandlerOptions{Level: f.LogLevel}
	if f.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, opt))
	}
	return slog.New(slog.NewTextHandler(w, opt))
}

type versionCmd struct{}

func (versionCmd) Run(env Env) error {
	_, err := fmt.Fprintln(env.Out, "bartizan", version())
	return err
}

// version is the module's version, or the commit it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && (v == "" || v == "(devel)") {
			v = "development " + s.Value[:min(12, len(s.Value))]
		}
	}
	if v == "" {
		v = "development"
	}
	return strings.TrimSpace(v)
}
