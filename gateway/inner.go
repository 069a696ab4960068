package gateway

import (
	"context"
	"fmt"
	"slices"

	"bartizan.dev/caller"
	"bartizan.dev/wire"
)

// Door is the inner door: the way of a call from one service to another. The
// call keeps its caller and is authorised and recorded like one from outside;
// it carries the name of the service it came through (aws:CalledVia,
// kms:ViaService, invokedBy).
type Door struct {
	Gateway *Gateway
	// Service is the service principal of the service that calls, such as
	// secretsmanager.amazonaws.com. It is empty where the caller is one of our own
	// pages: what people do there they do themselves.
	Service string
}

// inner is the chain of a call that comes through the inner door.
var inner = [...]func(*exchange) error{
	(*exchange).authorise,
	(*exchange).admit,
	(*exchange).call,
}

// Call runs an operation of another service for the caller of ctx.
func (d Door) Call(ctx context.Context, m *wire.Service, op *wire.Op, in any) (any, error) {
	s := d.Gateway.routes.model[m.Name]
	if s == nil || s.ops[op.Name] == nil {
		return nil, fmt.Errorf("gateway: %s calls %s:%s, which is not built", d.Service, m.Name, op.Name)
	}
	outer := caller.From(ctx)
	x := d.Gateway.exchanges.Get().(*exchange)
	defer x.end()
	facts := *outer
	facts.EventID, facts.Time, facts.Found = newUUID(), d.Gateway.Now(), nil
	if d.Service != "" {
		facts.Via = append(slices.Clone(outer.Via), d.Service)
	}
	x.facts, x.ctx = &facts, caller.With(ctx, &facts)
	x.service, x.op, x.name, x.in = s, s.ops[op.Name], op.Name, in
	for _, step := range inner {
		if err := x.take(step); err != nil {
			x.fail(err)
			break
		}
	}
	x.record()
	if x.err != nil {
		return nil, x.err
	}
	return x.out, nil
}
