package cli

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Run prints a script that completes commands and flags. It is made from the
// command line itself, so it never lags behind.
func (c *completionCmd) Run(env Env, k *kong.Context) error {
	words := map[string][]string{} // command path -> what may follow
	var walk func(n *kong.Node, path string)
	walk = func(n *kong.Node, path string) {
		for _, child := range n.Children {
			if child.Type == kong.CommandNode {
				words[path] = append(words[path], child.Name)
				walk(child, strings.TrimSpace(path+" "+child.Name))
			}
		}
		for _, f := range n.Flags {
			words[path] = append(words[path], "--"+f.Name)
		}
	}
	walk(k.Model.Node, "")
	return c.print(env, words)
}

func (c *completionCmd) print(env Env, words map[string][]string) error {
	var b strings.Builder
	if c.Shell == "fish" {
		for path, list := range sortedWords(words) {
			cond := "__fish_use_subcommand"
			if path != "" {
				cond = "string match -q -- '" + path + "*' (string join ' ' (commandline -opc)[2..])"
			}
			fmt.Fprintf(&b, "complete -c bartizan -f -n %q -a %q\n", cond, strings.Join(list, " "))
		}
		_, err := fmt.Fprint(env.Out, b.String())
		return err
	}
	if c.Shell == "zsh" {
		b.WriteString("autoload -U +X bashcompinit && bashcompinit\n")
	}
	b.WriteString("_bartizan() {\n  local path=\"\" w\n  for w in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do [[ $w == -* ]] || path=\"${path:+$path }$w\"; done\n  case \"$path\" in\n")
	for path, list := range sortedWords(words) {
		fmt.Fprintf(&b, "    %q) COMPREPLY=($(compgen -W %q -- \"${COMP_WORDS[COMP_CWORD]}\")) ;;\n", path, strings.Join(list, " "))
	}
	b.WriteString("  esac\n}\ncomplete -o default -F _bartizan bartizan\n")
	_, err := fmt.Fprint(env.Out, b.String())
	return err
}

// sortedWords yields the entries in the order of their paths.
func sortedWords(words map[string][]string) iter.Seq2[string, []string] {
	return func(yield func(string, []string) bool) {
		for _, path := range slices.Sorted(maps.Keys(words)) {
			if !yield(path, words[path]) {
				return
			}
		}
	}
}
