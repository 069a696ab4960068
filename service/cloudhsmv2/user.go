package cloudhsmv2

import (
	"context"
	"errors"
	"regexp"

	hsmapi "bartizan.dev/api/cloudhsmv2"
	"bartizan.dev/keys/pkcs11"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// A cluster has one crypto user, since a PKCS#11 token has one. AWS makes the
// users with its CloudHSM CLI, which talks to the HSMs themselves; here an
// administrator of the server does.
// https://docs.aws.amazon.com/cloudhsm/latest/userguide/cloudhsm_cli-user-create.html

// User is a cluster's crypto user.
type User struct {
	Cluster string `json:"cluster"`
	Name    string `json:"name"`
}

// userName is what the CloudHSM CLI takes: 31 characters of letters, digits and
// underscores.
var userName = regexp.MustCompile(`^[A-Za-z0-9_]{1,31}$`)

// PutUser makes the crypto user of an initialised cluster, or sets a new
// password: then what used the old one works no longer. A cluster that has its
// user is ACTIVE.
func (s *Service) PutUser(ctx context.Context, account, region, id, name, password string) (*User, error) {
	if !userName.MatchString(name) {
		return nil, errors.New("a crypto user's name has 1 to 31 letters, digits and underscores")
	}
	if len(password) < 7 || len(password) > 32 {
		return nil, errors.New("a crypto user's password has 7 to 32 characters")
	}
	if s.HSM == nil {
		return nil, errNoHSM
	}
	at := place{account, region}
	c, err := s.find(ctx, s.Store, at, id)
	if err != nil {
		return nil, plain(err)
	}
	if c.State != hsmapi.ClusterState_INITIALIZED && c.State != hsmapi.ClusterState_ACTIVE {
		return nil, errors.New("the cluster is " + string(c.State) + ": initialise it first")
	}
	if c.User != "" && c.User != name {
		return nil, errors.New("the cluster's crypto user is " + c.User + ": a PKCS#11 token has one")
	}
	err = s.HSM.SetPIN(ctx, c.Token, []byte(c.Officer), []byte(password))
	if errors.Is(err, pkcs11.ErrPIN) {
		return nil, errors.New("the token's security officer has another PIN: somebody has changed it")
	} else if err != nil {
		return nil, err
	}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		now, err := s.find(ctx, tx, at, id)
		if err != nil {
			return plain(err)
		}
		if now.State == hsmapi.ClusterState_INITIALIZED {
			now.State = hsmapi.ClusterState_ACTIVE
		}
		now.User = name
		return s.clusters.Put(ctx, tx, now.key(), now)
	})
	if err != nil {
		return nil, err
	}
	return &User{id, name}, nil
}

// Users lists the crypto users of an account's clusters in a Region.
func (s *Service) Users(ctx context.Context, account, region string) ([]User, error) {
	entries, err := s.clusters.List(ctx, s.Store, place{account, region}.prefix(), "", 0)
	if err != nil {
		return nil, err
	}
	out := []User{}
	for _, e := range entries {
		if e.Value.User != "" {
			out = append(out, User{e.Value.ID, e.Value.User})
		}
	}
	return out, nil
}

// plain is an error for an administrator, who does not speak AWS's codes.
func plain(err error) error {
	if e, ok := errors.AsType[*wire.Error](err); ok {
		return errors.New(e.Message)
	}
	return err
}
