package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/alecthomas/kong"
)

// maxConfig bounds the configuration file, in bytes.
const maxConfig = 1 << 20

// config is a configuration file: flags by command, as in
//
//	{"serve": {"listen": "127.0.0.1:4566", "log-format": "json"}, "dev": {"tls": true}}
//
// It is read strictly: what names no command or flag is an error.
type config map[string]any

func readConfig(r io.Reader) (kong.Resolver, error) {
	c := config{}
	d := json.NewDecoder(io.LimitReader(r, maxConfig))
	if err := d.Decode(&c); err != nil {
		return nil, fmt.Errorf("the configuration file: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("the configuration file: more than one JSON value")
	}
	return c, nil
}

// Validate refuses what names no command or flag.
func (c config) Validate(app *kong.Application) error { return validate(c, app.Node, "") }

func validate(c map[string]any, n *kong.Node, path string) error {
	for _, key := range slices.Sorted(maps.Keys(c)) {
		if child := command(n, key); child != nil {
			inner, ok := c[key].(map[string]any)
			if !ok {
				return fmt.Errorf("the configuration file: %s%s: want an object with the flags of the command", path, key)
			}
			if err := validate(inner, child, path+key+"."); err != nil {
				return err
			}
		} else if !hasFlag(n, key) {
			return fmt.Errorf("the configuration file: %s%s: no such command or flag", path, key)
		}
	}
	return nil
}

func command(n *kong.Node, name string) *kong.Node {
	for _, child := range n.Children {
		if child.Type == kong.CommandNode && child.Name == name {
			return child
		}
	}
	return nil
}

// hasFlag looks also in the default command, which needs no name.
func hasFlag(n *kong.Node, name string) bool {
	for _, f := range n.Flags {
		if f.Name == name {
			return true
		}
	}
	return n.DefaultCmd != nil && hasFlag(n.DefaultCmd, name)
}

// Resolve returns what the file says of a flag of the chosen command, or nil.
func (c config) Resolve(_ *kong.Context, parent *kong.Path, flag *kong.Flag) (any, error) {
	n := parent.Node()
	if n == nil {
		return nil, nil
	}
	if object := c.of(n); object != nil {
		if v, ok := object[flag.Name]; ok {
			return v, nil
		}
	}
	if n.Parent != nil && n.Parent.DefaultCmd == n {
		return c.of(n.Parent)[flag.Name], nil
	}
	return nil, nil
}

// of returns the object of a command.
func (c config) of(n *kong.Node) map[string]any {
	if n.Parent == nil {
		return c
	}
	inner, _ := c.of(n.Parent)[n.Name].(map[string]any) // Validate has seen that it is one
	return inner
}
