package gateway

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"strconv"
	"time"

	"bartizan.dev/wire"
)

// patience is how long a caller may take to read an answer that does not fit
// into the socket's buffer. A deadline costs as much as a decision, so it is set
// only where it can matter.
const patience = time.Minute

// smallAnswer fits into the socket's buffer, so that writing it never waits.
const smallAnswer = 32 << 10

// encode writes the answer in the service's protocol.
func (x *exchange) encode() {
	h := x.w.Header()
	res := &wire.Response{Header: h, Body: x.answer}
	if x.err == nil {
		x.op.EncodeInto(res, x.out, x.facts.RequestID, x.cbor)
		if p := x.op.Service.Protocol; (p == wire.Query || p <= wire.JSON11) && !x.cbor && cap(res.Body) <= maxKept { // the other protocols may hand out what is not ours
			x.answer = res.Body
		}
	} else {
		res = wire.EncodeError(x.service.Model, x.cbor, x.err, x.facts.RequestID)
		maps.Copy(h, res.Header)
	}
	own := []string{x.facts.RequestID, ""} // one allocation for two headers
	h["X-Amzn-Requestid"] = own[:1:1]
	if x.service.Model.Name == "s3" {
		h["X-Amz-Request-Id"] = []string{x.facts.RequestID}
	}
	if res.Stream != nil || len(res.Body) > smallAnswer {
		x.writeBefore(time.Now().Add(patience))
		defer x.writeBefore(time.Time{}) // the connection lives on
	}
	if res.Stream != nil {
		defer res.Stream.Close()
		x.w.WriteHeader(res.Status)
		if _, err := io.Copy(x.w, res.Stream); err != nil {
			x.g.Log.Debug("the caller left", "request", x.facts.RequestID, "cause", err)
		}
		return
	}
	own[1] = strconv.Itoa(len(res.Body))
	h["Content-Length"] = own[1:]
	x.w.WriteHeader(res.Status)
	if _, err := x.w.Write(res.Body); err != nil {
		x.g.Log.Debug("the caller left", "request", x.facts.RequestID, "cause", err)
	}
}

// writeBefore sets the deadline of writing an answer.
func (x *exchange) writeBefore(deadline time.Time) {
	if err := http.NewResponseController(x.w).SetWriteDeadline(deadline); err != nil && !errors.Is(err, http.ErrNotSupported) {
		x.g.Log.Debug("no deadline for a long answer", "request", x.facts.RequestID, "cause", err)
	}
}
