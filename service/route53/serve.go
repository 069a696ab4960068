package route53

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"bartizan.dev/store"

	"github.com/miekg/dns"
)

// ErrNoZone is returned for a zone that is gone.
var ErrNoZone = errors.New("route53: no such zone")

// Served is a zone as the plane needs it. Names are in wire form.
type Served struct {
	ID, Name string
	Rank     string // the older zone of a name comes first
	Sets     []ServedSet
}

// ServedSet is one set of it.
type ServedSet struct {
	Owner      string
	Type       uint16
	TTL        uint32
	Data       [][]byte
	Alias      string
	Weight     *int64
	Multivalue bool
}

// ServedKey tells from a key of the service's store which zone has changed: its
// id, and its key where that can be told.
func ServedKey(stored string) (id, key string, ok bool) {
	if rest, found := strings.CutPrefix(stored, "set/"); found {
		id, _, ok = strings.Cut(rest, "/")
		return id, "", ok
	}
	if rest, found := strings.CutPrefix(stored, "zone/"); found {
		return bareID(rest), rest, true
	}
	return "", "", false
}

// ServedZones are the keys of all zones, by id.
func (s *Service) ServedZones(ctx context.Context) (map[string]string, error) {
	items, err := s.Store.List(ctx, store.Range{Prefix: "zone/"})
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, item := range items {
		key := strings.TrimPrefix(item.Key, "zone/")
		out[bareID(key)] = key
	}
	return out, nil
}

// ServedZone reads a zone by its key: account/id.
func (s *Service) ServedZone(ctx context.Context, key string) (*Served, error) {
	z, err := s.zones.Get(ctx, s.Store, key)
	if errors.Is(err, store.ErrNotFound) {
		return nil, ErrNoZone
	} else if err != nil {
		return nil, err
	}
	sets, err := s.sets.List(ctx, s.Store, setPrefix(z.ID), "", 0)
	if err != nil {
		return nil, err
	}
	out := &Served{ID: z.ID, Rank: fmt.Sprintf("%016x %s", z.Created, z.ID), Sets: make([]ServedSet, 0, len(sets))}
	if _, out.Name, err = parseName(z.Name); err != nil {
		return nil, err
	}
	for _, e := range sets {
		v, err := e.Value.served()
		if err != nil {
			return nil, fmt.Errorf("route53: zone %s, %s: %w", z.ID, e.Value.label(), err)
		}
		out.Sets = append(out.Sets, v)
	}
	return out, nil
}

func (v *set) served() (out ServedSet, err error) {
	out = ServedSet{Type: dns.StringToType[v.Type], TTL: uint32(v.TTL), Weight: v.Weight, Multivalue: v.Multivalue}
	if _, out.Owner, err = parseName(v.Name); err != nil {
		return out, err
	}
	if v.Alias != nil {
		_, out.Alias, err = parseName(v.Alias.Name)
		return out, err
	}
	for _, value := range v.Values {
		b, err := parseValue(v.Type, value)
		if err != nil {
			return out, err
		}
		out.Data = append(out.Data, b)
	}
	return out, nil
}
