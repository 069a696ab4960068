package ssm

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"bartizan.dev/arn"
	"bartizan.dev/caller"
	"bartizan.dev/store"
)

// What is stored, and under which id:
//
//	parameter/{account}/{region}/{name}                the newest version, and what all have in common
//	version/{account}/{region}/{name}:{0000000001}     each version, the newest too
//	count/{account}/{region}                           how many parameters there are
type parameter struct {
	ID       string // anew for each parameter, whatever its name
	Account  string
	Region   string
	Name     string
	Oldest   int64 // version that is still kept
	Labels   map[string]int64
	Tags     map[string]string
	Policies []sharing // resource policies
	version            // the newest
}

// version is one version of a parameter.
type version struct {
	Number         int64
	Type, DataType string
	Tier           string
	Value          string // of a SecureString what seal made of it
	KeyID          string `json:",omitzero"`
	Description    string `json:",omitzero"`
	Pattern        string `json:",omitzero"`
	Rules          []rule `json:",omitzero"` // parameter policies
	Modified       time.Time
	User           string // ARN
}

// count is of an account in a Region.
type count struct{ Standard, Advanced int }

func (c *count) of(tier string) *int {
	if tier == tierAdvanced {
		return &c.Advanced
	}
	return &c.Standard
}

// sharing is a resource policy.
type sharing struct{ ID, Hash, Bound string }

type records struct {
	parameters store.Collection[parameter]
	versions   store.Collection[version]
	counts     store.Collection[count]
}

func newRecords() records {
	return records{
		parameters: store.Collection[parameter]{Name: "parameter"},
		versions:   store.Collection[version]{Name: "version"},
		counts:     store.Collection[count]{Name: "count"},
	}
}

// place is where parameters live.
type place struct{ account, region string }

func placeOf(ctx context.Context) place {
	c := caller.From(ctx)
	return place{c.Identity.Account, c.Region}
}

func (p place) id(name string) string { return p.account + "/" + p.region + "/" + name }

// arn of a parameter: the slash that a hierarchy begins with is written once.
// https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-access.html
func (p place) arn(name string) string {
	return arn.New("ssm", p.region, p.account, "parameter/"+strings.TrimPrefix(name, "/"))
}

func (p *parameter) place() place { return place{p.Account, p.Region} }
func (p *parameter) id() string   { return p.place().id(p.Name) }
func (p *parameter) arn() string  { return p.place().arn(p.Name) }

func (p *parameter) versionID(n int64) string { return fmt.Sprintf("%s:%010d", p.id(), n) }

// find returns a parameter, or nil.
func (s *Service) find(ctx context.Context, r store.Reader, at place, name string) (*parameter, error) {
	p, err := s.parameters.Get(ctx, r, at.id(name))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return p, err
}

// versionOf returns a version, or nil.
func (s *Service) versionOf(ctx context.Context, r store.Reader, p *parameter, n int64) (*version, error) {
	if n == p.Number {
		return &p.version, nil
	}
	if n < p.Oldest || n > p.Number {
		return nil, nil
	}
	v, err := s.versions.Get(ctx, r, p.versionID(n))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return v, err
}

// change adds to the count of a tier.
func (s *Service) change(ctx context.Context, tx store.Tx, at place, tier string, by int) (total int, err error) {
	id := at.account + "/" + at.region
	c, err := s.counts.Get(ctx, tx, id)
	if errors.Is(err, store.ErrNotFound) {
		c, err = new(count), nil
	}
	if err != nil {
		return 0, err
	}
	n := c.of(tier)
	*n += by
	return *n, s.counts.Put(ctx, tx, id, c)
}

// labelsOf returns the labels of a version, sorted.
func (p *parameter) labelsOf(n int64) []string {
	out := []string{}
	for _, label := range sortedKeys(p.Labels) {
		if p.Labels[label] == n {
			out = append(out, label)
		}
	}
	return out
}
