package route53

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	route53api "bartizan.dev/api/route53"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// CreateHostedZone makes a zone with its SOA and NS records.
// https://docs.aws.amazon.com/Route53/latest/APIReference/API_CreateHostedZone.html
func (s *Service) CreateHostedZone(ctx context.Context, in *route53api.CreateHostedZoneRequest) (*route53api.CreateHostedZoneResponse, error) {
	if in.VPC != nil || in.HostedZoneConfig != nil && in.HostedZoneConfig.PrivateZone != nil && *in.HostedZoneConfig.PrivateZone {
		return nil, invalidInput("Bartizan has no private hosted zones: VPC and PrivateZone are not supported.")
	}
	if in.DelegationSetId != nil {
		return nil, wire.Errorf("NoSuchDelegationSet", "No delegation set found with ID: %s", bareID(*in.DelegationSetId))
	}
	name, _, err := parseName(in.Name)
	if err != nil || name == "." || len(name) > maxPlace {
		return nil, wire.Errorf("InvalidDomainName", "%s is not a valid domain name.", in.Name).With(err)
	}
	z := &zone{ID: newID("Z"), Account: account(ctx), Name: name, Reference: in.CallerReference, Created: s.now().UnixMilli()}
	if in.HostedZoneConfig != nil {
		z.Comment = text(in.HostedZoneConfig.Comment)
	}
	z.Servers = s.servers(z.ID)
	var c *change
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		all, err := s.names.List(ctx, tx, z.Account+"/", "", s.Quotas.Zones)
		if err != nil {
			return err
		}
		if len(all) >= s.Quotas.Zones {
			return wire.Errorf("TooManyHostedZones", "Limits Exceeded: MAX_HOSTED_ZONES_BY_OWNER - Cannot create more than %d hosted zones.", s.Quotas.Zones)
		}
		err = s.refs.Insert(ctx, tx, z.Account+"/"+z.Reference, &named{z.ID})
		if errors.Is(err, store.ErrExists) {
			return wire.Errorf("HostedZoneAlreadyExists", "A hosted zone has already been created with the specified caller reference.")
		} else if err != nil {
			return err
		}
		if err := s.names.Put(ctx, tx, z.nameKey(), &named{z.ID}); err != nil {
			return err
		}
		first := z.first()
		for i := range first {
			if err := s.sets.Put(ctx, tx, setPrefix(z.ID)+first[i].place(), &first[i]); err != nil {
				return err
			}
		}
		z.Sets = len(first)
		if err := s.zones.Put(ctx, tx, z.key(), z); err != nil {
			return err
		}
		c, err = s.submit(ctx, tx, "")
		return err
	})
	if err != nil {
		return nil, err
	}
	return &route53api.CreateHostedZoneResponse{
		HostedZone: z.shown(), DelegationSet: z.delegation(), ChangeInfo: c.shown(route53api.ChangeStatus_PENDING),
		Location: "https://route53.amazonaws.com/2013-04-01/hostedzone/" + z.ID,
	}, nil
}

// servers are the names of a zone's servers.
func (s *Service) servers(id string) (out []string) {
	for _, name := range s.NameServers {
		out = append(out, strings.TrimSuffix(name, ".")+".")
	}
	if len(out) > 0 {
		return out
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(id)) // never fails
	sum := binary.BigEndian.AppendUint64(nil, h.Sum64())
	for i, domain := range []string{"com", "net", "org", "co.uk"} {
		n := i*512 + int(binary.BigEndian.Uint16(sum[2*i:]))%512
		out = append(out, fmt.Sprintf("ns-%d.awsdns-%02d.%s.", n, n%64, domain))
	}
	return out
}

// first are the sets that every zone has.
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/SOA-NSrecords.html
func (z *zone) first() []set {
	return []set{
		{Name: z.Name, Type: "NS", TTL: 172800, Values: z.Servers},
		{Name: z.Name, Type: "SOA", TTL: 900, Values: []string{z.Servers[0] + " awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400"}},
	}
}

// GetHostedZone shows a zone.
// https://docs.aws.amazon.com/Route53/latest/APIReference/API_GetHostedZone.html
func (s *Service) GetHostedZone(ctx context.Context, in *route53api.GetHostedZoneRequest) (*route53api.GetHostedZoneResponse, error) {
	z, err := s.zone(ctx, s.Store, in.Id)
	if err != nil {
		return nil, err
	}
	return &route53api.GetHostedZoneResponse{HostedZone: z.shown(), DelegationSet: z.delegation()}, nil
}

// GetHostedZoneCount counts the account's zones.
// https://docs.aws.amazon.com/Route53/latest/APIReference/API_GetHostedZoneCount.html
func (s *Service) GetHostedZoneCount(ctx context.Context, _ *route53api.GetHostedZoneCountRequest) (*route53api.GetHostedZoneCountResponse, error) {
	all, err := s.names.List(ctx, s.Store, account(ctx)+"/", "", 0)
	return &route53api.GetHostedZoneCountResponse{HostedZoneCount: int64(len(all))}, err
}

// UpdateHostedZoneComment replaces a zone's comment; without one it is removed.
// https://docs.aws.amazon.com/Route53/latest/APIReference/API_UpdateHostedZoneComment.html
func (s *Service) UpdateHostedZoneComment(ctx context.Context, in *route53api.UpdateHostedZoneCommentRequest) (*route53api.UpdateHostedZoneCommentResponse, error) {
	var z *zone
	_, err := s.Store.Update(ctx, func(tx store.Tx) (err error) {
		if z, err = s.zone(ctx, tx, in.Id); err != nil {
			return err
		}
		z.Comment = text(in.Comment)
		return s.zones.Put(ctx, tx, z.key(), z)
	})
	if err != nil {
		return nil, err
	}
	return &route53api.UpdateHostedZoneCommentResponse{HostedZone: z.shown()}, nil
}

// DeleteHostedZone deletes a zone that has no records but its own.
// https://docs.aws.amazon.com/Route53/latest/APIReference/API_DeleteHostedZone.html
func (s *Service) DeleteHostedZone(ctx context.Context, in *route53api.DeleteHostedZoneRequest) (*route53api.DeleteHostedZoneResponse, error) {
	var c *change
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		z, err := s.zone(ctx, tx, in.Id)
		if err != nil {
			return err
		}
		left, err := s.sets.List(ctx, tx, setPrefix(z.ID), "", 3)
		if err != nil {
			return err
		}
		for _, e := range left {
			if e.Value.Name != z.Name || !slices.Contains([]string{"NS", "SOA"}, e.Value.Type) {
				return wire.Errorf("HostedZoneNotEmpty", "The specified hosted zone contains non-required resource record sets and so cannot be deleted.")
			}
			if err := s.sets.Delete(ctx, tx, e.ID); err != nil {
				return err
			}
		}
		if err := errors.Join(s.zones.Delete(ctx, tx, z.key()), s.names.Delete(ctx, tx, z.nameKey()), s.refs.Delete(ctx, tx, z.Account+"/"+z.Reference)); err != nil {
			return err
		}
		c, err = s.submit(ctx, tx, "")
		return err
	})
	if err != nil {
		return nil, err
	}
	return &route53api.DeleteHostedZoneResponse{ChangeInfo: c.shown(route53api.ChangeStatus_PENDING)}, nil
}
