package scan

import (
	"context"
	"io"
)

// origin is where a file was read.
type origin struct {
	place
	commit *Commit // nil: the tree
	order  int
}

// read scans one file of known size.
func (s *scanner) read(ctx context.Context, m *matcher, v *verdict, o origin, r io.Reader) error {
	for _, rule := range v.files {
		s.keep(o, []raw{{rule: rule}}, 0)
	}
	enc, err := m.text.open(r)
	if err != nil {
		return err
	}
	if enc == noText {
		s.note(&s.out.Skipped.Binary)
		return nil
	}
	return m.text.chunks(m.buf, func(c chunk) error {
		s.Progress.Bytes.Add(int64(c.own.to - c.own.from))
		found, allowed := m.match(v, o.place, c)
		s.keep(o, found, allowed)
		return ctx.Err()
	})
}

// keep makes finds of what the matcher found.
func (s *scanner) keep(o origin, found []raw, allowed int) {
	if len(found)+allowed == 0 {
		return
	}
	list := make([]Finding, 0, len(found))
	for _, f := range found {
		g := Finding{
			Rule: f.rule.id, Description: f.rule.description, Tags: f.rule.tags, File: o.path, Line: f.line, EndLine: f.end,
			Fingerprint: s.fingerprint(f.rule.id, o.path, f.secret), InTree: o.commit == nil, Times: 1, Account: accountOf(f.secret),
			secret: f.secret, order: o.order,
		}
		if o.commit != nil {
			c := *o.commit
			c.Line = f.line
			g.Commit = &c
		}
		list = append(list, g)
	}
	s.add(list, allowed)
}

// maxPrints bounds how many fingerprints are remembered.
const maxPrints = 1 << 14

// fingerprint remembers what it computed: versions of a file hold the same
// secrets.
func (s *scanner) fingerprint(rule, file, secret string) string {
	key := rule + "\x00" + file + "\x00" + secret
	s.mu.Lock()
	print, ok := s.prints[key]
	s.mu.Unlock()
	if ok {
		return print
	}
	print = fingerprint(rule, file, secret)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.prints == nil || len(s.prints) >= maxPrints {
		s.prints = map[string]string{}
	}
	s.prints[key] = print
	return print
}
