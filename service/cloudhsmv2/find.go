package cloudhsmv2

import (
	"context"
	"errors"
	"slices"
	"time"

	hsmapi "bartizan.dev/api/cloudhsmv2"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// https://docs.aws.amazon.com/cloudhsm/latest/APIReference/CommonErrors.html
func invalid(format string, args ...any) error {
	return wire.Errorf("CloudHsmInvalidRequestException", format, args...)
}

func notFound(format string, args ...any) error {
	return wire.Errorf("CloudHsmResourceNotFoundException", format, args...)
}

// overLimit is the answer of CreateCluster and CreateHsm at a quota. Of AWS's model
// only TagResource has an error for limits; these two have this one for whatever
// cannot be done as asked.
// https://docs.aws.amazon.com/cloudhsm/latest/APIReference/API_CreateCluster.html
func overLimit(format string, args ...any) error { return invalid(format, args...) }

// find returns a cluster of a place.
func (s *Service) find(ctx context.Context, r store.Reader, at place, id string) (*cluster, error) {
	c, err := s.clusters.Get(ctx, r, at.id(id))
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrNUL) {
		return nil, notFound("Cluster %s was not found.", id)
	}
	return c, err
}

// change applies f to a cluster of the caller's and writes it.
func (s *Service) change(ctx context.Context, id string, f func(tx store.Tx, c *cluster) error) (out *cluster, err error) {
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		c, err := s.find(ctx, tx, placeOf(ctx), id)
		if err != nil {
			return err
		}
		if err := f(tx, c); err != nil {
			return err
		}
		out = c
		return s.clusters.Put(ctx, tx, c.key(), c)
	})
	return out, err
}

// now is the time records are stamped with.
func (s *Service) now() time.Time { return s.Clock.Now().UTC().Truncate(time.Millisecond) }

// show is a cluster as AWS shows it. Subnets are not looked up, so there are no
// VPC and no security group.
func (c *cluster) show() *hsmapi.Cluster {
	out := &hsmapi.Cluster{
		BackupPolicy:          hsmapi.BackupPolicy_DEFAULT,
		BackupRetentionPolicy: &hsmapi.BackupRetentionPolicy{Type: hsmapi.BackupRetentionType_DAYS, Value: &c.Retention},
		ClusterId:             &c.ID, CreateTimestamp: c.Created, HsmType: &c.HSMType, State: c.State, Mode: c.Mode, NetworkType: c.Network,
		SubnetMapping: map[string]string{}, Hsms: []hsmapi.Hsm{}, TagList: []hsmapi.Tag{},
		Certificates: &hsmapi.Certificates{ClusterCsr: text(c.CSR), ClusterCertificate: text(c.Certificate)},
	}
	for _, n := range c.Subnets {
		out.SubnetMapping[n.Zone] = n.ID
	}
	for i := range c.HSMs {
		out.Hsms = append(out.Hsms, *c.showHSM(&c.HSMs[i]))
	}
	for _, t := range c.Tags {
		out.TagList = append(out.TagList, hsmapi.Tag(t))
	}
	return out
}

func (c *cluster) showHSM(h *hsm) *hsmapi.Hsm {
	return &hsmapi.Hsm{AvailabilityZone: &h.Zone, ClusterId: &c.ID, SubnetId: &h.Subnet, EniId: &h.ENI, EniIp: text(h.IP),
		HsmId: h.ID, HsmType: &c.HSMType, State: h.State, StateMessage: text(h.Message)}
}

// text is a string of an answer, absent if it is empty.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// window returns the part of a list of n things that begins after the one named
// by a token, which is its name.
func window(names []string, token *string, size *int32, most int) (from, to int, next *string, err error) {
	if size != nil {
		most = int(*size)
	}
	if token != nil {
		i, _ := slices.BinarySearch(names, *token)
		if i == len(names) || names[i] != *token {
			return 0, 0, nil, invalid("Invalid NextToken.")
		}
		from = i + 1
	}
	to = min(from+most, len(names))
	if to < len(names) && to > 0 {
		next = &names[to-1]
	}
	return from, to, next, nil
}
