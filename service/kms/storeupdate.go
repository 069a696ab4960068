package kms

import (
	"context"

	api "bartizan.dev/api/kms"
	"bartizan.dev/service/kms/xks"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// UpdateCustomKeyStore changes how a key store is reached, or its name. All but
// the settings of an XKS proxy want it disconnected.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_UpdateCustomKeyStore.html
func (s *Service) UpdateCustomKeyStore(ctx context.Context, in *api.UpdateCustomKeyStoreRequest) (*api.UpdateCustomKeyStoreResponse, error) {
	c, err := s.storeOf(ctx, s.Store, in.CustomKeyStoreId)
	if err != nil {
		return nil, err
	}
	epoch := c.Epoch
	if err := updatable(c, in); err != nil {
		return nil, err
	}
	if in.NewCustomKeyStoreName != nil {
		c.Name = *in.NewCustomKeyStoreName
	}
	var secret *string
	if c.hsm() {
		secret, err = s.updateHSM(ctx, c, in)
	} else {
		secret, err = s.updateXKS(ctx, c, in)
	}
	if err != nil {
		return nil, err
	}
	if secret != nil {
		if c.Secret, err = s.sealOwn(ctx, c.Region, storeSecretName(c), []byte(*secret)); err != nil {
			return nil, err
		}
	}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		now, err := s.storeOf(ctx, tx, c.ID)
		if err != nil {
			return err
		}
		if now.Epoch != epoch {
			return badStore("Custom key store %s was changed meanwhile.", c.ID)
		}
		all, err := s.stores.List(ctx, tx, c.Account+"/"+c.Region+"/", "", 0)
		if err != nil {
			return err
		}
		if err := unlike(c, all); err != nil {
			return err
		}
		c.Epoch = epoch + 1
		return s.stores.Put(ctx, tx, c.path(), c)
	})
	return &api.UpdateCustomKeyStoreResponse{}, err
}

// updatable refuses what the kind of store does not have, and what its state
// does not allow.
func updatable(c *customStore, in *api.UpdateCustomKeyStoreRequest) error {
	hsm := in.KeyStorePassword != nil || in.CloudHsmClusterId != nil
	proxy := in.XksProxyUriEndpoint != nil || in.XksProxyUriPath != nil || in.XksProxyVpcEndpointServiceName != nil ||
		in.XksProxyVpcEndpointServiceOwner != nil || in.XksProxyAuthenticationCredential != nil || in.XksProxyConnectivity != ""
	disconnected := c.State == api.ConnectionStateType_DISCONNECTED
	switch {
	case c.hsm() && proxy || !c.hsm() && hsm:
		return unsupported("The parameters are not those of a custom key store of type %s.", c.Type)
	case !hsm && !proxy && in.NewCustomKeyStoreName == nil:
		return invalid("You must specify what to update.")
	case c.hsm() && !disconnected, in.NewCustomKeyStoreName != nil && !disconnected, in.XksProxyConnectivity != "" && !disconnected:
		return badStore("Custom key store %s must be disconnected for this update.", c.ID)
	}
	return nil
}

func (s *Service) updateHSM(ctx context.Context, c *customStore, in *api.UpdateCustomKeyStoreRequest) (*string, error) {
	if id := in.CloudHsmClusterId; id != nil {
		if s.Cluster == nil {
			return nil, noCluster(*id)
		}
		related, err := s.Cluster(ctx, c.Account, c.Region, *id)
		if err != nil {
			return nil, err
		}
		if related == nil {
			return nil, noCluster(*id)
		}
		if *id != c.Cluster && !related.related(c.Cluster) {
			return nil, wire.Errorf("CloudHsmClusterNotRelatedException", "Cluster %s shares no backup history with %s.", *id, c.Cluster)
		}
		c.Cluster = *id
		if err := s.checkCluster(ctx, c); err != nil {
			return nil, err
		}
	}
	return in.KeyStorePassword, nil
}

func (s *Service) updateXKS(ctx context.Context, c *customStore, in *api.UpdateCustomKeyStoreRequest) (*string, error) {
	for _, f := range []struct {
		to   *string
		from *string
	}{{&c.Endpoint, in.XksProxyUriEndpoint}, {&c.Path, in.XksProxyUriPath}, {&c.Service, in.XksProxyVpcEndpointServiceName}, {&c.Owner, in.XksProxyVpcEndpointServiceOwner}} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	if in.XksProxyConnectivity != "" {
		c.Connectivity = in.XksProxyConnectivity
	}
	secret, err := s.storeSecret(ctx, c)
	if err != nil {
		return nil, err
	}
	var changed *string
	if a := in.XksProxyAuthenticationCredential; a != nil {
		c.AccessKey, secret, changed = a.AccessKeyId, a.RawSecretAccessKey, &a.RawSecretAccessKey
	}
	return changed, s.checkXKS(ctx, c, xks.Credential{AccessKeyID: c.AccessKey, Secret: secret})
}
