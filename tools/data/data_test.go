package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// write lays out a package of the files in a new folder.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func referencePackage(replace ...string) map[string]string {
	files := map[string]string{
		"data/serviceNames.json":         `{"toy": "Toy Service", "bare": "Bare Service"}`,
		"data/rcpSupportedServices.json": `["toy"]`,
		"data/actions/toy.json": `{"make": {"name": "Make", "accessLevel": "Write", "conditionKeys": ["toy:Size"],
			"resourceTypes": [{"name": "doll", "required": true, "conditionKeys": ["toy:Size", "saml:aud"]}]},
			"look": {"name": "Look", "accessLevel": "Tagging, Write", "conditionKeys": [], "resourceTypes": []}}`,
		"data/resourceTypes/toy.json":  `{"doll": {"key": "doll", "arn": "arn:${Partition}:toy:::doll/${Name}", "conditionKeys": ["toy:Size"]}}`,
		"data/conditionKeys/toy.json":  `{"toy:size": {"key": "toy:Size", "type": "Numeric"}, "saml:aud": {"key": "saml:aud", "type": "ArrayOfString"}}`,
		"data/actions/bare.json":       `{"go": {"name": "Go", "accessLevel": "Read", "conditionKeys": [], "resourceTypes": []}}`,
		"data/resourceTypes/bare.json": `{}`,
		"data/conditionKeys/bare.json": `{}`,
	}
	r := strings.NewReplacer(replace...)
	for name, text := range files {
		files[name] = r.Replace(text)
	}
	return files
}

func TestPackReference(t *testing.T) {
	one, err := packReference(write(t, referencePackage())) // verifies what it made
	if err != nil {
		t.Fatal(err)
	}
	two, err := packReference(write(t, referencePackage()))
	if err != nil || !bytes.Equal(one, two) {
		t.Errorf("a second run made something else: %v", err)
	}
	for _, c := range []struct{ old, new, want string }{
		{"Numeric", "Nummeric", "unknown type"},
		{`"Write"`, `"Writing"`, "unknown access level"},
		{`["toy:Size"]`, `["toy:Weight"]`, "does not list"},
		{`"name": "doll"`, `"name": "car"`, "does not list"},
		{`"Make"`, `"Ma\tke"`, "a tab"},
		{`{"go":`, `{"go"`, "bare.json"},
	} {
		_, err := packReference(write(t, referencePackage(c.old, c.new)))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("with %s: %v, want %q", c.new, err, c.want)
		}
	}
}

func TestPackManaged(t *testing.T) {
	const source = `{"B": {"arn": "arn:aws:iam::aws:policy/service-role/B", "latestVersionId": "v2", "createdDate": "2015-02-06T18:39:46.000Z",
		"lastUpdatedDate": "2016-02-06T18:39:46.000Z", "versions": {"v1": {"document": {}}, "v2": {"document": {"Version": "2012-10-17", "Statement": [ ]}}}},
		"A": {"arn": "arn:aws:iam::aws:policy/A", "latestVersionId": "v1", "createdDate": "2015-02-06T18:39:46.000Z",
		"lastUpdatedDate": "2015-02-06T18:39:46.000Z", "versions": {"v1": {"document": {"Version": "2008-10-17"}}}}}`
	pack := func(text string) error {
		_, err := packManaged(write(t, map[string]string{"dist/managedPolicies.json": text})) // verifies what it made
		return err
	}
	if err := pack(source); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new, want string }{
		{"policy/A", "policy/C", "has the ARN"},
		{"iam::aws:policy/A", "iam::1:policy/A", "has the ARN"},
		{`"latestVersionId": "v1"`, `"latestVersionId": "one"`, "default version"},
		{`"latestVersionId": "v1"`, `"latestVersionId": "v9"`, "document"},
	} {
		if err := pack(strings.Replace(source, c.old, c.new, 1)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("with %s: %v, want %q", c.new, err, c.want)
		}
	}
}
