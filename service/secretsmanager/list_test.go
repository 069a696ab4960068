package secretsmanager

import (
	"slices"
	"strings"
	"testing"
	"time"

	api "bartizan.dev/api/secretsmanager"
	"bartizan.dev/wire"
)

func (f *fixture) list(in *api.ListSecretsRequest) []string {
	f.t.Helper()
	var names []string
	for {
		out := must(f.ListSecrets(f.ctx, in))(f.t)
		for _, e := range out.SecretList {
			names = append(names, *e.Name)
		}
		if out.NextToken == nil {
			return names
		}
		in.NextToken = out.NextToken
	}
}

func TestListSecrets(t *testing.T) {
	f := newFixture(t)
	for _, v := range []struct{ name, description, key, value string }{
		{"prod/db", "Main database of MyApp", "env", "production"},
		{"prod/api", "Token for the api", "env", "prod"},
		{"dev/db", "Database to play with", "team", "blue"},
		{"Other", "", "", ""},
	} {
		in := &api.CreateSecretRequest{Name: v.name, ClientRequestToken: token(1), SecretString: new("x"), Description: &v.description}
		if v.key != "" {
			in.Tags = []api.Tag{{Key: &v.key, Value: &v.value}}
		}
		must(f.CreateSecret(f.ctx, in))(t)
		f.Clock.Advance(time.Minute)
	}
	must(f.CreateSecret(as(other, home), &api.CreateSecretRequest{Name: "prod/db", ClientRequestToken: token(1)}))(t)
	must(f.CreateSecret(as(own, away), &api.CreateSecretRequest{Name: "prod/db", ClientRequestToken: token(1)}))(t)
	all := []string{"prod/db", "prod/api", "dev/db", "Other"}
	for _, n := range []int32{1, 2, 3, 100} {
		if got := f.list(&api.ListSecretsRequest{MaxResults: &n}); !slices.Equal(got, all) {
			t.Errorf("by %d: %v", n, got)
		}
	}
	slices.Reverse(all)
	if got := f.list(&api.ListSecretsRequest{MaxResults: new(int32(1)), SortOrder: api.SortOrderType_desc}); !slices.Equal(got, all) {
		t.Errorf("newest first: %v", got)
	}
	if got := f.list(&api.ListSecretsRequest{SortBy: api.SortByType_name, MaxResults: new(int32(3))}); !slices.Equal(got, []string{"Other", "dev/db", "prod/api", "prod/db"}) {
		t.Errorf("by name: %v", got)
	}
	f.value(f.ctx, "dev/db", current)
	if got := f.list(&api.ListSecretsRequest{SortBy: api.SortByType_last_accessed_date, SortOrder: api.SortOrderType_desc}); got[0] != "dev/db" {
		t.Errorf("by last access: %v", got)
	}
	for _, c := range []struct{ key, values, want string }{
		{"name", "prod", "prod/db prod/api"}, {"name", "Prod", ""}, {"name", "!prod", "dev/db Other"}, {"name", "dev|Oth", "dev/db Other"},
		{"description", "DATABASE", "prod/db dev/db"}, {"description", "main data", "prod/db"}, {"tag-key", "en", "prod/db prod/api"},
		{"tag-key", "!env", "dev/db Other"}, {"tag-value", "prod", "prod/db prod/api"}, {"tag-value", "production", "prod/db"}, {"all", "blue", "dev/db"},
		{"all", "db", "prod/db dev/db"}, {"all", "api Token", "prod/api"}, {"primary-region", "eu-", "prod/db prod/api dev/db Other"},
		{"primary-region", away, ""}, {"owning-service", "rds", ""},
	} {
		got := f.list(&api.ListSecretsRequest{Filters: []api.Filter{{Key: api.FilterNameStringType(c.key), Values: strings.Split(c.values, "|")}}})
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s %s: %v, want %s", c.key, c.values, got, c.want)
		}
	}
	both := []api.Filter{{Key: "name", Values: []string{"prod"}}, {Key: "all", Values: []string{"database"}}}
	if got := f.list(&api.ListSecretsRequest{Filters: both}); !slices.Equal(got, []string{"prod/db"}) {
		t.Errorf("two filters: %v", got)
	}
	must(f.DeleteSecret(f.ctx, &api.DeleteSecretRequest{SecretId: "Other"}))(t)
	if got := f.list(&api.ListSecretsRequest{}); len(got) != 3 {
		t.Errorf("one is marked for deletion: %v", got)
	}
	if got := f.list(&api.ListSecretsRequest{IncludePlannedDeletion: new(true)}); len(got) != 4 {
		t.Errorf("with those: %v", got)
	}
	_, err := f.ListSecrets(f.ctx, &api.ListSecretsRequest{NextToken: new("%%")})
	if e := wire.AsError(err); e.Code != "InvalidNextTokenException" {
		t.Errorf("a wrong token: %v", err)
	}
}

func TestListVersionsPages(t *testing.T) {
	f := newFixture(t)
	f.make("s", "1")
	for n := 2; n <= 7; n++ {
		f.put("s", "v", n)
	}
	var ids []string
	in := &api.ListSecretVersionIdsRequest{SecretId: "s", IncludeDeprecated: new(true), MaxResults: new(int32(2))}
	for range 10 {
		out := must(f.ListSecretVersionIds(f.ctx, in))(t)
		for _, v := range out.Versions {
			ids = append(ids, *v.VersionId)
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
	}
	if len(ids) != 7 || len(slices.Compact(slices.Sorted(slices.Values(ids)))) != 7 {
		t.Errorf("%d versions: %v", len(ids), ids)
	}
}

func TestBatch(t *testing.T) {
	f := newFixture(t)
	f.make("a", "1")
	f.make("b", "2")
	must(f.CreateSecret(f.ctx, &api.CreateSecretRequest{Name: "c", ClientRequestToken: token(1)}))(t)
	out := must(f.BatchGetSecretValue(f.ctx, &api.BatchGetSecretValueRequest{SecretIdList: []string{"b", "none", "a", "c"}}))(t)
	if len(out.SecretValues) != 2 || *out.SecretValues[0].SecretString != "2" || len(out.Errors) != 2 || *out.Errors[0].SecretId != "none" || *out.Errors[0].ErrorCode != "ResourceNotFoundException" {
		t.Errorf("%+v", out)
	}
	in := &api.BatchGetSecretValueRequest{Filters: []api.Filter{{Key: "name", Values: []string{"a", "b"}}}, MaxResults: new(int32(1))}
	out = must(f.BatchGetSecretValue(f.ctx, in))(t)
	if len(out.SecretValues) != 1 || out.NextToken == nil {
		t.Fatalf("%+v", out)
	}
	in.NextToken = out.NextToken
	if out = must(f.BatchGetSecretValue(f.ctx, in))(t); len(out.SecretValues) != 1 || out.NextToken != nil {
		t.Errorf("%+v", out)
	}
	_, err := f.BatchGetSecretValue(f.ctx, &api.BatchGetSecretValueRequest{})
	wants(t, 0, err)("InvalidParameterException", "Either 'SecretIdList' or 'Filters' must be provided, but not both.")
	_, err = f.BatchGetSecretValue(f.ctx, &api.BatchGetSecretValueRequest{SecretIdList: []string{"a"}, MaxResults: new(int32(1))})
	wants(t, 0, err)("InvalidParameterException", "'Filters' not specified. 'Filters' must also be specified when 'MaxResults' is provided.")
}

func TestRandomPassword(t *testing.T) {
	f := newFixture(t)
	get := func(in *api.GetRandomPasswordRequest) string {
		t.Helper()
		return *must(f.GetRandomPassword(f.ctx, in))(t).RandomPassword
	}
	if p := get(&api.GetRandomPasswordRequest{}); len(p) != 32 {
		t.Errorf("%d characters", len(p))
	}
	seen := map[string]bool{}
	for range 300 {
		p := get(&api.GetRandomPasswordRequest{PasswordLength: new(int64(5)), IncludeSpace: new(true)})
		for _, k := range []string{lower, upper, digits, punctuation, " "} {
			if !strings.ContainsAny(p, k) {
				t.Fatalf("%q lacks one of %q", p, k)
			}
		}
		if seen[p] {
			t.Fatalf("%q comes twice", p)
		}
		seen[p] = true
	}
	for range 50 {
		p := get(&api.GetRandomPasswordRequest{PasswordLength: new(int64(200)), ExcludePunctuation: new(true), ExcludeUppercase: new(true), ExcludeCharacters: new("abc0123456789")})
		if strings.Trim(p, "defghijklmnopqrstuvwxyz") != "" || len(p) != 200 {
			t.Fatalf("%q", p)
		}
	}
	if p := get(&api.GetRandomPasswordRequest{PasswordLength: new(int64(1)), RequireEachIncludedType: new(false)}); len(p) != 1 {
		t.Errorf("%q", p)
	}
	if p := get(&api.GetRandomPasswordRequest{PasswordLength: new(int64(4096))}); len(p) != 4096 {
		t.Errorf("%d characters", len(p))
	}
	_, err := f.GetRandomPassword(f.ctx, &api.GetRandomPasswordRequest{PasswordLength: new(int64(3))})
	wants(t, 0, err)("InvalidParameterException", "Password length is too short based on the required types.")
	_, err = f.GetRandomPassword(f.ctx, &api.GetRandomPasswordRequest{ExcludeLowercase: new(true), ExcludeUppercase: new(true), ExcludeNumbers: new(true), ExcludePunctuation: new(true)})
	if e := wire.AsError(err); e.Code != "InvalidParameterException" {
		t.Errorf("nothing is left: %v", err)
	}
	// Each of the 62 letters and digits is as likely: 62,000 draws, and no count
	// further from 1000 than six standard deviations.
	counts := map[rune]int{}
	for range 62 {
		for _, c := range get(&api.GetRandomPasswordRequest{PasswordLength: new(int64(1000)), ExcludePunctuation: new(true), RequireEachIncludedType: new(false)}) {
			counts[c]++
		}
	}
	for c, n := range counts {
		if n < 810 || n > 1190 {
			t.Errorf("%c was drawn %d times of 62000", c, n)
		}
	}
}
