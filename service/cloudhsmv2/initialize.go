package cloudhsmv2

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"strings"

	hsmapi "bartizan.dev/api/cloudhsmv2"
	"bartizan.dev/store"
)

// InitializeCluster claims a cluster with a certificate that the customer's
// authority has made of the cluster's request.
// https://docs.aws.amazon.com/cloudhsm/latest/APIReference/API_InitializeCluster.html
func (s *Service) InitializeCluster(ctx context.Context, in *hsmapi.InitializeClusterRequest) (*hsmapi.InitializeClusterResponse, error) {
	cert, err := certificate("signed certificate", in.SignedCert)
	if err != nil {
		return nil, err
	}
	anchor, err := certificate("trust anchor", in.TrustAnchor)
	if err != nil {
		return nil, err
	}
	c, err := s.change(ctx, in.ClusterId, func(tx store.Tx, c *cluster) error {
		if c.State != hsmapi.ClusterState_UNINITIALIZED {
			return wrongState(c)
		}
		if c.CSR == "" {
			return invalid("Cluster %s has no HSM yet. Create one, and sign the cluster's CSR.", c.ID)
		}
		if err := s.claims(c, cert, anchor); err != nil {
			return err
		}
		c.Certificate, c.Anchor = in.SignedCert, in.TrustAnchor
		c.State = hsmapi.ClusterState_INITIALIZE_IN_PROGRESS
		return s.later(ctx, tx, c)
	})
	if err != nil {
		return nil, err
	}
	return &hsmapi.InitializeClusterResponse{State: c.State, StateMessage: new("Cluster is initializing.")}, nil
}

// certificate reads one certificate in PEM.
func certificate(what, text string) (*x509.Certificate, error) {
	if len(text) > 5000 {
		return nil, invalid("The %s has more than 5000 characters.", what)
	}
	block, rest := pem.Decode([]byte(strings.TrimSpace(text)))
	if block == nil || block.Type != "CERTIFICATE" || len(rest) > 0 {
		return nil, invalid("The %s is not one certificate in PEM format.", what)
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, invalid("The %s cannot be parsed.", what)
	}
	return c, nil
}

// claims checks that cert is anchor's certificate of the cluster's key, and that
// anchor is self-signed.
func (s *Service) claims(c *cluster, cert, anchor *x509.Certificate) error {
	signs := func(of *x509.Certificate) error {
		return anchor.CheckSignature(of.SignatureAlgorithm, of.RawTBSCertificate, of.Signature)
	}
	now := s.now()
	for what, x := range map[string]*x509.Certificate{"signed certificate": cert, "trust anchor": anchor} {
		if now.Before(x.NotBefore) || now.After(x.NotAfter) {
			return invalid("The %s is not valid at this time.", what)
		}
	}
	if signs(anchor) != nil {
		return invalid("The trust anchor is not a self-signed certificate.")
	}
	if signs(cert) != nil {
		return invalid("The signed certificate was not signed by the trust anchor.")
	}
	key, err := x509.ParsePKCS8PrivateKey(c.Key)
	if err != nil {
		return err
	}
	own, ok := key.(*ecdsa.PrivateKey)
	if !ok || !own.PublicKey.Equal(cert.PublicKey) {
		return invalid("The signed certificate does not match the cluster's CSR.")
	}
	return nil
}
