package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	route53api "bartizan.dev/api/route53"
	"bartizan.dev/gateway"
	"bartizan.dev/plane/dns"
	"bartizan.dev/service/route53"
	"bartizan.dev/store"
)

const route53Prefix = "route53/"

// answers keeps the DNS plane in step with the zones that are stored.
type answers struct {
	*Server
	zones *route53.Service
	plane *dns.Plane
	wake  chan struct{}
	addr  net.Addr

	mu      sync.Mutex
	keys    map[string]string   // keys of the zones that are known, by id
	changed map[string]struct{} // ids of those to read again
	all     bool                // everything must be read again
	seen    uint64              // how often something has changed
	done    uint64              // seen, when what is answered was read
	step    chan struct{}       // closed and replaced when done grows
}

// openRoute53 builds Route 53. Its zones are answered once listenDNS has run.
func (s *Server) openRoute53() gateway.Service {
	a := &answers{Server: s, plane: dns.New(), wake: make(chan struct{}, 1), keys: map[string]string{}, changed: map[string]struct{}{}, step: make(chan struct{})}
	a.zones = route53.New(route53.Deps{
		Store: store.View(s.store, route53Prefix), Clock: s.clock, NameServers: s.opt.NameServers, Served: a.settle,
		Quotas: s.opt.Quotas.Route53, Log: s.log,
	})
	s.names = a
	s.workers = append(s.workers, a.zones)
	return gateway.Service{Model: route53api.Model(), Operations: route53api.Operations(a.zones), Rules: a.zones.Rules(), Resource: route53.Resource}
}

// listenDNS answers hosted zones at the address of the options, if there is one.
func (s *Server) listenDNS(ctx context.Context) error {
	if s.opt.DNS == "" {
		return nil
	}
	a := s.names
	if err := s.store.Watch(ctx, a.see, a.forget); err != nil {
		return err
	}
	a.forget()
	if err := a.apply(ctx); err != nil {
		return fmt.Errorf("hosted zones: %w", err)
	}
	sockets, err := a.plane.Listen(ctx, s.opt.DNS, s.log)
	if err != nil {
		return err
	}
	a.addr = sockets.Addr()
	go func() {
		if err := sockets.Serve(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("DNS is not answered any more", "cause", err)
		}
	}()
	go a.follow(ctx)
	return nil
}

// DNS is the address at which hosted zones are answered; empty if they are not.
func (s *Server) DNS() string {
	if s.names.addr == nil {
		return ""
	}
	return s.names.addr.String()
}

// see notes which zones have changed.
func (a *answers) see(list []store.Change) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, c := range list {
		rest, ours := strings.CutPrefix(c.Key, route53Prefix)
		if !ours {
			continue
		}
		id, key, ok := route53.ServedKey(rest)
		if !ok {
			continue
		}
		if key != "" {
			a.keys[id] = key
		}
		a.changed[id] = struct{}{}
		a.stir()
	}
}

// forget notes that everything may have changed.
func (a *answers) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all = true
	a.stir()
}

// stir wakes follow; a.mu is held.
func (a *answers) stir() {
	a.seen++
	select {
	case a.wake <- struct{}{}:
	default: // it will look anyway
	}
}

func (a *answers) follow(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.wake:
		}
		for a.apply(ctx) != nil { // it keeps what it has not done
			select {
			case <-ctx.Done():
				return
			case <-time.After(time.Second):
			}
		}
	}
}

// settle waits until all changes that have been seen are answered.
func (a *answers) settle(ctx context.Context) error {
	a.mu.Lock()
	want := a.seen
	a.mu.Unlock()
	for {
		a.mu.Lock()
		done, step := a.done, a.step
		a.mu.Unlock()
		if done >= want {
			return nil
		}
		select {
		case <-step:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// apply reads what has changed and hands it to the plane. When that fails, what
// is answered stays, and all of it is kept for the next time.
func (a *answers) apply(ctx context.Context) error {
	a.mu.Lock()
	seen, all, changed := a.seen, a.all, a.changed
	a.all, a.changed = false, map[string]struct{}{}
	a.mu.Unlock()
	err := a.list(ctx, all, changed)
	if err == nil {
		err = a.read(ctx, changed)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if err == nil {
		a.done = seen
		close(a.step)
		a.step = make(chan struct{})
		return nil
	}
	a.all = a.all || all
	for id := range changed {
		a.changed[id] = struct{}{}
	}
	if ctx.Err() == nil {
		a.log.Error("hosted zones could not be read", "cause", err)
	}
	return err
}

// list adds all zones, those that are gone included, if all of them are wanted.
func (a *answers) list(ctx context.Context, all bool, changed map[string]struct{}) error {
	if !all {
		return nil
	}
	keys, err := a.zones.ServedZones(ctx)
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for id := range a.keys {
		changed[id] = struct{}{}
	}
	for id, key := range keys {
		a.keys[id], changed[id] = key, struct{}{}
	}
	return nil
}

func (a *answers) read(ctx context.Context, changed map[string]struct{}) error {
	var zones []dns.Zone
	var gone []string
	for id := range changed {
		a.mu.Lock()
		key := a.keys[id]
		a.mu.Unlock()
		z, err := a.zones.ServedZone(ctx, key)
		if errors.Is(err, route53.ErrNoZone) {
			gone = append(gone, id)
			continue
		} else if err != nil {
			return err
		}
		zones = append(zones, served(z))
	}
	if err := a.plane.Apply(zones, gone); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, id := range gone {
		if _, again := a.changed[id]; !again {
			delete(a.keys, id)
		}
	}
	return nil
}

// served is a zone in the plane's terms.
func served(z *route53.Served) dns.Zone {
	out := dns.Zone{ID: z.ID, Rank: z.Rank, Name: z.Name, Sets: make([]dns.Set, 0, len(z.Sets))}
	for i := range z.Sets {
		v := &z.Sets[i]
		set := dns.Set{Owner: v.Owner, Type: v.Type, TTL: v.TTL, Data: v.Data, Alias: v.Alias}
		switch {
		case v.Weight != nil:
			set.Route = dns.Route{Policy: dns.Weighted, Weight: uint32(*v.Weight)}
		case v.Multivalue:
			set.Route.Policy = dns.Multivalue
		}
		out.Sets = append(out.Sets, set)
	}
	return out
}
