// Package mail sends e-mail to an SMTP server (RFC 5321), with TLS where the
// server offers it.
package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"net/textproto"
	"time"
)

// Sender sends by one server.
type Sender struct {
	Server         string // host and port
	Address        string // that messages come from
	User, Password string // if set, sent only over TLS or to this machine
	TLS            *tls.Config
}

// From is the address that messages come from.
func (s *Sender) From() string { return s.Address }

// Permanent reports whether a server has refused for good: the codes from 500
// on (RFC 5321 section 4.2.1).
func (s *Sender) Permanent(err error) bool {
	e, ok := errors.AsType[*textproto.Error](err)
	return ok && e.Code >= 500
}

// Send sends one message within 30 seconds.
func (s *Sender) Send(ctx context.Context, to string, message []byte) (err error) {
	ctx, stop := context.WithTimeout(ctx, 30*time.Second)
	defer stop()
	host, _, err := net.SplitHostPort(s.Server)
	if err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", s.Server)
	if err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })() // ends what is under way
	c, err := smtp.NewClient(conn, host)
	if err != nil {
		return errors.Join(fmt.Errorf("mail: %w", err), conn.Close())
	}
	defer func() { // after an error there is nothing to say goodbye for
		if err != nil {
			_ = c.Close()
		}
	}()
	if err := s.begin(c, host); err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	if err := c.Mail(s.Address); err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	if err := c.Rcpt(to); err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	w, err := c.Data()
	if err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	if _, err := w.Write(message); err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	_ = c.Quit() // the message is taken
	return nil
}

// begin turns on TLS and says who is there.
func (s *Sender) begin(c *smtp.Client, host string) error {
	if ok, _ := c.Extension("STARTTLS"); ok {
		config := s.TLS.Clone()
		if config == nil {
			config = &tls.Config{}
		}
		if config.ServerName == "" {
			config.ServerName = host
		}
		if err := c.StartTLS(config); err != nil {
			return err
		}
	}
	if s.User == "" {
		return nil
	}
	return c.Auth(smtp.PlainAuth("", s.User, s.Password, host)) // which refuses to show the password without TLS
}
