package gateway

import (
	"errors"
	"fmt"
	"runtime/debug"

	"bartizan.dev/trail"
	"bartizan.dev/wire"
)

// decode fills the operation's input and checks it against the model.
func (x *exchange) decode() (err error) {
	r := wire.Request{
		Method: x.r.Method,
		Path:   x.r.URL.EscapedPath(),
		Query:  x.r.URL.RawQuery,
		Header: x.r.Header,
		Body:   x.body,
	}
	x.in, err = x.op.Decode(&r)
	return err
}

// admit asks the trail for room: what cannot be recorded does not happen. Reads
// go on in the room that the trail keeps back; when that is used up too, record
// gives the refusal instead of what was read.
func (x *exchange) admit() error {
	err := x.g.Trail.Admit(x.ctx)
	if err == nil || errors.Is(err, trail.ErrFull) && x.op.readOnly {
		return nil
	}
	return unrecorded(err)
}

func unrecorded(err error) *wire.Error {
	why := "the trail cannot be written. Try again later."
	if errors.Is(err, trail.ErrFull) {
		why = "the trail has no room. Free disk space and try again."
	}
	return &wire.Error{Code: "ServiceUnavailable", Status: 503, Fault: true, Cause: err,
		Message: "The call cannot be recorded, so it was refused: " + why}
}

// call runs the method.
func (x *exchange) call() (err error) {
	x.out, err = x.op.Call(x.ctx, x.in)
	return err
}

// take takes one step. A panic in it is this call's InternalFailure, recorded
// like any other outcome, and not the end of its neighbours.
func (x *exchange) take(step func(*exchange) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in %s: %v\n%s", x.name, p, debug.Stack())
		}
	}()
	return step(x)
}
