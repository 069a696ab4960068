package analysis

import (
	"errors"
	"math/rand/v2"
	"testing"

	"bartizan.dev/policy"
)

// TestVariables: what does not depend on the value of a variable is decided,
// and so is what depends on one of few values; the rest is an error.
func TestVariables(t *testing.T) {
	tag := func(op string) string {
		return `{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"` + op + `":{"aws:ResourceTag/t":"${aws:PrincipalTag/t}"}}}`
	}
	on := func(resource, condition string) string {
		return `{"Effect":"Allow","Action":"s3:*","Resource":` + resource + `,"Condition":{` + condition + `}}`
	}
	for _, c := range []struct{ name, old, new, want string }{
		{"stricter about absence", tag("StringEqualsIfExists"), tag("StringEquals"), "pass"},
		{"laxer about absence", tag("StringEquals"), tag("StringEqualsIfExists"), "fail"},
		{"the opposite", tag("StringEquals"), tag("StringNotEquals"), "fail"},
		{"both together", tag("StringEquals") + "," + tag("StringNotEquals"), `{"Effect":"Allow","Action":"s3:*","Resource":"*"}`, "pass"},
		{"denied unless equal", tag("StringEquals"), `{"Effect":"Allow","Action":"s3:*","Resource":"*"},{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringNotEquals":{"aws:ResourceTag/t":"${aws:PrincipalTag/t}"}}}`, "pass"},
		{"some value", tag("StringNotEqualsIfExists"), on(`"*"`, `"Null":{"aws:ResourceTag/t":"true"}`), "pass"},
		{"few values", on(`["arn:aws:s3:::h/bob/*","arn:aws:s3:::h/alice/*"]`, `"Null":{"aws:username":"false"}`), on(`"arn:aws:s3:::h/${aws:username}/*"`, `"StringEquals":{"aws:username":["bob","alice"]}`), "pass"},
		{"few values, one more", on(`["arn:aws:s3:::h/bob/*","arn:aws:s3:::h/alice/*"]`, `"Null":{"aws:username":"false"}`), on(`"arn:aws:s3:::h/${aws:username}/*"`, `"StringEquals":{"aws:username":["bob","eve"]}`), "fail"},
		{"its value", on(`"arn:aws:s3:::h/${aws:username}/*"`, `"Bool":{"aws:SecureTransport":"true"}`), on(`"arn:aws:s3:::h/bob/*"`, `"StringEquals":{"aws:username":"bob"},"Bool":{"aws:SecureTransport":"true"}`), "pass"},
		{"another's", on(`"arn:aws:s3:::h/${aws:username}/*"`, `"Bool":{"aws:SecureTransport":"true"}`), on(`"arn:aws:s3:::h/bob/*"`, `"StringEquals":{"aws:username":"eve"},"Bool":{"aws:SecureTransport":"true"}`), "fail"},
		{"presence is implied", on(`"*"`, `"Null":{"aws:username":"false"}`), on(`"arn:aws:s3:::h/${aws:username}/*"`, `"Bool":{"aws:SecureTransport":"true"}`), "pass"},
		{"default", `{"Effect":"Allow","Action":"s3:*","Resource":["arn:aws:s3:::h/${aws:username}/*","arn:aws:s3:::h/x/*"]}`, `{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::h/${aws:username, 'x'}/*"}`, "unsupported"},
	} {
		r, err := known.NoNewAccess(docs(t, statements(c.old)), docs(t, statements(c.new)), policy.Identity)
		got := "fail"
		if _, ok := errors.AsType[*UnsupportedError](err); ok {
			got = "unsupported"
		} else if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		} else if r.Pass {
			got = "pass"
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s (%v)", c.name, got, c.want, err)
			if r != nil {
				t.Log(show(r.Witness))
			}
		}
	}
}

// TestCompare: comparing globs token by token agrees with their automata.
func TestCompare(t *testing.T) {
	w := world{rand.New(rand.NewPCG(1, 2))}
	random := func() *glob {
		var b []byte
		for range w.IntN(6) {
			b = append(b, pick(w, []byte("ab**?:")...))
		}
		if w.chance(30) {
			tokens := part(string(b), w.chance(50))
			if tokens == nil {
				tokens = []token{{kind: some}}
			}
			return newGlob(string(b), append(tokens, wilds(pick(w, "", ":", ":*", "a"), true)...))
		}
		return newGlob(string(b), wilds(string(b), w.chance(70)))
	}
	within := 0
	for range 8000 {
		g, h := random(), random()
		m := &meter{left: 1 << 30}
		_, found, err := difference(m, []*glob{g.flat()}, []*glob{h.flat()})
		if err != nil {
			t.Fatal(err)
		}
		covers := h.covers(g)
		if covers && found || !covers && !found && !h.chooses && !mixed(g, h) {
			t.Fatalf("%q %v covers %q %v: %v, the automata say %v", h.text, h.tokens, g.text, g.tokens, covers, !found)
		}
		s := newSpace(m)
		if in, err := s.isWithin(s.add(g), s.add(h)); err != nil || in == found && !mixed(g, h) {
			t.Fatalf("isWithin(%q, %q) = %v, %v; the automata say %v", g.text, h.text, in, err, !found)
		}
		if _, both, err := difference(m, []*glob{g.flat(), h.flat()}, nil); err != nil {
			t.Fatal(err)
		} else if far, err := s.isApart(s.add(g), s.add(h)); err != nil || far == both {
			t.Fatalf("isApart(%q, %q) = %v, %v; the automata say %v", g.text, h.text, far, err, !both)
		}
		if covers {
			within++
		}
	}
	if within < 200 {
		t.Errorf("only %d pairs cover each other", within)
	}
}

// mixed reports whether wildcards that stop at colons meet some that do not,
// which regular spaces of actions and resources do not have in one place.
func mixed(g, h *glob) bool {
	stops, passes := false, false
	for _, l := range [][]token{g.tokens, h.tokens} {
		for _, t := range l {
			if t.wild() {
				stops, passes = stops || !t.colon, passes || t.colon
			}
		}
	}
	return stops && passes
}
