package iam

import (
	"context"
	"errors"

	"bartizan.dev/wire"
)

// settle does the work that is due.
func (f *fixture) settle() {
	f.t.Helper()
	ctx, stop := context.WithCancel(f.t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	if err := f.Settle(ctx); err != nil {
		f.t.Error(err)
	}
	stop()
	if err := <-done; err != nil {
		f.t.Error(err)
	}
}

// onClock lets the service live in the time of its own clock, which the test
// moves by Advance.
func (f *fixture) onClock() *fixture {
	f.Now = f.Clock.Now
	return f
}

// isCode reports whether err is the service's error with the code.
func isCode(err error, code string) bool {
	e, ok := errors.AsType[*wire.Error](err)
	return ok && e.Code == code
}
