package nodes

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bartizan.dev/sigv4"
	"bartizan.dev/store/postgres/pgtest"
)

// LookupEvents answers the same at both nodes, page by page, and a page may be
// asked for at the one that did not answer the last.
func TestLookupAgrees(t *testing.T) {
	p := newPair(t, pgtest.New(t))
	both := []*node{p.a, p.b}
	var work sync.WaitGroup
	p.a.do(t, p.root, "iam", "CreateUser", "UserName", "u0")
	for i := 1; i < 24; i++ {
		work.Go(func() {
			n := both[i%2]
			n.do(t, p.root, "iam", "CreateUser", "UserName", fmt.Sprintf("u%d", i))
			n.do(t, p.root, "iam", "CreateGroup", "GroupName", fmt.Sprintf("g%d", i))
			n.try(t, p.root, "iam", "CreateUser", "UserName", "u0") // fails, which is recorded too
		})
	}
	work.Wait()
	end := time.Now().Unix() + 60 // the looking itself is recorded; leave it out by name
	for name, in := range map[string]map[string]any{
		"name":     by("EventName", "CreateUser"),
		"user":     by("Username", "root"),
		"key":      by("AccessKeyId", p.root.AccessKey),
		"resource": by("ResourceName", "u0"),
		"source":   by("EventSource", "iam.amazonaws.com"),
		"window":   merge(by("EventName", "CreateGroup"), map[string]any{"StartTime": end - 600, "EndTime": end}),
		"all":      {},
	} {
		for _, size := range []int{50, 7} {
			in := merge(in, map[string]any{"MaxResults": size})
			a := ids(lookup(t, p.root, []*node{p.a}, in))
			b := ids(lookup(t, p.root, []*node{p.b}, in))
			ab := ids(lookup(t, p.root, []*node{p.a, p.b}, in))
			ba := ids(lookup(t, p.root, []*node{p.b, p.a}, in))
			if len(a) == 0 {
				t.Errorf("%s: nothing found", name)
			}
			for other, list := range map[string][]string{"B": b, "A then B": ab, "B then A": ba} {
				if !slices.Equal(a, list) {
					t.Errorf("%s, pages of %d: A has %d events, %s %d, and they differ", name, size, len(a), other, len(list))
				}
			}
		}
	}
	if n := len(lookup(t, p.root, both, by("EventName", "CreateUser"))); n != 1+2*23 {
		t.Errorf("%d CreateUser events, want 47", n)
	}
}

func merge(a, b map[string]any) map[string]any {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

func ids(events []event) (out []string) {
	for _, e := range events {
		if e.EventName != "LookupEvents" {
			out = append(out, e.EventId)
		}
	}
	return out
}

// Markers of IAM's lists too are good at every node.
func TestMarkersAgree(t *testing.T) {
	p := newPair(t, pgtest.New(t))
	var want []string
	for i := range 25 {
		want = append(want, fmt.Sprintf("user-%02d", i))
		[]*node{p.a, p.b}[i%2].do(t, p.root, "iam", "CreateUser", "UserName", want[i])
	}
	got := all(t, p.root, []*node{p.a, p.b}, "ListUsers", "UserName", "MaxItems", "4")
	if !slices.Equal(got, want) {
		t.Errorf("pages from both nodes: %v", got)
	}
}

// race runs n calls at each of the two nodes at once and returns the answers.
func race(t *testing.T, p pair, c sigv4.Credentials, n int, call func(i int) []string) []answer {
	t.Helper()
	answers := make([]answer, 2*n)
	begin := make(chan struct{})
	var work sync.WaitGroup
	for i := range answers {
		work.Go(func() {
			<-begin
			args := call(i)
			answers[i] = []*node{p.a, p.b}[i%2].try(t, c, "iam", args[0], args[1:]...)
		})
	}
	close(begin)
	work.Wait()
	return answers
}

// Writers at both nodes lose nothing of each other's: no update is lost, no name
// is given twice, no quota is passed.
func TestConcurrentWriters(t *testing.T) {
	p := newPair(t, pgtest.New(t))
	t.Run("tags", func(t *testing.T) {
		p.a.do(t, p.root, "iam", "CreateUser", "UserName", "tagged")
		var want []string
		for _, a := range race(t, p, p.root, 24, func(i int) []string {
			return []string{"TagUser", "UserName", "tagged", "Tags.member.1.Key", fmt.Sprintf("k%02d", i), "Tags.member.1.Value", "v"}
		}) {
			expect(t, a, "")
			want = append(want, fmt.Sprintf("k%02d", len(want)))
		}
		for _, n := range []*node{p.a, p.b} {
			missing(t, "tags", want, all(t, p.root, []*node{n}, "ListUserTags", "Key", "UserName", "tagged"))
		}
	})
	t.Run("attachments", func(t *testing.T) {
		p.b.do(t, p.root, "iam", "CreateUser", "UserName", "attached")
		var want []string
		for i := range 10 {
			want = append(want, policyARN(fmt.Sprintf("p%d", i)))
			p.a.do(t, p.root, "iam", "CreatePolicy", "PolicyName", fmt.Sprintf("p%d", i), "PolicyDocument", allow("s3:GetObject"))
		}
		for _, a := range race(t, p, p.root, 5, func(i int) []string {
			return []string{"AttachUserPolicy", "UserName", "attached", "PolicyArn", want[i]}
		}) {
			expect(t, a, "")
		}
		for _, n := range []*node{p.a, p.b} {
			missing(t, "attachments", want, all(t, p.root, []*node{n}, "ListAttachedUserPolicies", "PolicyArn", "UserName", "attached"))
		}
		for i := range want { // counted right as well: it can be deleted when it is detached, and not before
			expect(t, p.a.try(t, p.root, "iam", "DeletePolicy", "PolicyArn", want[i]), "DeleteConflict")
			expect(t, p.b.try(t, p.root, "iam", "DetachUserPolicy", "UserName", "attached", "PolicyArn", want[i]), "")
			expect(t, p.a.try(t, p.root, "iam", "DeletePolicy", "PolicyArn", want[i]), "")
		}
	})
	t.Run("names", func(t *testing.T) {
		// The same 16 names at both nodes, in another case at one of them.
		answers := race(t, p, p.root, 16, func(i int) []string {
			name := fmt.Sprintf("same%02d", i/2)
			if i%2 == 1 {
				name = strings.ToUpper(name)
			}
			return []string{"CreateUser", "UserName", name}
		})
		for i := 0; i < len(answers); i += 2 {
			winner, loser := answers[i], answers[i+1]
			if !winner.ok() {
				winner, loser = loser, winner
			}
			expect(t, winner, "")
			expect(t, loser, "EntityAlreadyExists")
		}
	})
	t.Run("quota", func(t *testing.T) {
		p.a.do(t, p.root, "iam", "CreateUser", "UserName", "two-keys")
		good := 0
		for _, a := range race(t, p, p.root, 4, func(int) []string { return []string{"CreateAccessKey", "UserName", "two-keys"} }) {
			if a.ok() {
				good++
			} else {
				expect(t, a, "LimitExceeded")
			}
		}
		if keys := p.b.do(t, p.root, "iam", "ListAccessKeys", "UserName", "two-keys").texts("AccessKeyId"); good != 2 || len(keys) != 2 {
			t.Errorf("%d access keys were given and %d are there, want 2: the quota", good, len(keys))
		}
	})
	t.Run("delete or attach", func(t *testing.T) {
		// One deletes a policy while the other attaches it: either may win, but
		// never both.
		for i := range 8 {
			name := fmt.Sprintf("contested%d", i)
			p.a.do(t, p.root, "iam", "CreateUser", "UserName", name)
			p.a.do(t, p.root, "iam", "CreatePolicy", "PolicyName", name, "PolicyDocument", allow("s3:GetObject"))
			answers := race(t, p, p.root, 1, func(j int) []string {
				if j == 0 {
					return []string{"DeletePolicy", "PolicyArn", policyARN(name)}
				}
				return []string{"AttachUserPolicy", "UserName", name, "PolicyArn", policyARN(name)}
			})
			if answers[0].ok() == answers[1].ok() {
				t.Errorf("DeletePolicy: %v; AttachUserPolicy: %v; want exactly one to succeed", answers[0], answers[1])
			}
		}
	})
}

// expect fails for an answer with another error code; "" is success.
func expect(t *testing.T, a answer, code string) {
	t.Helper()
	if a.code != code || a.ok() != (code == "") {
		t.Errorf("%v; want %q", a, code)
	}
}
