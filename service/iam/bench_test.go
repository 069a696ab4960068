package iam

import (
	"fmt"
	"testing"

	iamapi "bartizan.dev/api/iam"
)

// BenchmarkCreateUser is the handler alone, over the store in memory.
func BenchmarkCreateUser(b *testing.B) {
	f := newFixture(b)
	f.Quotas.Users = 1 << 30
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := f.CreateUser(f.root, &iamapi.CreateUserRequest{UserName: fmt.Sprintf("user-%09d", i)}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkGetUser reads in a full account.
func BenchmarkGetUser(b *testing.B) {
	f := newFixture(b)
	must(f.CreateUser(f.root, &iamapi.CreateUserRequest{UserName: "u"}))(b)
	in := &iamapi.GetUserRequest{UserName: new("u")}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.GetUser(f.root, in); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCredential is what every signed call asks first: from the cache.
func BenchmarkCredential(b *testing.B) {
	f := newFixture(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Credential(b.Context(), "AKIAROOTROOTROOTROOT"); err != nil {
			b.Fatal(err)
		}
	}
}
