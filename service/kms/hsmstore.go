package kms

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"slices"

	api "bartizan.dev/api/kms"
	"bartizan.dev/keys"
	"bartizan.dev/wire"
)

// Cluster is what KMS needs to know of a CloudHSM cluster.
type Cluster struct {
	Active  bool
	Zones   int      // Availability Zones with an active HSM
	HSMs    int      // active ones
	Anchor  []byte   // the certificate it was initialized with, PEM
	Related []string // clusters it shares a backup history with
}

func (c *Cluster) related(id string) bool { return slices.Contains(c.Related, id) }

// Errors of Deps.Vault.
var (
	ErrPassword  = errors.New("kms: wrong password of the HSM's user")
	ErrLockedOut = errors.New("kms: the HSM's user is locked out")
	ErrNoUser    = errors.New("kms: the HSM has no user of that name")
	ErrNoHSM     = errors.New("kms: the cluster has no active HSM")
	ErrNoCluster = errors.New("kms: no such cluster")
)

// hsmUser is the crypto user that KMS logs in as.
// https://docs.aws.amazon.com/kms/latest/developerguide/keystore-cloudhsm.html#concept-kmsuser
const hsmUser = "kmsuser"

func hsmCode(err error) api.ConnectionErrorCodeType {
	switch {
	case errors.Is(err, ErrPassword):
		return api.ConnectionErrorCodeType_INVALID_CREDENTIALS
	case errors.Is(err, ErrLockedOut):
		return api.ConnectionErrorCodeType_USER_LOCKED_OUT
	case errors.Is(err, ErrNoUser):
		return api.ConnectionErrorCodeType_USER_NOT_FOUND
	case errors.Is(err, ErrNoHSM):
		return api.ConnectionErrorCodeType_INSUFFICIENT_CLOUDHSM_HSMS
	case errors.Is(err, ErrNoCluster):
		return api.ConnectionErrorCodeType_CLUSTER_NOT_FOUND
	case errors.Is(err, keys.ErrUnavailable):
		return api.ConnectionErrorCodeType_NETWORK_ERRORS
	}
	return api.ConnectionErrorCodeType_INTERNAL_ERROR
}

func noCluster(id string) *wire.Error {
	return wire.Errorf("CloudHsmClusterNotFoundException", "Cluster %s was not found.", id)
}

// newHSMStore reads the request for a store in an HSM.
func (s *Service) newHSMStore(ctx context.Context, c *customStore, in *api.CreateCustomKeyStoreRequest) (password string, err error) {
	switch {
	case in.CloudHsmClusterId == nil || in.KeyStorePassword == nil || in.TrustAnchorCertificate == nil:
		return "", invalid("CloudHsmClusterId, KeyStorePassword and TrustAnchorCertificate are required for a custom key store of type AWS_CLOUDHSM.")
	case in.XksProxyUriEndpoint != nil || in.XksProxyUriPath != nil || in.XksProxyVpcEndpointServiceName != nil || in.XksProxyVpcEndpointServiceOwner != nil ||
		in.XksProxyAuthenticationCredential != nil || in.XksProxyConnectivity != "":
		return "", invalid("The parameters of an XKS proxy are not valid for a custom key store of type AWS_CLOUDHSM.")
	}
	c.Cluster, c.Anchor = *in.CloudHsmClusterId, *in.TrustAnchorCertificate
	return *in.KeyStorePassword, s.checkCluster(ctx, c)
}

// checkCluster refuses a cluster that cannot be a key store.
// https://docs.aws.amazon.com/kms/latest/developerguide/create-keystore.html#before-keystore
func (s *Service) checkCluster(ctx context.Context, c *customStore) error {
	if s.Cluster == nil {
		return noCluster(c.Cluster)
	}
	cluster, err := s.Cluster(ctx, c.Account, c.Region, c.Cluster)
	if err != nil {
		return err
	}
	switch {
	case cluster == nil:
		return noCluster(c.Cluster)
	case !cluster.Active:
		return wire.Errorf("CloudHsmClusterNotActiveException", "Cluster %s is not active.", c.Cluster)
	case !sameCertificate(cluster.Anchor, []byte(c.Anchor)):
		return wire.Errorf("IncorrectTrustAnchorException", "The trust anchor certificate is not the one that cluster %s was initialized with.", c.Cluster)
	case c.State != api.ConnectionStateType_CONNECTED && c.Epoch == 0 && cluster.Zones < 2:
		return wire.Errorf("CloudHsmClusterInvalidConfigurationException", "Cluster %s must have at least two active HSMs in different Availability Zones.", c.Cluster)
	case cluster.HSMs < 1:
		return wire.Errorf("CloudHsmClusterInvalidConfigurationException", "Cluster %s must have at least one active HSM.", c.Cluster)
	}
	return nil
}

func sameCertificate(a, b []byte) bool {
	x, y := decodeCertificate(a), decodeCertificate(b)
	return x != nil && bytes.Equal(x, y)
}

func decodeCertificate(text []byte) []byte {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil
	}
	if _, err := x509.ParseCertificate(block.Bytes); err != nil {
		return nil
	}
	return block.Bytes
}

func (s *Service) storeSecret(ctx context.Context, c *customStore) (string, error) {
	secret, err := s.openOwn(ctx, c.Region, storeSecretName(c), c.Secret)
	return string(secret), err
}

// dialHSM logs in.
func (s *Service) dialHSM(ctx context.Context, c *customStore) (keys.Vault, error) {
	if s.Vault == nil {
		return nil, ErrNoCluster
	}
	password, err := s.storeSecret(ctx, c)
	if err != nil {
		return nil, err
	}
	return s.Vault(ctx, c.Account, c.Region, c.Cluster, hsmUser, password)
}

// vault returns the connection of this node to a store in an HSM.
func (s *Service) vault(ctx context.Context, c *customStore) (keys.Vault, error) {
	s.vaults.mu.Lock()
	defer s.vaults.mu.Unlock()
	open := s.vaults.open[c.path()]
	if open != nil && open.epoch == c.Epoch {
		return open, nil
	}
	v, err := s.dialHSM(ctx, c)
	if err != nil {
		return nil, err
	}
	if open != nil {
		if err := open.Close(); err != nil {
			s.Log.Warn("a connection to an HSM did not close", "store", c.ID, "cause", err)
		}
	}
	open = &openVault{v, c.Epoch}
	s.vaults.open[c.path()] = open
	return open, nil
}

// hangUp ends this node's connection to a store that was disconnected. Other
// nodes' are of an earlier epoch then and are not used again.
func (s *Service) hangUp(path string) {
	s.vaults.mu.Lock()
	defer s.vaults.mu.Unlock()
	open := s.vaults.open[path]
	if open == nil {
		return
	}
	delete(s.vaults.open, path)
	if err := open.Close(); err != nil {
		s.Log.Warn("a connection to an HSM did not close", "store", path, "cause", err)
	}
}

// openVault is a connection, made for one epoch of its store.
type openVault struct {
	keys.Vault
	epoch int
}

// outer is the associated data of what a key kept elsewhere encrypts: the header
// of the ciphertext and the encryption context, as a hash, since there it may be
// of limited size.
func outer(header []byte, ec *encryptionContext) []byte {
	h := sha256.Sum256(ec.appendTo(append([]byte("bartizan kms outer 1\x00"), header...)))
	return h[:]
}

func (s *Service) sealHSM(ctx context.Context, t *target, plaintext []byte, ec *encryptionContext) ([]byte, error) {
	head, err := headerOf(&t.key, noMaterial, kindHSM)
	if err != nil {
		return nil, err
	}
	v, err := s.vault(ctx, t.custom)
	if err != nil {
		return nil, unreachableHSM(t, err)
	}
	sealed, err := v.Seal(ctx, t.External, plaintext, outer(head[:], ec))
	if err != nil {
		return nil, unreachableHSM(t, err)
	}
	return append(head[:], sealed...), nil
}

func (s *Service) openHSM(ctx context.Context, t *target, ciphertext []byte) ([]byte, error) {
	v, err := s.vault(ctx, t.custom)
	if err != nil {
		return nil, unreachableHSM(t, err)
	}
	plaintext, err := v.Open(ctx, t.External, ciphertext[blobHeader:], outer(ciphertext[:blobHeader], &t.context))
	if errors.Is(err, keys.ErrUnseal) {
		return nil, badCiphertext()
	} else if err != nil {
		return nil, unreachableHSM(t, err)
	}
	return plaintext, nil
}

// unreachableHSM is the answer while the HSM does not.
// https://docs.aws.amazon.com/kms/latest/developerguide/fix-keystore.html
func unreachableHSM(t *target, err error) *wire.Error {
	if errors.Is(err, keys.ErrNoKey) {
		return badState("The key material of %s is not in its CloudHSM cluster.", t.arn).With(err)
	}
	return badState("%s is unavailable: KMS cannot reach its CloudHSM cluster.", t.arn).With(err)
}
