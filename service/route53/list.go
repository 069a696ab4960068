package route53

import (
	"context"
	"errors"
	"strconv"
	"strings"

	route53api "bartizan.dev/api/route53"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// pageSize reads maxitems. More than the maximum is taken as the maximum.
func pageSize(text *string, most int) (int, error) {
	if text == nil || *text == "" {
		return most, nil
	}
	n, err := strconv.Atoi(*text)
	if err != nil || n < 1 {
		return 0, invalidInput("Invalid value for maxitems: %s", *text)
	}
	return min(n, most), nil
}

// ListHostedZones lists the account's zones.
// https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListHostedZones.html
func (s *Service) ListHostedZones(ctx context.Context, in *route53api.ListHostedZonesRequest) (*route53api.ListHostedZonesResponse, error) {
	size, err := pageSize(in.MaxItems, 100)
	if err != nil {
		return nil, err
	}
	out := &route53api.ListHostedZonesResponse{HostedZones: []route53api.HostedZone{}, Marker: text(in.Marker), MaxItems: strconv.Itoa(size)}
	if in.DelegationSetId != nil {
		return nil, wire.Errorf("NoSuchDelegationSet", "No delegation set found with ID: %s", bareID(*in.DelegationSetId))
	}
	if in.HostedZoneType != "" {
		return out, nil // there are no private zones
	}
	home := account(ctx) + "/"
	after := ""
	if out.Marker != "" {
		if after, err = s.marked(ctx, home, out.Marker); err != nil {
			return nil, err
		}
	}
	found, err := s.zones.List(ctx, s.Store, home, after, size+1)
	if err != nil {
		return nil, err
	}
	if len(found) > size {
		out.IsTruncated, out.NextMarker = true, &found[size].Value.ID
		found = found[:size]
	}
	for _, e := range found {
		out.HostedZones = append(out.HostedZones, *e.Value.shown())
	}
	return out, nil
}

// marked is the place before the zone that a marker names.
func (s *Service) marked(ctx context.Context, home, marker string) (string, error) {
	id := bareID(marker)
	if _, err := s.zones.Get(ctx, s.Store, home+id); errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrTooLarge) {
		return "", invalidInput("The marker %s is not the id of a hosted zone.", id)
	} else if err != nil {
		return "", err
	}
	return home + before(id), nil
}

// before is a string just before another in the order of bytes: nothing that is
// an id or a place lies between them.
func before(s string) string {
	if s == "" {
		return ""
	}
	return s[:len(s)-1] + string([]byte{s[len(s)-1] - 1}) + "~"
}

// ListHostedZonesByName lists them by name, the labels in reverse order.
// https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListHostedZonesByName.html
func (s *Service) ListHostedZonesByName(ctx context.Context, in *route53api.ListHostedZonesByNameRequest) (*route53api.ListHostedZonesByNameResponse, error) {
	size, err := pageSize(in.MaxItems, 100)
	if err != nil {
		return nil, err
	}
	out := &route53api.ListHostedZonesByNameResponse{HostedZones: []route53api.HostedZone{}, DNSName: in.DNSName, HostedZoneId: in.HostedZoneId, MaxItems: strconv.Itoa(size)}
	home := account(ctx) + "/"
	from := ""
	if text(in.DNSName) != "" {
		name, _, err := parseName(*in.DNSName)
		if err != nil {
			return nil, invalidInput("%s", err).With(err)
		}
		from = home + sortName(name) + " " + bareID(text(in.HostedZoneId))
	} else if text(in.HostedZoneId) != "" {
		return nil, invalidInput("The parameter hostedzoneid can be used only with the parameter dnsname.")
	}
	after := ""
	if from != "" {
		after = before(from)
	}
	found, err := s.names.List(ctx, s.Store, home, after, 0)
	if err != nil {
		return nil, err
	}
	for _, e := range found {
		if e.ID < from {
			continue
		}
		z, err := s.zones.Get(ctx, s.Store, home+e.Value.ID)
		if errors.Is(err, store.ErrNotFound) {
			continue // deleted in between
		} else if err != nil {
			return nil, err
		}
		if len(out.HostedZones) == size {
			out.IsTruncated, out.NextDNSName, out.NextHostedZoneId = true, &z.Name, &z.ID
			break
		}
		out.HostedZones = append(out.HostedZones, *z.shown())
	}
	return out, nil
}

// ListResourceRecordSets lists a zone's sets by name, the labels in reverse
// order, then by type and set identifier.
// https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListResourceRecordSets.html
func (s *Service) ListResourceRecordSets(ctx context.Context, in *route53api.ListResourceRecordSetsRequest) (*route53api.ListResourceRecordSetsResponse, error) {
	size, err := pageSize(in.MaxItems, 300)
	if err != nil {
		return nil, err
	}
	switch {
	case in.StartRecordType != "" && text(in.StartRecordName) == "":
		return nil, invalidInput("The parameter type can be used only with the parameter name.")
	case text(in.StartRecordIdentifier) != "" && in.StartRecordType == "":
		return nil, invalidInput("The parameter identifier can be used only with the parameters name and type.")
	}
	z, err := s.zone(ctx, s.Store, in.HostedZoneId)
	if err != nil {
		return nil, err
	}
	from := ""
	if text(in.StartRecordName) != "" {
		name, _, err := parseName(*in.StartRecordName)
		if err != nil {
			return nil, invalidInput("%s", err).With(err)
		}
		from = setPrefix(z.ID) + sortName(name) + " "
		if in.StartRecordType != "" {
			from += string(in.StartRecordType) + " " + text(in.StartRecordIdentifier)
		}
		if strings.Contains(from, "\x00") || len(from) > 900 {
			return nil, invalidInput("Invalid value for identifier")
		}
	}
	out := &route53api.ListResourceRecordSetsResponse{ResourceRecordSets: []route53api.ResourceRecordSet{}, MaxItems: strconv.Itoa(size)}
	var after string
	if from != "" {
		after = before(from)
	}
	for {
		found, err := s.sets.List(ctx, s.Store, setPrefix(z.ID), after, 301)
		if err != nil {
			return nil, err
		}
		for _, e := range found {
			if e.ID < from {
				continue
			}
			v := e.Value
			if len(out.ResourceRecordSets) == size {
				out.IsTruncated, out.NextRecordName, out.NextRecordType = true, &v.Name, route53api.RRType(v.Type)
				if v.Identifier != "" {
					out.NextRecordIdentifier = &v.Identifier
				}
				return out, nil
			}
			out.ResourceRecordSets = append(out.ResourceRecordSets, v.shown())
		}
		if len(found) < 301 {
			return out, nil
		}
		after = found[len(found)-1].ID
	}
}

func (v *set) shown() route53api.ResourceRecordSet {
	out := route53api.ResourceRecordSet{Name: v.Name, Type: route53api.RRType(v.Type), Weight: v.Weight}
	if v.Identifier != "" {
		out.SetIdentifier = &v.Identifier
	}
	if v.Multivalue {
		out.MultiValueAnswer = new(true)
	}
	if v.Alias != nil {
		out.AliasTarget = &route53api.AliasTarget{HostedZoneId: v.Alias.Zone, DNSName: v.Alias.Name, EvaluateTargetHealth: v.Alias.Evaluate}
		return out
	}
	out.TTL = &v.TTL
	for _, value := range v.Values {
		out.ResourceRecords = append(out.ResourceRecords, route53api.ResourceRecord{Value: value})
	}
	return out
}
