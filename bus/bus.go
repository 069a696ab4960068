// Package bus carries typed events between the rooms of one process: what the
// gateway recorded, what a plane saw. An event goes to everyone who has
// subscribed to its type.
//
// A publisher never waits. Each subscriber has a queue of its own; when it is
// full the event is dropped for that subscriber, counted, and logged when the
// count reaches 1, 2, 4, 8 and so on. So the bus is for those who can do with
// less: whoever needs every event reads the trail or the store.
package bus

import (
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
)

// Bus is a set of topics, one for each type of event.
type Bus struct {
	log    *slog.Logger
	topics sync.Map // a nil *Topic[T] → the *Topic[T]
	mu     sync.Mutex
	subs   []interface{ Close() }
	closed bool
}

// New returns a bus that logs drops and panics to log, or to slog.Default().
func New(log *slog.Logger) *Bus {
	if log == nil {
		log = slog.Default()
	}
	return &Bus{log: log}
}

// Topic carries the events of type T.
type Topic[T any] struct {
	bus  *Bus
	mu   sync.Mutex
	subs atomic.Pointer[[]*Subscription[T]] // replaced, never changed; nil without subscribers
}

// For returns the topic of T. Keep it where events are published often:
// publishing on it is one load of a pointer when nobody has subscribed.
func For[T any](b *Bus) *Topic[T] {
	key := (*Topic[T])(nil)
	if t, ok := b.topics.Load(key); ok {
		return t.(*Topic[T])
	}
	t, _ := b.topics.LoadOrStore(key, &Topic[T]{bus: b})
	return t.(*Topic[T])
}

// Publish gives v to everyone who has subscribed to T.
func Publish[T any](b *Bus, v T) { For[T](b).Publish(v) }

// Publish gives v to everyone who has subscribed. It does not wait. What v
// points to must not change afterwards.
func (t *Topic[T]) Publish(v T) {
	subs := t.subs.Load()
	if subs == nil {
		return
	}
	for _, s := range *subs {
		s.offer(v)
	}
}

// Wanted reports whether anyone has subscribed, for a publisher whose events
// cost something to make.
func (t *Topic[T]) Wanted() bool { return t.subs.Load() != nil }

// Subscription is one subscriber to T.
type Subscription[T any] struct {
	name    string
	topic   *Topic[T]
	queue   chan T
	dropped atomic.Uint64
	quit    chan struct{}
	once    sync.Once
	done    chan struct{}
}

// Subscribe has fn called for every event of type T from now on, one after the
// other in the order of publication, in a goroutine of its own. depth is how
// many events may wait. The name is for the log. On a closed bus the
// subscription is closed from the start.
func Subscribe[T any](b *Bus, name string, depth int, fn func(T)) *Subscription[T] {
	t := For[T](b)
	s := &Subscription[T]{name: name, topic: t, queue: make(chan T, max(1, depth)), quit: make(chan struct{}), done: make(chan struct{})}
	b.mu.Lock()
	closed := b.closed
	if !closed {
		b.subs = append(b.subs, s)
		t.change(func(subs []*Subscription[T]) []*Subscription[T] { return append(subs, s) })
	}
	b.mu.Unlock()
	go s.run(fn)
	if closed {
		s.Close()
	}
	return s
}

// change replaces the list of subscribers.
func (t *Topic[T]) change(fn func([]*Subscription[T]) []*Subscription[T]) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var subs []*Subscription[T]
	if old := t.subs.Load(); old != nil {
		subs = slices.Clone(*old)
	}
	if subs = fn(subs); len(subs) == 0 {
		t.subs.Store(nil)
		return
	}
	t.subs.Store(&subs)
}

func (s *Subscription[T]) offer(v T) {
	select {
	case s.queue <- v:
	default:
		if n := s.dropped.Add(1); n&(n-1) == 0 {
			s.topic.bus.log.Warn("bus: a subscriber is too slow and misses events", "subscriber", s.name, "missed", n)
		}
	}
}

// Dropped is how many events the subscriber has missed.
func (s *Subscription[T]) Dropped() uint64 { return s.dropped.Load() }

// run calls fn until Close, and then for what is still waiting.
func (s *Subscription[T]) run(fn func(T)) {
	defer close(s.done)
	for {
		select {
		case v := <-s.queue:
			s.call(fn, v)
			continue
		case <-s.quit:
		}
		for {
			select {
			case v := <-s.queue:
				s.call(fn, v)
			default:
				return
			}
		}
	}
}

// call keeps a panic of one subscriber from taking the server down.
func (s *Subscription[T]) call(fn func(T), v T) {
	defer func() {
		if p := recover(); p != nil {
			s.topic.bus.log.Error("bus: a subscriber panicked", "subscriber", s.name, "panic", p, "stack", string(debug.Stack()))
		}
	}()
	fn(v)
}

// Close ends the subscription, after the events that already wait. It must not
// be called by the subscriber's own function.
func (s *Subscription[T]) Close() {
	s.once.Do(func() {
		s.topic.change(func(subs []*Subscription[T]) []*Subscription[T] {
			return slices.DeleteFunc(subs, func(o *Subscription[T]) bool { return o == s })
		})
		b := s.topic.bus
		b.mu.Lock()
		b.subs = slices.DeleteFunc(b.subs, func(o interface{ Close() }) bool { return o == s })
		b.mu.Unlock()
		close(s.quit)
	})
	<-s.done
}

// Close ends all subscriptions. Events published afterwards go nowhere.
func (b *Bus) Close() {
	b.mu.Lock()
	subs := slices.Clone(b.subs)
	b.closed = true
	b.mu.Unlock()
	for _, s := range subs {
		s.Close()
	}
}
