// Command bartizan is the AWS security stack on your own machines.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"bartizan.dev/server"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	opt := server.Options{Data: "/tmp/bartizan-x", Listen: server.DefaultListen, Store: "memory", Dev: true}
	s, err := server.Open(ctx, opt)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	l, err := s.Listen(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(s.URL())
	if err := s.Serve(ctx, l); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	s.Close()
}
