package cloudhsmv2

import (
	"context"
	"net/netip"
	"slices"

	hsmapi "bartizan.dev/api/cloudhsmv2"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// errNoHSM is the answer of a server that was given no HSM.
var errNoHSM = wire.Errorf("CloudHsmServiceException", "This server has no HSM. Start it with --hsm-module or --hsm-socket.")

// CreateHsm adds an HSM to a cluster. The first makes the cluster's token; further
// ones stand for the same token in other zones, since PKCS#11 knows no copies.
// https://docs.aws.amazon.com/cloudhsm/latest/APIReference/API_CreateHsm.html
func (s *Service) CreateHsm(ctx context.Context, in *hsmapi.CreateHsmRequest) (*hsmapi.CreateHsmResponse, error) {
	if s.HSM == nil {
		return nil, errNoHSM
	}
	h := hsm{ID: newID("hsm"), Zone: in.AvailabilityZone, ENI: newENI(), State: hsmapi.HsmState_CREATE_IN_PROGRESS}
	if in.IpAddress != nil {
		if a, err := netip.ParseAddr(*in.IpAddress); err != nil || !a.Is4() {
			return nil, invalid("The IP address %s is not valid.", *in.IpAddress)
		}
		h.IP = *in.IpAddress
	}
	c, err := s.change(ctx, in.ClusterId, func(tx store.Tx, c *cluster) error {
		switch c.State {
		case hsmapi.ClusterState_UNINITIALIZED, hsmapi.ClusterState_INITIALIZED, hsmapi.ClusterState_ACTIVE:
		default:
			return wrongState(c)
		}
		i := slices.IndexFunc(c.Subnets, func(n subnet) bool { return n.Zone == h.Zone })
		if i < 0 {
			return invalid("Cluster %s has no subnet in the Availability Zone %s.", c.ID, h.Zone)
		}
		h.Subnet = c.Subnets[i].ID
		if err := s.roomForHSM(ctx, tx, c); err != nil {
			return err
		}
		c.HSMs = append(c.HSMs, h)
		return s.later(ctx, tx, c)
	})
	if err != nil {
		return nil, err
	}
	return &hsmapi.CreateHsmResponse{Hsm: c.showHSM(&h)}, nil
}

func (s *Service) roomForHSM(ctx context.Context, tx store.Tx, c *cluster) error {
	if len(c.HSMs) >= maxHSMsOfCluster {
		return overLimit("Cluster %s has reached the limit of %d HSMs.", c.ID, maxHSMsOfCluster)
	}
	all, err := s.clusters.List(ctx, tx, c.place().prefix(), "", 0)
	if err != nil {
		return err
	}
	n := 0
	for _, e := range all {
		n += len(e.Value.HSMs)
	}
	if n >= s.Quotas.HSMs {
		return overLimit("The account has reached its limit of %d HSMs in this Region.", s.Quotas.HSMs)
	}
	return nil
}

// DeleteHsm takes an HSM from its cluster. The token stays, as AWS keeps a backup
// of a cluster's last HSM: the next HSM of the cluster has the same users and
// keys.
// https://docs.aws.amazon.com/cloudhsm/latest/APIReference/API_DeleteHsm.html
func (s *Service) DeleteHsm(ctx context.Context, in *hsmapi.DeleteHsmRequest) (*hsmapi.DeleteHsmResponse, error) {
	if in.HsmId == nil && in.EniId == nil && in.EniIp == nil {
		return nil, invalid("Specify HsmId, EniId or EniIp.")
	}
	var id string
	_, err := s.change(ctx, in.ClusterId, func(_ store.Tx, c *cluster) error {
		i := slices.IndexFunc(c.HSMs, func(h hsm) bool {
			return (in.HsmId == nil || *in.HsmId == h.ID) && (in.EniId == nil || *in.EniId == h.ENI) && (in.EniIp == nil || *in.EniIp == h.IP)
		})
		if i < 0 {
			return notFound("The HSM was not found in cluster %s.", c.ID)
		}
		id = c.HSMs[i].ID
		c.HSMs = slices.Delete(c.HSMs, i, i+1)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &hsmapi.DeleteHsmResponse{HsmId: &id}, nil
}
