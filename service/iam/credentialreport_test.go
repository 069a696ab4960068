package iam

import (
	"encoding/csv"
	"fmt"
	"strings"
	"testing"
	"time"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/store"
)

func TestCredentialReport(t *testing.T) {
	f := newFixture(t)
	generate := func() iamapi.ReportStateType {
		return must(f.GenerateCredentialReport(f.root, &iamapi.GenerateCredentialReportInput{}))(t).State
	}
	read := func() (*iamapi.GetCredentialReportResponse, error) {
		return f.GetCredentialReport(f.root, &iamapi.GetCredentialReportInput{})
	}
	if _, err := read(); !isCode(err, "ReportNotPresent") {
		t.Errorf("before the first: %v", err)
	}
	must(f.CreateUser(f.root, &iamapi.CreateUserRequest{UserName: "zoe"}))(t)
	must(f.CreateUser(f.root, &iamapi.CreateUserRequest{UserName: "Alice,x", Path: new("/team/")}))(t)
	must(f.UpdateAccountPasswordPolicy(f.root, &iamapi.UpdateAccountPasswordPolicyRequest{MaxPasswordAge: new(int32(90))}))(t)
	must(f.CreateLoginProfile(f.root, &iamapi.CreateLoginProfileRequest{UserName: new("zoe"), Password: new("Correct horse 1")}))(t)
	key := must(f.CreateAccessKey(f.root, &iamapi.CreateAccessKeyRequest{UserName: new("zoe")}))(t).AccessKey
	f.Used(key.AccessKeyId, f.clock.Add(-time.Hour), "kms", "eu-west-1")
	u := must(f.users.Get(t.Context(), f.Store, recordID(testAccount, "zoe")))(t)
	if _, err := f.Store.Update(t.Context(), func(tx store.Tx) error {
		d := &mfaDevice{Account: testAccount, Resource: "mfa/zoe", Owner: u.ID, Enabled: f.clock}
		if err := f.mfas.Insert(t.Context(), tx, d.id(), d); err != nil {
			return err
		}
		return f.signing.Insert(t.Context(), tx, testAccount+"/C", &signingCertificate{Account: testAccount, ID: "C", Owner: u.ID, Active: true, Uploaded: f.clock})
	}); err != nil {
		t.Fatal(err)
	}

	if got := generate(); got != "STARTED" {
		t.Errorf("state %s", got)
	}
	if got := generate(); got != "INPROGRESS" {
		t.Errorf("state %s", got)
	}
	if _, err := read(); !isCode(err, "ReportInProgress") {
		t.Errorf("while it is written: %v", err)
	}
	f.settle()
	if got := generate(); got != "COMPLETE" {
		t.Errorf("state %s", got)
	}
	out := must(read())(t)
	if out.ReportFormat != "text/csv" || !out.GeneratedTime.Equal(f.clock) || strings.HasSuffix(string(out.Content), "\n") {
		t.Errorf("report %+v", out)
	}
	rows, err := csv.NewReader(strings.NewReader(string(out.Content))).ReadAll()
	if err != nil || len(rows) != 4 {
		t.Fatalf("rows %v, %v", rows, err)
	}
	want := []string{
		strings.Join(credentialColumns, ","),
		"<root_account>,arn:aws:iam::111122223333:root,2026-11-23T12:00:00Z,false,N/A,not_supported,not_supported,false," +
			"true,2026-11-23T12:00:00Z,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A,N/A",
		"Alice,x,arn:aws:iam::111122223333:user/team/Alice,x,2026-11-23T12:00:00Z,false,N/A,N/A,N/A,false," +
			"false,N/A,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A,N/A",
		"zoe,arn:aws:iam::111122223333:user/zoe,2026-11-23T12:00:00Z,true,no_information,2026-11-23T12:00:00Z,2027-02-21T12:00:00Z,true," +
			"true,2026-11-23T12:00:00Z,2026-11-23T11:00:00Z,eu-west-1,kms,false,N/A,N/A,N/A,N/A,true,2026-11-23T12:00:00Z,false,N/A,N/A",
	}
	for i, row := range rows {
		if len(row) != 23 {
			t.Errorf("row %d has %d fields", i, len(row))
		}
		if got := strings.Join(row, ","); got != want[i] {
			t.Errorf("row %d\ngot  %s\nwant %s", i, got, want[i])
		}
	}

	must(f.DeleteUser(f.root, &iamapi.DeleteUserRequest{UserName: "Alice,x"}))(t)
	if again := must(read())(t); string(again.Content) != string(out.Content) {
		t.Error("a report changes after it was made")
	}
	f.clock = f.clock.Add(reportAge)
	if _, err := read(); !isCode(err, "ReportExpired") {
		t.Errorf("after four hours: %v", err)
	}
	if got := generate(); got != "STARTED" {
		t.Errorf("state %s", got)
	}
	f.settle()
	if again := must(read())(t); strings.Contains(string(again.Content), "Alice") {
		t.Error("the new report is the old one")
	}
	items, err := f.Store.List(t.Context(), store.Range{Prefix: chunkPrefix})
	if err != nil || len(items) != 1 {
		t.Errorf("%d chunks are kept, %v", len(items), err)
	}
	if _, err := f.GetCredentialReport(f.other, &iamapi.GetCredentialReportInput{}); !isCode(err, "ReportNotPresent") {
		t.Errorf("another account reads: %v", err)
	}
}

// TestCredentialReportChunks: a long report is put together from several
// records, and what an attempt left that did not end goes.
func TestCredentialReportChunks(t *testing.T) {
	f := newFixture(t)
	f.manyUsers(6000)
	if _, err := f.Store.Update(t.Context(), func(tx store.Tx) error {
		return tx.Put(t.Context(), chunkKey(testAccount, "left", 3), []byte("x"))
	}); err != nil {
		t.Fatal(err)
	}
	must(f.GenerateCredentialReport(f.root, &iamapi.GenerateCredentialReportInput{}))(t)
	f.settle()
	out := must(f.GetCredentialReport(f.root, &iamapi.GetCredentialReportInput{}))(t)
	rows, err := csv.NewReader(strings.NewReader(string(out.Content))).ReadAll()
	if err != nil || len(rows) != 6002 || rows[6001][0] != "user005999" {
		t.Errorf("%d rows, %v", len(rows), err)
	}
	if r := must(f.reports.Get(t.Context(), f.Store, testAccount))(t); r.Chunks < 2 {
		t.Errorf("%d chunks", r.Chunks)
	}
	if _, err := f.Store.Get(t.Context(), chunkKey(testAccount, "left", 3)); err == nil {
		t.Error("what another attempt has left stays")
	}
}

// manyUsers writes users without asking the quota.
func (f *fixture) manyUsers(n int) {
	f.t.Helper()
	const chunk = 1000
	for from := 0; from < n; from += chunk {
		if _, err := f.Store.Update(f.t.Context(), func(tx store.Tx) error {
			for i := from; i < min(n, from+chunk); i++ {
				u := &user{holder: holder{Account: testAccount, Name: fmt.Sprintf("user%06d", i), Path: "/", ID: newID(userPrefix), Created: f.clock}}
				if err := f.users.Put(f.t.Context(), tx, recordID(testAccount, u.Name), u); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			f.t.Fatal(err)
		}
	}
}

// BenchmarkCredentialReport writes the report of 10,000 users.
func BenchmarkCredentialReport(b *testing.B) {
	f := newFixture(b)
	f.manyUsers(10_000)
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		if err := f.credentialRows(b.Context(), testAccount, func(row []string) error { n++; return nil }); err != nil || n != 10_002 {
			b.Fatal(n, err)
		}
	}
}
