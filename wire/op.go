package wire

import (
	"context"
	"fmt"
	"reflect"
	"sync"
)

// Operation is an operation of a service bound to the method that serves it.
type Operation struct {
	*Op
	Service *Service
	// New returns an empty input to decode into, NewOut an empty output.
	New, NewOut func() any
	// Call runs the method on an input that New made.
	Call func(ctx context.Context, in any) (any, error)

	in, out func() *plan
}

// Bind joins operation i of a service with the method that serves it.
func Bind[I, O any](s *Service, i int, method func(context.Context, *I) (*O, error)) Operation {
	op := &s.Ops[i]
	return Operation{
		Op: op, Service: s,
		New: func() any { return new(I) }, NewOut: func() any { return new(O) },
		Call: func(ctx context.Context, in any) (any, error) {
			out, err := method(ctx, in.(*I))
			if err != nil {
				return nil, err
			}
			return out, nil
		},
		in:  sync.OnceValue(func() *plan { return s.plan(op.In, reflect.TypeFor[I]()) }),
		out: sync.OnceValue(func() *plan { return s.plan(op.Out, reflect.TypeFor[O]()) }),
	}
}

// Door takes a call from inside the server to the gateway's inner door.
type Door interface {
	Call(ctx context.Context, s *Service, op *Op, in any) (any, error)
}

// Call is what the generated clients are made of.
func Call[O, I any](ctx context.Context, d Door, s *Service, i int, in *I) (*O, error) {
	out, err := d.Call(ctx, s, &s.Ops[i], in)
	if err != nil {
		return nil, err
	}
	o, ok := out.(*O)
	if !ok {
		return nil, fmt.Errorf("wire: %s.%s answered %T, want %T", s.Name, s.Ops[i].Name, out, o)
	}
	return o, nil
}

// NotImplemented is the answer of an operation that Bartizan does not have.
func NotImplemented(service, op string) *Error {
	return &Error{
		Code: "NotImplemented", Status: 501, Fault: true,
		Message: fmt.Sprintf("Bartizan does not implement %s:%s. The table of services in README.md and spec/%s.txt say what it implements.", service, op, service),
	}
}
