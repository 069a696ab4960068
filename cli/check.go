package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"bartizan.dev/defence"
)

type checkCmd struct {
	target `embed:""`
}

// Run prints the order of defence and whether the server that enforces it is
// ready. It fails if a layer that is built is not enforced.
func (c *checkCmd) Run(ctx context.Context, env Env) error {
	st, err := c.client().status(ctx)
	state := "in force"
	switch {
	case errors.Is(err, errNotRunning):
		state = "NOT IN FORCE: " + err.Error()
	case err != nil:
		return err
	case st.Problem != "":
		state = "REFUSES CALLS: " + st.Problem
	}
	for i, r := range defence.Order() {
		s := state
		if r.Planned {
			s = "planned"
		}
		fmt.Fprintf(env.Out, "%d. %s (%s; %s): %s\n", i+1, r.Layer, strings.Join(r.Services, ", "), r.Plane, s)
	}
	if state != "in force" {
		return errSaid
	}
	return nil
}
