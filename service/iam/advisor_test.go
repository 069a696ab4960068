package iam

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/caller"
)

// advise asks for a report and reads it.
func (f *fixture) advise(arn string, g iamapi.AccessAdvisorUsageGranularityType) []iamapi.ServiceLastAccessed {
	f.t.Helper()
	job := must(f.GenerateServiceLastAccessedDetails(f.root, &iamapi.GenerateServiceLastAccessedDetailsRequest{Arn: arn, Granularity: g}))(f.t).JobId
	f.settle()
	out := must(f.GetServiceLastAccessedDetails(f.root, &iamapi.GetServiceLastAccessedDetailsRequest{JobId: *job, MaxItems: new(int32(1000))}))(f.t)
	if out.JobStatus != "COMPLETED" || out.Error != nil {
		f.t.Fatalf("job %+v, %+v", out, out.Error)
	}
	return out.ServicesLastAccessed
}

func service(list []iamapi.ServiceLastAccessed, namespace string) *iamapi.ServiceLastAccessed {
	i := slices.IndexFunc(list, func(v iamapi.ServiceLastAccessed) bool { return v.ServiceNamespace == namespace })
	if i < 0 {
		return nil
	}
	return &list[i]
}

func TestServiceLastAccessed(t *testing.T) {
	f := newFixture(t)
	alice := must(f.CreateUser(f.root, &iamapi.CreateUserRequest{UserName: "alice"}))(t).User
	bob := must(f.CreateUser(f.root, &iamapi.CreateUserRequest{UserName: "bob"}))(t).User
	devs := must(f.CreateGroup(f.root, &iamapi.CreateGroupRequest{GroupName: "devs"}))(t).Group
	for _, name := range []string{"alice", "bob"} {
		must(f.AddUserToGroup(f.root, &iamapi.AddUserToGroupRequest{GroupName: "devs", UserName: name}))(t)
	}
	p := must(f.CreatePolicy(f.root, &iamapi.CreatePolicyRequest{PolicyName: "p", PolicyDocument: `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":["kms:Decrypt","s3:*","iam:ListUsers"],"Resource":"*"},{"Effect":"Deny","Action":"s3:*","Resource":"*"}]}`}))(t).Policy
	must(f.AttachGroupPolicy(f.root, &iamapi.AttachGroupPolicyRequest{GroupName: "devs", PolicyArn: *p.Arn}))(t)

	use := func(id, service, operation string, ago time.Duration) {
		f.Accessed(testAccount, id, service, operation, "eu-west-1", f.clock.Add(-ago))
	}
	use(alice.UserId, "kms", "Decrypt", 2*time.Hour)
	use(alice.UserId, "ec2", "RunInstances", time.Hour) // which the policies do not allow
	use(bob.UserId, "kms", "Decrypt", 50*time.Hour)
	use(bob.UserId, "kms", "Encrypt", time.Hour)
	use(bob.UserId, "iam", "ListUsers", 401*24*time.Hour)

	list := f.advise(alice.Arn, "")
	if len(list) != 2 || list[0].ServiceNamespace != "iam" || list[1].ServiceNamespace != "kms" || list[1].ServiceName != "AWS Key Management Service" {
		t.Fatalf("services %+v", list)
	}
	if v := list[1]; !v.LastAuthenticated.Equal(f.clock.Add(-2*time.Hour)) || *v.LastAuthenticatedEntity != alice.Arn ||
		*v.LastAuthenticatedRegion != "eu-west-1" || *v.TotalAuthenticatedEntities != 1 || v.TrackedActionsLastAccessed != nil {
		t.Errorf("kms %+v", v)
	}
	if v := list[0]; !v.LastAuthenticated.IsZero() || v.LastAuthenticatedEntity != nil || *v.TotalAuthenticatedEntities != 0 {
		t.Errorf("iam %+v", v)
	}
	for _, arn := range []string{devs.Arn, *p.Arn} {
		kms := service(f.advise(arn, "ACTION_LEVEL"), "kms")
		if *kms.TotalAuthenticatedEntities != 2 || *kms.LastAuthenticatedEntity != bob.Arn || len(kms.TrackedActionsLastAccessed) != 2 {
			t.Errorf("%s: kms %+v", arn, kms)
		}
		if a := kms.TrackedActionsLastAccessed[0]; *a.ActionName != "Decrypt" || *a.LastAccessedEntity != alice.Arn {
			t.Errorf("%s: %+v", arn, a)
		}
	}
	if v := service(f.advise(bob.Arn, ""), "iam"); !v.LastAuthenticated.IsZero() {
		t.Error("a use before the tracking period is told")
	}
}

func TestAccessedWindow(t *testing.T) {
	f := newFixture(t)
	alice := must(f.CreateUser(f.root, &iamapi.CreateUserRequest{UserName: "alice"}))(t).User
	for _, minute := range []time.Duration{0, 1, 14, 16, 20} {
		f.Accessed(testAccount, alice.UserId, "kms", "Encrypt", "eu-west-1", f.clock.Add(minute*time.Minute))
	}
	if err := f.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := must(f.accessOf(t.Context(), f.Store, testAccount, alice.UserId))(t).service("kms")
	if !got.Time.Equal(f.clock.Add(16 * time.Minute)) {
		t.Errorf("last use %v, want the first of the second quarter of an hour", got.Time)
	}
	must(f.DeleteUser(f.root, &iamapi.DeleteUserRequest{UserName: "alice"}))(t)
	f.Accessed(testAccount, alice.UserId, "kms", "Encrypt", "eu-west-1", f.clock.Add(time.Hour))
	if err := f.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left := must(f.accessOf(t.Context(), f.Store, testAccount, alice.UserId))(t); left != nil {
		t.Errorf("a deleted user leaves %+v", left)
	}
	for i := range maxSeen + 10 { // bounded, whatever happens
		f.Accessed(testAccount, fmt.Sprint(i), "kms", "", "eu-west-1", f.clock)
	}
	if a, b := len(f.accessed.last), len(f.accessed.fresh); a > maxSeen || b > maxFresh {
		t.Errorf("%d and %d uses are kept in memory", a, b)
	}
}

func TestReportsAreTheirCallers(t *testing.T) {
	f := newFixture(t)
	alice := must(f.CreateUser(f.root, &iamapi.CreateUserRequest{UserName: "alice"}))(t).User
	in := &iamapi.GenerateServiceLastAccessedDetailsRequest{Arn: alice.Arn}
	job := *must(f.GenerateServiceLastAccessedDetails(f.asUser("alice"), in))(t).JobId
	read := &iamapi.GetServiceLastAccessedDetailsRequest{JobId: job}
	if out := must(f.GetServiceLastAccessedDetails(f.asUser("alice"), read))(t); out.JobStatus != "IN_PROGRESS" || out.JobType != "SERVICE_LEVEL" {
		t.Errorf("job %+v", out)
	}
	for _, ctx := range []context.Context{f.root, f.other} {
		fails(f.GetServiceLastAccessedDetails(ctx, read))(t, "NoSuchEntity", "Job "+job+" cannot be found.")
	}
	session := f.as(caller.Identity{Kind: caller.User, Account: testAccount, ID: alice.UserId, Session: &caller.Session{IssuerID: alice.UserId}})
	must(f.GetServiceLastAccessedDetails(session, read))(t)
	gone := "arn:aws:iam::111122223333:user/nobody"
	fails(f.GenerateServiceLastAccessedDetails(f.root, &iamapi.GenerateServiceLastAccessedDetailsRequest{Arn: gone}))(t, "NoSuchEntity", "ARN "+gone+" was not found.")
	fails(f.GenerateServiceLastAccessedDetails(f.other, in))(t, "NoSuchEntity", "ARN "+alice.Arn+" was not found.")

	must(f.DeleteUser(f.root, &iamapi.DeleteUserRequest{UserName: "alice"}))(t)
	f.settle()
	if out := must(f.GetServiceLastAccessedDetails(session, read))(t); out.JobStatus != "FAILED" || out.Error.Code != "NoSuchEntity" {
		t.Errorf("job %+v", out)
	}
	f.Clock.Advance(adviceKept + time.Second)
	f.settle()
	fails(f.GetServiceLastAccessedDetails(session, read))(t, "NoSuchEntity", "Job "+job+" cannot be found.")
}

func TestLastAccessedPages(t *testing.T) {
	f := newFixture(t)
	must(f.CreateGroup(f.root, &iamapi.CreateGroupRequest{GroupName: "all"}))(t)
	admin := "arn:aws:iam::aws:policy/AdministratorAccess"
	must(f.AttachGroupPolicy(f.root, &iamapi.AttachGroupPolicyRequest{GroupName: "all", PolicyArn: admin}))(t)
	for i := range 5 {
		name := fmt.Sprint("u", i)
		u := must(f.CreateUser(f.root, &iamapi.CreateUserRequest{UserName: name}))(t).User
		must(f.AddUserToGroup(f.root, &iamapi.AddUserToGroupRequest{GroupName: "all", UserName: name}))(t)
		if i > 0 {
			f.Accessed(testAccount, u.UserId, "kms", "", "eu-west-1", f.clock.Add(-time.Duration(i)*time.Hour))
		}
	}
	job := must(f.GenerateServiceLastAccessedDetails(f.root, &iamapi.GenerateServiceLastAccessedDetailsRequest{Arn: admin}))(t).JobId
	f.settle()
	var names []string
	for marker := (*string)(nil); ; {
		out := must(f.GetServiceLastAccessedDetailsWithEntities(f.root, &iamapi.GetServiceLastAccessedDetailsWithEntitiesRequest{
			JobId: *job, ServiceNamespace: "kms", MaxItems: new(int32(2)), Marker: marker,
		}))(t)
		for _, e := range out.EntityDetailsList {
			if e.EntityInfo.Type != "USER" {
				t.Errorf("entity %+v", e.EntityInfo)
			}
			names = append(names, e.EntityInfo.Name)
		}
		if marker = out.Marker; !*out.IsTruncated {
			break
		}
	}
	if want := []string{"u1", "u2", "u3", "u4", "u0"}; !slices.Equal(names, want) {
		t.Errorf("entities %v, want %v", names, want)
	}
	n := 0
	for marker := (*string)(nil); ; {
		out := must(f.GetServiceLastAccessedDetails(f.root, &iamapi.GetServiceLastAccessedDetailsRequest{JobId: *job, Marker: marker}))(t)
		n += len(out.ServicesLastAccessed)
		if marker = out.Marker; !*out.IsTruncated {
			break
		}
	}
	if all := len(f.reference().Prefixes()); n != all {
		t.Errorf("%d services, want all %d", n, all)
	}
}

func TestOrganizationsAccessReport(t *testing.T) {
	f := newFixture(t)
	f.inOrganization(nil)
	path := "o-exampleorgid/r-exam"
	place := &Place{
		Organization: "o-exampleorgid",
		Accounts:     []PlacedAccount{{testAccount, path + "/" + testAccount}, {otherAccount, path + "/" + otherAccount}},
		Levels: [][]string{{`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["kms:*","iam:*","s3:*"],"Resource":"*"}]}`},
			{`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","NotAction":["kms:*","iam:*"],"Resource":"*"}]}`}},
	}
	f.Placed = func(_ context.Context, p, policyID string) (*Place, error) {
		if p != path {
			return nil, nil
		}
		out := *place
		if policyID != "" {
			out.Policy, out.Bound = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:*","Resource":"*"}]}`, place.Accounts[1:]
		}
		return &out, nil
	}
	f.Accessed(testAccount, testAccount, "kms", "Encrypt", "eu-west-1", f.clock.Add(-time.Hour))
	f.Accessed(otherAccount, otherAccount, "kms", "Encrypt", "eu-west-2", f.clock.Add(-2*time.Hour))
	boss := f.as(rootOf(management))
	report := func(policyID *string, sort iamapi.SortKeyType) *iamapi.GetOrganizationsAccessReportResponse {
		job := must(f.GenerateOrganizationsAccessReport(boss, &iamapi.GenerateOrganizationsAccessReportRequest{EntityPath: path, OrganizationsPolicyId: policyID}))(t).JobId
		f.settle()
		return must(f.GetOrganizationsAccessReport(boss, &iamapi.GetOrganizationsAccessReportRequest{JobId: *job, SortKey: sort}))(t)
	}
	out := report(nil, "LAST_AUTHENTICATED_TIME_DESCENDING")
	if out.JobStatus != "COMPLETED" || *out.NumberOfServicesAccessible != 2 || *out.NumberOfServicesNotAccessed != 1 || len(out.AccessDetails) != 2 {
		t.Fatalf("report %+v", out)
	}
	if v := out.AccessDetails[0]; v.ServiceNamespace != "kms" || *v.TotalAuthenticatedEntities != 2 || *v.Region != "eu-west-1" || *v.EntityPath != path+"/"+testAccount {
		t.Errorf("kms %+v", v)
	}
	out = report(new("p-12345678"), "")
	if len(out.AccessDetails) != 1 || *out.AccessDetails[0].Region != "eu-west-2" || *out.AccessDetails[0].TotalAuthenticatedEntities != 1 {
		t.Errorf("report of a policy %+v", out)
	}
	in := &iamapi.GenerateOrganizationsAccessReportRequest{EntityPath: path}
	if _, err := f.GenerateOrganizationsAccessReport(f.root, in); !isCode(err, "AccessDenied") {
		t.Errorf("a member asks: %v", err)
	}
	for range maxOrganizationReports {
		must(f.GenerateOrganizationsAccessReport(boss, in))(t)
	}
	if _, err := f.GenerateOrganizationsAccessReport(boss, in); !isCode(err, "ReportGenerationLimitExceeded") {
		t.Errorf("too many reports at once: %v", err)
	}
}

func BenchmarkAccessed(b *testing.B) {
	f := newFixture(b)
	b.ReportAllocs()
	for b.Loop() {
		f.Accessed(testAccount, "AIDAALICEALICEALICE22", "kms", "Encrypt", "eu-west-1", f.clock)
	}
}
