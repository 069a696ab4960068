package cli

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"bartizan.dev/keys/memory"
	"bartizan.dev/server"
)

type listenFlags struct {
	Listen        string            `help:"Address of the endpoint." default:"${listen}"`
	TLS           bool              `help:"Serve HTTPS, with certificates of a small authority in the data directory."`
	PublicURL     string            `help:"The endpoint as clients name it, where that is not the address: behind a proxy." placeholder:"URL"`
	TrustProxy    []string          `help:"Network or address of a proxy whose X-Forwarded-For and X-Forwarded-Proto are believed." placeholder:"CIDR"`
	Metrics       string            `help:"Address that serves Prometheus metrics at /metrics; none by default." placeholder:"ADDR"`
	Quota         map[string]int    `help:"Replace a quota of AWS: iam.users=20000. See docs of each service for the names." placeholder:"NAME=N"`
	Resolver      string            `help:"DNS resolver that is asked for the records that prove the names of certificates; the system's by default." placeholder:"HOST:PORT"`
	DNS           string            `help:"Address, UDP and TCP, at which hosted zones of Route 53 are answered; none by default." placeholder:"ADDR"`
	NameServer    []string          `help:"Name of a server that answers for hosted zones, for their NS records. May be given again." placeholder:"NAME"`
	PublicProfile bool              `help:"Issue certificates as the public's must be: for 198 days or less, instead of 395."`
	TrailBucket   map[string]string `help:"Bucket that CloudTrail delivers log files to: a directory that is there. May be given again." placeholder:"NAME=DIR"`
	hostFlags     `embed:""`
	hsmFlags      `embed:""`
	xksFlags      `embed:""`
	rotatorFlags  `embed:""`
	smtpFlags     `embed:""`
	logFlags
}

func (f *listenFlags) options(env Env) (server.Options, error) {
	opt := server.Options{Listen: f.Listen, TLS: f.TLS, Metrics: f.Metrics, TrailBuckets: f.TrailBucket, Resolver: f.Resolver, DNS: f.DNS, NameServers: f.NameServer, PublicProfile: f.PublicProfile, Log: f.logger(env.Err)}
	f.hostFlags.apply(&opt)
	f.hsmFlags.apply(&opt)
	f.xksFlags.apply(&opt)
	if err := f.rotatorFlags.apply(&opt); err != nil {
		return opt, err
	}
	if err := f.smtpFlags.apply(&opt); err != nil {
		return opt, err
	}
	if err := f.behind(&opt); err != nil {
		return opt, err
	}
	for name, n := range f.Quota {
		field := map[string]*int{
			"acm.certificates": &opt.Quotas.ACM.Certificates, "acm.names": &opt.Quotas.ACM.Names,
			"route53.zones": &opt.Quotas.Route53.Zones, "route53.records": &opt.Quotas.Route53.Records,
			"iam.users": &opt.Quotas.IAM.Users, "iam.groups": &opt.Quotas.IAM.Groups, "iam.roles": &opt.Quotas.IAM.Roles,
			"iam.policies": &opt.Quotas.IAM.Policies, "iam.instance-profiles": &opt.Quotas.IAM.Profiles,
			"iam.groups-per-user": &opt.Quotas.IAM.GroupsPerUser, "iam.access-keys-per-user": &opt.Quotas.IAM.AccessKeysPerUser,
			"iam.policies-per-user": &opt.Quotas.IAM.AttachedPerUser, "iam.policies-per-group": &opt.Quotas.IAM.AttachedPerGroup,
			"iam.policies-per-role": &opt.Quotas.IAM.AttachedPerRole, "iam.versions-per-policy": &opt.Quotas.IAM.VersionsPerPolicy,
			"kms.keys": &opt.Quotas.KMS.Keys, "kms.aliases-per-key": &opt.Quotas.KMS.Aliases, "kms.grants-per-key": &opt.Quotas.KMS.Grants,
			"organizations.accounts": &opt.Quotas.Organizations.Accounts, "organizations.units": &opt.Quotas.Organizations.Units,
			"secretsmanager.secrets": &opt.Quotas.SecretsManager.Secrets, "secretsmanager.versions": &opt.Quotas.SecretsManager.Versions,
			"sns.topics": &opt.Quotas.SNS.Topics, "sns.pending-subscriptions": &opt.Quotas.SNS.Pending, "sns.filter-policies-per-topic": &opt.Quotas.SNS.Filters,
		}[name]
		if field == nil || n < 1 {
			return opt, fmt.Errorf("--quota %s=%d: want a known name and a number above 0", name, n)
		}
		*field = n
	}
	return opt, nil
}

// behind reads what stands between clients and the server.
func (f *listenFlags) behind(opt *server.Options) error {
	if f.PublicURL != "" {
		u, err := url.Parse(f.PublicURL)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
			return fmt.Errorf("--public-url %s: want a scheme and a host, as https://aws.example.com", f.PublicURL)
		}
		opt.PublicURL = u.Scheme + "://" + u.Host
	}
	for _, text := range f.TrustProxy {
		p, err := netip.ParsePrefix(text)
		if addr, single := netip.ParseAddr(text); single == nil {
			p, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		if err != nil {
			return fmt.Errorf("--trust-proxy %s: want a network such as 10.0.0.0/8, or an address", text)
		}
		opt.Proxies = append(opt.Proxies, p.Masked())
	}
	return nil
}

type serveCmd struct {
	Data         string `help:"Data directory." default:"${data}" env:"BARTIZAN_DATA"`
	Store        string `help:"postgres:// URL of a shared database; without it, an embedded store in the data directory." env:"BARTIZAN_STORE"`
	rootFlags    `embed:""`
	Sync         string `help:"always: an answer waits until its event is on disk; interval: at most 100 ms of events are lost in a power cut." enum:"always,interval" default:"interval"`
	PlainIssuers bool   `help:"Let accounts have OpenID providers at http:// addresses of this machine."`
	listenFlags  `embed:""`
}

// rootFlags say where the root key is.
type rootFlags struct {
	PassphraseFile string `help:"File with a passphrase that protects the root key, instead of a key file." placeholder:"FILE" xor:"root"`
	Credential     string `help:"Name of a systemd credential that holds the root key." placeholder:"NAME" xor:"root"`
	hsmRootFlags   `embed:""`
}

func (c *rootFlags) apply(env Env, opt *server.Options) error {
	if c.PassphraseFile != "" {
		text, err := os.ReadFile(c.PassphraseFile)
		if err != nil {
			return err
		}
		opt.Passphrase = strings.TrimRight(string(text), "\r\n")
	}
	if c.Credential != "" {
		dir := env.Getenv("CREDENTIALS_DIRECTORY")
		if dir == "" {
			return errors.New("--credential works in a systemd unit with LoadCredential: $CREDENTIALS_DIRECTORY is not set")
		}
		opt.Credential = filepath.Join(dir, filepath.Base(c.Credential))
	}
	return c.hsmRootFlags.apply(env, opt)
}

func (c *serveCmd) Run(ctx context.Context, env Env) error {
	opt, err := c.options(env)
	if err != nil {
		return err
	}
	opt.Data, opt.Store, opt.SyncAlways = c.Data, c.Store, c.Sync == "always"
	opt.PlainIssuers = c.PlainIssuers
	if err := c.rootFlags.apply(env, &opt); err != nil {
		return err
	}
	return run(ctx, env, opt, func(s *server.Server) {
		fmt.Fprintf(env.Out, "Bartizan serves AWS's APIs at %s\n", s.URL())
		fmt.Fprintf(env.Out, "  data:  %s\n", opt.Data)
		if s.HasCredentials() {
			fmt.Fprintf(env.Out, "  root credentials of account %s: %s\n", server.DefaultAccount, s.CredentialsFile())
		} else {
			fmt.Fprintf(env.Out, "  no root credentials here: another node made account %s, or they were put away; use keys of your own\n", server.DefaultAccount)
		}
		c.sayHosts(env, s)
		c.sayHSM(env, s)
		fmt.Fprintf(env.Out, "Next, in another shell:\n  eval \"$(%s env --data %s)\"\n  aws sts get-caller-identity\n", env.program(), opt.Data)
	})
}

type devCmd struct {
	Serve   devServeCmd   `cmd:"" default:"withargs" help:"Serve from memory (the default)."`
	Advance devAdvanceCmd `cmd:"" help:"Move the time of a running bartizan dev forward."`
}

type devServeCmd struct {
	Data        string `help:"Directory for the trail and the admin socket; emptied at start." default:"${devdata}"`
	listenFlags `embed:""`
}

func (c *devServeCmd) Run(ctx context.Context, env Env) error {
	opt, err := c.options(env)
	if err != nil {
		return err
	}
	if err := emptyDev(c.Data); err != nil {
		return err
	}
	opt.Data, opt.Store, opt.Dev = c.Data, "memory", true
	return run(ctx, env, opt, func(s *server.Server) {
		fmt.Fprintln(env.Out, strings.Repeat("*", 72))
		fmt.Fprintln(env.Out, "*  bartizan dev: NOT FOR PRODUCTION. Everything is in memory, and anyone  *")
		fmt.Fprintln(env.Out, "*  who reaches this port is root with the access key test, secret test.  *")
		fmt.Fprintln(env.Out, strings.Repeat("*", 72))
		fmt.Fprintf(env.Out, "endpoint: %s\n", s.URL())
		c.sayHosts(env, s)
		c.sayHSM(env, s)
		fmt.Fprintf(env.Out, "Next, in another shell:\n  eval \"$(%[1]s env --dev)\"\n  aws sts get-caller-identity\n  %[1]s dev advance 36h     moves time\n", env.program())
	})
}

// emptyDev removes what an earlier bartizan dev left. A directory that is not
// ours, or that holds anything else, is left alone.
func emptyDev(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	for _, e := range entries {
		switch e.Name() {
		case "trail", "admin.sock", "tls", "lock", "hsm.sock":
		default:
			return fmt.Errorf("%s holds %s, which bartizan dev did not make: use another --data", dir, e.Name())
		}
	}
	if st, err := dial(dir).status(context.Background()); err == nil {
		return fmt.Errorf("another bartizan dev runs at %s: stop it, or use another --data", st.URL)
	}
	return os.RemoveAll(filepath.Join(dir, "trail"))
}

// fewerCollections is the GC's percentage unless GOGC says otherwise: the heap
// is small, so letting it grow further between collections costs some megabytes
// and saves time.
const fewerCollections = 200

// settling is how long the services do what is due at the start; afterwards most
// of the code that ran is not needed for long.
const settling = time.Second

// run opens a server, says hello and serves until ctx ends.
func run(ctx context.Context, env Env, opt server.Options, hello func(*server.Server)) (err error) {
	if env.Getenv("GOGC") == "" {
		debug.SetGCPercent(fewerCollections)
	}
	if locked, err := memory.Protect(); err != nil {
		return err
	} else if !locked {
		opt.Log.Info("memory is not locked, so keys in it may be swapped: raise the limit of locked memory (LimitMEMLOCK=infinity in a systemd unit)")
	}
	s, err := server.Open(ctx, opt)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	l, err := s.Listen(ctx)
	if err != nil {
		return err
	}
	hello(s)
	started := time.AfterFunc(settling, func() {
		if err := memory.ReleaseCode(); err != nil {
			opt.Log.Debug("the pages of code that only the start needs stay in memory", "err", err)
		}
	})
	defer started.Stop()
	if err := s.Serve(ctx, l); err != nil {
		return err
	}
	fmt.Fprintln(env.Out, "stopped")
	return nil
}

type devAdvanceCmd struct {
	By   time.Duration `arg:"" help:"How far, such as 36h or 15m."`
	Data string        `help:"Its data directory." default:"${devdata}"`
}

func (c *devAdvanceCmd) Run(ctx context.Context, env Env) error {
	if c.By <= 0 {
		return errors.New("time only goes forward: want a duration above 0, such as 36h")
	}
	now, err := dial(c.Data).advance(ctx, c.By)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(env.Out, "it is now", now.Format(time.RFC3339))
	return err
}
