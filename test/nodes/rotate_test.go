package nodes

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bartizan.dev/server"
	"bartizan.dev/store/postgres/pgtest"
)

// Keys are rotated at one node while both write: nothing becomes unreadable,
// there or at the other node or at one that starts afterwards.
func TestRotate(t *testing.T) {
	pg := pgtest.New(t)
	store := database(t, pg)
	first := dataDir(t, "")
	p := pair{a: start(t, first, store), b: start(t, dataDir(t, first), store)}
	p.root = rootOf(t, first)
	var flight inFlight
	for range 3 {
		flight.writer(p.a, p.root)
		flight.writer(p.b, p.root)
	}
	session := credentials(p.b.do(t, p.a.user(t, p.root, "before"), "sts", "GetSessionToken"))
	for range 2 {
		made := len(all(t, p.root, []*node{p.a}, "ListUsers", "UserName"))
		if n, err := p.a.RotateKeys(context.Background()); err != nil || n == 0 {
			t.Fatalf("RotateKeys: %d values, %v", n, err)
		}
		until(t, "both go on writing", 5*time.Second, func() bool {
			return len(all(t, p.root, []*node{p.b}, "ListUsers", "UserName")) > made+20
		})
	}
	flight.stop()
	flight.check(t, p)
	for _, n := range []*node{p.a, p.b} {
		n.do(t, session, "sts", "GetCallerIdentity")
	}

	// B runs on, but its copy of the root key is an old one now.
	stale := p.b.data
	before := rootKey(t, stale)
	if _, err := p.b.RotateKeys(context.Background()); err == nil || !strings.Contains(err.Error(), "copy") {
		t.Errorf("RotateKeys at a node with an old root key: %v; want an error that tells to copy it", err)
	}
	if rootKey(t, stale) != before {
		t.Error("RotateKeys at a node with an old root key made a root key that nobody else has")
	}
	if _, err := open(dataDir(t, stale), store); err == nil || !strings.Contains(err.Error(), "copy") {
		t.Errorf("a node starts with an old root key: %v; want an error that tells to copy it", err)
	}
	late := start(t, dataDir(t, first), store)
	missing(t, "users at a new node", flight.good, all(t, p.root, []*node{late}, "ListUsers", "UserName"))
	late.do(t, session, "sts", "GetCallerIdentity")
}

func rootKey(t *testing.T, data string) string {
	t.Helper()
	return read(t, filepath.Join(data, server.RootKeyFile))
}
