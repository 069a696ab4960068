package organizations

import (
	"encoding/json"
	"slices"
	"testing"

	api "bartizan.dev/api/organizations"
)

// Each case is the policies of levels from the root down, and what they come to.
var inheritance = []struct {
	name   string
	levels [][]string
	want   string
}{
	{"assigned values are taken over", [][]string{
		{`{"tags":{"costcenter":{"tag_key":{"@@assign":"CostCenter"},"tag_value":{"@@assign":["100","200"]}}}}`},
	}, `{"tags":{"costcenter":{"tag_key":"CostCenter","tag_value":["100","200"]}}}`},
	{"a child overwrites", [][]string{
		{`{"tags":{"c":{"tag_key":{"@@assign":"C"},"tag_value":{"@@assign":["1","2"]}}}}`},
		{`{"tags":{"c":{"tag_key":{"@@assign":"c"},"tag_value":{"@@assign":["3"]}}}}`},
	}, `{"tags":{"c":{"tag_key":"c","tag_value":["3"]}}}`},
	{"a child appends and removes", [][]string{
		{`{"tags":{"c":{"tag_value":{"@@assign":["1","2"]}}}}`},
		{`{"tags":{"c":{"tag_value":{"@@append":["3","1"],"@@remove":["2"]}}}}`},
	}, `{"tags":{"c":{"tag_value":["1","3"]}}}`},
	{"append adds where nothing is inherited", [][]string{
		{`{"tags":{"c":{"tag_value":{"@@append":["1"]}}}}`},
	}, `{"tags":{"c":{"tag_value":["1"]}}}`},
	{"what is removed can be removed once", [][]string{
		{`{"tags":{"c":{"tag_value":{"@@assign":["1"]}}}}`},
		{`{"tags":{"c":{"tag_value":{"@@remove":["1","9"]}}}}`},
		{`{"tags":{"d":{"tag_value":{"@@assign":["1"]}}}}`},
	}, `{"tags":{"d":{"tag_value":["1"]}}}`},
	{"children have no say", [][]string{
		{`{"tags":{"p":{"@@operators_allowed_for_child_policies":["@@none"],"tag_key":{"@@operators_allowed_for_child_policies":["@@none"],"@@assign":"P"},"tag_value":{"@@operators_allowed_for_child_policies":["@@none"],"@@assign":["1"]}}}}`},
		{`{"tags":{"p":{"tag_key":{"@@assign":"p"},"tag_value":{"@@append":["2"]},"enforced_for":{"@@assign":["ec2:*"]}}}}`},
	}, `{"tags":{"p":{"tag_key":"P","tag_value":["1"]}}}`},
	{"children may append alone", [][]string{
		{`{"tags":{"p":{"tag_value":{"@@operators_allowed_for_child_policies":["@@append"],"@@assign":["1"]}}}}`},
		{`{"tags":{"p":{"tag_value":{"@@append":["2"],"@@remove":["1"]}}}}`},
		{`{"tags":{"p":{"tag_value":{"@@assign":["3"]}}}}`},
	}, `{"tags":{"p":{"tag_value":["1","2"]}}}`},
	{"what is forbidden stays forbidden", [][]string{
		{`{"tags":{"p":{"tag_value":{"@@operators_allowed_for_child_policies":["@@append"],"@@assign":["1"]}}}}`},
		{`{"tags":{"p":{"tag_value":{"@@operators_allowed_for_child_policies":["@@all"]}}}}`},
		{`{"tags":{"p":{"tag_value":{"@@assign":["3"]}}}}`},
	}, `{"tags":{"p":{"tag_value":["1"]}}}`},
	{"no new keys below, but the old ones change", [][]string{
		{`{"services":{"@@operators_allowed_for_child_policies":["@@none"],"default":{"opt_out_policy":{"@@assign":"optOut"}}}}`},
		{`{"services":{"lex":{"opt_out_policy":{"@@assign":"optIn"}},"default":{"opt_out_policy":{"@@assign":"optIn"}}}}`},
	}, `{"services":{"default":{"opt_out_policy":"optIn"}}}`},
	{"nothing changes anywhere", [][]string{
		{`{"services":{"@@operators_allowed_for_child_policies":["@@none"],"default":{"@@operators_allowed_for_child_policies":["@@none"],"opt_out_policy":{"@@operators_allowed_for_child_policies":["@@none"],"@@assign":"optOut"}}}}`},
		{`{"services":{"lex":{"opt_out_policy":{"@@assign":"optIn"}},"default":{"opt_out_policy":{"@@assign":"optIn"}}}}`},
	}, `{"services":{"default":{"opt_out_policy":"optOut"}}}`},
	{"of one level the first assignment counts, and every append", [][]string{
		{`{"tags":{"p":{"tag_key":{"@@assign":"P"},"tag_value":{"@@append":["1"]}}}}`, `{"tags":{"p":{"tag_key":{"@@assign":"p"},"tag_value":{"@@append":["2"]}},"q":{"tag_key":{"@@assign":"Q"}}}}`},
	}, `{"tags":{"p":{"tag_key":"P","tag_value":["1","2"]},"q":{"tag_key":"Q"}}}`},
	{"policies of one level do not limit each other", [][]string{
		{`{"tags":{"p":{"tag_value":{"@@operators_allowed_for_child_policies":["@@none"],"@@assign":["1"]}}}}`, `{"tags":{"p":{"tag_value":{"@@append":["2"]}}}}`},
		{`{"tags":{"p":{"tag_value":{"@@append":["3"]}}}}`},
	}, `{"tags":{"p":{"tag_value":["1","2"]}}}`},
	{"numbers and booleans stay what they are", [][]string{
		{`{"plans":{"d":{"rules":{"r":{"start_backup_window_minutes":{"@@assign":60},"enable_continuous_backup":{"@@assign":false}}}}}}`},
		{`{"plans":{"d":{"rules":{"r":{"start_backup_window_minutes":{"@@append":[70]}}}}}}`}, // one value: nothing to append to
	}, `{"plans":{"d":{"rules":{"r":{"enable_continuous_backup":false,"start_backup_window_minutes":60}}}}}`},
	{"a level without policies", [][]string{
		{}, {`{"tags":{"c":{"tag_key":{"@@assign":"C"}}}}`}, {},
	}, `{"tags":{"c":{"tag_key":"C"}}}`},
}

func levelsOf(t testing.TB, texts [][]string) [][]source {
	t.Helper()
	out := make([][]source, len(texts))
	for i, level := range texts {
		for j, text := range level {
			doc, err := parseDeclarative(text)
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			out[i] = append(out[i], source{string(rune('a'+i)) + string(rune('0'+j)), doc})
		}
	}
	return out
}

func TestInheritance(t *testing.T) {
	for _, c := range inheritance {
		got, err := json.Marshal(merge(levelsOf(t, c.levels)).plain())
		if err != nil || string(got) != c.want {
			t.Errorf("%s:\ngot  %s, %v\nwant %s", c.name, got, err, c.want)
		}
	}
}

func TestDeclarativeSyntax(t *testing.T) {
	for text, t2 := range map[string]api.PolicyType{
		`{"tags":{"a":{"tag_key":{"@@assign":"A"},"enforced_for":{"@@append":["ec2:*"]}}}}`:                                api.PolicyType_TAG_POLICY,
		`{"services":{"@@operators_allowed_for_child_policies":["@@none"],"lex":{"opt_out_policy":{"@@assign":"optIn"}}}}`: api.PolicyType_AISERVICES_OPT_OUT_POLICY,
		`{"ec2_attributes":{"image_block_public_access":{"state":{"@@assign":"block_new_sharing"}}}}`:                      api.PolicyType_DECLARATIVE_POLICY_EC2,
		`{"guardduty":{"x":{"@@assign":true}}}`:                                                                            api.PolicyType_GUARDDUTY_POLICY,
	} {
		if err := checkContent(t2, text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, c := range []struct {
		t    api.PolicyType
		text string
	}{
		{api.PolicyType_TAG_POLICY, ``}, {api.PolicyType_TAG_POLICY, `[]`}, {api.PolicyType_TAG_POLICY, `{}`}, {api.PolicyType_TAG_POLICY, `{"tags":{}} x`},
		{api.PolicyType_TAG_POLICY, `{"tags":{"a":{"tag_key":{"@@assign":"B"}}}}`},
		{api.PolicyType_TAG_POLICY, `{"tags":{"a":{"tag_key":"A"}}}`},
		{api.PolicyType_TAG_POLICY, `{"tags":{"a":{"tag_key":{"@@assign":"A","@@assign":"a"}}}}`},
		{api.PolicyType_TAG_POLICY, `{"tags":{"a":{"tag_value":{"@@assign":"x"}}}}`},
		{api.PolicyType_TAG_POLICY, `{"tags":{"a":{"tag_values":{"@@assign":["x"]}}}}`},
		{api.PolicyType_TAG_POLICY, `{"tags":{"a":{"tag_key":{"@@assign":"A","x":{"@@assign":"A"}}}}}`},
		{api.PolicyType_TAG_POLICY, `{"tags":{"a":{"tag_key":{"@@become":"A"}}}}`},
		{api.PolicyType_TAG_POLICY, `{"tags":{"a":{"tag_key":{"@@operators_allowed_for_child_policies":["@@none","@@all"]}}}}`},
		{api.PolicyType_TAG_POLICY, `{"tags":{"a":{"tag_value":{"@@assign":[["x"]]}}}}`},
		{api.PolicyType_TAG_POLICY, `{"plans":{"a":{"regions":{"@@assign":["x"]}}}}`},
		{api.PolicyType_BACKUP_POLICY, `{"plans":{"a":{"colour":{"@@assign":["x"]}}}}`},
		{api.PolicyType_AISERVICES_OPT_OUT_POLICY, `{"services":{"lex":{"opt_out_policy":{"@@assign":"no"}}}}`},
	} {
		fails(0, checkContent(c.t, c.text))(t, "MalformedPolicyDocumentException", "")
	}
}

func TestEffectivePolicy(t *testing.T) {
	f := withOrg(t)
	a, u := f.account("a"), f.unit(f.root, "u")
	must(f.MoveAccount(f.boss, &api.MoveAccountRequest{AccountId: a, SourceParentId: f.root, DestinationParentId: u}))(t)
	ask := func(id string) (*api.DescribeEffectivePolicyResponse, error) {
		return f.DescribeEffectivePolicy(f.boss, &api.DescribeEffectivePolicyRequest{PolicyType: "TAG_POLICY", TargetId: &id})
	}
	fails(ask(a))(t, "EffectivePolicyNotFoundException", "")
	f.enable(api.PolicyType_TAG_POLICY)
	fails(ask(a))(t, "EffectivePolicyNotFoundException", "")
	f.attach(f.policy(api.PolicyType_TAG_POLICY, "p", `{"tags":{"c":{"tag_key":{"@@assign":"C"},"tag_value":{"@@assign":["1"]}}}}`), f.root)
	f.attach(f.policy(api.PolicyType_TAG_POLICY, "q", `{"tags":{"c":{"tag_value":{"@@append":["2"]}}}}`), u)
	got := must(ask(a))(t).EffectivePolicy
	if *got.PolicyContent != `{"tags":{"c":{"tag_key":"C","tag_value":["1","2"]}}}` || *got.TargetId != a || got.LastUpdatedTimestamp.IsZero() {
		t.Errorf("%s", *got.PolicyContent)
	}
	if got := must(ask(boss))(t).EffectivePolicy; *got.PolicyContent != `{"tags":{"c":{"tag_key":"C","tag_value":["1"]}}}` {
		t.Errorf("%s", *got.PolicyContent)
	}
	fails(ask(u))(t, "InvalidInputException", "TARGET_NOT_SUPPORTED")
	fails(ask(stranger))(t, "TargetNotFoundException", "")
	// A member asks for itself.
	own := must(f.DescribeEffectivePolicy(f.as(a), &api.DescribeEffectivePolicyRequest{PolicyType: "TAG_POLICY"}))(t).EffectivePolicy
	if *own.TargetId != a {
		t.Errorf("%+v", own)
	}
	if err := f.rule(f.as(a), "DescribeEffectivePolicy", &api.DescribeEffectivePolicyRequest{PolicyType: "TAG_POLICY"}, nil); err != nil {
		t.Error(err)
	}
	err := f.rule(f.as(a), "DescribeEffectivePolicy", &api.DescribeEffectivePolicyRequest{PolicyType: "TAG_POLICY", TargetId: new(boss)}, nil)
	fails(0, err)(t, "AccessDeniedException", "")
}

func TestInvalidEffectivePolicies(t *testing.T) {
	f := withOrg(t)
	a := f.account("a")
	f.enable(api.PolicyType_BACKUP_POLICY)
	whole := f.policy(api.PolicyType_BACKUP_POLICY, "whole", `{"plans":{"d":{"regions":{"@@assign":["us-east-1"]},"rules":{"r":{"target_backup_vault_name":{"@@assign":"v"}}},"selections":{"tags":{"t":{"iam_role_arn":{"@@assign":"r"}}}}}}}`)
	part := f.policy(api.PolicyType_BACKUP_POLICY, "part", `{"plans":{"d":{"regions":{"@@remove":["us-east-1"]}},"e":{"rules":{"r":{"x":{"@@assign":"v"}}}}}}`)
	f.attach(whole, f.root)
	list := func() []api.Account {
		return must(f.ListAccountsWithInvalidEffectivePolicy(f.boss, &api.ListAccountsWithInvalidEffectivePolicyRequest{PolicyType: "BACKUP_POLICY"}))(t).Accounts
	}
	if l := list(); len(l) != 0 {
		t.Errorf("%+v", l)
	}
	f.attach(part, a)
	if l := list(); len(l) != 1 || *l[0].Id != a {
		t.Errorf("%+v", l)
	}
	out := must(f.ListEffectivePolicyValidationErrors(f.boss, &api.ListEffectivePolicyValidationErrorsRequest{AccountId: a, PolicyType: "BACKUP_POLICY"}))(t)
	var paths []string
	for _, e := range out.EffectivePolicyValidationErrors {
		paths = append(paths, *e.PathToError)
		if !slices.Contains(e.ContributingPolicies, part) {
			t.Errorf("%s comes of %v", *e.PathToError, e.ContributingPolicies)
		}
	}
	if want := []string{"plans/d/regions", "plans/e/regions", "plans/e/rules/r/target_backup_vault_name", "plans/e/selections"}; !slices.Equal(paths, want) {
		t.Errorf("%v", paths)
	}
	if *out.Path != *f.org.Id+"/"+f.root+"/"+a+"/" {
		t.Errorf("path %s", *out.Path)
	}
}

// FuzzDeclarative: whatever the text, parsing and merging end, and what is
// effective has no operators left.
func FuzzDeclarative(f *testing.F) {
	for _, c := range inheritance {
		for _, level := range c.levels {
			for _, text := range level {
				f.Add(text, text)
			}
		}
	}
	f.Add(`{"a":`, `{"a":{"@@assign":null}}`)
	f.Fuzz(func(t *testing.T, one, two string) {
		var levels [][]source
		for _, text := range []string{one, two} {
			if doc, err := parseDeclarative(text); err == nil {
				levels = append(levels, []source{{"p", doc}})
			}
		}
		noOperators(t, merge(levels).plain())
	})
}

func noOperators(t *testing.T, v any) {
	m, ok := v.(map[string]any)
	if !ok {
		return
	}
	for key, sub := range m {
		if len(key) > 1 && key[:2] == "@@" {
			t.Errorf("the operator %s is effective", key)
		}
		noOperators(t, sub)
	}
}
