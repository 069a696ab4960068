package cloudhsmv2

import (
	"context"
	"crypto/subtle"
	"errors"

	hsmapi "bartizan.dev/api/cloudhsmv2"
	"bartizan.dev/keys"
	"bartizan.dev/keys/pkcs11"
)

// Errors of Cluster and Vault, beside keys.ErrUnavailable. KMS answers each with
// a code of its own.
// https://docs.aws.amazon.com/kms/latest/developerguide/fix-keystore.html
var (
	// ErrNoCluster is returned for an id that no cluster of the account has.
	ErrNoCluster = errors.New("cloudhsmv2: no such cluster")
	// ErrNotActive is returned by Vault for a cluster that is not ACTIVE.
	ErrNotActive = errors.New("cloudhsmv2: the cluster is not active")
	// ErrNoHSM is returned by Vault for a cluster without an active HSM.
	ErrNoHSM = errors.New("cloudhsmv2: the cluster has no active HSM")
	// ErrNoUser is returned by Vault for a name that is not the crypto user's.
	ErrNoUser = errors.New("cloudhsmv2: the cluster has no such crypto user")
	// ErrPassword is returned by Vault for a wrong password.
	ErrPassword = errors.New("cloudhsmv2: wrong password")
	// ErrLocked is returned by Vault once the token has seen too many wrong ones.
	ErrLocked = errors.New("cloudhsmv2: the crypto user is locked")
)

// State is what others need to know of a cluster.
type State struct {
	State   string // as DescribeClusters says
	Active  bool
	HSMs    int      // that are active
	Zones   int      // in which active HSMs are
	Anchor  string   // the trust anchor's certificate in PEM; empty before it is initialised
	Subnets []string // their ids
	User    string   // name of the crypto user; empty: none
}

// Cluster returns the state of an account's cluster, or ErrNoCluster.
func (s *Service) Cluster(ctx context.Context, account, region, id string) (*State, error) {
	c, err := s.custody(ctx, account, region, id)
	if err != nil {
		return nil, err
	}
	out := &State{State: string(c.State), Active: c.State == hsmapi.ClusterState_ACTIVE, Anchor: c.Anchor, User: c.User}
	zones := map[string]bool{}
	for _, h := range c.HSMs {
		if h.State == hsmapi.HsmState_ACTIVE {
			out.HSMs++
			zones[h.Zone] = true
		}
	}
	out.Zones = len(zones)
	for _, n := range c.Subnets {
		out.Subnets = append(out.Subnets, n.ID)
	}
	return out, nil
}

// Related says whether two clusters share a backup history, so that keys of one
// are in the other. As there are no backups, a cluster is related to itself
// alone.
func (s *Service) Related(ctx context.Context, account, region, a, b string) (bool, error) {
	for _, id := range []string{a, b} {
		if _, err := s.custody(ctx, account, region, id); err != nil {
			return false, err
		}
	}
	return a == b, nil
}

// Vault logs in to an active cluster as its crypto user. The vault is the
// caller's to close.
func (s *Service) Vault(ctx context.Context, account, region, id, user, password string) (keys.Vault, error) {
	state, err := s.Cluster(ctx, account, region, id)
	switch {
	case err != nil:
		return nil, err
	case !state.Active:
		return nil, ErrNotActive
	case state.HSMs == 0:
		return nil, ErrNoHSM
	case subtle.ConstantTimeCompare([]byte(state.User), []byte(user)) != 1:
		return nil, ErrNoUser
	}
	c, err := s.custody(ctx, account, region, id)
	if err != nil {
		return nil, err
	}
	if s.HSM == nil {
		return nil, keys.ErrUnavailable
	}
	v, err := s.HSM.Vault(ctx, c.Token, []byte(password))
	switch {
	case errors.Is(err, pkcs11.ErrPIN):
		return nil, ErrPassword
	case errors.Is(err, pkcs11.ErrLocked):
		return nil, ErrLocked
	case err != nil:
		return nil, err
	}
	return v, nil
}

func (s *Service) custody(ctx context.Context, account, region, id string) (*cluster, error) {
	c, err := s.find(ctx, s.Store, place{account, region}, id)
	if plain(err) != err {
		return nil, ErrNoCluster
	}
	return c, err
}
