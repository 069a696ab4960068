package scan

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"testing"
)

// naive asks every rule of all of a text, as its form's documentation says.
func naive(rules *Rules, data []byte) []string {
	m := newMatcher(rules)
	lower := strings.ToLower(string(data))
	p := place{path: "f.txt"}
	v := rules.verdict(p)
	for i, r := range rules.rules {
		if v.skip[i] || r.expr == "" || len(r.keywords) > 0 && !slices.ContainsFunc(r.keywords, func(k string) bool { return strings.Contains(lower, k) }) {
			continue
		}
		m.ask(r, p, chunk{data: data, own: window{0, len(data)}, line: 1}, window{0, len(data)})
	}
	return names(m.settle())
}

func names(found []raw) []string {
	var out []string
	for _, f := range found {
		out = append(out, fmt.Sprintf("%s:%d-%d %q", f.rule.id, f.line, f.end, f.secret))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func clever(rules *Rules, data []byte) []string {
	p := place{path: "f.txt"}
	found, _ := newMatcher(rules).match(rules.verdict(p), p, chunk{data: data, own: window{0, len(data)}, line: 1})
	return names(found)
}

// example makes a text that an expression matches.
func example(re *syntax.Regexp, n int) string {
	pick := func(class []rune) string {
		for i := 0; i+1 < len(class); i += 2 { // letters and digits first
			if class[i] <= 'a' && 'a' <= class[i+1] {
				return string(rune('a' + n*7%min(26, int(class[i+1]-'a')+1)))
			}
			if class[i] <= '0' && '0' <= class[i+1] {
				return string(rune('0' + n*3%min(10, int(class[i+1]-'0')+1)))
			}
		}
		return string(class[0])
	}
	var b strings.Builder
	switch re.Op {
	case syntax.OpLiteral:
		b.WriteString(string(re.Rune))
	case syntax.OpCharClass:
		b.WriteString(pick(re.Rune))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		b.WriteString("x")
	case syntax.OpAlternate:
		b.WriteString(example(re.Sub[n%len(re.Sub)], n))
	case syntax.OpPlus, syntax.OpCapture:
		b.WriteString(example(re.Sub[0], n))
	case syntax.OpRepeat:
		for i := range max(re.Min, min(1, re.Max)) {
			b.WriteString(example(re.Sub[0], n+i*i+1))
		}
	case syntax.OpConcat:
		for i, sub := range re.Sub {
			b.WriteString(example(sub, n+i))
		}
	}
	return b.String()
}

// TestPlans checks, for every rule, that what the plan leaves out of sight would
// not have matched: on examples made from the rules, one after the other with
// little between them, and on this repository's files.
func TestPlans(t *testing.T) {
	rules, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	probes, matched := 0, 0
	var texts []string
	for _, r := range rules.rules {
		if r.expr == "" {
			continue
		}
		if r.plan().probe != nil {
			probes++
		}
		tree, err := syntax.Parse(r.expr, syntax.Perl)
		if err != nil {
			t.Fatal(err)
		}
		for n := range 3 {
			text := example(tree, n)
			if regexp.MustCompile(r.expr).MatchString(text) {
				matched++
			}
			texts = append(texts, r.keywords[0]+" "+text+"\n", text+" ", "x."+text+"'")
		}
	}
	if probes < 190 || matched < 400 {
		t.Errorf("only %d rules have probes, %d examples match: the test proves little", probes, matched)
	}
	total := 0
	for part := range slices.Chunk(texts, 9) {
		data := []byte(strings.Join(part, ""))
		got, want := clever(rules, data), naive(rules, data)
		total += len(want)
		if !slices.Equal(got, want) {
			t.Errorf("in %q:\n got %q\nwant %q", data, got, want)
		}
	}
	if total < 200 {
		t.Errorf("only %d finds", total)
	}
	files, err := filepath.Glob("../sigv4/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	for _, f := range append(files, "../sigv4/testdata/x509.json") {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := clever(rules, data), naive(rules, data); !slices.Equal(got, want) {
			t.Errorf("%s:\n got %q\nwant %q", f, got, want)
		}
	}
}

func FuzzMatch(f *testing.F) {
	for _, s := range []string{
		"api_key = 'a8Fk2mQ9xL5vR3tZ'", "secret: \"q8FkzmQ9xL5vR3tZaa\" key=q8FkzmQ9xL5vR3tZab;", "key key key: = a8Fk2mQ9xL5vR3tZ\n",
		strings.Repeat("token_", 40) + "=> '8Fk2mQ9xL5vR3tZ8Fk2mQ9xL5vR3tZ'", "curl -u admin:hunter2pass https://x", "\x00\xffkey:\xff8Fk2mQ9xL5vR3tZ",
	} {
		f.Add([]byte(s))
	}
	rules, err := Default()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 4<<10 {
			return
		}
		if got, want := clever(rules, data), naive(rules, data); !slices.Equal(got, want) {
			t.Errorf("got %q\nwant %q", got, want)
		}
	})
}

func TestAutomaton(t *testing.T) {
	words := []string{"he", "she", "hers", "his", "key", "api_key"}
	want := map[string][]int32{}
	for i, w := range words {
		want[w] = []int32{int32(i)}
	}
	a := newAutomaton(want)
	text := "uSHErs his API_KEYhe\xff"
	got := map[string]int{}
	a.find([]byte(text), func(at int, rules []int32) {
		for _, i := range rules {
			if !strings.HasPrefix(strings.ToLower(text[at:]), words[i]) {
				t.Errorf("%q found at %d", words[i], at)
			}
			got[words[i]]++
		}
	})
	for w, n := range map[string]int{"he": 2, "she": 1, "hers": 1, "his": 1, "key": 1, "api_key": 1} {
		if got[w] != n {
			t.Errorf("%q found %d times, want %d", w, got[w], n)
		}
	}
	if !a.any([]byte("xxHISxx")) || a.any([]byte("h e")) {
		t.Error("any is wrong")
	}
}
