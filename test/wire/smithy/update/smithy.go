package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// The types below are Smithy's JSON AST, as far as we read it.
// https://smithy.io/2.0/spec/json-ast.html

type model struct {
	Shapes map[string]*shape `json:"shapes"`
}

type ref struct {
	Target string `json:"target"`
	Traits traits `json:"traits"`
}

type shape struct {
	Type       string       `json:"type"`
	Members    ordered[ref] `json:"members"`
	Member     ref          `json:"member"`
	Key        ref          `json:"key"`
	Value      ref          `json:"value"`
	Mixins     []ref        `json:"mixins"`
	Operations []ref        `json:"operations"`
	Input      ref          `json:"input"`
	Output     ref          `json:"output"`
	Errors     []ref        `json:"errors"`
	Version    string       `json:"version"`
	Traits     traits       `json:"traits"`
}

type traits map[string]json.RawMessage

func (t traits) has(name string) bool { _, ok := t["smithy.api#"+name]; return ok }

func (t traits) text(name string) string {
	var s string
	if raw, ok := t["smithy.api#"+name]; ok {
		_ = json.Unmarshal(raw, &s) // a trait of another form has no text
	}
	return s
}

func (t traits) read(name string, v any) bool {
	raw, ok := t[name]
	return ok && json.Unmarshal(raw, v) == nil
}

// ordered is a JSON object that remembers the order of its keys.
type ordered[T any] struct {
	keys   []string
	values map[string]*T
}

func (o *ordered[T]) set(key string, v *T) {
	if o.values == nil {
		o.values = map[string]*T{}
	}
	if o.values[key] == nil {
		o.keys = append(o.keys, key)
	}
	o.values[key] = v
}

func (o *ordered[T]) UnmarshalJSON(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return fmt.Errorf("want an object, got %v: %w", t, err)
	}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return err
		}
		v := new(T)
		if err := dec.Decode(v); err != nil {
			return err
		}
		o.set(t.(string), v)
	}
	return nil
}

func (o ordered[T]) MarshalJSON() ([]byte, error) {
	var b strings.Builder
	b.WriteByte('{')
	for i, key := range o.keys {
		if i > 0 {
			b.WriteByte(',')
		}
		k, err := json.Marshal(key)
		if err != nil {
			return nil, err
		}
		v, err := json.Marshal(o.values[key])
		if err != nil {
			return nil, err
		}
		b.Write(k)
		b.WriteByte(':')
		b.Write(v)
	}
	b.WriteByte('}')
	return []byte(b.String()), nil
}

// local is a shape's name without its namespace.
func local(id string) string {
	_, name, _ := strings.Cut(id, "#")
	return name
}
