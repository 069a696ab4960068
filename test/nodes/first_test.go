package nodes

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"bartizan.dev/server"
	"bartizan.dev/store/postgres/pgtest"
)

// together opens a server on the database for each data directory, all at once.
func together(store string, data ...string) ([]*node, []error) {
	nodes, errs := make([]*node, len(data)), make([]error, len(data))
	var ready, done sync.WaitGroup
	begin := make(chan struct{})
	for i := range data {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			<-begin
			nodes[i], errs[i] = open(data[i], store)
		})
	}
	ready.Wait()
	close(begin)
	done.Wait()
	return nodes, errs
}

func TestFirstStart(t *testing.T) {
	pg := pgtest.New(t)
	for round := range 3 {
		t.Run(strconv.Itoa(round), func(t *testing.T) { firstStart(t, pg) })
	}
}

// Nodes that begin at once on an empty database make one root user, and only
// the node that made it writes its credentials; all know the keys of the seal
// and of session tokens.
func firstStart(t *testing.T, pg *pgtest.Server) {
	first := dataDir(t, "")
	data := []string{first, dataDir(t, first), dataDir(t, first)}
	store := database(t, pg)
	nodes, errs := together(store, data...)
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	writer := ""
	for i, n := range nodes {
		t.Cleanup(func() { n.Close() })
		serve(t, n)
		if exists(t, filepath.Join(data[i], "credentials")) {
			if writer != "" {
				t.Errorf("two nodes wrote credentials: %s and %s", writer, data[i])
			}
			writer = data[i]
		}
	}
	if writer == "" {
		t.Fatal("no node wrote the root credentials")
	}
	root := rootOf(t, writer)
	for i, n := range nodes {
		if who := n.do(t, root, "sts", "GetCallerIdentity"); who.text("Arn") != "arn:aws:iam::000000000000:root" {
			t.Errorf("node %d: the root credentials are those of %s", i, who.text("Arn"))
		}
		keys := n.do(t, root, "iam", "ListAccessKeys").texts("AccessKeyId")
		if len(keys) != 1 || keys[0] != root.AccessKey {
			t.Errorf("node %d: root has the access keys %v, want only %s", i, keys, root.AccessKey)
		}
	}
	for i, n := range nodes {
		name := "made-at-" + strconv.Itoa(i)
		user := n.user(t, root, name)
		session := credentials(n.do(t, user, "sts", "GetSessionToken"))
		for j, other := range nodes {
			other.do(t, root, "iam", "GetUser", "UserName", name)
			if who := other.do(t, session, "sts", "GetCallerIdentity"); !strings.HasSuffix(who.text("Arn"), ":user/"+name) {
				t.Errorf("a session token of node %d is %s at node %d", i, who.text("Arn"), j)
			}
		}
	}
	// One who comes later finds everything made.
	late := start(t, dataDir(t, first), store)
	late.do(t, root, "sts", "GetCallerIdentity")
	if late.HasCredentials() {
		t.Error("a node that came later wrote credentials")
	}
}

// A node with a root key of its own is told what to do, and changes nothing.
func TestForeignRootKey(t *testing.T) {
	pg := pgtest.New(t)
	store := database(t, pg)
	first, second := dataDir(t, ""), dataDir(t, "")
	nodes, errs := together(store, first, second)
	winner, loser := 0, 1
	if errs[0] != nil {
		winner, loser = 1, 0
	}
	if errs[winner] != nil || errs[loser] == nil {
		t.Fatalf("two root keys on an empty database: %v; want that one node starts", errs)
	}
	data := []string{first, second}
	foreign := data[loser]
	t.Cleanup(func() { nodes[winner].Close() })
	serve(t, nodes[winner])
	root := rootOf(t, data[winner])
	for range 2 { // the first time it made its keys together with the winner
		_, err := open(foreign, store)
		if err == nil {
			t.Fatal("a node with another root key starts")
		}
		for _, want := range []string{"root key", filepath.Join(foreign, server.RootKeyFile), "copy"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("the error does not tell what to do, %q is missing: %v", want, err)
			}
		}
	}
	if exists(t, filepath.Join(foreign, "credentials")) {
		t.Error("a node that could not open the database wrote credentials")
	}
	copyRootKey(t, data[winner], foreign)
	n := start(t, foreign, store)
	n.do(t, root, "sts", "GetCallerIdentity")
}

// Root credentials of another database are not written over.
func TestOtherCredentials(t *testing.T) {
	pg := pgtest.New(t)
	data := dataDir(t, "")
	path := filepath.Join(data, "credentials")
	const old = "[default]\naws_access_key_id = AKIAOFANOTHERDATABASE\n"
	if err := os.WriteFile(path, []byte(old), 0o600); err != nil {
		t.Fatal(err)
	}
	store := database(t, pg)
	_, err := open(data, store)
	if err == nil || !strings.Contains(err.Error(), path) {
		t.Fatalf("first start over another database's credentials: %v; want an error that names %s", err, path)
	}
	if now, err := os.ReadFile(path); err != nil || string(now) != old {
		t.Fatalf("the credentials are now %q, %v", now, err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	n := start(t, data, store)
	n.do(t, rootOf(t, data), "sts", "GetCallerIdentity")
}

// A node that is killed between the commit of the root user and the last step of
// writing its credentials leaves them beside their place; the next start puts
// them there. What a first start left that never committed is thrown away.
func TestKilledInFirstStart(t *testing.T) {
	pg := pgtest.New(t)
	data, store := dataDir(t, ""), database(t, pg)
	path := filepath.Join(data, "credentials")
	const stillborn = "[default]\naws_access_key_id = AKIANEVERCOMMITTED00\naws_secret_access_key = x\n"
	if err := os.WriteFile(path+".new", []byte(stillborn), 0o600); err != nil {
		t.Fatal(err)
	}
	n, err := open(data, store)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	root := rootOf(t, data)
	if err := os.Rename(path, path+".new"); err != nil {
		t.Fatal(err)
	}
	n = start(t, data, store)
	if now := rootOf(t, data); now != root || exists(t, path+".new") {
		t.Errorf("the credentials are not where they belong: %s, want %s", now.AccessKey, root.AccessKey)
	}
	n.do(t, root, "sts", "GetCallerIdentity")
	other := dataDir(t, data)
	if err := os.WriteFile(filepath.Join(other, "credentials.new"), []byte(stillborn), 0o600); err != nil {
		t.Fatal(err)
	}
	again := start(t, other, store)
	if again.HasCredentials() || exists(t, again.CredentialsFile()+".new") {
		t.Error("credentials that nothing knows were kept")
	}
}
