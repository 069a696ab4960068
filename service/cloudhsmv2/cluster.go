package cloudhsmv2

import (
	"context"
	"slices"
	"strconv"

	hsmapi "bartizan.dev/api/cloudhsmv2"
	"bartizan.dev/store"
)

// hsmType is the type of HSM that AWS makes clusters of today.
// https://docs.aws.amazon.com/cloudhsm/latest/userguide/compliance-dep-notif.html
const hsmType = "hsm2m.medium"

// defaultRetention is how many days AWS keeps backups by default.
// https://docs.aws.amazon.com/cloudhsm/latest/userguide/manage-backup-retention.html
const defaultRetention = "90"

// CreateCluster makes a cluster without HSMs.
// https://docs.aws.amazon.com/cloudhsm/latest/APIReference/API_CreateCluster.html
func (s *Service) CreateCluster(ctx context.Context, in *hsmapi.CreateClusterRequest) (*hsmapi.CreateClusterResponse, error) {
	if in.HsmType != hsmType {
		return nil, invalid("Provided HsmType is not supported.")
	}
	if in.SourceBackupId != nil {
		return nil, noBackup(*in.SourceBackupId)
	}
	at := placeOf(ctx)
	c := &cluster{
		ID: newID("cluster"), Account: at.account, Region: at.region, Created: s.now(), State: hsmapi.ClusterState_UNINITIALIZED,
		HSMType: in.HsmType, Mode: in.Mode, Network: in.NetworkType, Retention: defaultRetention, Officer: newPIN(),
	}
	if c.Mode == "" {
		c.Mode = hsmapi.ClusterMode_FIPS
	}
	if c.Network == "" {
		c.Network = hsmapi.NetworkType_IPV4
	}
	var err error
	if in.BackupRetentionPolicy != nil {
		if c.Retention, err = retention(in.BackupRetentionPolicy); err != nil {
			return nil, err
		}
	}
	if c.Subnets, err = zones(at.region, in.SubnetIds); err != nil {
		return nil, err
	}
	if c.Tags, err = setTags(nil, in.TagList); err != nil {
		return nil, err
	}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		have, err := s.clusters.List(ctx, tx, at.prefix(), "", s.Quotas.Clusters)
		if err != nil {
			return err
		}
		if len(have) >= s.Quotas.Clusters {
			return overLimit("The account has reached its limit of %d clusters in this Region.", s.Quotas.Clusters)
		}
		return s.clusters.Insert(ctx, tx, c.key(), c)
	})
	if err != nil {
		return nil, err
	}
	return &hsmapi.CreateClusterResponse{Cluster: c.show()}, nil
}

// zones gives each subnet a zone. AWS reads it from the subnet; there is no EC2
// here to ask, so the first subnet is in zone a and so on.
func zones(region string, subnets []string) ([]subnet, error) {
	var out []subnet
	for i, id := range subnets {
		if slices.Contains(subnets[:i], id) {
			return nil, invalid("The subnet %s is specified twice: each must be in another Availability Zone.", id)
		}
		out = append(out, subnet{id, region + string(rune('a'+i))})
	}
	return out, nil
}

// retention checks a backup retention policy: 7 to 379 days.
// https://docs.aws.amazon.com/cloudhsm/latest/APIReference/API_BackupRetentionPolicy.html
func retention(p *hsmapi.BackupRetentionPolicy) (string, error) {
	if p.Type != hsmapi.BackupRetentionType_DAYS || p.Value == nil {
		return "", invalid("A backup retention policy needs the type DAYS and a value.")
	}
	if n, err := strconv.Atoi(*p.Value); err != nil || n < 7 || n > 379 {
		return "", invalid("The backup retention period must be between 7 and 379 days.")
	}
	return *p.Value, nil
}

// DescribeClusters lists clusters.
// https://docs.aws.amazon.com/cloudhsm/latest/APIReference/API_DescribeClusters.html
func (s *Service) DescribeClusters(ctx context.Context, in *hsmapi.DescribeClustersRequest) (*hsmapi.DescribeClustersResponse, error) {
	for name := range in.Filters {
		if name != "clusterIds" && name != "vpcIds" && name != "states" {
			return nil, invalid("The filter %s is not supported. Use clusterIds, vpcIds or states.", name)
		}
	}
	entries, err := s.clusters.List(ctx, s.Store, placeOf(ctx).prefix(), "", 0)
	if err != nil {
		return nil, err
	}
	var found []*cluster
	var names []string
	for _, e := range entries {
		c := e.Value
		fits := func(filter, value string) bool {
			want, ok := in.Filters[filter]
			return !ok || slices.Contains(want, value)
		}
		if fits("clusterIds", c.ID) && fits("states", string(c.State)) && fits("vpcIds", "") { // of no VPC
			found, names = append(found, c), append(names, c.ID)
		}
	}
	from, to, next, err := window(names, in.NextToken, in.MaxResults, 25)
	if err != nil {
		return nil, err
	}
	out := &hsmapi.DescribeClustersResponse{Clusters: []hsmapi.Cluster{}, NextToken: next}
	for _, c := range found[from:to] {
		out.Clusters = append(out.Clusters, *c.show())
	}
	return out, nil
}

// ModifyCluster changes how long backups are kept. Of HSM types there is one.
// https://docs.aws.amazon.com/cloudhsm/latest/APIReference/API_ModifyCluster.html
func (s *Service) ModifyCluster(ctx context.Context, in *hsmapi.ModifyClusterRequest) (*hsmapi.ModifyClusterResponse, error) {
	if in.HsmType == nil && in.BackupRetentionPolicy == nil {
		return nil, invalid("Specify HsmType or BackupRetentionPolicy.")
	}
	if in.HsmType != nil && *in.HsmType != hsmType {
		return nil, invalid("Provided HsmType is not supported.")
	}
	days := ""
	if in.BackupRetentionPolicy != nil {
		var err error
		if days, err = retention(in.BackupRetentionPolicy); err != nil {
			return nil, err
		}
	}
	c, err := s.change(ctx, in.ClusterId, func(_ store.Tx, c *cluster) error {
		if c.State == hsmapi.ClusterState_DELETE_IN_PROGRESS {
			return wrongState(c)
		}
		if days != "" {
			c.Retention = days
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &hsmapi.ModifyClusterResponse{Cluster: c.show()}, nil
}

func wrongState(c *cluster) error {
	return invalid("Cluster %s is in the state %s, which does not allow this operation.", c.ID, c.State)
}

// DeleteCluster deletes a cluster without HSMs: its token is erased, and with it
// every key that was made there.
// https://docs.aws.amazon.com/cloudhsm/latest/APIReference/API_DeleteCluster.html
func (s *Service) DeleteCluster(ctx context.Context, in *hsmapi.DeleteClusterRequest) (*hsmapi.DeleteClusterResponse, error) {
	c, err := s.change(ctx, in.ClusterId, func(tx store.Tx, c *cluster) error {
		if c.State == hsmapi.ClusterState_DELETE_IN_PROGRESS {
			return wrongState(c)
		}
		if len(c.HSMs) > 0 {
			return invalid("Cluster %s has HSMs. Delete them first.", c.ID)
		}
		c.State = hsmapi.ClusterState_DELETE_IN_PROGRESS
		return s.later(ctx, tx, c)
	})
	if err != nil {
		return nil, err
	}
	return &hsmapi.DeleteClusterResponse{Cluster: c.show()}, nil
}
