package eks

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	eksapi "bartizan.dev/api/eks"
	"bartizan.dev/caller"
	"bartizan.dev/policy"
	"bartizan.dev/store/memory"
	"bartizan.dev/wire"
)

const role = "arn:aws:iam::111122223333:role/pods"

type fixture struct {
	*Service
	t           testing.TB
	root, other context.Context
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	engine := memory.Open()
	t.Cleanup(func() {
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
	})
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	f := &fixture{t: t, Service: New(Deps{Store: engine, Now: func() time.Time { return now }})}
	as := func(account string) context.Context {
		return caller.With(t.Context(), &caller.Call{Identity: caller.Identity{Kind: caller.Root, Account: account}, Region: "eu-west-1"})
	}
	f.root, f.other = as("111122223333"), as("444455556666")
	return f
}

func (f *fixture) create(change func(*eksapi.CreatePodIdentityAssociationRequest)) (*eksapi.PodIdentityAssociation, error) {
	in := &eksapi.CreatePodIdentityAssociationRequest{ClusterName: "prod", Namespace: "shop", ServiceAccount: "web", RoleArn: role}
	if change != nil {
		change(in)
	}
	out, err := f.CreatePodIdentityAssociation(f.root, in)
	if err != nil {
		return nil, err
	}
	return out.Association, nil
}

func must[T any](out T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

func fails[T any](_ T, err error) func(t testing.TB, code, message string) {
	return func(t testing.TB, code, message string) {
		t.Helper()
		e, ok := errors.AsType[*wire.Error](err)
		if !ok || e.Code != code || e.Message != message {
			t.Fatalf("got  %v\nwant %s: %s", err, code, message)
		}
	}
}

func TestAssociation(t *testing.T) {
	f := newFixture(t)
	a := must(f.create(func(in *eksapi.CreatePodIdentityAssociationRequest) { in.Tags = map[string]string{"k": "v"} }))(t)
	id := *a.AssociationId
	if !strings.HasPrefix(id, "a-") || len(id) != 19 || *a.AssociationArn != "arn:aws:eks:eu-west-1:111122223333:podidentityassociation/prod/"+id || *a.DisableSessionTags || a.ExternalId != nil {
		t.Errorf("%+v", a)
	}
	fails(f.create(nil))(t, "ResourceInUseException", "Association already exists: "+id)
	found := must(f.Lookup(f.root, "111122223333", "eu-west-1", "prod", "shop", "web"))(t)
	if found == nil || found.ID != id || found.Role != role {
		t.Errorf("%+v", found)
	}
	for _, miss := range [][3]string{{"prod", "shop", "other"}, {"test", "shop", "web"}, {"prod", "web", "shop"}, {"prod", "shop/web", ""}} {
		if got := must(f.Lookup(f.root, "111122223333", "eu-west-1", miss[0], miss[1], miss[2]))(t); got != nil {
			t.Errorf("%v: %+v", miss, got)
		}
	}
	if got := must(f.Lookup(f.root, "444455556666", "eu-west-1", "prod", "shop", "web"))(t); got != nil {
		t.Errorf("another account's: %+v", got)
	}

	b := must(f.UpdatePodIdentityAssociation(f.root, &eksapi.UpdatePodIdentityAssociationRequest{ClusterName: "prod", AssociationId: id,
		TargetRoleArn: new("arn:aws:iam::444455556666:role/target"), DisableSessionTags: new(true),
		Policy: new(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`)}))(t).Association
	if *b.ExternalId != "eu-west-1/111122223333/prod/shop/web" || !*b.DisableSessionTags || b.Policy == nil {
		t.Errorf("%+v", b)
	}
	fails(f.UpdatePodIdentityAssociation(f.root, &eksapi.UpdatePodIdentityAssociationRequest{ClusterName: "prod", AssociationId: id, DisableSessionTags: new(false)}))(t,
		"InvalidParameterException", "A policy needs disableSessionTags.")
	fails(f.UpdatePodIdentityAssociation(f.root, &eksapi.UpdatePodIdentityAssociationRequest{ClusterName: "prod", AssociationId: id}))(t,
		"InvalidRequestException", "The update must change the role, the target role, the policy or the session tags.")
	gone := "No pod identity association found for id: " + id + "."
	fails(f.DescribePodIdentityAssociation(f.other, &eksapi.DescribePodIdentityAssociationRequest{ClusterName: "prod", AssociationId: id}))(t, "ResourceNotFoundException", gone)
	must(f.DescribePodIdentityAssociation(f.root, &eksapi.DescribePodIdentityAssociationRequest{ClusterName: "prod", AssociationId: id}))(t)
	must(f.DeletePodIdentityAssociation(f.root, &eksapi.DeletePodIdentityAssociationRequest{ClusterName: "prod", AssociationId: id}))(t)
	fails(f.DeletePodIdentityAssociation(f.root, &eksapi.DeletePodIdentityAssociationRequest{ClusterName: "prod", AssociationId: id}))(t, "ResourceNotFoundException", gone)
}

func TestCreateRefused(t *testing.T) {
	f := newFixture(t)
	for _, c := range []struct {
		change        func(*eksapi.CreatePodIdentityAssociationRequest)
		code, message string
	}{
		{func(in *eksapi.CreatePodIdentityAssociationRequest) { in.ClusterName = "a/b" }, "InvalidParameterException", `The cluster name "a/b" is not valid.`},
		{func(in *eksapi.CreatePodIdentityAssociationRequest) { in.Namespace = "Shop" }, "InvalidParameterException", `The namespace "Shop" is not valid.`},
		{func(in *eksapi.CreatePodIdentityAssociationRequest) { in.ServiceAccount = "a..b" }, "InvalidParameterException", `The service account "a..b" is not valid.`},
		{func(in *eksapi.CreatePodIdentityAssociationRequest) { in.RoleArn = "role" }, "InvalidParameterException", `The role ARN "role" is not valid.`},
		{func(in *eksapi.CreatePodIdentityAssociationRequest) {
			in.RoleArn = "arn:aws:iam::444455556666:role/x"
		}, "InvalidParameterException", "The role must be in the account of the cluster."},
		{func(in *eksapi.CreatePodIdentityAssociationRequest) { in.TargetRoleArn = new("x") }, "InvalidParameterException", `The target role ARN "x" is not valid.`},
		{func(in *eksapi.CreatePodIdentityAssociationRequest) {
			in.Policy, in.DisableSessionTags = new("{"), new(true)
		}, "InvalidParameterException", "The policy is not valid: Syntax errors in policy."},
		{func(in *eksapi.CreatePodIdentityAssociationRequest) { in.Tags = map[string]string{"AWS:x": ""} }, "BadRequestException", "Tag keys must not begin with aws:."},
	} {
		fails(f.create(c.change))(t, c.code, c.message)
	}
}

func TestToken(t *testing.T) {
	f := newFixture(t)
	with := func(role string) func(*eksapi.CreatePodIdentityAssociationRequest) {
		return func(in *eksapi.CreatePodIdentityAssociationRequest) {
			in.ClientRequestToken, in.RoleArn = new("once"), role
		}
	}
	first := must(f.create(with(role)))(t)
	if again := must(f.create(with(role)))(t); *again.AssociationId != *first.AssociationId {
		t.Errorf("%s, then %s", *first.AssociationId, *again.AssociationId)
	}
	fails(f.create(with(role+"2")))(t, "InvalidParameterException", "The client request token was used before, with other parameters.")
}

func TestList(t *testing.T) {
	f := newFixture(t)
	for i := range 250 {
		must(f.create(func(in *eksapi.CreatePodIdentityAssociationRequest) {
			in.Namespace, in.ServiceAccount = fmt.Sprint("n", i%2), fmt.Sprint("s", i)
		}))(t)
	}
	must(f.create(func(in *eksapi.CreatePodIdentityAssociationRequest) { in.ClusterName = "prod2" }))(t)
	walk := func(in *eksapi.ListPodIdentityAssociationsRequest) (n, pages int) {
		t.Helper()
		in.ClusterName = "prod"
		seen := map[string]bool{}
		for {
			out := must(f.ListPodIdentityAssociations(f.root, in))(t)
			for _, a := range out.Associations {
				seen[*a.AssociationId] = true
			}
			if pages++; out.NextToken == nil {
				return len(seen), pages
			}
			in.NextToken = out.NextToken
		}
	}
	for _, c := range []struct {
		in       eksapi.ListPodIdentityAssociationsRequest
		n, pages int
	}{
		{eksapi.ListPodIdentityAssociationsRequest{}, 250, 3},
		{eksapi.ListPodIdentityAssociationsRequest{MaxResults: new(int32(50))}, 250, 5},
		{eksapi.ListPodIdentityAssociationsRequest{Namespace: new("n1")}, 125, 2},
		{eksapi.ListPodIdentityAssociationsRequest{Namespace: new("n1"), ServiceAccount: new("s7")}, 1, 1},
		{eksapi.ListPodIdentityAssociationsRequest{ServiceAccount: new("none")}, 0, 1},
	} {
		if n, pages := walk(&c.in); n != c.n || pages != c.pages {
			t.Errorf("%d in %d pages, want %d in %d", n, pages, c.n, c.pages)
		}
	}
	fails(f.ListPodIdentityAssociations(f.root, &eksapi.ListPodIdentityAssociationsRequest{ClusterName: "prod", NextToken: new("!")}))(t,
		"InvalidParameterException", "The next token is not valid.")
}

func TestTagsAndTouches(t *testing.T) {
	f := newFixture(t)
	a := must(f.create(nil))(t)
	must(f.TagResource(f.root, &eksapi.TagResourceRequest{ResourceArn: *a.AssociationArn, Tags: map[string]string{"a": "1", "b": "2"}}))(t)
	must(f.UntagResource(f.root, &eksapi.UntagResourceRequest{ResourceArn: *a.AssociationArn, TagKeys: []string{"b", "c"}}))(t)
	if got := must(f.ListTagsForResource(f.root, &eksapi.ListTagsForResourceRequest{ResourceArn: *a.AssociationArn}))(t).Tags; !maps.Equal(got, map[string]string{"a": "1"}) {
		t.Error(got)
	}
	fails(f.ListTagsForResource(f.other, &eksapi.ListTagsForResourceRequest{ResourceArn: *a.AssociationArn}))(t, "NotFoundException", "The resource "+*a.AssociationArn+" was not found.")
	fails(f.ListTagsForResource(f.root, &eksapi.ListTagsForResourceRequest{ResourceArn: *a.AssociationArn + "x"}))(t, "NotFoundException",
		"No pod identity association found for id: "+*a.AssociationId+"x.")
	fails(f.TagResource(f.root, &eksapi.TagResourceRequest{ResourceArn: "x"}))(t, "BadRequestException", `"x" is no ARN of EKS.`)

	touch := func(operation string, in any) []policy.Touch {
		t.Helper()
		return must(f.Rules()[operation].Touches(f.root, in))(t)
	}
	got := touch("TagResource", &eksapi.TagResourceRequest{ResourceArn: *a.AssociationArn, Tags: map[string]string{"n": "1"}})[0]
	if got.Resource != *a.AssociationArn || len(got.ResourceTags) != 1 || len(got.RequestTags) != 1 {
		t.Errorf("%+v", got)
	}
	list := touch("CreatePodIdentityAssociation", &eksapi.CreatePodIdentityAssociationRequest{ClusterName: "prod", RoleArn: role})
	if len(list) != 2 || list[0].Resource != "arn:aws:eks:eu-west-1:111122223333:cluster/prod" || list[1].Action != "iam:PassRole" || list[1].Resource != role {
		t.Errorf("%+v", list)
	}
	if list := touch("UpdatePodIdentityAssociation", &eksapi.UpdatePodIdentityAssociationRequest{ClusterName: "prod", AssociationId: "a-x", Policy: new("")}); len(list) != 1 {
		t.Errorf("%+v", list)
	}
	for name, rule := range f.Rules() {
		if rule.Touches == nil {
			t.Errorf("%s declares nothing", name)
		}
	}
}
