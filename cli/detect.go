package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"bartizan.dev/detect"
	"bartizan.dev/intel"
	"bartizan.dev/keys/memory"
	"bartizan.dev/logs"
	"bartizan.dev/server"
	"bartizan.dev/store"
	"bartizan.dev/stream"
	"bartizan.dev/stream/jetstream"
	"bartizan.dev/stream/kafka"
	"bartizan.dev/stream/node"
	"bartizan.dev/stream/send"
)

type detectCmd struct {
	Run    detectRunCmd    `cmd:"" default:"withargs" help:"Be a detection node (the default)."`
	Send   detectSendCmd   `cmd:"" help:"Put files of logs on the stream, by account and Region."`
	Status detectStatusCmd `cmd:"" help:"Tell how far the nodes have come in each partition."`
}

type streamFlags struct {
	Stream string `required:"" help:"nats://HOST/STREAM or kafka://HOST/TOPIC; tls:// and kafkas:// over TLS. ?partitions=12 makes it, if it is not there." placeholder:"URL" env:"BARTIZAN_STREAM"`
}

// openLog opens what a flag names.
func openLog(ctx context.Context, flag, text string) (stream.Log, error) {
	p, err := stream.ParsePlace(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	if p.Kafka {
		return kafka.Open(ctx, p)
	}
	return jetstream.Open(ctx, p)
}

type detectRunCmd struct {
	streamFlags
	Publish   string        `help:"Also put findings on this stream or topic, with their ids as keys." placeholder:"URL"`
	Quiet     bool          `help:"Do not write findings to the standard output."`
	UntilEnd  bool          `help:"Stop when everything that is on the stream now has been looked at."`
	Every     time.Duration `help:"How often what a partition's detectors remember is saved." default:"5s"`
	Patience  time.Duration `help:"How long a node may be silent before the others take its partitions." default:"15s"`
	Data      string        `help:"Data directory: the root key and, without --store, what detectors remember." default:"${detectdata}" env:"BARTIZAN_DETECT_DATA"`
	Store     string        `help:"postgres:// URL of the database that the nodes share; without it, this is the only node." env:"BARTIZAN_STORE"`
	rootFlags `embed:""`
	lookFlags `embed:""`
	logFlags
}

// Help is what --help tells below the flags.
func (c *detectCmd) Help() string {
	return `This puts logs on a stream, and writes what is found in them:

    bartizan detect send --stream nats://HOST/LOGS?partitions=12 FOLDER
    bartizan detect --stream nats://HOST/LOGS

` + detectHelp
}

// Help is what --help tells below the flags.
func (c *detectRunCmd) Help() string { return detectHelp }

const detectHelp = `Reads CloudTrail, VPC flow and Route 53 Resolver query logs from the partitions of a stream, as bartizan analyze
reads files: a message is a record, or many of them, as in a file, with gzip or without, or what a subscription of
CloudWatch Logs or a rule of EventBridge sends. Messages must have ACCOUNT/REGION as their key (Kafka), or a
subject STREAM.PARTITION.ACCOUNT.REGION (NATS): see bartizan detect send. What cannot be read is counted and skipped.

Findings are written as JSON in AWS's form, one a line, whenever they are new or have been seen again; the id stays
the same and the count grows. When a node dies, another goes on from what was saved last: none is lost, and one that
is written again is the same.

Nodes that share a stream need the same --store, a PostgreSQL database, and the same root key in their --data.`

func (c *detectRunCmd) Run(ctx context.Context, env Env) (err error) {
	o, err := c.options(ctx, env)
	if err != nil {
		return exitCode{err, 2}
	}
	if locked, err := memory.Protect(); err != nil {
		return err
	} else if !locked {
		o.Logger.Info("memory is not locked, so keys in it may be swapped")
	}
	if o.Log, err = openLog(ctx, "--stream", c.Stream); err != nil {
		return err
	}
	defer o.Log.Close()
	var sinks []node.Sink
	if !c.Quiet {
		sinks = append(sinks, node.Lines(env.Out))
	}
	if c.Publish != "" {
		findings, err := openLog(ctx, "--publish", c.Publish)
		if err != nil {
			return err
		}
		defer findings.Close()
		sinks = append(sinks, node.Publish(findings))
	}
	least, err := c.severity()
	if err != nil {
		return exitCode{err, 2}
	}
	o.Sink = atLeast(least, node.Both(sinks...))
	opt := server.Options{Data: c.Data, Store: c.Store, Log: o.Logger}
	if err := c.rootFlags.apply(env, &opt); err != nil {
		return err
	}
	s, closeStore, err := server.OpenStore(ctx, opt)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeStore()) }()
	o.Store = store.View(s, "detect/"+streamName(c.Stream)+"/")
	n := node.New(o)
	err = n.Run(ctx)
	st := n.Stats()
	o.Logger.Info("stopped", "messages", st.Messages, "records", st.Records, "bad", st.Bad, "gaps", st.Gaps)
	return err
}

// options are what the flags say about the node and its engines.
func (c *detectRunCmd) options(ctx context.Context, env Env) (node.Options, error) {
	o := node.Options{Every: c.Every, Patience: c.Patience, UntilEnd: c.UntilEnd, Logger: c.logger(env.Err)}
	if c.Every < 10*time.Millisecond || c.Patience < 500*time.Millisecond {
		return o, errors.New("want --every of 10ms or more, and --patience of 500ms or more")
	}
	if c.Quiet && c.Publish == "" {
		return o, errors.New("--quiet without --publish leaves nowhere for findings to go")
	}
	for flag, text := range map[string]string{"--stream": c.Stream, "--publish": c.Publish} {
		if _, err := stream.ParsePlace(text); err != nil && text != "" {
			return o, fmt.Errorf("%s: %w", flag, err)
		}
	}
	host, err := os.Hostname()
	if err != nil {
		return o, err
	}
	o.ID = fmt.Sprintf("%s-%d-%s", host, os.Getpid(), rand.Text()[:8])
	lists, err := c.lists(ctx, env)
	if err != nil {
		return o, err
	}
	o.Engine.Intel = intel.Compile(lists...)
	if o.Engine.Home, err = c.home(); err != nil {
		return o, err
	}
	_, err = c.severity()
	return o, err
}

// streamName tells the streams in one store apart.
func streamName(text string) string {
	p, err := stream.ParsePlace(text)
	if err != nil {
		return ""
	}
	if p.Kafka {
		return "kafka/" + p.Name
	}
	return "nats/" + p.Name
}

func atLeast(severity float64, sink node.Sink) node.Sink {
	return func(ctx context.Context, findings []*detect.Finding) error {
		some := findings[:0:0]
		for _, f := range findings {
			if f.Severity >= severity {
				some = append(some, f)
			}
		}
		if len(some) == 0 {
			return nil
		}
		return sink(ctx, some)
	}
}

type detectSendCmd struct {
	streamFlags
	Paths []string `arg:"" name:"path" help:"Files and folders of logs; - is the standard input."`
}

// Help is what --help tells below the flags.
func (c *detectSendCmd) Help() string {
	return `Sends CloudTrail, VPC flow (as text) and Route 53 Resolver query logs, also with gzip, as they stand in the files, with
the records of an account and Region in one partition. Exit status: 0, or 2 if something could not be sent; bad records
and files that are no logs are told and are no error. What is sent twice raises nothing twice, for CloudTrail events: flows and queries have no ids.`
}

func (c *detectSendCmd) Run(ctx context.Context, env Env) error {
	l, err := openLog(ctx, "--stream", c.Stream)
	if err != nil {
		return exitCode{err, 2}
	}
	defer l.Close()
	inputs, err := logs.Find(c.Paths...)
	if err != nil {
		return exitCode{err, 2}
	}
	r, err := send.Files(ctx, l, inputs, os.Stdin)
	failed := false
	for _, f := range r.Files {
		if errors.Is(f.Err, logs.ErrFormat) {
			fmt.Fprintf(env.Err, "%s: skipped: it is no log that is known here\n", safe(f.Path))
			continue
		}
		failed = true
		fmt.Fprintf(env.Err, "%s: %s\n", safe(f.Path), safe(f.Err.Error()))
	}
	if r.Bad+r.TooLarge > 0 {
		fmt.Fprintf(env.Err, "not sent: %d bad records, %d that are longer than the stream takes\n", r.Bad, r.TooLarge)
	}
	if err != nil {
		return exitCode{err, 2}
	}
	if _, err := fmt.Fprintf(env.Out, "sent %d records in %d messages\n", r.Records, r.Messages); err != nil {
		return err
	}
	if failed || r.TooLarge > 0 || len(r.Files) == len(inputs) {
		return exitCode{errSaid, 2}
	}
	return nil
}

type detectStatusCmd struct{ streamFlags }

// Run prints what the log itself knows, so it needs neither store nor keys.
func (c *detectStatusCmd) Run(ctx context.Context, env Env) error {
	l, err := openLog(ctx, "--stream", c.Stream)
	if err != nil {
		return err
	}
	defer l.Close()
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "PARTITION\tLOOKED AT UP TO\tEND\tBEHIND")
	for p := range l.Partitions() {
		at, err := l.Committed(ctx, p)
		if err != nil {
			return err
		}
		end, err := l.End(ctx, p)
		if err != nil {
			return err
		}
		behind := "no"
		if at < end {
			behind = fmt.Sprintf("%d messages at most", end-at)
		}
		fmt.Fprintf(w, "%d\t%d\t%d\t%s\n", p, at, end, behind)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err = fmt.Fprint(env.Out, b.String())
	return err
}
