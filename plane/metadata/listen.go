package metadata

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"
)

// Listen opens a TCP socket whose answers travel at most hops hops, 1 to 64; 0
// leaves that to the system. With one hop, what runs in a container behind a
// bridge, or beyond a router, never hears an answer.
//
// EC2 bounds only the answer to the token's PUT; here it is the whole
// connection, which is not more permissive.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-IMDS-existing-instances.html
func Listen(ctx context.Context, address string, hops int) (net.Listener, error) {
	if hops < 0 || hops > 64 {
		return nil, fmt.Errorf("metadata: a hop limit of %d: want 1 to 64", hops)
	}
	var lc net.ListenConfig
	if hops > 0 {
		lc.Control = func(network, _ string, raw syscall.RawConn) error { return limit(raw, network, hops) }
	}
	return lc.Listen(ctx, "tcp", address)
}

// limit sets the time to live of a socket's packets; the connections that it
// accepts inherit it. A socket of IPv6 may carry IPv4 too, so it has both.
func limit(raw syscall.RawConn, network string, hops int) error {
	var err error
	outer := raw.Control(func(fd uintptr) {
		err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, syscall.IP_TTL, hops)
		if network == "tcp6" {
			err = errors.Join(err, syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IPV6, syscall.IPV6_UNICAST_HOPS, hops))
		}
	})
	return errors.Join(outer, err)
}

// Serve answers on a socket until ctx ends.
func Serve(ctx context.Context, l net.Listener, h http.Handler, log *slog.Logger) error {
	s := &http.Server{
		Handler: h, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 32 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	stop := context.AfterFunc(ctx, func() {
		if err := s.Close(); err != nil {
			log.Debug("closing", "cause", err)
		}
	})
	defer stop()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// TokenFile returns the authorization token that a file holds; it makes the file,
// with a token, if it is missing. SDKs are told of it by
// AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE.
func TokenFile(path string) (string, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err == nil {
		token := rand.Text() + rand.Text()
		_, err = f.WriteString(token)
		return token, errors.Join(err, f.Close())
	}
	if !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	token := strings.TrimSpace(string(text))
	if len(token) < 16 || strings.ContainsAny(token, "\r\n") {
		return "", fmt.Errorf("%s: want a token of one line, 16 characters or more", path)
	}
	return token, nil
}
