// Bartizan-hsm is the helper that bartizan talks to for keys in an HSM: it loads
// the PKCS#11 module of the HSM's vendor, which the main program never does, so
// that a module that crashes or hangs takes nothing with it but this process.
// Package frame, in keys/pkcs11, has the protocol.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"

	"bartizan.dev/keys/memory"
	"bartizan.dev/keys/pkcs11/frame"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "bartizan-hsm:", err)
		}
		os.Exit(1)
	}
}

func run(args []string, in io.Reader, out, errs io.Writer) error {
	flags := flag.NewFlagSet("bartizan-hsm", flag.ContinueOnError)
	flags.SetOutput(errs)
	path := flags.String("module", "", "the vendor's PKCS#11 library, such as /usr/lib/softhsm/libsofthsm2.so")
	socket := flags.String("socket", "", "the Unix socket to listen on; only this user and root may use it")
	child := flags.Bool("child", false, "end when standard input ends, as the child of bartizan serve")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *path == "" || *socket == "" || flags.NArg() > 0 {
		flags.Usage()
		return errors.New("--module and --socket are needed")
	}
	if _, err := memory.Protect(); err != nil {
		return err
	}
	m, err := load(*path)
	if err != nil {
		return err
	}
	l, err := listen(*socket)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if *child {
		go func() {
			_, _ = io.Copy(io.Discard, in)
			stop()
		}()
	}
	if _, err := fmt.Fprintf(out, "ready %d\n", frame.Version); err != nil {
		return err
	}
	return serve(ctx, l, &hsm{m: m, tokens: map[string]*token{}})
}

// listen opens the socket, mode 0600 from the first moment. A socket that a
// helper before this one left is replaced; one that answers is not.
func listen(path string) (*net.UnixListener, error) {
	if c, err := net.Dial("unix", path); err == nil {
		return nil, errors.Join(fmt.Errorf("another helper listens on %s", path), c.Close())
	}
	if info, err := os.Lstat(path); err == nil && info.Mode().Type() != os.ModeSocket {
		return nil, fmt.Errorf("%s exists and is not a socket", path)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	syscall.Umask(0o177)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	syscall.Umask(0o077) // what the module makes is this user's
	return l, err
}
