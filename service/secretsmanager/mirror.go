package secretsmanager

import (
	"context"
	"errors"
	"slices"

	"bartizan.dev/store"
)

// copies are values of a primary on their way to its replicas.
type copies struct {
	s    *Service
	ctx  context.Context
	list []onCopy
}

type onCopy struct {
	replica *secret
	version string
	box     *sealed
	failed  string
}

// copiesOf seals a version's value for every replica that lacks it. value is nil
// for a version that exists.
func (s *Service) copiesOf(ctx context.Context, was *secret, value *plain, id string) *copies {
	out := &copies{s: s, ctx: ctx}
	for i := range was.Replicas {
		r := &was.Replicas[i]
		if r.Failed {
			continue
		}
		c, err := s.secrets.Get(ctx, s.Store, place{was.Account, r.Region}.key(was.Name))
		if err != nil || c.Primary != was.Region {
			continue // mirror says what is wrong
		}
		if x := c.version(id); x != nil && !x.Empty {
			continue
		}
		one := onCopy{replica: c, version: id}
		if value == nil {
			value, err = s.reopen(ctx, was, id)
		}
		if err == nil && value != nil {
			one.box, err = s.seal(ctx, c, id, value)
		}
		if err != nil {
			one.failed = failure(err)
		}
		out.list = append(out.list, one)
	}
	return out
}

// reopen opens the value of a version; nil if it has none.
func (s *Service) reopen(ctx context.Context, v *secret, id string) (*plain, error) {
	if x := v.version(id); x == nil || x.Empty {
		return nil, nil
	}
	box, err := s.load(ctx, s.Store, v, id)
	if err != nil {
		return nil, err
	}
	return s.open(ctx, v, id, box)
}

// put writes the copies beside what they were made from.
func (c *copies) put(tx store.Tx, v *secret) error {
	for _, one := range c.list {
		i := slices.IndexFunc(v.Replicas, func(r replica) bool { return r.Region == one.replica.Region })
		if i < 0 {
			continue // no longer a replica
		}
		if one.failed != "" {
			v.Replicas[i].Failed, v.Replicas[i].Message = true, one.failed
			continue
		}
		r, err := c.s.same(c.ctx, tx, one.replica)
		if is(err, errNotFound) || one.box == nil {
			continue
		} else if err != nil {
			return err
		}
		x := r.version(one.version)
		if x == nil {
			r.Versions = append(r.Versions, version{ID: one.version})
			x = &r.Versions[len(r.Versions)-1]
		}
		x.Empty, x.Key = false, r.shownKey(one.box)
		if err := c.s.values.Put(c.ctx, tx, r.valueKey(one.version), one.box); err != nil {
			return err
		}
		if err := c.s.secrets.Put(c.ctx, tx, r.key(), r); err != nil {
			return err
		}
	}
	return nil
}

// mirror gives a primary's replicas all that is not a value: description, tags,
// policy and the labels of versions.
func (s *Service) mirror(ctx context.Context, tx store.Tx, v *secret) error {
	for i := range v.Replicas {
		if v.Replicas[i].Failed {
			continue
		}
		r, err := s.secrets.Get(ctx, tx, place{v.Account, v.Replicas[i].Region}.key(v.Name))
		if errors.Is(err, store.ErrNotFound) || err == nil && r.Primary != v.Region {
			continue
		} else if err != nil {
			return err
		}
		old := r.Versions
		r.Versions = nil
		for j := range v.Versions {
			x := v.Versions[j]
			k := slices.IndexFunc(old, func(o version) bool { return o.ID == x.ID })
			switch {
			case k >= 0:
				x.Key, x.Accessed, x.Empty = old[k].Key, old[k].Accessed, old[k].Empty
				old = slices.Delete(old, k, k+1)
			case !x.Empty:
				continue // without a label when the replica was made
			}
			r.Versions = append(r.Versions, x)
		}
		for _, x := range old {
			if err := s.values.Delete(ctx, tx, r.valueKey(x.ID)); err != nil {
				return err
			}
		}
		r.Description, r.Tags, r.Policy, r.Type, r.Owner = v.Description, v.Tags, v.Policy, v.Type, v.Owner
		r.Changed = v.Changed
		if err := s.secrets.Put(ctx, tx, r.key(), r); err != nil {
			return err
		}
	}
	return nil
}
