package gateway

import (
	"context"
	"fmt"

	"bartizan.dev/caller"
	"bartizan.dev/policy"
)

// Decide asks the policies whether the caller of ctx may do what the touches
// say, where there is no operation to ask for it: signing in to the console. The
// error is the one that a call of the service would be answered with.
func (g *Gateway) Decide(ctx context.Context, service string, touches ...policy.Touch) error {
	s := g.routes.model[service]
	if s == nil {
		return fmt.Errorf("gateway: nobody knows the service %q", service)
	}
	x := g.exchanges.Get().(*exchange)
	defer x.end()
	x.facts, x.ctx, x.service = caller.From(ctx), ctx, s
	x.op = &operation{rule: policy.OnAny(touches...)}
	return x.take((*exchange).authorise)
}
