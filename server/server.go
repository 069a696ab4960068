// Package server is the composition root: it opens store, keys, trail and work,
// builds every service, and lets the gateway answer for them. It is the only
// importer of everything.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	iamapi "bartizan.dev/api/iam"
	iamtoolboxapi "bartizan.dev/api/iamtoolbox"
	"bartizan.dev/api/names"
	stsapi "bartizan.dev/api/sts"
	"bartizan.dev/bus"
	"bartizan.dev/gateway"
	"bartizan.dev/gateway/http1"
	"bartizan.dev/keys"
	"bartizan.dev/oidc"
	"bartizan.dev/policy/reference"
	"bartizan.dev/service/cloudtrail"
	"bartizan.dev/service/events"
	"bartizan.dev/service/iam"
	"bartizan.dev/service/iam/managed"
	"bartizan.dev/service/iamtoolbox"
	"bartizan.dev/service/kms"
	"bartizan.dev/service/organizations"
	"bartizan.dev/service/secretsmanager"
	"bartizan.dev/service/securityhub"
	"bartizan.dev/service/signin"
	"bartizan.dev/service/sns"
	"bartizan.dev/service/sts"
	"bartizan.dev/store"
	"bartizan.dev/trail"
	"bartizan.dev/work"
)

// Server is a whole Bartizan in one process.
type Server struct {
	opt                         Options
	log                         *slog.Logger
	clock                       *work.Clock
	custodian                   keys.Custodian
	engine                      store.Store
	storeName                   string
	store                       *store.Sealed
	trail                       record
	cloudtrail                  *cloudtrail.Service
	bus                         *bus.Bus
	events                      *bus.Topic[trail.Event]
	changes                     *bus.Topic[change]
	iam                         *iam.Service
	kms                         *kms.Service
	happenings                  *events.Service
	authors                     http.Handler // lists and answers of ACM's authority
	secrets                     *secretsmanager.Service
	securityhub                 *securityhub.Service
	sns                         *sns.Service
	workers                     []worker // what Serve runs beside the endpoint
	toolbox                     *iamtoolbox.Service
	signin                      *signin.Service
	organizations               *organizations.Service
	emailed                     func(ctx context.Context, email string) (account string, err error) // root users' addresses; nil: nobody keeps any
	manages                     func(ctx context.Context, account string) (bool, error)             // of an organization; nil: there are none
	controls                    func(prefix string) bool                                            // services with resource control policies
	gateway                     *gateway.Gateway
	http                        *http.Server
	plain                       *http1.Server // in front of http; nil with TLS
	addr                        net.Addr
	instanceAddr, containerAddr net.Addr       // of the endpoints for credentials
	closers                     []func() error // in the order of opening
	stop                        context.CancelFunc
	started                     time.Time
	metrics                     *metrics
	hsm                         hsmParts
}

// Open opens everything and builds the services. It serves nothing yet.
func Open(ctx context.Context, opt Options) (_ *Server, err error) {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{opt: opt, log: opt.Log, clock: new(work.Clock), started: time.Now(), metrics: newMetrics()}
	ctx, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if opt.Existing {
		if _, err := os.Stat(filepath.Join(opt.Data, databaseFile)); err != nil {
			return nil, fmt.Errorf("no data to open: %w", err)
		}
	}
	if err := os.MkdirAll(opt.Data, 0o700); err != nil {
		return nil, fmt.Errorf("the data directory: %w", err)
	}
	if err := s.own(); err != nil {
		return nil, err
	}
	if err := s.lock(); err != nil {
		return nil, err
	}
	if err := s.openKeys(ctx); err != nil {
		return nil, err
	}
	if err := s.openStore(ctx); err != nil {
		return nil, err
	}
	if err := s.openTrail(ctx); err != nil {
		return nil, err
	}
	if err := s.build(ctx); err != nil {
		return nil, err
	}
	if err := s.firstStart(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Server) onClose(close func() error) { s.closers = append(s.closers, close) }

// build makes the services and the gateway.
func (s *Server) build(ctx context.Context) (err error) {
	s.bus = bus.New(s.log)
	s.onClose(func() error { s.bus.Close(); return nil })
	s.events, s.changes = bus.For[trail.Event](s.bus), bus.For[change](s.bus)
	s.iam, err = iam.New(ctx, iam.Deps{
		Store: store.View(s.store, "iam/"), Managed: managed.Open(), Now: s.clock.Now, Log: s.log, Quotas: s.opt.Quotas.IAM, Clock: s.clock, URL: s.endpoint,
		Thumbprint: issuers().Thumbprint,
		Membership: s.membership, Placed: s.placed, SCPs: s.scps, PlainIssuers: s.opt.Dev || s.opt.PlainIssuers,
	})
	if err != nil {
		return err
	}
	s.workers = append(s.workers, s.iam)
	secret, err := s.secret(ctx, "sts/token-key")
	if err != nil {
		return err
	}
	tokens, err := sts.NewTokens(secret)
	if err != nil {
		return err
	}
	dir := &directory{iam: s.iam, tokens: tokens, now: s.clock.Now}
	stsService := sts.New(sts.Deps{
		Role: s.role, Policies: s.iam.MissingPolicy, MFA: s.iam.CheckMFA, RootTask: s.iam.RootTask,
		Issuer: s.tokenIssuer, Tags: dir.tags, Organization: dir.place, Tokens: tokens, Now: s.clock.Now,
		OpenID: s.openID, Issuers: oidc.NewCache(issuers().Fetch, s.clock.Now), SAML: s.samlProvider,
		URL: s.endpoint, Store: store.View(s.store, "sts/"), Clock: s.clock, Log: s.log,
	})
	s.workers = append(s.workers, stsService)
	events, err := s.openCloudTrail(ctx, dir)
	if err != nil {
		return err
	}
	actions := reference.Open()
	s.controls = actions.RCP
	ask := &asker{directory: dir, policyOf: s.rolePolicy, controls: s.controls}
	s.toolbox = iamtoolbox.New(iamtoolbox.Deps{Trail: s.trail, Region: gateway.EvidenceRegion, Accounts: s.askable, Ask: ask.ask})
	hosts, err := s.hosts(ctx, dir)
	if err != nil {
		return err
	}
	org, err := s.openOrganizations(ctx, dir)
	if err != nil {
		return err
	}
	people, err := s.signIn(ctx, dir, tokens)
	if err != nil {
		return err
	}
	keys, err := s.openKMS(ctx)
	if err != nil {
		return err
	}
	secrets, err := s.openSecretsManager(ctx, dir, actions)
	if err != nil {
		return err
	}
	happenings, err := s.openEvents(ctx, dir)
	if err != nil {
		return err
	}
	hub := s.openSecurityHub(ctx, dir)
	guard, err := s.openGuardDuty(ctx)
	if err != nil {
		return err
	}
	topics, err := s.openSNS(ctx)
	if err != nil {
		return err
	}
	queues, err := s.openSQS(ctx)
	if err != nil {
		return err
	}
	s.gateway, err = gateway.New(gateway.Config{
		Services: append(append(s.withHSM(hosts), happenings...), []gateway.Service{
			people, org, keys, secrets, events,
			hub,
			guard,
			topics,
			queues,
			s.openACM(),
			s.openSSM(),
			s.openAccessAnalyzer(ctx, actions, ask),
			{Model: iamapi.Model(), Operations: iamapi.Operations(s.iam), Rules: s.iam.Rules(), Resource: iam.Resource},
			{Model: stsapi.Model(), Operations: stsapi.Operations(stsService), Rules: stsService.Rules(), Resource: iam.Resource},
			{Model: iamtoolboxapi.Model(), Operations: iamtoolboxapi.Operations(s.toolbox), Rules: s.toolbox.Rules()},
		}...),
		Names:             names.Services(),
		Directory:         dir,
		ControlsResources: s.controls,
		Trail:             s.trail,
		Publish:           s.publish,
		DataEvents:        s.cloudtrail.LogsData,
		Signed:            time.Now,
		Now:               s.clock.Now,
		Log:               s.log,
		Observe:           s.metrics.observe,
		Denied:            tokens.EncodeDenial,
	})
	return err
}

// publish copies the event for the bus: the gateway uses its own again.
func (s *Server) publish(e *trail.Event) {
	if s.events.Wanted() && (!e.ReadOnly || s.happenings.TakesReads(context.Background(), e.Account, e.Region)) {
		c := *e
		c.JSON = append([]byte(nil), e.JSON...)
		c.Resources = append([]trail.Resource(nil), e.Resources...)
		s.events.Publish(c)
	}
	if !e.ReadOnly && s.changes.Wanted() {
		for i := range e.Resources {
			s.changes.Publish(change{e.Resources[i].Name})
		}
	}
}

func (s *Server) role(ctx context.Context, arn string) (*sts.Role, error) {
	r, err := s.iam.Role(ctx, arn)
	if err != nil {
		return nil, err
	}
	if r == nil {
		return nil, sts.ErrNoRole
	}
	return &sts.Role{ARN: r.ARN, ID: r.ID, Name: r.Name, Account: r.Account, MaxSession: r.MaxSession, Trust: r.Trust, Tags: r.Tags}, nil
}

// Handler is the endpoint: the gateway, and the health checks beside it.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_bartizan/health/live", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "live") })
	mux.HandleFunc("GET /_bartizan/health/ready", s.ready)
	mux.Handle("/_bartizan/issuer/", s.iam.Handler())
	mux.Handle("/_bartizan/acm/", s.authors)
	mux.Handle("/_bartizan/sns/", s.sns.Handler())
	calls := s.proxies(s.pages(s.gateway))
	if s.opt.Dev {
		calls = strangePages(calls)
	}
	return s.behind(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.URL.Path) > 11 && r.URL.Path[:11] == "/_bartizan/" {
			mux.ServeHTTP(w, r)
			return
		}
		calls.ServeHTTP(w, r)
	}))
}

// ready says whether calls can be answered: the store is fresh and the trail
// has room.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	if err := errors.Join(s.store.Fresh(r.Context()), s.trail.Admit(r.Context())); err != nil {
		http.Error(w, "not ready: "+err.Error(), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ready")
}

// Listen opens the endpoint's socket; Serve answers on it.
func (s *Server) Listen(ctx context.Context) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", s.opt.Listen)
	if err != nil {
		return nil, fmt.Errorf("%w: is another server running there? --listen chooses another address", err)
	}
	s.addr = l.Addr()
	s.http = &http.Server{
		Handler: s.Handler(),
		// One deadline for header and body: two would be set one after the other,
		// for every call. The gateway bounds how long an answer may take.
		ReadTimeout:    time.Minute,
		IdleTimeout:    2 * time.Minute,
		MaxHeaderBytes: 64 << 10,
		ErrorLog:       slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	if s.opt.TLS {
		a, err := openAuthority(filepath.Join(s.opt.Data, "tls"), time.Now)
		if err != nil {
			return nil, errors.Join(err, l.Close())
		}
		s.http.TLSConfig = a.config()
	} else {
		s.plain = http1.New(s.http)
	}
	if err := s.listenAdmin(ctx); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	if s.opt.Metrics != "" {
		if err := s.listenMetrics(ctx); err != nil {
			return nil, errors.Join(err, l.Close())
		}
	}
	if err := errors.Join(s.listenMetadata(ctx), s.listenHSM(ctx)); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// Serve answers until ctx ends, then lets the calls under way finish.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	done := make(chan error, 1)
	go func() {
		if s.plain == nil {
			done <- s.http.ServeTLS(l, "", "")
		} else {
			done <- s.plain.Serve(l)
		}
	}()
	go s.flush(ctx)
	defer s.later(ctx)()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	shutdown := s.http.Shutdown
	if s.plain != nil {
		shutdown = s.plain.Shutdown
	}
	if err := shutdown(ending); err != nil {
		return fmt.Errorf("calls under way were cut off: %w", err)
	}
	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// flush writes down now and then what is kept in memory.
func (s *Server) flush(ctx context.Context) {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := errors.Join(s.iam.Flush(ctx), s.kms.Flush(ctx)); err != nil {
				s.log.Error("when access keys and KMS keys were last used could not be written", "cause", err)
			}
		}
	}
}

// Close ends everything, the last opened first.
func (s *Server) Close() error {
	var errs []error
	if s.iam != nil {
		errs = append(errs, s.iam.Flush(context.Background()))
	}
	if s.kms != nil {
		errs = append(errs, s.kms.Flush(context.Background()))
	}
	s.stop()
	for i := len(s.closers) - 1; i >= 0; i-- {
		errs = append(errs, s.closers[i]())
	}
	s.closers = nil
	return errors.Join(errs...)
}

// URL is the endpoint as clients name it.
func (s *Server) URL() string {
	if s.opt.PublicURL != "" {
		return s.opt.PublicURL
	}
	scheme := "http"
	if s.opt.TLS {
		scheme = "https"
	}
	return scheme + "://" + s.addr.String()
}
