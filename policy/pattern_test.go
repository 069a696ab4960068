package policy

import (
	"strings"
	"testing"
)

// naiveGlob is the definition of the wildcards, by recursion.
func naiveGlob(p, s []rune) bool {
	switch {
	case len(p) == 0:
		return len(s) == 0
	case p[0] == '*':
		return naiveGlob(p[1:], s) || len(s) > 0 && naiveGlob(p, s[1:])
	}
	return len(s) > 0 && (p[0] == '?' || p[0] == s[0]) && naiveGlob(p[1:], s[1:])
}

func TestPattern(t *testing.T) {
	for _, tc := range []struct {
		pattern, s string
		want       bool
	}{
		{"", "", true}, {"", "a", false}, {"*", "", true}, {"*", "anything", true}, {"?", "", false},
		{"?", "é", true}, {"a*", "abc", true}, {"a*", "b", false}, {"*c", "abc", true}, {"a?c", "abc", true},
		{"a?c", "ac", false}, {"*a*b*", "xxaxxbxx", true}, {"*a*b*", "xxbxxaxx", false}, {"a**b", "ab", true},
		{"*aab", "aaab", true}, {"*?b", "b", false}, {"*?b", "ab", true}, {"a*a", "a", false}, {"a*a", "aa", true},
	} {
		p := compilePattern(tc.pattern, wildcards)
		if got := p.match(tc.s, nil); got != tc.want {
			t.Errorf("%q matches %q = %v, want %v", tc.pattern, tc.s, got, tc.want)
		}
		if got := matchWild(tc.pattern, []byte(tc.s)); got != tc.want {
			t.Errorf("action %q matches %q = %v, want %v", tc.pattern, tc.s, got, tc.want)
		}
	}
}

func TestVariables(t *testing.T) {
	var c Context
	c.Set("aws:username", "bob")
	c.Set("star", "*")
	c.SetAll("many", []string{"bob"})
	c.SetTags("aws:PrincipalTag/", []Tag{{"Team", "red"}})
	c.SetInt("n", 7)
	for _, tc := range []struct {
		pattern, s string
		want       bool
	}{
		{"${aws:username}", "bob", true},
		{"${AWS:UserName}", "bob", true},
		{"home/${aws:username}/*", "home/bob/x", true},
		{"home/${aws:username}/*", "home/alice/x", false},
		{"*${aws:username}", "alicebobbob", true},
		{"${missing}", "", false},
		{"${missing}", "${missing}", false},
		{"${missing, 'x'}", "x", true},
		{"${missing,'x y'}", "x y", true},
		{"${missing, x}", "x", false},
		{"${aws:username, 'x'}", "x", false},
		{"${many}", "bob", false},
		{"${star}", "anything", false},
		{"${star}", "*", true},
		{"a${*}b", "a*b", true},
		{"a${*}b", "axb", false},
		{"a${?}b", "axb", false},
		{"${$}{x}", "${x}", true},
		{"${aws:PrincipalTag/Team}", "red", true},
		{"${aws:principaltag/team}", "red", true},
		{"${n}", "7", true},
		{"${unclosed", "${unclosed", true},
		{"$", "$", true},
		{strings.Repeat("${aws:username}", 9), strings.Repeat("bob", 9), true},
	} {
		p := compilePattern(tc.pattern, wildcards|variables)
		if got := p.match(tc.s, &c); got != tc.want {
			t.Errorf("%q matches %q = %v, want %v", tc.pattern, tc.s, got, tc.want)
		}
	}
	if p := compilePattern("${aws:username}", wildcards); !p.match("${aws:username}", &c) {
		t.Error("without variables ${…} must be literal")
	}
}

// TestPatternTime: no pattern takes more than len × len steps.
func TestPatternTime(t *testing.T) {
	p := compilePattern(strings.Repeat("a*", 500)+"b", wildcards)
	if p.match(strings.Repeat("a", 4000), nil) {
		t.Error("matched")
	}
	if matchWild(strings.Repeat("a*", 90)+"b", []byte(strings.Repeat("a", maxAction))) {
		t.Error("action matched")
	}
	p = compilePattern(strings.Repeat("*?", 500)+"b", wildcards)
	if p.match(strings.Repeat("a", 2000), nil) {
		t.Error("matched")
	}
}

func TestResourcePattern(t *testing.T) {
	var c Context
	c.Set("aws:username", "bob")
	for _, tc := range []struct {
		pattern, s string
		want       bool
	}{
		{"*", "*", true},
		{"*", "arn:aws:s3:::b", true},
		{"arn:aws:s3:::*", "*", false},
		{"arn:aws:s3:::b*", "arn:aws:s3:::bucket/key:with:colons", true},
		{"arn:aws:s3:::B", "arn:aws:s3:::b", false},
		// A wildcard stays in its part.
		{"arn:aws:sqs:*:queue", "arn:aws:sqs:eu-west-1:111111111111:queue", false},
		{"arn:aws:sqs:*:*:queue", "arn:aws:sqs:eu-west-1:111111111111:queue", true},
		{"arn:aws:sns:*:111111111111:*", "arn:aws:sns:eu-west-1:111111111111:t:uuid", true},
		{"arn:aws:*:*:111111111111:key/?", "arn:aws:kms:eu-west-1:111111111111:key/1", true},
		{"arn:aws:sns:eu-*-1:111111111111:t", "arn:aws:sns:eu-west-1:111111111111:t", true},
		// Missing parts are stars.
		{"arn:aws:kms", "arn:aws:kms:eu-west-1:111111111111:key/1", true},
		{"arn:aws:s3:*", "arn:aws:kms:eu-west-1:111111111111:key/1", false},
		// Variables work in the sixth part only.
		{"arn:aws:iam::111111111111:user/${aws:username}", "arn:aws:iam::111111111111:user/bob", true},
		{"arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/bob/x", true},
		{"arn:aws:s3::${aws:username}:b", "arn:aws:s3::bob:b", false},
	} {
		p := compileResource(tc.pattern, wildcards|variables)
		a := splitARN(tc.s)
		if got := p.match(&a, &c); got != tc.want {
			t.Errorf("%q matches %q = %v, want %v", tc.pattern, tc.s, got, tc.want)
		}
		if whole := newPattern(p.split()); tc.want && !whole.match(tc.s, &c) {
			t.Errorf("%q matches %q but not when split", tc.pattern, tc.s)
		}
	}
}

func FuzzPattern(f *testing.F) {
	f.Add("a*b?c", "axxbyc")
	f.Add("*a*a*b", "aaaa")
	f.Add("?*?", "é")
	f.Fuzz(func(t *testing.T, pattern, s string) {
		if len(pattern) > 12 || len(s) > 24 || strings.ToValidUTF8(pattern, "") != pattern || strings.ToValidUTF8(s, "") != s {
			return
		}
		want := naiveGlob([]rune(pattern), []rune(s))
		p := compilePattern(pattern, wildcards)
		if got := p.match(s, nil); got != want {
			t.Fatalf("%q matches %q = %v, want %v", pattern, s, got, want)
		}
		if got := matchWild(pattern, []byte(s)); got != want {
			t.Fatalf("action %q matches %q = %v, want %v", pattern, s, got, want)
		}
		// With variables nothing may crash.
		v := compilePattern(pattern, wildcards|variables)
		v.match(s, &Context{})
	})
}

func TestPrefixes(t *testing.T) {
	p := newPrefixes([]string{"", "a", "ab", "abd", "b", "bcd"})
	for s, want := range map[string][]string{
		"abc": {"ab", "a", ""}, "abd": {"abd", "ab", "a", ""}, "abe": {"ab", "a", ""},
		"bcc": {"b", ""}, "bcde": {"bcd", "b", ""}, "c": {""}, "": {""},
	} {
		var got, bytes []string
		for n := p.longest(s); n >= 0; n = p.up[n] {
			got = append(got, p.keys[n])
		}
		for n := p.longestOf([]byte(s)); n >= 0; n = p.up[n] {
			bytes = append(bytes, p.keys[n])
		}
		if strings.Join(got, ",") != strings.Join(want, ",") || strings.Join(bytes, ",") != strings.Join(want, ",") {
			t.Errorf("prefixes of %q = %q and %q, want %q", s, got, bytes, want)
		}
	}
}
