package lint

import (
	"bufio"
	"os"
	"strings"
	"testing"

	"bartizan.dev/service/iam/managed"
)

// TestManaged: AWS's own managed policies have no errors, except those that
// testdata/managed.txt argues.
func TestManaged(t *testing.T) {
	f, err := os.Open("testdata/managed.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	argued := map[string]bool{} // false until it occurs
	for sc := bufio.NewScanner(f); sc.Scan(); {
		line := sc.Text()
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		argued[line] = false
	}
	policies := managed.Open()
	for _, p := range policies.Policies() {
		_, doc, _ := policies.Get(p.ARN())
		found := Validate([]byte(doc), Options{Type: Identity, Reference: testReference})
		for _, f := range found {
			if f.Type != Error {
				continue
			}
			span := f.Locations[0].Span
			what := f.Code + " " + string([]rune(doc)[span.Start.Offset:span.End.Offset])
			if _, ok := argued[what]; !ok {
				t.Errorf("%s: %s: %s", p.Name, what, f.Details)
				continue
			}
			argued[what] = true
		}
	}
	for what, occurs := range argued {
		if !occurs {
			t.Errorf("managed.txt argues %q, which does not occur", what)
		}
	}
}

// TestManagedLists: two lists of AWS's page.
func TestManagedLists(t *testing.T) {
	policies := managed.Open()
	for code, names := range map[string][]string{
		"CREATE_SLR_WITH_STAR_IN_RESOURCE":            {"PowerUserAccess", "aws-service-role/AWSOrganizationsServiceTrustPolicy"},
		"CREATE_SLR_WITH_STAR_IN_ACTION_AND_RESOURCE": {"AdministratorAccess", "IAMFullAccess"},
		"PASS_ROLE_WITH_STAR_IN_ACTION_AND_RESOURCE":  {"AdministratorAccess", "IAMFullAccess"},
		"PASS_ROLE_WITH_STAR_IN_RESOURCE":             {"AdministratorAccess-Amplify"},
		"POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA":   {"ReadOnlyAccess", "aws-service-role/AWSSupportServiceRolePolicy"},
	} {
		for _, name := range names {
			_, doc, ok := policies.Get("arn:aws:iam::aws:policy/" + name)
			if !ok {
				t.Fatalf("no policy %s", name)
			}
			has := false
			for _, f := range Validate([]byte(doc), Options{Type: Identity, Reference: testReference}) {
				has = has || f.Code == code
			}
			if !has {
				t.Errorf("%s has no %s", name, code)
			}
		}
	}
}

// BenchmarkReadOnlyAccess checks one of AWS's largest policies.
func BenchmarkReadOnlyAccess(b *testing.B) {
	_, doc, ok := managed.Open().Get("arn:aws:iam::aws:policy/ReadOnlyAccess")
	if !ok {
		b.Fatal("no ReadOnlyAccess")
	}
	b.SetBytes(int64(len(doc)))
	for b.Loop() {
		Validate([]byte(doc), Options{Reference: testReference})
	}
}
