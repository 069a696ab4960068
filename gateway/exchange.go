package gateway

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"time"

	"bartizan.dev/caller"
	"bartizan.dev/policy"
	"bartizan.dev/sigv4"
	"bartizan.dev/trail"
	"bartizan.dev/wire"
)

// maxKept is the largest buffer that is kept for the next call, in bytes.
const maxKept = 64 << 10

// An exchange is one call on its way through the chain. It is reused: state is
// made new for each call, the rest are buffers that stay.
type exchange struct {
	state
	g       *Gateway
	body    []byte
	answer  []byte
	claim   sigv4.Claim
	request policy.Request
	event   trail.Event
}

// state is what belongs to one call.
type state struct {
	w       http.ResponseWriter
	r       *http.Request
	ctx     context.Context
	facts   *caller.Call
	start   time.Time // of the machine, for durations
	service *service
	op      *operation
	name    string // of the operation, also of one that is not built
	cbor    bool
	signed  error // of claim.Parse
	touches []policy.Touch
	owner   *Bounds // of the resource of the touch that was prepared last
	in, out any
	shared  string // sharedEventID, where another account records the call too
	data    bool   // the event is a data event
	err     *wire.Error
}

func (x *exchange) begin(w http.ResponseWriter, r *http.Request) {
	x.w, x.r, x.start = w, r, time.Now()
	ids := newUUIDs()
	x.facts = &caller.Call{
		RequestID: ids[:36],
		EventID:   ids[36:],
		Time:      x.g.Now(),
		UserAgent: r.UserAgent(),
		Host:      r.Host,
	}
	if addr, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		x.facts.Source = addr.Addr().Unmap()
	}
	if r.TLS != nil && r.TLS.Version == 0 {
		x.facts.TLS = "TLS" // ended by a proxy
	} else if r.TLS != nil {
		x.facts.TLS, x.facts.Cipher = tlsVersion(r.TLS.Version), tlsSuite(r.TLS.CipherSuite)
	}
	x.ctx = caller.With(r.Context(), x.facts)
}

func (x *exchange) end() {
	if x.w != nil {
		x.observe()
	}
	x.claim.Reset()
	x.request.Context.Reset(0)
	clear(x.body) // both may hold secrets
	clear(x.answer)
	x.state, x.body, x.answer, x.event.JSON = state{}, x.body[:0], x.answer[:0], x.event.JSON[:0]
	if cap(x.body) > maxKept || cap(x.event.JSON) > maxKept {
		x.body, x.event.JSON = nil, nil
	}
	x.g.exchanges.Put(x)
}

// observe tells metrics and, at level debug, the log how the call went. The
// name of an operation is the caller's own text until it is known to be one, so
// it is counted only then.
func (x *exchange) observe() {
	service, name, code, took := x.service.Model.Name, x.name, "", time.Since(x.start)
	if x.op == nil {
		name = "unknown"
	}
	if x.err != nil {
		code = x.err.Code
	}
	if x.g.Observe != nil {
		x.g.Observe(service, name, code, took)
	}
	if x.g.Log.Enabled(x.ctx, slog.LevelDebug) {
		x.g.Log.Debug("call", "request", x.facts.RequestID, "caller", x.facts.Identity.ARN, "service", service, "operation", x.name, "code", code, "took", took)
	}
}

// fail notes the error that ends the call and logs what the caller is not
// told.
func (x *exchange) fail(err error) {
	x.err = wire.AsError(err)
	if x.service == nil { // the answer needs a protocol all the same
		x.service = x.guess()
	}
	if x.err.Cause != nil && !errors.Is(x.err.Cause, context.Canceled) {
		level := slog.LevelDebug
		if x.err.Fault {
			level = slog.LevelError
		}
		x.g.Log.Log(x.ctx, level, "call failed", "request", x.facts.RequestID, "operation", x.name, "code", x.err.Code, "cause", x.err.Cause)
	}
}

// newUUID returns a random UUID (RFC 9562, version 4). Request and event ids
// need to be unique, not secret.
func newUUID() string {
	var b [36]byte
	putUUID(b[:])
	return string(b[:])
}

// newUUIDs returns two, one behind the other.
func newUUIDs() string {
	var b [72]byte
	putUUID(b[:36])
	putUUID(b[36:])
	return string(b[:])
}

func putUUID(s []byte) {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:], rand.Uint64())
	binary.LittleEndian.PutUint64(b[8:], rand.Uint64())
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	hex.Encode(s[0:8], b[0:4])
	hex.Encode(s[9:13], b[4:6])
	hex.Encode(s[14:18], b[6:8])
	hex.Encode(s[19:23], b[8:10])
	hex.Encode(s[24:36], b[10:16])
	s[8], s[13], s[18], s[23] = '-', '-', '-', '-'
}
