package server

import (
	"context"
	"sync"
)

// worker does the due work of a service until ctx ends.
type worker interface {
	Run(ctx context.Context) error
}

// later runs the due work of all services until ctx ends or the function it
// returns is called, which waits for the work under way.
func (s *Server) later(ctx context.Context) (end func()) {
	ctx, stop := context.WithCancel(ctx)
	var all sync.WaitGroup
	for _, w := range s.workers {
		all.Go(func() {
			if err := w.Run(ctx); err != nil {
				s.log.Error("due work has stopped", "cause", err)
			}
		})
	}
	return func() {
		stop()
		all.Wait()
	}
}
