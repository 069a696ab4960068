// Command bartizan is the AWS security stack on your own machines: one program
// that speaks AWS's own wire APIs and does what those services promise.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"bartizan.dev/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Run(ctx, os.Args[1:], cli.Env{Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv, Program: os.Args[0]})
	stop()
	os.Exit(code)
}
