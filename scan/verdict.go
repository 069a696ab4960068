package scan

// verdict is what a file's path, and the commit it is read from, decide before
// anything of it is read.
type verdict struct {
	class string  // files with the same class and the same content have the same finds
	all   bool    // nothing in it is a secret
	skip  []bool  // rules that are not asked
	files []*rule // rules that the path alone satisfies
}

// maxVerdicts bounds a judge's memory.
const maxVerdicts = 1 << 16

// judge remembers verdicts: most paths occur in many commits, and most of them
// are of one class.
type judge struct {
	rules   *Rules
	byPath  map[string]*verdict
	byClass map[string]*verdict
}

func newJudge(rules *Rules) *judge {
	return &judge{rules, map[string]*verdict{}, map[string]*verdict{}}
}

func (j *judge) of(p place) *verdict {
	if j.rules.commits {
		v := j.rules.verdict(p)
		v.class = p.path + "\x00" + p.commit
		return v
	}
	if v := j.byPath[p.path]; v != nil {
		return v
	}
	v := j.rules.verdict(p)
	if old := j.byClass[v.class]; old != nil {
		v = old
	}
	if len(j.byPath) >= maxVerdicts {
		clear(j.byPath)
		clear(j.byClass)
	}
	j.byPath[p.path], j.byClass[v.class] = v, v
	return v
}

// verdict judges p. The class of a path is what its rules' paths and
// allowlists' paths say of it, one bit each.
func (rs *Rules) verdict(p place) *verdict {
	v := &verdict{skip: make([]bool, len(rs.rules))}
	var class []byte
	say := func(yes bool) bool {
		class = append(class, '0')
		if yes {
			class[len(class)-1] = '1'
		}
		return yes
	}
	for _, a := range rs.allow {
		if say(a.skips(p)) {
			v.all = true
		}
		if a.all && a.path != nil {
			say(a.path.MatchString(p.path))
		}
	}
	for i, r := range rs.rules {
		for _, a := range r.allow {
			if a.path == nil && len(a.commits) == 0 {
				continue
			}
			if say(a.skips(p)) {
				v.skip[i] = true
			}
			if a.all && a.path != nil {
				say(a.path.MatchString(p.path))
			}
		}
		switch {
		case r.path == nil:
		case !say(r.path.MatchString(p.path)):
			v.skip[i] = true
		case r.expr == "" && !v.skip[i]:
			v.files = append(v.files, r)
		}
	}
	v.class = string(class)
	return v
}

// namesCommits reports whether an allowlist names commits.
func (rs *Rules) namesCommits() bool {
	for _, a := range rs.allow {
		if len(a.commits) > 0 {
			return true
		}
	}
	for _, r := range rs.rules {
		for _, a := range r.allow {
			if len(a.commits) > 0 {
				return true
			}
		}
	}
	return false
}
