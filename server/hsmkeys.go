package server

import (
	"context"
	"errors"

	"bartizan.dev/keys"
	"bartizan.dev/service/cloudhsmv2"
	"bartizan.dev/service/kms"
)

// cluster is KMS's view of a CloudHSM cluster.
func (s *Server) cluster(ctx context.Context, account, region, id string) (*kms.Cluster, error) {
	st, err := s.hsm.clusters.Cluster(ctx, account, region, id)
	if errors.Is(err, cloudhsmv2.ErrNoCluster) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return &kms.Cluster{Active: st.Active, Zones: st.Zones, HSMs: st.HSMs, Anchor: []byte(st.Anchor), Related: []string{id}}, nil
}

// clusterKeys logs in to a cluster for KMS.
func (s *Server) clusterKeys(ctx context.Context, account, region, id, user, password string) (keys.Vault, error) {
	v, err := s.hsm.clusters.Vault(ctx, account, region, id, user, password)
	for _, same := range []struct{ from, to error }{
		{cloudhsmv2.ErrPassword, kms.ErrPassword}, {cloudhsmv2.ErrLocked, kms.ErrLockedOut}, {cloudhsmv2.ErrNoUser, kms.ErrNoUser},
		{cloudhsmv2.ErrNoHSM, kms.ErrNoHSM}, {cloudhsmv2.ErrNoCluster, kms.ErrNoCluster},
	} {
		if errors.Is(err, same.from) {
			return nil, errors.Join(same.to, err)
		}
	}
	return v, err
}
