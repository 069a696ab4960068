package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"bartizan.dev/caller"
)

// firstStart makes the first account. Its root access key is written to
// DIR/credentials and shown nowhere else; bartizan dev has the keys test/test.
//
// The file is there under another name before the account is, so that a node
// killed in between has not taken the only copy of the secret with it; settle
// puts it right at the next start. Of several nodes that begin at once on one
// database only the one that made the account keeps its file.
func (s *Server) firstStart(ctx context.Context) error {
	if s.opt.Dev {
		_, err := s.iam.EnsureAccount(ctx, DefaultAccount, "test", "test")
		return err
	}
	if has, err := s.iam.HasAccount(ctx, DefaultAccount); err != nil {
		return err
	} else if has {
		return s.settle(ctx)
	}
	if s.HasCredentials() {
		return fmt.Errorf("the database is empty, and %s holds the root credentials of another: move it away, or use the database it belongs to", s.CredentialsFile())
	}
	key, err := caller.NewAccessKey("AKIA", DefaultAccount)
	if err != nil {
		return err
	}
	secret, err := caller.NewSecret()
	if err != nil {
		return err
	}
	text := fmt.Sprintf("# The root user of account %s. Make an administrator with it, then put it away.\n[default]\n%s%s\n%s%s\n", DefaultAccount, keyLine, key, secretLine, secret)
	if err := writeFile(s.unsettled(), []byte(text), 0o600); err != nil {
		return fmt.Errorf("writing the root credentials: %w", err)
	}
	made, err := s.iam.EnsureAccount(ctx, DefaultAccount, key, secret)
	if err != nil {
		return err
	}
	if made {
		if err := writeFile(s.CredentialsFile(), []byte(text), 0o600); err != nil {
			return fmt.Errorf("writing the root credentials (they are in %s): %w", s.unsettled(), err)
		}
	}
	return s.settle(ctx)
}

const (
	keyLine    = "aws_access_key_id = "
	secretLine = "aws_secret_access_key = "
)

// settle gives credentials that a first start wrote their name, or removes them
// if another node has made the account.
func (s *Server) settle(ctx context.Context) error {
	text, err := os.ReadFile(s.unsettled())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	var key, secret string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if v, ok := strings.CutPrefix(line, keyLine); ok {
			key = v
		}
		if v, ok := strings.CutPrefix(line, secretLine); ok {
			secret = v
		}
	}
	c, err := s.iam.Credential(ctx, key)
	if err != nil {
		return err
	}
	if c == nil || c.Identity.Kind != caller.Root || c.Secret != secret {
		return os.Remove(s.unsettled())
	}
	if err := os.Rename(s.unsettled(), s.CredentialsFile()); err != nil {
		return fmt.Errorf("writing the root credentials: %w", err)
	}
	return syncDir(s.opt.Data)
}

// CredentialsFile is where the first start writes the root credentials.
func (s *Server) CredentialsFile() string { return filepath.Join(s.opt.Data, "credentials") }

func (s *Server) unsettled() string { return s.CredentialsFile() + ".new" }

// HasCredentials reports whether the root credentials are still there.
func (s *Server) HasCredentials() bool {
	_, err := os.Stat(s.CredentialsFile())
	return err == nil
}
