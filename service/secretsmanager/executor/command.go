package executor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"time"
)

// Command runs a program of this machine. It gets the event on its standard
// input, and in its environment the endpoint and credentials of the function's
// execution role to call back with. It must end with status 0 within five
// minutes. Its output is thrown away, since it may hold a secret: a program that
// has something to tell writes a log of its own.
type Command struct {
	Path   string
	Env    func(c Call, s *Session) []string // all of its environment
	Assume Assume
}

// Ready makes sure that the execution role can be assumed.
func (p *Command) Ready(ctx context.Context, c Call) error {
	_, err := p.Assume(ctx, c)
	return err
}

// Run runs the program for one step.
func (p *Command) Run(ctx context.Context, c Call) error {
	s, err := p.Assume(ctx, c)
	if err != nil {
		return err
	}
	body, err := json.Marshal(c.Event)
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(ctx, stepTime)
	defer stop()
	cmd := exec.CommandContext(ctx, p.Path)
	cmd.Dir, cmd.Env, cmd.Stdin = filepath.Dir(p.Path), p.Env(c, s), bytes.NewReader(body)
	cmd.WaitDelay = time.Second // for children that hold its standard input
	together(cmd)
	err = cmd.Run()
	if ctx.Err() != nil {
		return fmt.Errorf("the rotator was ended after %v: %w", stepTime, context.Cause(ctx))
	}
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		return fmt.Errorf("the rotator ended with status %d", e.ExitCode())
	} else if err != nil {
		return fmt.Errorf("the rotator cannot be run: %w", err)
	}
	return nil
}
