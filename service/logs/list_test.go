package logs

import (
	"strings"
	"testing"

	api "bartizan.dev/api/logs"
)

// TestListLogGroups: the pattern's alternatives, tags with and without values, and
// pages.
func TestListLogGroups(t *testing.T) {
	f := newFixture(t)
	for _, name := range []string{"/app/one", "/app/two", "/sys/app"} {
		ok[*api.CreateLogGroupOutput](t)(f.CreateLogGroup(f.ctx, &api.CreateLogGroupRequest{LogGroupName: name, Tags: map[string]string{"end": name[len(name)-3:]}}))
	}
	list := func(in *api.ListLogGroupsRequest) string {
		t.Helper()
		var names []string
		for {
			out := ok[*api.ListLogGroupsResponse](t)(f.ListLogGroups(f.ctx, in))
			for _, g := range out.LogGroups {
				names = append(names, *g.LogGroupName)
			}
			if in.NextToken = out.NextToken; in.NextToken == nil {
				return strings.Join(names, " ")
			}
			if len(out.LogGroups) != int(*in.Limit) {
				t.Errorf("a page of %d", len(out.LogGroups))
			}
		}
	}
	for _, x := range []struct {
		in   api.ListLogGroupsRequest
		want string
	}{
		{api.ListLogGroupsRequest{}, "/app/one /app/two /sys/app"},
		{api.ListLogGroupsRequest{Limit: new(int32(2))}, "/app/one /app/two /sys/app"},
		{api.ListLogGroupsRequest{LogGroupNamePattern: new("^/app")}, "/app/one /app/two"},
		{api.ListLogGroupsRequest{LogGroupNamePattern: new("one|^/sys")}, "/app/one /sys/app"},
		{api.ListLogGroupsRequest{LogGroupNamePattern: new("a.p")}, ""},
		{api.ListLogGroupsRequest{LogGroupTags: []api.TagFilter{{Key: "end"}}}, "/app/one /app/two /sys/app"},
		{api.ListLogGroupsRequest{LogGroupTags: []api.TagFilter{{Key: "end", Values: []string{"two", "app"}}}}, "/app/two /sys/app"},
		{api.ListLogGroupsRequest{LogGroupTags: []api.TagFilter{{Key: "end"}, {Key: "other"}}}, ""},
		{api.ListLogGroupsRequest{LogGroupClass: api.LogGroupClass_INFREQUENT_ACCESS}, ""},
	} {
		if got := list(&x.in); got != x.want {
			t.Errorf("%+v: %s, want %s", x.in, got, x.want)
		}
	}
	_, err := f.ListLogGroups(f.ctx, &api.ListLogGroupsRequest{DataSources: []api.DataSourceFilter{{Name: "x"}}})
	refused(t, err, "InvalidParameterException", "not supported")
}

// TestProtection: a protected group is not deleted before it is so no more.
func TestProtection(t *testing.T) {
	f := newFixture(t)
	f.group("g")
	protect := func(name string, on bool) error {
		_, err := f.PutLogGroupDeletionProtection(f.ctx, &api.PutLogGroupDeletionProtectionRequest{LogGroupIdentifier: name, DeletionProtectionEnabled: on})
		return err
	}
	refused(t, protect("none", true), "ResourceNotFoundException", "")
	if err := protect("g", true); err != nil {
		t.Fatal(err)
	}
	_, err := f.DeleteLogGroup(f.ctx, &api.DeleteLogGroupRequest{LogGroupName: "g"})
	refused(t, err, "ValidationException", "protected")
	if err := protect("arn:aws:logs:eu-west-1:111111111111:log-group:g", false); err != nil {
		t.Fatal(err)
	}
	ok[*api.DeleteLogGroupOutput](t)(f.DeleteLogGroup(f.ctx, &api.DeleteLogGroupRequest{LogGroupName: "g"}))
}
