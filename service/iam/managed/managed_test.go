package managed

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestWhole(t *testing.T) {
	m := Open()
	list := m.Policies()
	if len(list) != 1594 {
		t.Fatalf("%d policies, want 1594", len(list))
	}
	if !slices.IsSortedFunc(list, func(a, b Policy) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("the policies are not ordered by name")
	}
	id := regexp.MustCompile(`^ANPA[A-Z2-7]{17}$`)
	ids := map[string]bool{}
	paths := map[string]int{}
	launch := time.Date(2015, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, want := range list {
		p, document, ok := m.Get(want.ARN())
		if !ok || *p != want {
			t.Fatalf("Get(%s) = %v, %v", want.ARN(), p, ok)
		}
		var d struct {
			Version   string
			Statement json.RawMessage
		}
		if err := json.Unmarshal([]byte(document), &d); err != nil || d.Version == "" || len(d.Statement) < 10 {
			t.Errorf("%s: %v: %.100s", p.Name, err, document)
		}
		if p.Version < 1 || p.CreateDate.Before(launch) || p.UpdateDate.Before(p.CreateDate) || p.UpdateDate.Location() != time.UTC {
			t.Errorf("%s: version %d, created %v, updated %v", p.Name, p.Version, p.CreateDate, p.UpdateDate)
		}
		if !id.MatchString(p.ID()) || ids[p.ID()] {
			t.Errorf("%s: id %s", p.Name, p.ID())
		}
		ids[p.ID()] = true
		paths[p.Path]++
	}
	for path, n := range map[string]int{
		"/": 994, "/service-role/": 227, "/job-function/": 11, "/aws-service-role/": 357, "/root-task/": 5,
	} {
		if paths[path] != n {
			t.Errorf("%d policies with the path %s, want %d", paths[path], path, n)
		}
	}
}

func TestGet(t *testing.T) {
	m := Open()
	p, document, ok := m.Get("arn:aws:iam::aws:policy/AdministratorAccess")
	const admin = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
	if !ok || document != admin || p.DefaultVersionID() != "v1" || p.ServiceLinked() ||
		!p.CreateDate.Equal(time.Date(2015, 2, 6, 18, 39, 46, 0, time.UTC)) {
		t.Errorf("Get = %+v, %s, %v", p, document, ok)
	}
	p, document, ok = m.Get("arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
	if !ok || p.DefaultVersionID() != "v3" || !strings.Contains(document, `"s3:Describe*"`) ||
		!p.UpdateDate.Equal(time.Date(2023, 8, 10, 21, 31, 39, 0, time.UTC)) {
		t.Errorf("Get = %+v, %s, %v", p, document, ok)
	}
	p, ok = m.Lookup("arn:aws:iam::aws:policy/aws-service-role/AWSSupportServiceRolePolicy")
	if !ok || p.Name != "AWSSupportServiceRolePolicy" || p.Path != "/aws-service-role/" || !p.ServiceLinked() {
		t.Errorf("Lookup = %+v, %v", p, ok)
	}
	for _, arn := range []string{
		"", "AdministratorAccess", "arn:aws:iam::aws:policy/", "arn:aws:iam::aws:policy/administratoraccess",
		"arn:aws:iam::aws:policy/AWSSupportServiceRolePolicy", "arn:aws:iam::123456789012:policy/AdministratorAccess",
	} {
		if p, _, ok := m.Get(arn); ok {
			t.Errorf("Get(%q) = %+v", arn, p)
		}
	}
}

func TestLoadBroken(t *testing.T) {
	for _, n := range []int{0, 3, 4, 100, len(embedded) / 2} {
		if _, err := Load(embedded[:n]); err == nil {
			t.Errorf("Load of the first %d bytes succeeds", n)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Open()
	}
}

// BenchmarkGet reads all policies' documents in turn: one each iteration.
func BenchmarkGet(b *testing.B) {
	m := Open()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		m.Get(m.list[i%len(m.list)].ARN())
	}
}
