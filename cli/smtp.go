package cli

import (
	"errors"
	"fmt"
	"net"
	"net/mail"
	"os"
	"strings"

	"bartizan.dev/server"
)

// smtpFlags say how SNS sends e-mail.
type smtpFlags struct {
	SMTP             string `name:"smtp" help:"SMTP server by which SNS sends e-mail; without it, subscriptions by e-mail are refused." placeholder:"HOST:PORT"`
	SMTPFrom         string `name:"smtp-from" help:"Address that e-mail comes from." placeholder:"ADDRESS"`
	SMTPUser         string `name:"smtp-user" help:"User name at the SMTP server." placeholder:"NAME"`
	SMTPPasswordFile string `name:"smtp-password-file" help:"File with the password at the SMTP server; it is sent over TLS only." placeholder:"FILE"`
}

func (f *smtpFlags) apply(opt *server.Options) error {
	if f.SMTP == "" {
		if f.SMTPFrom != "" || f.SMTPUser != "" || f.SMTPPasswordFile != "" {
			return errors.New("--smtp-from, --smtp-user and --smtp-password-file want --smtp")
		}
		return nil
	}
	if _, _, err := net.SplitHostPort(f.SMTP); err != nil {
		return fmt.Errorf("--smtp: %w", err)
	}
	if a, err := mail.ParseAddress(f.SMTPFrom); err != nil || a.Address != f.SMTPFrom {
		return errors.New("--smtp wants --smtp-from with an e-mail address")
	}
	if (f.SMTPUser == "") != (f.SMTPPasswordFile == "") {
		return errors.New("--smtp-user and --smtp-password-file go together")
	}
	opt.SMTP = server.SMTP{Server: f.SMTP, From: f.SMTPFrom, User: f.SMTPUser}
	if f.SMTPPasswordFile != "" {
		raw, err := os.ReadFile(f.SMTPPasswordFile)
		if err != nil {
			return fmt.Errorf("--smtp-password-file: %w", err)
		}
		opt.SMTP.Password = strings.TrimRight(string(raw), "\r\n")
	}
	return nil
}
