package server

import (
	"context"

	"bartizan.dev/gateway"
	"bartizan.dev/wire"
)

// inner is the inner door of a service. It is handed over before there is a
// gateway, and opens onto the one that is built.
type inner struct {
	server  *Server
	service string // service principal of the service that calls
}

func (i inner) Call(ctx context.Context, m *wire.Service, op *wire.Op, in any) (any, error) {
	return gateway.Door{Gateway: i.server.gateway, Service: i.service}.Call(ctx, m, op, in)
}
