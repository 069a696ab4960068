package ssm

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"sort"
	"strings"
	"testing"
	"time"

	kmsapi "bartizan.dev/api/kms"
	ssmapi "bartizan.dev/api/ssm"
	"bartizan.dev/caller"
	"bartizan.dev/policy"
	"bartizan.dev/store/memory"
	"bartizan.dev/wire"
	"bartizan.dev/work"
)

// vault is a KMS of one key: it really encrypts, and it knows who may not.
type vault struct {
	aead    cipher.AEAD
	denied  bool
	calls   []string
	between func() // before Encrypt and GenerateDataKey answer
}

func newVault(t *testing.T) *vault {
	t.Helper()
	block, err := aes.NewCipher(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		t.Fatal(err)
	}
	return &vault{aead: aead}
}

func bytesOf(m map[string]string) []byte {
	var out []string
	for k, v := range m {
		out = append(out, fmt.Sprintf("%q=%q", k, v))
	}
	sort.Strings(out)
	return []byte(strings.Join(out, ","))
}

func (v *vault) call(ctx context.Context, name, key string) error {
	v.calls = append(v.calls, name+" "+key+" "+caller.From(ctx).Identity.ARN)
	if v.denied {
		return wire.Errorf("AccessDeniedException", "no")
	}
	if strings.HasPrefix(key, "alias/none") {
		return wire.Errorf("NotFoundException", "Alias %s is not found.", key)
	}
	if f := v.between; f != nil {
		v.between = nil
		f()
	}
	return nil
}

func (v *vault) Encrypt(ctx context.Context, in *kmsapi.EncryptRequest) (*kmsapi.EncryptResponse, error) {
	if err := v.call(ctx, "Encrypt", in.KeyId); err != nil {
		return nil, err
	}
	return &kmsapi.EncryptResponse{CiphertextBlob: v.aead.Seal(nil, nil, in.Plaintext, bytesOf(in.EncryptionContext))}, nil
}

func (v *vault) Decrypt(ctx context.Context, in *kmsapi.DecryptRequest) (*kmsapi.DecryptResponse, error) {
	if err := v.call(ctx, "Decrypt", ""); err != nil {
		return nil, err
	}
	plain, err := v.aead.Open(nil, nil, in.CiphertextBlob, bytesOf(in.EncryptionContext))
	if err != nil {
		return nil, wire.Errorf("InvalidCiphertextException", "").With(err)
	}
	return &kmsapi.DecryptResponse{Plaintext: plain}, nil
}

func (v *vault) GenerateDataKey(ctx context.Context, in *kmsapi.GenerateDataKeyRequest) (*kmsapi.GenerateDataKeyResponse, error) {
	if err := v.call(ctx, "GenerateDataKey", in.KeyId); err != nil {
		return nil, err
	}
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return nil, err
	}
	return &kmsapi.GenerateDataKeyResponse{Plaintext: key, CiphertextBlob: v.aead.Seal(nil, nil, key, bytesOf(in.EncryptionContext))}, nil
}

// rig is a service with its clock and its KMS.
type rig struct {
	*Service
	t     *testing.T
	ctx   context.Context
	vault *vault
}

const account = "111122223333"

func as(account, region string) context.Context {
	return caller.With(context.Background(), &caller.Call{
		Identity: caller.Identity{Kind: caller.User, Account: account, ARN: "arn:aws:iam::" + account + ":user/ann"}, Region: region,
	})
}

func newRig(t *testing.T) *rig {
	t.Helper()
	v := newVault(t)
	same := func(_ context.Context, document string) (string, string, error) { return document, "", nil }
	s := New(Deps{Store: memory.Open(), Clock: new(work.Clock), KMS: v, Bind: same, Show: func(_ context.Context, b string) (string, error) { return b, nil }})
	return &rig{s, t, as(account, "us-east-1"), v}
}

// put makes or overwrites a parameter and returns its version.
func (r *rig) put(name, value string, change ...func(*ssmapi.PutParameterRequest)) int64 {
	r.t.Helper()
	in := &ssmapi.PutParameterRequest{Name: name, Value: value, Type: typeString}
	for _, f := range change {
		f(in)
	}
	out, err := r.PutParameter(r.ctx, in)
	if err != nil {
		r.t.Fatalf("PutParameter %s: %v", name, err)
	}
	return *out.Version
}

func (r *rig) refuse(code string, in *ssmapi.PutParameterRequest) string {
	r.t.Helper()
	_, err := r.PutParameter(r.ctx, in)
	return refused(r.t, err, code)
}

func refused(t *testing.T, err error, code string) string {
	t.Helper()
	e, ok := errors.AsType[*wire.Error](err)
	if !ok || e.Code != code {
		t.Errorf("got %v, want %s", err, code)
		return ""
	}
	return e.Message
}

func (r *rig) value(name string) string {
	r.t.Helper()
	out, err := r.GetParameter(r.ctx, &ssmapi.GetParameterRequest{Name: name, WithDecryption: new(true)})
	if err != nil {
		r.t.Fatalf("GetParameter %s: %v", name, err)
	}
	return *out.Parameter.Value
}

func over(in *ssmapi.PutParameterRequest)   { in.Overwrite, in.Type = new(true), "" }
func secure(in *ssmapi.PutParameterRequest) { in.Type = typeSecure }
func tier(t ssmapi.ParameterTier) func(*ssmapi.PutParameterRequest) {
	return func(in *ssmapi.PutParameterRequest) { in.Tier = t }
}
func rules(text string) func(*ssmapi.PutParameterRequest) {
	return func(in *ssmapi.PutParameterRequest) { in.Policies = &text }
}

func TestNames(t *testing.T) {
	r := newRig(t)
	for name, code := range map[string]string{
		"a": "", "/a": "", "/a/b.c-d_e": "", "  /trimmed/name ": "", "a b": "ValidationException", "/a//b": "ValidationException", "/a/": "ValidationException",
		"a/b": "ValidationException", "AWSthing": "ValidationException", "ssm-x": "ValidationException", "/ssm/x": "ValidationException", "/aws/x/y": "AccessDeniedException",
		"/a:1": "ValidationException", "é": "ValidationException", "/" + strings.Repeat("x/", 14) + "y": "", "/" + strings.Repeat("x/", 15) + "y": "HierarchyLevelLimitExceededException",
		"/" + strings.Repeat("n", 1000): "ValidationException", "/": "ValidationException",
	} {
		_, err := r.PutParameter(r.ctx, &ssmapi.PutParameterRequest{Name: name, Value: "x", Type: typeString})
		if code == "" && err != nil {
			t.Errorf("%q: %v", name, err)
		} else if code != "" {
			refused(t, err, code)
		}
	}
	for _, bad := range []string{"us-east-1/:" + account, "us-east-1:" + account + "/us-east-1", ":" + account, "us-east-1:"} {
		_, err := r.GetParameter(r.ctx, &ssmapi.GetParameterRequest{Name: "arn:aws:ssm:" + bad + ":parameter/a/b.c-d_e"})
		refused(t, err, "ValidationException")
	}
	if r.value("/trimmed/name") != "x" || r.value("arn:aws:ssm:us-east-1:"+account+":parameter/a/b.c-d_e:1") != "x" {
		t.Error("a name is not found again")
	}
}

func TestSecureStrings(t *testing.T) {
	r := newRig(t)
	long := strings.Repeat("s3cret ", 1000)
	r.put("/s", "first", secure)
	r.put("/s", "second", over)
	r.put("/long", long, secure, tier(tierIntelligent))
	r.put("/up", "standard", secure)
	r.put("/up", "advanced", over, tier(tierAdvanced))
	if r.value("/s") != "second" || r.value("/s:1") != "first" || r.value("/long") != long || r.value("/up:1") != "standard" || r.value("/up:2") != "advanced" {
		t.Error("a value does not come back")
	}
	if want := "Encrypt alias/aws/ssm arn:aws:iam::" + account + ":user/ann"; r.vault.calls[0] != want || !strings.HasPrefix(r.vault.calls[2], "GenerateDataKey alias/aws/ssm") {
		t.Errorf("calls %q", r.vault.calls[:3])
	}
	// What is stored is not the value, and belongs to its parameter.
	p, err := r.find(r.ctx, r.Store, placeOf(r.ctx), "/s")
	if err != nil || strings.Contains(p.Value, "second") {
		t.Fatalf("stored %q, %v", p.Value, err)
	}
	for _, tier := range []string{tierStandard, tierAdvanced} {
		sealed, err := r.seal(r.ctx, "arn:a", tier, defaultKey, "x")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.open(r.ctx, "arn:b", tier, sealed); err == nil {
			t.Errorf("%s: another parameter's value opens", tier)
		}
		broken := []byte(sealed)
		broken[len(broken)-6] ^= 1
		if _, err := r.open(r.ctx, "arn:a", tier, string(broken)); err == nil {
			t.Errorf("%s: a changed value opens", tier)
		}
	}
	got, err := r.GetParameter(r.ctx, &ssmapi.GetParameterRequest{Name: "/s"})
	if err != nil || *got.Parameter.Value != p.Value {
		t.Error("without decryption the stored form is not answered")
	}
	r.refuse("InvalidKeyId", &ssmapi.PutParameterRequest{Name: "/k", Value: "x", Type: typeSecure, KeyId: new("alias/none")})
	r.refuse("ValidationException", &ssmapi.PutParameterRequest{Name: "/k", Value: "x", Type: typeString, KeyId: new("alias/mine")})
	r.vault.denied = true
	_, err = r.GetParameter(r.ctx, &ssmapi.GetParameterRequest{Name: "/s", WithDecryption: new(true)})
	refused(t, err, "AccessDeniedException")
	_, err = r.GetParametersByPath(r.ctx, &ssmapi.GetParametersByPathRequest{Path: "/", WithDecryption: new(true)})
	refused(t, err, "AccessDeniedException")
}

// TestConcurrentPut overwrites a parameter while KMS is asked for another call.
func TestConcurrentPut(t *testing.T) {
	r := newRig(t)
	r.put("/s", "one", secure)
	r.vault.between = func() { r.put("/s", "two", over) }
	if n := r.put("/s", "three", over); n != 3 || r.value("/s:2") != "two" || r.value("/s:3") != "three" {
		t.Errorf("version %d", n)
	}
	busy := 0
	var overtake func()
	overtake = func() {
		if busy++; busy <= 3 { // as often as is tried
			r.put("/s", "busy", over)
			r.vault.between = overtake
		}
	}
	r.vault.between = overtake
	r.refuse("TooManyUpdates", &ssmapi.PutParameterRequest{Name: "/s", Value: "late", Overwrite: new(true)})
}

func TestValuesAndTiers(t *testing.T) {
	r := newRig(t)
	big, huge := strings.Repeat("x", 4097), strings.Repeat("x", 8193)
	put := func(f func(*ssmapi.PutParameterRequest)) *ssmapi.PutParameterRequest {
		in := &ssmapi.PutParameterRequest{Name: "/v", Value: "v", Type: typeString}
		f(in)
		return in
	}
	r.refuse("ValidationException", put(func(in *ssmapi.PutParameterRequest) { in.Value = big }))
	r.refuse("ValidationException", put(func(in *ssmapi.PutParameterRequest) { in.Value, in.Tier = huge, tierIntelligent }))
	r.refuse("ValidationException", put(func(in *ssmapi.PutParameterRequest) { in.Value = "" }))
	r.refuse("ValidationException", put(func(in *ssmapi.PutParameterRequest) { in.Value = "{{ssm:other}}" }))
	r.refuse("ValidationException", put(func(in *ssmapi.PutParameterRequest) { in.Type = "" }))
	r.refuse("ValidationException", put(func(in *ssmapi.PutParameterRequest) {
		in.Overwrite, in.Tags = new(true), []ssmapi.Tag{{Key: "a", Value: "b"}}
	}))
	r.refuse("ValidationException", put(func(in *ssmapi.PutParameterRequest) { in.DataType = new("Text") }))
	r.refuse("InvalidAllowedPatternException", put(func(in *ssmapi.PutParameterRequest) { in.AllowedPattern = new("(?=a)") }))
	message := r.refuse("ParameterPatternMismatchException", put(func(in *ssmapi.PutParameterRequest) { in.Value, in.AllowedPattern = "hunter2", new(`\d`) }))
	if strings.Contains(message, "hunter2") {
		t.Error("the message tells the value")
	}
	r.put("/v", "1", func(in *ssmapi.PutParameterRequest) { in.AllowedPattern, in.Description = new(`\d+`), new("a number") })
	r.refuse("ParameterAlreadyExists", put(func(*ssmapi.PutParameterRequest) {}))
	r.refuse("HierarchyTypeMismatchException", put(func(in *ssmapi.PutParameterRequest) { in.Overwrite, in.Type = new(true), typeList }))
	r.refuse("ParameterPatternMismatchException", put(func(in *ssmapi.PutParameterRequest) { in.Overwrite = new(true) })) // the pattern stays
	r.put("/v", "2", over, tier(tierAdvanced))
	r.refuse("ValidationException", put(func(in *ssmapi.PutParameterRequest) { in.Overwrite, in.Value, in.Tier = new(true), "3", tierStandard }))
	r.put("/v", "3", over)
	all, err := r.DescribeParameters(r.ctx, &ssmapi.DescribeParametersRequest{})
	if err != nil || len(all.Parameters) != 1 || all.Parameters[0].Tier != tierAdvanced || *all.Parameters[0].Description != "a number" || *all.Parameters[0].Version != 3 {
		t.Errorf("%+v %v", all, err)
	}
}

func TestDataTypes(t *testing.T) {
	for _, c := range []struct{ kind, dataType, good, bad string }{
		{typeString, "aws:ec2:image", "ami-0123456789abcdef0", "ami-x"}, {typeString, "aws:region", "eu-central-1", "Mars"},
		{typeString, "aws:account:id", "123456789012", "12"}, {typeString, "boolean", "true", "yes"}, {typeString, "integer", "-7", "7.1"},
		{typeString, "float", "7.1", "x"}, {typeString, "binary", "AAEC", "?"}, {typeString, "hostname", "db.example.com", "-a"},
		{typeString, "email", "ann@example.com", "Ann <ann@example.com>"}, {typeString, "ipv4-address", "10.0.0.1", "::1"}, {typeString, "ipv6-address", "::1", "10.0.0.1"},
		{typeString, "url", "https://example.com/x", "example.com"}, {typeString, "json", `{"a": [1]}`, "{a}"},
		{typeString, "jsonc", "// c\n{\"a//b\": [1, /* x */ 2,],}", "/* open"}, {typeSecure, "aws:ssm:integration", `{"url": "x"}`, "no"},
	} {
		name := integration + "hook"
		if err := checkDataType(name, c.kind, c.dataType, c.good); err != nil {
			t.Errorf("%s: %v", c.dataType, err)
		}
		if err := checkDataType(name, c.kind, c.dataType, c.bad); err == nil {
			t.Errorf("%s took %q", c.dataType, c.bad)
		} else if c.bad != "?" && len(c.bad) > 3 && strings.Contains(err.Error(), c.bad) {
			t.Errorf("%s: the message tells the value", c.dataType)
		}
	}
	for _, bad := range [][2]string{{typeSecure, "aws:ec2:image"}, {typeString, "aws:ssm:integration"}} {
		if checkDataType("/x", bad[0], bad[1], "ami-0123456789abcdef0") == nil {
			t.Errorf("%v was taken", bad)
		}
	}
}

func TestQuotas(t *testing.T) {
	r := newRig(t)
	r.Quotas = Quotas{Standard: 2, Advanced: 2}
	r.put("/a", "x")
	r.put("/b", "x")
	r.refuse("ParameterLimitExceeded", &ssmapi.PutParameterRequest{Name: "/c", Value: "x", Type: typeString})
	r.put("/c", "x", tier(tierIntelligent)) // no room: it becomes an advanced one
	r.put("/a", "y", over, tier(tierAdvanced))
	r.put("/d", "x") // /a left room
	r.refuse("ParameterLimitExceeded", &ssmapi.PutParameterRequest{Name: "/e", Value: "x", Type: typeString, Tier: tierAdvanced})
	if _, err := r.DeleteParameter(r.ctx, &ssmapi.DeleteParameterRequest{Name: "/a"}); err != nil {
		t.Fatal(err)
	}
	r.put("/e", "x", tier(tierAdvanced))
	other := &rig{r.Service, t, as(account, "eu-west-1"), r.vault}
	other.put("/a", "x") // another Region counts for itself
	_, err := other.GetParameter(other.ctx, &ssmapi.GetParameterRequest{Name: "/b"})
	refused(t, err, "ParameterNotFound")
}

func TestVersionsAndLabels(t *testing.T) {
	r := newRig(t)
	r.put("/v", "1")
	label := func(n *int64, labels ...string) *ssmapi.LabelParameterVersionResult {
		t.Helper()
		out, err := r.LabelParameterVersion(r.ctx, &ssmapi.LabelParameterVersionRequest{Name: "/v", ParameterVersion: n, Labels: labels})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	out := label(nil, "prod", "1st", "AWSx", "ssm", "a/b", strings.Repeat("l", 101))
	if *out.ParameterVersion != 1 || len(out.InvalidLabels) != 5 {
		t.Errorf("%+v", out)
	}
	for i := 2; i <= maxVersions; i++ {
		r.put("/v", fmt.Sprint(i), over)
	}
	message := r.refuse("ParameterMaxVersionLimitExceeded", &ssmapi.PutParameterRequest{Name: "/v", Value: "x", Overwrite: new(true)})
	if !strings.Contains(message, "Version 1, the oldest version") {
		t.Error(message)
	}
	label(new(int64(50)), "prod")
	if r.value("/v:prod") != "50" {
		t.Error("the label has not moved")
	}
	r.put("/v", "101", over)
	_, err := r.GetParameter(r.ctx, &ssmapi.GetParameterRequest{Name: "/v:1"})
	refused(t, err, "ParameterVersionNotFound")
	_, err = r.GetParameter(r.ctx, &ssmapi.GetParameterRequest{Name: "/v:none"})
	refused(t, err, "ParameterVersionNotFound")
	label(new(int64(60)), "a", "b", "c", "d", "e", "f", "g", "h", "i", "j")
	_, err = r.LabelParameterVersion(r.ctx, &ssmapi.LabelParameterVersionRequest{Name: "/v", ParameterVersion: new(int64(60)), Labels: []string{"k"}})
	refused(t, err, "ParameterVersionLabelLimitExceeded")
	un, err := r.UnlabelParameterVersion(r.ctx, &ssmapi.UnlabelParameterVersionRequest{Name: "/v", ParameterVersion: 60, Labels: []string{"a", "prod"}})
	if err != nil || fmt.Sprint(un.RemovedLabels, un.InvalidLabels) != "[a] [prod]" {
		t.Errorf("%+v %v", un, err)
	}
	// The history in pages, each version once.
	var seen []int64
	var token *string
	for {
		h, err := r.GetParameterHistory(r.ctx, &ssmapi.GetParameterHistoryRequest{Name: "/v", NextToken: token, MaxResults: new(int32(30))})
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range h.Parameters {
			seen = append(seen, *v.Version)
		}
		if token = h.NextToken; token == nil {
			break
		}
	}
	if len(seen) != maxVersions || seen[0] != 2 || seen[99] != 101 {
		t.Errorf("history %v", seen)
	}
}

func TestListing(t *testing.T) {
	r := newRig(t)
	for i := range 25 {
		r.put(fmt.Sprintf("/a/p%02d", i), "x")
	}
	r.put("/a/deep/er", "x", secure)
	r.put("/ab", "x")
	r.put("flat", "x", func(in *ssmapi.PutParameterRequest) { in.Tags = []ssmapi.Tag{{Key: "team", Value: "web"}} })
	byPath := func(path string, recursive bool, filters ...ssmapi.ParameterStringFilter) (names []string) {
		t.Helper()
		var token *string
		for {
			out, err := r.GetParametersByPath(r.ctx, &ssmapi.GetParametersByPathRequest{Path: path, Recursive: &recursive, NextToken: token, ParameterFilters: filters})
			if err != nil {
				t.Fatal(err)
			}
			if len(out.Parameters) > 10 {
				t.Errorf("a page of %d", len(out.Parameters))
			}
			for _, p := range out.Parameters {
				names = append(names, *p.Name)
			}
			if token = out.NextToken; token == nil {
				return names
			}
		}
	}
	if n := len(byPath("/a", false)); n != 25 {
		t.Errorf("/a has %d", n)
	}
	if n := len(byPath("/a/", true)); n != 26 {
		t.Errorf("/a/ has %d below", n)
	}
	if got := byPath("/", false); fmt.Sprint(got) != "[/ab flat]" {
		t.Errorf("/ has %v", got)
	}
	if got := byPath("/", true, ssmapi.ParameterStringFilter{Key: "Type", Values: []string{typeSecure}}); fmt.Sprint(got) != "[/a/deep/er]" {
		t.Errorf("secure: %v", got)
	}
	describe := func(filters ...ssmapi.ParameterStringFilter) (names []string) {
		t.Helper()
		out, err := r.DescribeParameters(r.ctx, &ssmapi.DescribeParametersRequest{ParameterFilters: filters})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range out.Parameters {
			names = append(names, *p.Name)
		}
		return names
	}
	for want, f := range map[string]ssmapi.ParameterStringFilter{
		"[flat]":          {Key: "tag:team"},
		"[/a/deep/er]":    {Key: "KeyId", Option: new("BeginsWith"), Values: []string{"alias/aws"}},
		"[/a/p07]":        {Key: "Name", Option: new("Contains"), Values: []string{"p07"}},
		"[/ab]":           {Key: "Path", Values: []string{"/", "/x"}},
		"[/a/p10 /a/p11]": {Key: "Name", Values: []string{"/a/p11", "/a/p10"}},
		"[]":              {Key: "Tier", Values: []string{tierAdvanced}},
	} {
		if got := describe(f); fmt.Sprint(got) != want {
			t.Errorf("%+v: %v, want %s", f, got, want)
		}
	}
	for code, f := range map[string][]ssmapi.ParameterStringFilter{
		"InvalidFilterKey":    {{Key: "Label", Values: []string{"x"}}},
		"InvalidFilterOption": {{Key: "Type", Option: new("Contains"), Values: []string{"x"}}},
		"InvalidFilterValue":  {{Key: "Name"}},
	} {
		_, err := r.DescribeParameters(r.ctx, &ssmapi.DescribeParametersRequest{ParameterFilters: f})
		refused(t, err, code)
	}
	_, err := r.DescribeParameters(r.ctx, &ssmapi.DescribeParametersRequest{ParameterFilters: []ssmapi.ParameterStringFilter{{Key: "Name", Values: []string{"a"}}}, Filters: []ssmapi.ParametersFilter{{Key: "Name", Values: []string{"a"}}}})
	refused(t, err, "ValidationException")
	_, err = r.DescribeParameters(r.ctx, &ssmapi.DescribeParametersRequest{NextToken: new("?")})
	refused(t, err, "InvalidNextToken")
	old, err := r.DescribeParameters(r.ctx, &ssmapi.DescribeParametersRequest{Filters: []ssmapi.ParametersFilter{{Key: "Name", Values: []string{"/a/p1"}}}})
	if err != nil || len(old.Parameters) != 10 {
		t.Errorf("the older filter finds %d, %v", len(old.Parameters), err)
	}
}

func TestExpiry(t *testing.T) {
	r := newRig(t)
	at := func(d time.Duration) string {
		return fmt.Sprintf(`[{"Type":"Expiration","Version":"1.0","Attributes":{"Timestamp":%q}}]`, r.Clock.Now().Add(d).Format(time.RFC3339))
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	defer func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	pass := func(d time.Duration) {
		t.Helper()
		r.Clock.Advance(d)
		if err := r.Settle(ctx); err != nil {
			t.Fatal(err)
		}
	}
	gone := func(name string) bool {
		p, err := r.find(r.ctx, r.Store, placeOf(r.ctx), name)
		return err == nil && p == nil
	}
	r.put("/soon", "x", tier(tierAdvanced), rules(at(time.Hour)))
	r.put("/later", "x", tier(tierIntelligent), rules(at(time.Hour)))
	r.put("/later", "y", over, rules(at(3*time.Hour)))
	r.put("/never", "x", tier(tierAdvanced), rules(at(time.Hour)))
	r.put("/never", "y", over, rules("[{}]"))
	r.put("/again", "x", tier(tierAdvanced), rules(at(time.Hour)))
	if _, err := r.DeleteParameter(r.ctx, &ssmapi.DeleteParameterRequest{Name: "/again"}); err != nil {
		t.Fatal(err)
	}
	r.put("/again", "x")
	pass(2 * time.Hour)
	if !gone("/soon") || gone("/later") || gone("/never") || gone("/again") {
		t.Error("after two hours the wrong parameters are gone")
	}
	pass(2 * time.Hour)
	if !gone("/later") || gone("/never") {
		t.Error("after four hours the wrong parameters are gone")
	}
}

func TestPolicies(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	good := `[{"Type":"Expiration","Version":"1.0","Attributes":{"Timestamp":"2027-12-02T21:34:33.000Z"}},
		{"Type":"ExpirationNotification","Version":"1.0","Attributes":{"Before":"15","Unit":"Days"}},
		{"Type":"NoChangeNotification","Version":"1.0","Attributes":{"After":"20","Unit":"Hours"}}]`
	if list, err := parseRules(good, now); err != nil || len(list) != 3 {
		t.Errorf("%v %v", list, err)
	}
	one := func(kind, attributes string) string {
		return fmt.Sprintf(`{"Type":%q,"Version":"1.0","Attributes":{%s}}`, kind, attributes)
	}
	expiry := one("Expiration", `"Timestamp":"2027-12-02T21:34:33Z"`)
	for text, code := range map[string]string{
		"x": "InvalidPolicyAttributeException", "[" + one("Other", "") + "]": "InvalidPolicyTypeException",
		"[" + one("Expiration", `"Timestamp":"2020-12-02T21:34:33Z"`) + "]":               "InvalidPolicyAttributeException",
		"[" + one("Expiration", `"Timestamp":"soon"`) + "]":                               "InvalidPolicyAttributeException",
		"[" + one("NoChangeNotification", `"After":"0","Unit":"Days"`) + "]":              "InvalidPolicyAttributeException",
		"[" + one("NoChangeNotification", `"After":"1","Unit":"Weeks"`) + "]":             "InvalidPolicyAttributeException",
		"[" + one("NoChangeNotification", `"After":"1","Unit":"Days","Colour":"x"`) + "]": "InvalidPolicyAttributeException",
		"[" + one("ExpirationNotification", `"Before":"1","Unit":"Days"`) + "]":           "IncompatiblePolicyException",
		"[" + expiry + "," + expiry + "]":                                                 "IncompatiblePolicyException",
		"[" + strings.Repeat(expiry+",", 10) + expiry + "]":                               "PoliciesLimitExceededException",
	} {
		_, err := parseRules(text, now)
		refused(t, err, code)
	}
	r := newRig(t)
	r.refuse("ValidationException", &ssmapi.PutParameterRequest{Name: "/p", Value: "x", Type: typeString, Policies: &good})
}

func TestTags(t *testing.T) {
	r := newRig(t)
	r.put("/t", "x")
	add := func(id string, tags ...ssmapi.Tag) error {
		_, err := r.AddTagsToResource(r.ctx, &ssmapi.AddTagsToResourceRequest{ResourceType: ssmapi.ResourceTypeForTagging_Parameter, ResourceId: id, Tags: tags})
		return err
	}
	if err := add("/t", ssmapi.Tag{Key: "a", Value: "1"}, ssmapi.Tag{Key: "b", Value: "2"}); err != nil {
		t.Fatal(err)
	}
	refused(t, add("/none"), "InvalidResourceId")
	refused(t, add("/t", ssmapi.Tag{Key: "aws:x"}), "ValidationException")
	var many []ssmapi.Tag
	for i := range 51 {
		many = append(many, ssmapi.Tag{Key: fmt.Sprint(i)})
	}
	refused(t, add("/t", many...), "TooManyTagsError")
	if _, err := r.RemoveTagsFromResource(r.ctx, &ssmapi.RemoveTagsFromResourceRequest{ResourceType: ssmapi.ResourceTypeForTagging_Parameter, ResourceId: "/t", TagKeys: []string{"a", "z"}}); err != nil {
		t.Fatal(err)
	}
	list, err := r.ListTagsForResource(r.ctx, &ssmapi.ListTagsForResourceRequest{ResourceType: ssmapi.ResourceTypeForTagging_Parameter, ResourceId: "/t"})
	if err != nil || fmt.Sprint(list.TagList) != "[{b 2}]" {
		t.Errorf("%v %v", list, err)
	}
	_, err = r.ListTagsForResource(r.ctx, &ssmapi.ListTagsForResourceRequest{ResourceType: ssmapi.ResourceTypeForTagging_Document, ResourceId: "/t"})
	refused(t, err, "InvalidResourceType")
}

func TestSharing(t *testing.T) {
	r := newRig(t)
	r.put("/std", "x")
	r.put("/adv", "x", tier(tierAdvanced))
	arn := "arn:aws:ssm:us-east-1:" + account + ":parameter/adv"
	document := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"444455556666"},"Action":["ssm:GetParameter","ssm:GetParameters"],"Resource":"` + arn + `"}]}`
	put := func(arn, document string, id, hash *string) (*ssmapi.PutResourcePolicyResponse, error) {
		return r.PutResourcePolicy(r.ctx, &ssmapi.PutResourcePolicyRequest{ResourceArn: arn, Policy: document, PolicyId: id, PolicyHash: hash})
	}
	_, err := put(strings.Replace(arn, "adv", "std", 1), document, nil, nil)
	refused(t, err, "ResourcePolicyInvalidParameterException")
	_, err = put(strings.Replace(arn, "adv", "none", 1), document, nil, nil)
	refused(t, err, "ResourceNotFoundException")
	_, err = put(arn, "{", nil, nil)
	refused(t, err, "MalformedResourcePolicyDocumentException")
	_, err = put(arn, strings.Replace(document, "ssm:GetParameters", "ssm:*", 1), nil, nil)
	refused(t, err, "MalformedResourcePolicyDocumentException")
	_, err = put(arn, document+strings.Repeat(" ", 1024), nil, nil)
	refused(t, err, "ResourcePolicyLimitExceededException")
	made, err := put(arn, document, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = put(arn, document+" ", made.PolicyId, new("old"))
	refused(t, err, "ResourcePolicyConflictException")
	made, err = put(arn, document+" ", made.PolicyId, made.PolicyHash)
	if err != nil {
		t.Fatal(err)
	}
	list, err := r.GetResourcePolicies(r.ctx, &ssmapi.GetResourcePoliciesRequest{ResourceArn: arn})
	if err != nil || len(list.Policies) != 1 || *list.Policies[0].Policy != document+" " || *list.Policies[0].PolicyHash != *made.PolicyHash {
		t.Errorf("%+v %v", list, err)
	}
	// The other account reads it by its ARN; the rule shows the policy that allows it.
	theirs := as("444455556666", "us-east-1")
	touches, err := r.Rules()["GetParameter"].Touches(theirs, &ssmapi.GetParameterRequest{Name: arn})
	if err != nil || len(touches) != 1 || touches[0].Account != account || touches[0].Policy == nil || touches[0].Resource != arn {
		t.Errorf("%+v %v", touches, err)
	}
	got, err := r.GetParameter(theirs, &ssmapi.GetParameterRequest{Name: arn})
	if err != nil || *got.Parameter.Value != "x" {
		t.Errorf("%v", err)
	}
	if _, err := r.DeleteResourcePolicy(r.ctx, &ssmapi.DeleteResourcePolicyRequest{ResourceArn: arn, PolicyId: *made.PolicyId, PolicyHash: *made.PolicyHash}); err != nil {
		t.Error(err)
	}
	_, err = r.DeleteResourcePolicy(r.ctx, &ssmapi.DeleteResourcePolicyRequest{ResourceArn: arn, PolicyId: *made.PolicyId, PolicyHash: *made.PolicyHash})
	refused(t, err, "ResourcePolicyNotFoundException")
}

func TestReference(t *testing.T) {
	r := newRig(t)
	read := func(name string, decrypt bool) (*ssmapi.GetParameterResult, error) {
		return r.GetParameter(r.ctx, &ssmapi.GetParameterRequest{Name: name, WithDecryption: &decrypt})
	}
	_, err := read(secretReference+"app/db", false)
	refused(t, err, "ValidationException")
	var asked []string
	r.Secret = func(_ context.Context, name, version, stage string) (*Secret, error) {
		asked = append(asked, name+"|"+version+"|"+stage)
		if name == "none" {
			return nil, wire.Errorf("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
		}
		return &Secret{ARN: "arn:secret", Name: name, VersionID: "v", Value: "hunter2", Stages: []string{"AWSCURRENT"}}, nil
	}
	out, err := read(secretReference+"app/db", true)
	if err != nil || *out.Parameter.Value != "hunter2" || out.Parameter.Type != typeSecure || *out.Parameter.Name != secretReference+"app/db" || !strings.Contains(*out.Parameter.SourceResult, `"ARN":"arn:secret"`) {
		t.Errorf("%+v %v", out, err)
	}
	for _, selector := range []string{":AWSPREVIOUS", ":EXAMPLE1-90ab-cdef-fedc-ba987EXAMPLE"} {
		if _, err := read(secretReference+"app/db"+selector, true); err != nil {
			t.Error(err)
		}
	}
	if fmt.Sprint(asked) != "[app/db|| app/db||AWSPREVIOUS app/db|EXAMPLE1-90ab-cdef-fedc-ba987EXAMPLE|]" {
		t.Error(asked)
	}
	_, err = read(secretReference+"none", true)
	refused(t, err, "ParameterNotFound")
}

func TestTouches(t *testing.T) {
	r := newRig(t)
	r.put("/shop/url", "x", func(in *ssmapi.PutParameterRequest) { in.Tags = []ssmapi.Tag{{Key: "team", Value: "web"}} })
	show := func(op string, in any) string {
		t.Helper()
		touches, err := r.Rules()[op].Touches(r.ctx, in)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, touch := range touches {
			s := touch.Action + " " + strings.TrimPrefix(touch.Resource, "arn:aws:ssm:us-east-1:"+account+":")
			for _, k := range touch.Keys {
				s += " " + k.Key + "=" + k.Values[0]
			}
			out = append(out, s+tagText(touch.ResourceTags)+tagText(touch.RequestTags))
		}
		return strings.Join(out, "; ")
	}
	for want, got := range map[string]string{
		"ssm:GetParameter parameter/shop/url ssm:resourceTag/team=web (team=web)": show("GetParameter", &ssmapi.GetParameterRequest{Name: "/shop/url:3"}),
		"ssm:GetParameters parameter/a; ssm:GetParameters parameter/none":         show("GetParameters", &ssmapi.GetParametersRequest{Names: []string{"a", "/none"}}),
		"ssm:GetParametersByPath parameter/shop ssm:Recursive=true":               show("GetParametersByPath", &ssmapi.GetParametersByPathRequest{Path: "/shop", Recursive: new(true)}),
		"ssm:DescribeParameters *":                                   show("DescribeParameters", &ssmapi.DescribeParametersRequest{}),
		"ssm:GetParameter parameter/aws/reference/secretsmanager/db": show("GetParameter", &ssmapi.GetParameterRequest{Name: secretReference + "db:AWSCURRENT"}),
		"ssm:PutParameter parameter/n ssm:Overwrite=false ssm:Policies=false (a=b); ssm:AddTagsToResource parameter/n ssm:Overwrite=false ssm:Policies=false (a=b)": show("PutParameter", &ssmapi.PutParameterRequest{Name: "/n", Tags: []ssmapi.Tag{{Key: "a", Value: "b"}}}),
	} {
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func tagText(tags []policy.Tag) string {
	out := ""
	for _, t := range tags {
		out += " (" + t.Key + "=" + t.Value + ")"
	}
	return out
}

func FuzzSelect(f *testing.F) {
	for _, s := range []string{"/a/b:1", "a:label", "arn:aws:ssm:us-east-1:111122223333:parameter/a:2", "arn:", ":", "::", "arn:aws:ssm:::parameter/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		x, err := selectName(place{account, "us-east-1"}, s)
		if err == nil && (!isName(x.name) || strings.ContainsRune(x.id(x.name), 0) || strings.Count(x.id(""), "/") != 2) {
			t.Errorf("%q became %+v", s, x)
		}
	})
}

func FuzzRules(f *testing.F) {
	f.Add(`[{"Type":"Expiration","Version":"1.0","Attributes":{"Timestamp":"2027-12-02T21:34:33.000Z"}}]`)
	f.Fuzz(func(t *testing.T, s string) {
		list, err := parseRules(s, time.Unix(0, 0))
		if err == nil && len(list) > maxRules {
			t.Errorf("%d rules", len(list))
		}
	})
}

func FuzzUncomment(f *testing.F) {
	f.Add("// c\n{\"a//b\": [1, /* x */ 2,],}")
	f.Add("\"\\")
	f.Fuzz(func(t *testing.T, s string) {
		if n := len(uncomment(s)); n != len(s) {
			t.Errorf("%d bytes of %d", n, len(s))
		}
	})
}

func FuzzOpen(f *testing.F) {
	f.Add("AQAAAA==")
	f.Add("AQ//")
	f.Fuzz(func(t *testing.T, s string) {
		r := newRig(t)
		for _, tier := range []string{tierStandard, tierAdvanced} {
			if _, err := r.open(r.ctx, "arn:a", tier, s); err == nil {
				t.Errorf("%q opens", s)
			}
		}
	})
}
