package arn

import "testing"

func TestParse(t *testing.T) {
	for _, tc := range []struct {
		in         string
		ok         bool
		kind, id   string
		region, ac string
	}{
		{"arn:aws:iam::123456789012:user/a/b", true, "user", "a/b", "", "123456789012"},
		{"arn:aws:s3:::bucket/key:with:colons", true, "bucket", "key:with:colons", "", ""},
		{"arn:aws:sns:eu-west-1:123456789012:topic", true, "", "topic", "eu-west-1", "123456789012"},
		{"arn:aws:iam::123456789012:", false, "", "", "", ""},
		{"arn:aws:iam::123456789012", false, "", "", "", ""},
		{"arn::iam::123456789012:x", false, "", "", "", ""},
		{"", false, "", "", "", ""},
	} {
		a, err := Parse(tc.in)
		if (err == nil) != tc.ok {
			t.Errorf("Parse(%q): err = %v, want ok = %v", tc.in, err, tc.ok)
			continue
		}
		if err != nil {
			continue
		}
		if a.String() != tc.in {
			t.Errorf("String of %q = %q", tc.in, a.String())
		}
		if kind, id := a.Type(); kind != tc.kind || id != tc.id || a.Region != tc.region || a.Account != tc.ac {
			t.Errorf("Parse(%q) = %+v, type %q id %q", tc.in, a, kind, id)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("arn:aws:iam::123456789012:user/a")
	f.Add("arn:::::")
	f.Fuzz(func(t *testing.T, s string) {
		if a, err := Parse(s); err == nil && a.String() != s {
			t.Fatalf("String(Parse(%q)) = %q", s, a.String())
		}
	})
}
