package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"bartizan.dev/keys"
	"bartizan.dev/keys/soft"
	"bartizan.dev/store"
	"bartizan.dev/store/memory"
	"bartizan.dev/store/postgres"
	"bartizan.dev/store/sqlite"
	trailpg "bartizan.dev/trail/postgres"
	"bartizan.dev/trail/segment"
	"bartizan.dev/work"
)

// RootKeyFile is the name of the root key's file in the data directory. It is
// not in the database and not in a backup.
const RootKeyFile = "root.key"

// own refuses a data directory that others could have prepared or can change:
// whoever writes there reads the root key and the admin socket.
func (s *Server) own() error {
	info, err := os.Stat(s.opt.Data)
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if ok && int(stat.Uid) != os.Geteuid() {
		return fmt.Errorf("%s belongs to another user: use another --data, or run as that user", s.opt.Data)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("others can write to %s (%v): chmod 700 %s", s.opt.Data, info.Mode().Perm(), s.opt.Data)
	}
	return nil
}

// lock keeps two servers out of one data directory: each has its own trail,
// admin socket and first start there, whatever store they share.
func (s *Server) lock() error {
	f, err := os.OpenFile(filepath.Join(s.opt.Data, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return errors.Join(fmt.Errorf("%s is in use by another bartizan: stop it, or give this one another --data", s.opt.Data), f.Close())
	}
	s.onClose(f.Close)
	return nil
}

// openKeys opens the HSM, if there is one, and the custodian of the root key.
func (s *Server) openKeys(ctx context.Context) (err error) {
	if err := s.openHSM(ctx); err != nil {
		return err
	}
	var c keys.Custodian
	path := filepath.Join(s.opt.Data, RootKeyFile)
	switch {
	case s.opt.Dev:
		c = soft.Memory()
	case s.opt.HSM.RootToken != "":
		c, err = s.hsmCustodian(ctx)
	case s.opt.Credential != "":
		c, err = soft.OpenCredential(s.opt.Credential)
	case s.opt.Passphrase != "":
		c, err = soft.OpenPassphrase(path, []byte(s.opt.Passphrase))
	default:
		c, err = soft.Open(path)
	}
	if err != nil {
		return err
	}
	s.onClose(c.Close)
	s.custodian = c
	return nil
}

// openStore opens the engine that the options name and seals it.
func (s *Server) openStore(ctx context.Context) (err error) {
	switch url := s.opt.Store; {
	case url == "memory":
		s.engine, s.storeName = memory.Open(), "memory"
	case url == "":
		s.storeName = filepath.Join(s.opt.Data, databaseFile)
		s.engine, err = sqlite.Open(ctx, s.storeName)
	case strings.HasPrefix(url, "postgres://"), strings.HasPrefix(url, "postgresql://"):
		s.storeName = "PostgreSQL"
		s.engine, err = postgres.Open(ctx, url, postgres.Options{Log: s.log})
	default:
		err = fmt.Errorf("--store %q: want memory, a postgres:// URL, or nothing for the embedded store", strings.SplitN(url, "://", 2)[0])
	}
	if err != nil {
		return err
	}
	sealed, err := store.Seal(ctx, s.engine, s.custodian)
	if errors.Is(err, keys.ErrUnseal) && s.storeName == "PostgreSQL" {
		err = fmt.Errorf("all nodes on one database need the same root key: copy that of a node that runs, mode 0600, in place of this node's, and start again: %w", err)
	}
	if errors.Is(err, keys.ErrUnseal) && s.opt.HSM.RootToken != "" {
		err = fmt.Errorf("the data is not sealed under the root key in token %s: if it was made with a key file or a passphrase, start as then: %w", s.opt.HSM.RootToken, err)
	}
	if err != nil {
		return errors.Join(err, s.engine.Close())
	}
	s.onClose(sealed.Close)
	s.store = sealed
	return nil
}

// OpenStore opens the keys and the store of a data directory for a program that
// serves nothing, and returns what closes them.
func OpenStore(ctx context.Context, opt Options) (_ store.Store, closeAll func() error, err error) {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{opt: opt, log: opt.Log, clock: new(work.Clock)}
	ctx, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if err := os.MkdirAll(opt.Data, 0o700); err != nil {
		return nil, nil, fmt.Errorf("the data directory: %w", err)
	}
	for _, open := range []func() error{s.own, s.lock, func() error { return s.openKeys(ctx) }, func() error { return s.openStore(ctx) }} {
		if err := open(); err != nil {
			return nil, nil, err
		}
	}
	return s.store, s.Close, nil
}

// openTrail opens the trail where the store is: segment files beside the
// embedded store, a table in a shared database.
func (s *Server) openTrail(ctx context.Context) error {
	if s.storeName == "PostgreSQL" {
		t, err := trailpg.Open(ctx, s.opt.Store, trailpg.Options{SyncLater: !s.opt.SyncAlways, Now: s.clock.Now, Log: s.log})
		if err != nil {
			return err
		}
		s.onClose(t.Close)
		s.trail = t
		return nil
	}
	t, err := segment.Open(filepath.Join(s.opt.Data, trailDir), segment.Options{SyncAlways: s.opt.SyncAlways, Now: s.clock.Now, Log: s.log})
	if err != nil {
		return err
	}
	s.onClose(t.Close)
	s.trail = t
	return nil
}

// secret returns 32 random bytes kept in the store under a name, made when they
// are first asked for, so that all nodes on one store have the same.
func (s *Server) secret(ctx context.Context, name string) (secret []byte, err error) {
	_, err = s.store.Update(ctx, func(tx store.Tx) error {
		item, err := tx.Get(ctx, "server/"+name)
		if err == nil {
			secret = item.Value
			return nil
		}
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		secret = make([]byte, 32)
		if _, err := rand.Read(secret); err != nil {
			return err
		}
		return tx.Put(ctx, "server/"+name, secret)
	})
	return secret, err
}
