package reference

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

var errTruncated = errors.New("the data is truncated")

// Load returns the data of a file made by tools/data, whose package comment
// and code describe the format. The data is trusted: a service that cannot be
// decoded panics when it is first asked for. Open is Load of the file in the
// program.
func Load(data []byte) (*Reference, error) {
	if len(data) < 4 || uint64(binary.BigEndian.Uint32(data)) > uint64(len(data)-4) {
		return nil, errTruncated
	}
	n := int(binary.BigEndian.Uint32(data))
	text, err := io.ReadAll(flate.NewReader(bytes.NewReader(data[4 : 4+n])))
	if err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	chunks := data[4+n:]
	services, homes, _ := strings.Cut(string(text), "\n\n")

	r := &Reference{prefixes: map[string]*entry{}}
	for line := range strings.Lines(services) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) != 5 {
			return nil, fmt.Errorf("index: %d fields in %q", len(f), line)
		}
		packed, err := strconv.Atoi(f[3])
		if err != nil || packed < 0 || packed > len(chunks) {
			return nil, errTruncated
		}
		e := &entry{prefix: f[0], name: f[1], rcp: f[2] == "rcp", chunk: chunks[:packed]}
		if e.length, err = strconv.Atoi(f[4]); err != nil {
			return nil, fmt.Errorf("index: %w", err)
		}
		chunks = chunks[packed:]
		r.entries = append(r.entries, e)
		r.prefixes[e.prefix] = e
	}
	for line := range strings.Lines(homes) {
		prefix, names, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		h := home{prefix: strings.ToLower(prefix)}
		for name := range strings.FieldsSeq(names) {
			h.services = append(h.services, r.prefixes[name])
		}
		r.homes = append(r.homes, h)
	}
	r.addGlobal()
	return r, nil
}

// decode inflates and parses one service.
func decode(e *entry) (*Service, error) {
	text := make([]byte, e.length)
	if _, err := io.ReadFull(flate.NewReader(bytes.NewReader(e.chunk)), text); err != nil {
		return nil, err
	}
	// All strings of the service are parts of this one.
	keys, rest, _ := strings.Cut("\n"+string(text), "\n\n")
	resources, actions, _ := strings.Cut("\n"+rest, "\n\n")
	d := decoder{
		Service: &Service{
			Prefix: e.prefix, Name: e.name, RCP: e.rcp,
			actions: map[string]*Action{}, keys: map[string]*ConditionKey{},
		},
		lists: map[string][]*ConditionKey{},
	}
	for _, table := range []struct {
		text string
		row  func(f []string) error
		size func(n int)
	}{
		{keys, d.key, func(n int) { d.Keys = make([]ConditionKey, 0, n) }},
		{resources, d.resource, func(n int) { d.Resources = make([]ResourceType, 0, n) }},
		{actions, d.action, func(n int) { d.Actions = make([]Action, 0, n) }},
	} {
		table.text = strings.Trim(table.text, "\n")
		if table.text == "" {
			continue
		}
		table.size(strings.Count(table.text, "\n") + 1) // so that pointers into the slice stay good
		for line := range strings.SplitSeq(table.text, "\n") {
			if err := table.row(strings.Split(line, "\t")); err != nil {
				return nil, fmt.Errorf("%q: %w", line, err)
			}
		}
	}
	return d.Service, nil
}

// decoder parses the three tables of a service in their order.
type decoder struct {
	*Service
	lists map[string][]*ConditionKey // most lists of keys occur many times: kept once
}

var errRow = errors.New("not a row of this table")

// key reads: name, letter of the type (upper case: several values).
func (d *decoder) key(f []string) error {
	if len(f) != 2 || len(f[1]) != 1 {
		return errRow
	}
	t := strings.IndexByte("sabndi", f[1][0]|0x20)
	if t < 0 {
		return errRow
	}
	d.Keys = append(d.Keys, ConditionKey{Name: f[0], Type: Type(t), Multi: f[1][0] < 'a'})
	i := len(d.Keys) - 1
	if strings.Contains(form(f[0]), "${") {
		d.templates = append(d.templates, i)
	}
	d.keys[strings.ToLower(f[0])] = &d.Keys[i]
	return nil
}

// resource reads: name, ARN pattern, keys.
func (d *decoder) resource(f []string) error {
	if len(f) != 3 {
		return errRow
	}
	keys, err := d.list(f[2])
	d.Resources = append(d.Resources, ResourceType{Name: f[0], ARN: f[1], Keys: keys})
	return err
}

// action reads: name, letter of the level, resources, keys. Resources are
// parted by semicolons; each is an exclamation mark if required, the number of
// the resource type and, after a colon, keys.
func (d *decoder) action(f []string) error {
	if len(f) != 4 || len(f[1]) != 1 {
		return errRow
	}
	level := strings.IndexByte("lrwtp", f[1][0])
	if level < 0 {
		return errRow
	}
	a := Action{Service: d.Prefix, Name: f[0], Level: AccessLevel(level)}
	var err error
	if a.Keys, err = d.list(f[3]); err != nil {
		return err
	}
	if f[2] != "" {
		a.Resources = make([]ActionResource, 0, strings.Count(f[2], ";")+1)
		for ref := range strings.SplitSeq(f[2], ";") {
			ref, required := strings.CutPrefix(ref, "!")
			number, keys, _ := strings.Cut(ref, ":")
			i, err := strconv.Atoi(number)
			if err != nil || i < 0 || i >= len(d.Resources) {
				return errRow
			}
			list, err := d.list(keys)
			if err != nil {
				return err
			}
			a.Resources = append(a.Resources, ActionResource{Type: &d.Resources[i], Required: required, Keys: list})
		}
	}
	d.Actions = append(d.Actions, a)
	d.actions[strings.ToLower(a.Name)] = &d.Actions[len(d.Actions)-1]
	return nil
}

// list reads numbers of condition keys, parted by full stops.
func (d *decoder) list(text string) ([]*ConditionKey, error) {
	if text == "" {
		return nil, nil
	}
	if l, ok := d.lists[text]; ok {
		return l, nil
	}
	l := make([]*ConditionKey, 0, strings.Count(text, ".")+1)
	for number := range strings.SplitSeq(text, ".") {
		i, err := strconv.Atoi(number)
		if err != nil || i < 0 || i >= len(d.Keys) {
			return nil, errRow
		}
		l = append(l, &d.Keys[i])
	}
	d.lists[text] = l
	return l, nil
}
