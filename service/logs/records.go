package logs

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"strings"

	"bartizan.dev/arn"
	"bartizan.dev/caller"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// What is stored, and under which id:
//
//	group/{account}/{region}/{name}
//	stream/{group uid}/{name}
//	policy/{account}/{region}/{name}    resource policies
//	event/{group uid}/{event id}        a log event; ids go by time
//	line/{stream uid}/{event id}        nothing: the events of a stream
//
// UIDs are random and never used again.
type records struct {
	groups   store.Collection[group]
	streams  store.Collection[stream]
	resource store.Collection[resourcePolicy]
}

func newRecords() records {
	return records{store.Collection[group]{Name: "group"}, store.Collection[stream]{Name: "stream"}, store.Collection[resourcePolicy]{Name: "policy"}}
}

type group struct {
	Account, Region, Name, UID string
	Class                      string            `json:",omitzero"`
	Days                       int32             `json:",omitzero"` // of retention
	Tags                       map[string]string `json:",omitzero"`
	Protected                  bool              `json:",omitzero"`
	Created                    int64             // milliseconds since 1970, as all times here
}

type stream struct {
	Name, UID   string
	Created     int64
	First, Last int64 `json:",omitzero"` // of its events' times
	Ingested    int64 `json:",omitzero"` // the last time
}

type resourcePolicy struct {
	Name, Bound string
	Updated     int64
}

// line is a log event.
type line struct {
	Stream   string `json:"s"` // name
	Time     int64  `json:"t"`
	Ingested int64  `json:"i"`
	Message  string `json:"m"`
}

type place struct{ account, region string }

func placeOf(ctx context.Context) place {
	c := caller.From(ctx)
	return place{c.Identity.Account, c.Region}
}

func (p place) home() string { return p.account + "/" + p.region + "/" }

func (p place) groupARN(name string) string {
	return arn.New("logs", p.region, p.account, "log-group:"+name)
}

func (g *group) place() place { return place{g.Account, g.Region} }

func (g *group) key() string { return g.place().home() + g.Name }

func (g *group) arn() string { return g.place().groupARN(g.Name) }

func (g *group) event(id string) string { return "event/" + g.UID + "/" + id }

func (v *stream) line(id string) string { return "line/" + v.UID + "/" + id }

var (
	errNoGroup  = wire.Errorf("ResourceNotFoundException", "The specified log group does not exist.")
	errNoStream = wire.Errorf("ResourceNotFoundException", "The specified log stream does not exist.")
)

func invalid(format string, args ...any) *wire.Error {
	return wire.Errorf("InvalidParameterException", format, args...)
}

// group reads a group of the caller's account by name.
func (s *Service) group(ctx context.Context, r store.Reader, name string) (*group, error) {
	g, err := s.groups.Get(ctx, r, placeOf(ctx).home()+name)
	if errors.Is(err, store.ErrNotFound) {
		return nil, errNoGroup
	}
	return g, err
}

func (s *Service) stream(ctx context.Context, r store.Reader, g *group, name string) (*stream, error) {
	v, err := s.streams.Get(ctx, r, g.UID+"/"+name)
	if errors.Is(err, store.ErrNotFound) {
		return nil, errNoStream
	}
	return v, err
}

// read reads a log event, or nil when it is gone.
func (s *Service) read(ctx context.Context, g *group, id string) (*line, error) {
	item, err := s.Store.Get(ctx, g.event(id))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	l := new(line)
	return l, json.Unmarshal(item.Value, l)
}

func newUID() string { return rand.Text() }

// groupName is the name that an operation takes by name or by identifier, which
// is a name or an ARN.
func groupName(ctx context.Context, name, identifier *string) (string, error) {
	switch {
	case name != nil && identifier != nil:
		return "", invalid("LogGroup name and LogGroup ARN are mutually exclusive parameters.")
	case name != nil:
		return *name, nil
	case identifier == nil:
		return "", invalid("Either logGroupName or logGroupIdentifier is required.")
	case !strings.HasPrefix(*identifier, "arn:"):
		return *identifier, nil
	}
	p, found, ok := parseGroup(*identifier)
	if !ok || p != placeOf(ctx) {
		return "", invalid("The log group must be in the caller's account and Region.")
	}
	return found, nil
}

// parseGroup reads the ARN of a log group.
func parseGroup(name string) (place, string, bool) {
	a, err := arn.Parse(name)
	id, ok := strings.CutPrefix(a.Resource, "log-group:")
	id = strings.TrimSuffix(id, ":*")
	return place{a.Account, a.Region}, id, err == nil && ok && a.Service == "logs" && id != "" && !strings.Contains(id, ":")
}

func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

func on(p *bool) bool { return p != nil && *p }
