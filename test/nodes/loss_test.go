package nodes

import (
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"bartizan.dev/sigv4"
	"bartizan.dev/store/postgres/pgtest"
)

// underWay is how long a call may take that began before the database went: it
// waits for the database to come back, for the ten seconds that recording it may
// take.
const underWay = 15 * time.Second

// through returns the URL of the same database behind the proxy.
func through(t *testing.T, p *proxy, store string) string {
	t.Helper()
	u, err := url.Parse(store)
	if err != nil {
		t.Fatal(err)
	}
	return pgtest.URL(p.dir, strings.TrimPrefix(u.Path, "/"))
}

// broken is a pair of which B reaches the database through a proxy.
func broken(t *testing.T, s state) (pair, *proxy) {
	t.Helper()
	pg := pgtest.New(t)
	x := newProxy(t, pg)
	x.set(s)
	store := database(t, pg)
	first := dataDir(t, "")
	p := pair{a: start(t, first, store), b: start(t, dataDir(t, first), through(t, x, store))}
	p.root = rootOf(t, first)
	return p, x
}

// Without notifications changes come by polling, in time all the same.
func TestRemovedWithoutNotify(t *testing.T) {
	p, _ := broken(t, deaf)
	for _, r := range removals[:1] {
		c := r.give(t, p.a, p.root, r.name)
		p.b.do(t, c, r.use[0], r.use[1])
		w := watch(t, p.b, c, r.use)
		until(t, "calls at B", 5*time.Second, func() bool { return w.count() > 3 })
		r.take(t, p.a, p.root, r.name, c)
		taken := time.Now()
		until(t, "a denial at B", 3*time.Second, w.deniedOnce)
		w.stop(t)
		t.Logf("refused at B %v after the answer at A", w.check(t, taken))
	}
}

// A node that is cut off from the database refuses within about a second, as it
// cannot know what was taken away since, and is back when the network is.
func TestCutOff(t *testing.T) {
	for name, s := range map[string]state{"refused": refused, "silent": silent} {
		t.Run(name, func(t *testing.T) { cutOff(t, s) })
	}
}

func cutOff(t *testing.T, s state) {
	p, x := broken(t, passing)
	user := giveAttached(t, p.a, p.root, "cut")
	var flight inFlight
	for range 4 {
		flight.writer(p.b, p.root)
	}
	w := watch(t, p.b, user, listUsers)
	until(t, "calls at B", 5*time.Second, func() bool { return w.count() > 3 && flight.acknowledged() > 20 })
	x.set(s)
	cut := time.Now()
	// Meanwhile the right is taken away where B cannot see it.
	p.a.do(t, p.root, "iam", "DetachUserPolicy", "UserName", "cut", "PolicyArn", policyARN("cut"))
	taken := time.Now()
	if held := taken.Sub(cut); held > 5*time.Second { // B may have been cut off with the writers' lock in its hands
		t.Errorf("a node that was cut off held up the other for %v", held)
	}
	time.Sleep(time.Until(cut.Add(1100 * time.Millisecond))) // the promise is about time
	for _, call := range [][]string{{"iam", "GetUser", "UserName", "cut"}, {"sts", "GetCallerIdentity"}, {"iam", "CreateUser", "UserName", "new"}} {
		a := p.b.try(t, p.root, call[0], call[1], call[2:]...)
		if a.status != 503 || a.code != "ServiceUnavailable" {
			t.Errorf("%s without a database: %v; want 503 ServiceUnavailable", call[1], a)
		}
		if a.took > 1500*time.Millisecond {
			t.Errorf("%s without a database was answered after %v", call[1], a.took)
		}
	}
	crowd(t, p)
	x.set(passing)
	back := until(t, "B answers again", 10*time.Second, func() bool { return p.b.try(t, p.root, "sts", "GetCallerIdentity").ok() })
	until(t, "a denial at B", 3*time.Second, w.deniedOnce)
	w.stop(t)
	flight.stop()
	if back > 3*time.Second {
		t.Errorf("B was back only after %v", back)
	}
	var last, slowest time.Duration
	for _, a := range w.answers {
		if a.ok() {
			last = max(last, a.begun.Sub(taken))
		}
		slowest = max(slowest, a.took)
	}
	if last > second {
		t.Errorf("B allowed a call that began %v after the right was taken away", last)
	}
	slowWrite, failed := flight.slowest()
	t.Logf("a write at A took %v; allowed at B until %v after it; back after %v; the slowest read took %v, write %v (%d failed)", taken.Sub(cut), last, back, slowest, slowWrite, failed)
	if slowest > underWay || slowWrite > underWay {
		t.Errorf("a call under way when the database went was answered after %v, a write after %v; want at most %v", slowest, slowWrite, underWay)
	}
	flight.check(t, p)
}

// crowd: many callers at once are all refused in time, not one after the other.
func crowd(t *testing.T, p pair) {
	t.Helper()
	var all sync.WaitGroup
	begun := time.Now()
	for range 40 {
		all.Go(func() {
			if a := p.b.try(t, p.root, "sts", "GetCallerIdentity"); a.status != 503 {
				t.Errorf("GetCallerIdentity without a database: %v", a)
			}
		})
	}
	all.Wait()
	if took := time.Since(begun); took > 4*time.Second {
		t.Errorf("40 callers at once were refused only after %v", took)
	}
}

// inFlight is writers whose calls are under way when the database goes.
type inFlight struct {
	end     chan struct{}
	workers sync.WaitGroup
	mu      sync.Mutex
	good    []string // users that were acknowledged
	answers []answer
	errs    []error
}

func (f *inFlight) writer(n *node, root sigv4.Credentials) {
	f.mu.Lock()
	if f.end == nil {
		f.end = make(chan struct{})
	}
	f.mu.Unlock()
	f.workers.Go(func() {
		for {
			select {
			case <-f.end:
				return
			case <-time.After(10 * time.Millisecond):
			}
			name := "w-" + rand()
			a, err := n.call(root, "iam", "CreateUser", "UserName", name)
			f.mu.Lock()
			f.answers = append(f.answers, a)
			if err != nil {
				f.errs = append(f.errs, err)
			} else if a.ok() {
				f.good = append(f.good, name)
			}
			f.mu.Unlock()
		}
	})
}

func (f *inFlight) acknowledged() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.good)
}

func (f *inFlight) stop() {
	close(f.end)
	f.workers.Wait()
}

func (f *inFlight) slowest() (d time.Duration, failed int) {
	for _, a := range f.answers {
		d = max(d, a.took)
		if !a.ok() {
			failed++
		}
	}
	return d, failed
}

// check: what was acknowledged is there, at both nodes.
func (f *inFlight) check(t *testing.T, p pair) {
	t.Helper()
	for _, err := range f.errs {
		t.Error(err)
	}
	for _, a := range f.answers {
		if !a.ok() && a.status < 500 {
			t.Errorf("CreateUser: %v", a)
		}
	}
	if len(f.good) == 0 {
		t.Error("no user was made")
	}
	for _, n := range []*node{p.a, p.b} {
		missing(t, "users", f.good, all(t, p.root, []*node{n}, "ListUsers", "UserName"))
		missing(t, "events", f.good, created(t, p.root, n))
	}
}

// The database itself is stopped and comes back: both nodes refuse, then work,
// and nothing acknowledged is gone.
func TestDatabaseRestart(t *testing.T) {
	pg := pgtest.New(t)
	p := newPair(t, pg)
	var flight inFlight
	flight.writer(p.a, p.root)
	flight.writer(p.b, p.root)
	until(t, "writes", 5*time.Second, func() bool { return flight.acknowledged() > 20 })
	pg.Stop()
	time.Sleep(1100 * time.Millisecond)
	for _, n := range []*node{p.a, p.b} {
		a := n.try(t, p.root, "iam", "CreateUser", "UserName", "x")
		if a.status != 503 || a.code != "ServiceUnavailable" || a.took > 1500*time.Millisecond {
			t.Errorf("CreateUser without a database: %v; want 503 ServiceUnavailable", a)
		}
	}
	pg.Start(t)
	for _, n := range []*node{p.a, p.b} {
		back := until(t, "a node answers again", 5*time.Second, func() bool { return n.try(t, p.root, "iam", "ListUsers").ok() })
		t.Logf("back %v after the database", back)
	}
	made := len(all(t, p.root, []*node{p.a}, "ListUsers", "UserName"))
	until(t, "writers go on", 5*time.Second, func() bool { return len(all(t, p.root, []*node{p.b}, "ListUsers", "UserName")) > made })
	flight.stop()
	slowest, failed := flight.slowest()
	t.Logf("the slowest write took %v (%d of %d failed)", slowest, failed, len(flight.answers))
	if slowest > underWay {
		t.Errorf("a write under way when the database went was answered after %v, want at most %v", slowest, underWay)
	}
	flight.check(t, p)
}
