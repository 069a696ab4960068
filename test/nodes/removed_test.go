package nodes

import (
	"sync"
	"testing"
	"time"

	"bartizan.dev/sigv4"
	"bartizan.dev/store/postgres/pgtest"
)

const (
	account = "000000000000"
	second  = time.Second // what the house promises
)

func policyARN(name string) string { return "arn:aws:iam::" + account + ":policy/" + name }
func roleARN(name string) string   { return "arn:aws:iam::" + account + ":role/" + name }

const trustAccount = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::000000000000:root"},"Action":"sts:AssumeRole"}]}`
const trustNobody = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}`

// removal is a right that is given and taken away again at node A.
type removal struct {
	name string
	// give returns the credentials that have the right.
	give func(t *testing.T, n *node, root sigv4.Credentials, name string) sigv4.Credentials
	use  []string // the call that needs the right: service, action, arguments
	take func(t *testing.T, n *node, root sigv4.Credentials, name string, c sigv4.Credentials)
}

var listUsers = []string{"iam", "ListUsers"}

func giveAttached(t *testing.T, n *node, root sigv4.Credentials, name string) sigv4.Credentials {
	c := n.user(t, root, name)
	n.do(t, root, "iam", "CreatePolicy", "PolicyName", name, "PolicyDocument", allow("iam:ListUsers"))
	n.do(t, root, "iam", "AttachUserPolicy", "UserName", name, "PolicyArn", policyARN(name))
	return c
}

func giveInline(t *testing.T, n *node, root sigv4.Credentials, name string) sigv4.Credentials {
	c := n.user(t, root, name)
	n.do(t, root, "iam", "PutUserPolicy", "UserName", name, "PolicyName", "p", "PolicyDocument", allow("iam:ListUsers", "sts:AssumeRole"))
	return c
}

func giveGroup(t *testing.T, n *node, root sigv4.Credentials, name string) sigv4.Credentials {
	c := n.user(t, root, name)
	n.do(t, root, "iam", "CreateGroup", "GroupName", name)
	n.do(t, root, "iam", "PutGroupPolicy", "GroupName", name, "PolicyName", "p", "PolicyDocument", allow("iam:ListUsers"))
	n.do(t, root, "iam", "AddUserToGroup", "GroupName", name, "UserName", name)
	return c
}

func giveRole(t *testing.T, n *node, root sigv4.Credentials, name string) sigv4.Credentials {
	c := giveInline(t, n, root, name)
	n.do(t, root, "iam", "CreateRole", "RoleName", name, "AssumeRolePolicyDocument", trustAccount)
	n.do(t, root, "iam", "PutRolePolicy", "RoleName", name, "PolicyName", "p", "PolicyDocument", allow("iam:ListUsers"))
	return c
}

func giveSession(t *testing.T, n *node, root sigv4.Credentials, name string) sigv4.Credentials {
	c := giveRole(t, n, root, name)
	return credentials(n.do(t, c, "sts", "AssumeRole", "RoleArn", roleARN(name), "RoleSessionName", "session"))
}

func deleteUser(t *testing.T, n *node, root sigv4.Credentials, name string) {
	for _, id := range n.do(t, root, "iam", "ListAccessKeys", "UserName", name).texts("AccessKeyId") {
		n.do(t, root, "iam", "DeleteAccessKey", "UserName", name, "AccessKeyId", id)
	}
	for _, p := range n.do(t, root, "iam", "ListUserPolicies", "UserName", name).texts("member") {
		n.do(t, root, "iam", "DeleteUserPolicy", "UserName", name, "PolicyName", p)
	}
	n.do(t, root, "iam", "DeleteUser", "UserName", name)
}

// removals are the ways to lose a right. take's last call is the one that
// removes it.
var removals = []removal{
	{"policy-detached", giveAttached, listUsers, func(t *testing.T, n *node, root sigv4.Credentials, name string, c sigv4.Credentials) {
		n.do(t, root, "iam", "DetachUserPolicy", "UserName", name, "PolicyArn", policyARN(name))
	}},
	{"policy-version", giveAttached, listUsers, func(t *testing.T, n *node, root sigv4.Credentials, name string, c sigv4.Credentials) {
		n.do(t, root, "iam", "CreatePolicyVersion", "PolicyArn", policyARN(name), "PolicyDocument", allow("s3:*"), "SetAsDefault", "true")
	}},
	{"inline-deleted", giveInline, listUsers, func(t *testing.T, n *node, root sigv4.Credentials, name string, c sigv4.Credentials) {
		n.do(t, root, "iam", "DeleteUserPolicy", "UserName", name, "PolicyName", "p")
	}},
	{"group-left", giveGroup, listUsers, func(t *testing.T, n *node, root sigv4.Credentials, name string, c sigv4.Credentials) {
		n.do(t, root, "iam", "RemoveUserFromGroup", "GroupName", name, "UserName", name)
	}},
	{"boundary-put", giveInline, listUsers, func(t *testing.T, n *node, root sigv4.Credentials, name string, c sigv4.Credentials) {
		n.do(t, root, "iam", "CreatePolicy", "PolicyName", name, "PolicyDocument", allow("s3:*"))
		n.do(t, root, "iam", "PutUserPermissionsBoundary", "UserName", name, "PermissionsBoundary", policyARN(name))
	}},
	{"key-deactivated", giveInline, listUsers, func(t *testing.T, n *node, root sigv4.Credentials, name string, c sigv4.Credentials) {
		n.do(t, root, "iam", "UpdateAccessKey", "UserName", name, "AccessKeyId", c.AccessKey, "Status", "Inactive")
	}},
	{"key-deleted", giveInline, listUsers, func(t *testing.T, n *node, root sigv4.Credentials, name string, c sigv4.Credentials) {
		n.do(t, root, "iam", "DeleteAccessKey", "UserName", name, "AccessKeyId", c.AccessKey)
	}},
	{"user-deleted", // the user's session token is all that is left of him
		func(t *testing.T, n *node, root sigv4.Credentials, name string) sigv4.Credentials {
			return credentials(n.do(t, giveInline(t, n, root, name), "sts", "GetSessionToken"))
		}, []string{"sts", "GetCallerIdentity"},
		func(t *testing.T, n *node, root sigv4.Credentials, name string, c sigv4.Credentials) {
			deleteUser(t, n, root, name)
		}},
	{"trust-changed", giveRole, []string{"sts", "AssumeRole", "RoleArn", roleARN("trust-changed"), "RoleSessionName", "session"},
		func(t *testing.T, n *node, root sigv4.Credentials, name string, c sigv4.Credentials) {
			n.do(t, root, "iam", "UpdateAssumeRolePolicy", "RoleName", name, "PolicyDocument", trustNobody)
		}},
	{"role-policy-deleted", giveSession, listUsers, func(t *testing.T, n *node, root sigv4.Credentials, name string, c sigv4.Credentials) {
		n.do(t, root, "iam", "DeleteRolePolicy", "RoleName", name, "PolicyName", "p")
	}},
	{"role-deleted", giveSession, []string{"sts", "GetCallerIdentity"}, func(t *testing.T, n *node, root sigv4.Credentials, name string, c sigv4.Credentials) {
		n.do(t, root, "iam", "DeleteRolePolicy", "RoleName", name, "PolicyName", "p")
		n.do(t, root, "iam", "DeleteRole", "RoleName", name)
	}},
}

// What is taken away at node A is refused at node B within a second, however
// busy B's caches are with it, and stays refused. Session tokens made at A are
// good at B until then.
func TestRemoved(t *testing.T) {
	p := newPair(t, pgtest.New(t))
	for _, r := range removals {
		t.Run(r.name, func(t *testing.T) {
			c := r.give(t, p.a, p.root, r.name)
			p.b.do(t, c, r.use[0], r.use[1], r.use[2:]...) // a right given is there at once
			w := watch(t, p.b, c, r.use)
			until(t, "calls at B", 5*time.Second, func() bool { return w.count() > 3 })
			r.take(t, p.a, p.root, r.name, c)
			taken := time.Now()
			until(t, "a denial at B", 3*time.Second, w.deniedOnce)
			after := w.count()
			until(t, "more calls at B", 5*time.Second, func() bool { return w.count() > after+5 })
			w.stop(t)
			t.Logf("refused at B %v after the answer at A", w.check(t, taken))
		})
	}
}

// watcher makes the same call at a node over and over.
type watcher struct {
	mu      sync.Mutex
	answers []answer
	err     error
	end     chan struct{}
	done    chan struct{}
	once    sync.Once
}

func watch(t *testing.T, n *node, c sigv4.Credentials, use []string) *watcher {
	return watchCall(t, func() (answer, error) { return n.call(c, use[0], use[1], use[2:]...) })
}

func watchCall(t *testing.T, call func() (answer, error)) *watcher {
	w := &watcher{end: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(w.done)
		for {
			select {
			case <-w.end:
				return
			default:
			}
			a, err := call()
			w.mu.Lock()
			if w.err = err; err == nil {
				w.answers = append(w.answers, a)
			}
			w.mu.Unlock()
			if err != nil {
				return
			}
			time.Sleep(2 * time.Millisecond) // two cores: the other node wants to work
		}
	}()
	t.Cleanup(func() { w.once.Do(func() { close(w.end) }); <-w.done })
	return w
}

func (w *watcher) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.answers)
}

func (w *watcher) deniedOnce() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.answers) > 0 && !w.answers[len(w.answers)-1].ok()
}

func (w *watcher) stop(t *testing.T) {
	t.Helper()
	w.once.Do(func() { close(w.end) })
	<-w.done
	if w.err != nil {
		t.Fatal(w.err)
	}
}

// check returns how long after taken the last call began that was allowed, and
// fails if that is over a second, or if anything but allowed calls and then
// refused ones was seen.
func (w *watcher) check(t *testing.T, taken time.Time) time.Duration {
	t.Helper()
	var last time.Duration
	refused := false
	for _, a := range w.answers {
		switch {
		case a.ok() && refused:
			t.Errorf("allowed again after it was refused, %v after it was taken away", a.begun.Sub(taken))
		case a.ok():
			last = max(0, a.begun.Sub(taken))
		case a.denied():
			refused = true
		default:
			t.Errorf("neither allowed nor refused: %v", a)
		}
	}
	if !refused {
		t.Error("never refused")
	}
	if last > second {
		t.Errorf("still allowed %v after it was taken away, want at most %v", last, second)
	}
	return last
}
