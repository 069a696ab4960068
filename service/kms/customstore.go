package kms

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	api "bartizan.dev/api/kms"
	"bartizan.dev/caller"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// Custom key stores: keys that are kept elsewhere, in an HSM that CloudHSM shows
// as a cluster, or behind an XKS proxy.
// https://docs.aws.amazon.com/kms/latest/developerguide/key-store-overview.html

// customStore is one of them.
type customStore struct {
	ID      string                      `json:"id"`
	Account string                      `json:"account"`
	Region  string                      `json:"region"`
	Name    string                      `json:"name"`
	Type    api.CustomKeyStoreType      `json:"type"`
	Created time.Time                   `json:"created"`
	State   api.ConnectionStateType     `json:"state"`
	Code    api.ConnectionErrorCodeType `json:"code,omitempty"` // why State is FAILED
	// Epoch counts the changes of how the store is reached: whoever holds a
	// connection of an earlier one lets go of it.
	Epoch int `json:"epoch"`

	Cluster string `json:"cluster,omitempty"` // AWS_CLOUDHSM
	Anchor  string `json:"anchor,omitempty"`  // its trust anchor, PEM
	Secret  []byte `json:"secret,omitempty"`  // password of kmsuser, or of the XKS credential; under a key of KMS itself

	Connectivity api.XksProxyConnectivityType `json:"connectivity,omitempty"` // EXTERNAL_KEY_STORE
	Endpoint     string                       `json:"endpoint,omitempty"`
	Path         string                       `json:"path,omitempty"`
	AccessKey    string                       `json:"accessKey,omitempty"`
	Service      string                       `json:"service,omitempty"` // VPC endpoint service
	Owner        string                       `json:"owner,omitempty"`
}

func (c *customStore) path() string { return c.Account + "/" + c.Region + "/" + c.ID }

func (c *customStore) hsm() bool { return c.Type == api.CustomKeyStoreType_AWS_CLOUDHSM }

func (s *Service) storeRules() policy.Rules {
	out := policy.Rules{}
	for _, name := range []string{
		"ConnectCustomKeyStore", "CreateCustomKeyStore", "DeleteCustomKeyStore", "DescribeCustomKeyStores", "DisconnectCustomKeyStore", "UpdateCustomKeyStore",
	} {
		out[name] = policy.Rule{Touches: func(ctx context.Context, _ any) ([]policy.Touch, error) { return storeTouch(ctx, name), nil }}
	}
	return out
}

// storeTouch: these operations touch no key, and no resource that has a name.
func storeTouch(ctx context.Context, name string) []policy.Touch {
	c := newConditions(0)
	c.setCall(caller.From(ctx))
	return []policy.Touch{{Action: "kms:" + name, Keys: c.pairs}}
}

func noStore(id string) *wire.Error {
	return wire.Errorf("CustomKeyStoreNotFoundException", "Custom key store %s was not found.", id)
}

func badStore(format string, args ...any) *wire.Error {
	return wire.Errorf("CustomKeyStoreInvalidStateException", format, args...)
}

// storeOf reads a custom key store of the caller's account and Region.
func (s *Service) storeOf(ctx context.Context, r store.Reader, id string) (*customStore, error) {
	call := caller.From(ctx)
	if strings.ContainsAny(id, "/\x00") {
		return nil, noStore(id)
	}
	c, err := s.stores.Get(ctx, r, call.Identity.Account+"/"+call.Region+"/"+id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, noStore(id)
	}
	return c, err
}

func newStoreID() string {
	var id [9]byte
	rand.Read(id[:])
	return "cks-" + hex.EncodeToString(id[:])[:17]
}

// CreateCustomKeyStore makes a key store. It is not connected yet.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateCustomKeyStore.html
func (s *Service) CreateCustomKeyStore(ctx context.Context, in *api.CreateCustomKeyStoreRequest) (*api.CreateCustomKeyStoreResponse, error) {
	call := caller.From(ctx)
	c := &customStore{
		ID: newStoreID(), Account: call.Identity.Account, Region: call.Region, Name: in.CustomKeyStoreName, Type: in.CustomKeyStoreType,
		Created: s.now(), State: api.ConnectionStateType_DISCONNECTED,
	}
	if c.Type == "" {
		c.Type = api.CustomKeyStoreType_AWS_CLOUDHSM
	}
	var secret string
	var err error
	if c.hsm() {
		secret, err = s.newHSMStore(ctx, c, in)
	} else {
		secret, err = s.newXKSStore(ctx, c, in)
	}
	if err != nil {
		return nil, err
	}
	if c.Secret, err = s.sealOwn(ctx, c.Region, storeSecretName(c), []byte(secret)); err != nil {
		return nil, err
	}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		all, err := s.stores.List(ctx, tx, c.Account+"/"+c.Region+"/", "", 0)
		if err != nil {
			return err
		}
		if len(all) >= s.Quotas.CustomStores {
			return exceeded("The account has reached its quota of %d custom key stores in this Region.", s.Quotas.CustomStores)
		}
		if err := unlike(c, all); err != nil {
			return err
		}
		return s.stores.Insert(ctx, tx, c.path(), c)
	})
	if err != nil {
		return nil, err
	}
	return &api.CreateCustomKeyStoreResponse{CustomKeyStoreId: &c.ID}, nil
}

func storeSecretName(c *customStore) string { return "custom key store/" + c.path() }

// unlike refuses a store that has in common with another what must be its own.
func unlike(c *customStore, all []store.Entry[customStore]) error {
	for _, e := range all {
		o := e.Value
		switch {
		case o.ID == c.ID:
		case o.Name == c.Name:
			return wire.Errorf("CustomKeyStoreNameInUseException", "Custom key store name %s is already in use.", c.Name)
		case c.hsm() && o.Cluster == c.Cluster:
			return wire.Errorf("CloudHsmClusterInUseException", "Cluster %s is already associated with a custom key store.", c.Cluster)
		case !c.hsm() && o.Endpoint == c.Endpoint && o.Path == c.Path:
			return wire.Errorf("XksProxyUriInUseException", "The combination of endpoint %s and path %s is already in use by a custom key store.", c.Endpoint, c.Path)
		case !c.hsm() && o.Endpoint == c.Endpoint && o.Connectivity != c.Connectivity:
			return wire.Errorf("XksProxyUriEndpointInUseException", "The endpoint %s is already in use by a custom key store of another connectivity.", c.Endpoint)
		case c.Service != "" && o.Service == c.Service && o.Endpoint != c.Endpoint:
			return wire.Errorf("XksProxyVpcEndpointServiceInUseException", "The VPC endpoint service %s is already in use by a custom key store.", c.Service)
		}
	}
	return nil
}

// DescribeCustomKeyStores tells what there is.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_DescribeCustomKeyStores.html
func (s *Service) DescribeCustomKeyStores(ctx context.Context, in *api.DescribeCustomKeyStoresRequest) (*api.DescribeCustomKeyStoresResponse, error) {
	if in.CustomKeyStoreId != nil && in.CustomKeyStoreName != nil {
		return nil, invalid("You can specify CustomKeyStoreId or CustomKeyStoreName, but not both.")
	}
	p, err := newPage(in.Limit, in.Marker, 100, 1000)
	if err != nil {
		return nil, err
	}
	call := caller.From(ctx)
	prefix := call.Identity.Account + "/" + call.Region + "/"
	var entries []store.Entry[customStore]
	var next *string
	switch {
	case in.CustomKeyStoreId != nil:
		c, err := s.storeOf(ctx, s.Store, *in.CustomKeyStoreId)
		if err != nil {
			return nil, err
		}
		entries = append(entries, store.Entry[customStore]{ID: c.path(), Value: c})
	case in.CustomKeyStoreName != nil:
		all, err := s.stores.List(ctx, s.Store, prefix, "", 0)
		if err != nil {
			return nil, err
		}
		for _, e := range all {
			if e.Value.Name == *in.CustomKeyStoreName {
				entries = append(entries, e)
			}
		}
		if len(entries) == 0 {
			return nil, noStore(*in.CustomKeyStoreName)
		}
	default:
		if entries, next, err = pageOf(ctx, s.Store, &s.stores, prefix, p); err != nil {
			return nil, err
		}
	}
	out := &api.DescribeCustomKeyStoresResponse{CustomKeyStores: []api.CustomKeyStoresListEntry{}, NextMarker: next, Truncated: new(next != nil)}
	for _, e := range entries {
		out.CustomKeyStores = append(out.CustomKeyStores, shownStore(e.Value))
	}
	return out, nil
}

func shownStore(c *customStore) api.CustomKeyStoresListEntry {
	out := api.CustomKeyStoresListEntry{
		CustomKeyStoreId: &c.ID, CustomKeyStoreName: &c.Name, CreationDate: c.Created, CustomKeyStoreType: c.Type, ConnectionState: c.State, ConnectionErrorCode: c.Code,
	}
	if c.hsm() {
		out.CloudHsmClusterId, out.TrustAnchorCertificate = &c.Cluster, &c.Anchor
		return out
	}
	out.XksProxyConfiguration = &api.XksProxyConfigurationType{Connectivity: c.Connectivity, AccessKeyId: &c.AccessKey, UriEndpoint: &c.Endpoint, UriPath: &c.Path}
	if c.Service != "" {
		out.XksProxyConfiguration.VpcEndpointServiceName = &c.Service
	}
	if c.Owner != "" {
		out.XksProxyConfiguration.VpcEndpointServiceOwner = &c.Owner
	}
	return out
}

// DeleteCustomKeyStore deletes a key store that is not connected and has no
// keys. The cluster or the proxy stays.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_DeleteCustomKeyStore.html
func (s *Service) DeleteCustomKeyStore(ctx context.Context, in *api.DeleteCustomKeyStoreRequest) (*api.DeleteCustomKeyStoreResponse, error) {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		c, err := s.storeOf(ctx, tx, in.CustomKeyStoreId)
		if err != nil {
			return err
		}
		keys, err := s.keys.By(ctx, tx, "store", c.path(), "", 1)
		if err != nil {
			return err
		}
		if len(keys) > 0 {
			return wire.Errorf("CustomKeyStoreHasCMKsException", "Custom key store %s contains KMS keys.", c.ID)
		}
		if c.State != api.ConnectionStateType_DISCONNECTED {
			return badStore("Custom key store %s must be disconnected before it can be deleted.", c.ID)
		}
		return s.stores.Delete(ctx, tx, c.path())
	})
	return &api.DeleteCustomKeyStoreResponse{}, err
}

// DisconnectCustomKeyStore puts the keys of a key store out of use.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_DisconnectCustomKeyStore.html
func (s *Service) DisconnectCustomKeyStore(ctx context.Context, in *api.DisconnectCustomKeyStoreRequest) (*api.DisconnectCustomKeyStoreResponse, error) {
	var c *customStore
	_, err := s.Store.Update(ctx, func(tx store.Tx) (err error) {
		if c, err = s.storeOf(ctx, tx, in.CustomKeyStoreId); err != nil {
			return err
		}
		if c.State == api.ConnectionStateType_DISCONNECTED {
			return badStore("Custom key store %s is not connected.", c.ID)
		}
		c.State, c.Code = api.ConnectionStateType_DISCONNECTED, ""
		c.Epoch++
		return s.stores.Put(ctx, tx, c.path(), c)
	})
	if err != nil {
		return nil, err
	}
	s.hangUp(c.path())
	return &api.DisconnectCustomKeyStoreResponse{}, nil
}

// ConnectCustomKeyStore connects, and says so: DescribeCustomKeyStores tells
// whether it went well, and if not, why.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_ConnectCustomKeyStore.html
func (s *Service) ConnectCustomKeyStore(ctx context.Context, in *api.ConnectCustomKeyStoreRequest) (*api.ConnectCustomKeyStoreResponse, error) {
	c, err := s.storeOf(ctx, s.Store, in.CustomKeyStoreId)
	if err != nil {
		return nil, err
	}
	if c.State != api.ConnectionStateType_DISCONNECTED {
		return nil, badStore("Custom key store %s is not disconnected.", c.ID)
	}
	if c.hsm() {
		if err := s.checkCluster(ctx, c); err != nil {
			return nil, err
		}
	}
	code, cause := s.tryStore(ctx, c)
	if code != "" {
		s.Log.Warn("a custom key store cannot be connected", "store", c.ID, "code", code, "cause", cause)
	}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		now, err := s.storeOf(ctx, tx, c.ID)
		if err != nil {
			return err
		}
		if now.Epoch != c.Epoch || now.State != api.ConnectionStateType_DISCONNECTED {
			return badStore("Custom key store %s was changed meanwhile.", c.ID)
		}
		now.State, now.Code = api.ConnectionStateType_CONNECTED, ""
		if code != "" {
			now.State, now.Code = api.ConnectionStateType_FAILED, code
		}
		now.Epoch++
		return s.stores.Put(ctx, tx, now.path(), now)
	})
	return &api.ConnectCustomKeyStoreResponse{}, err
}

// tryStore reaches for a store and returns why that failed, if it did.
func (s *Service) tryStore(ctx context.Context, c *customStore) (api.ConnectionErrorCodeType, error) {
	if c.hsm() {
		v, err := s.dialHSM(ctx, c)
		if err != nil {
			return hsmCode(err), err
		}
		return "", v.Close()
	}
	return s.tryXKS(ctx, c)
}
