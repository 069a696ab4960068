package cloudhsmv2

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	hsmapi "bartizan.dev/api/cloudhsmv2"
	"bartizan.dev/keys/pkcs11"
	"bartizan.dev/keys/pkcs11/frame"
	"bartizan.dev/store"
	"bartizan.dev/work"
)

// clusterJob brings a cluster to the state that it is on its way to.
const clusterJob = "cluster"

func (s *Service) later(ctx context.Context, tx store.Tx, c *cluster) error {
	return s.queue.Add(ctx, tx, work.Job{Kind: clusterJob, ID: c.key(), Due: s.Clock.Now()})
}

// settle makes the cluster's token, or erases it. Each step may be repeated.
func (s *Service) settle(ctx context.Context, j work.Job) (func(store.Tx) error, error) {
	c, err := s.clusters.Get(ctx, s.Store, j.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	switch {
	case c.State == hsmapi.ClusterState_DELETE_IN_PROGRESS:
		return s.erase(ctx, c)
	case c.State == hsmapi.ClusterState_INITIALIZE_IN_PROGRESS:
		return s.with(ctx, j.ID, func(c *cluster) error {
			if c.State == hsmapi.ClusterState_INITIALIZE_IN_PROGRESS {
				c.State = hsmapi.ClusterState_INITIALIZED
			}
			return nil
		}), nil
	}
	if !c.Ready {
		if err := s.makeToken(ctx, c); err != nil {
			return s.failed(ctx, j.ID, err)
		}
	}
	return s.with(ctx, j.ID, func(now *cluster) error {
		if !now.Ready {
			now.Token, now.Ready, now.Key, now.CSR = c.Token, true, c.Key, c.CSR
		}
		for i := range now.HSMs {
			if now.HSMs[i].State == hsmapi.HsmState_CREATE_IN_PROGRESS {
				now.HSMs[i].State, now.HSMs[i].Message = hsmapi.HsmState_ACTIVE, ""
			}
		}
		return nil
	}), nil
}

// with changes a cluster in the transaction that ends its job.
func (s *Service) with(ctx context.Context, id string, f func(c *cluster) error) func(store.Tx) error {
	return func(tx store.Tx) error {
		c, err := s.clusters.Get(ctx, tx, id)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		} else if err != nil {
			return err
		}
		if err := f(c); err != nil {
			return err
		}
		return s.clusters.Put(ctx, tx, id, c)
	}
}

// failed says at the HSMs why there is no token. What may pass is tried again.
func (s *Service) failed(ctx context.Context, id string, cause error) (func(store.Tx) error, error) {
	if !errors.Is(cause, pkcs11.ErrNoSlot) {
		return nil, cause
	}
	s.Log.Error("the HSM has no room for a cluster's token", "cluster", id, "cause", cause)
	return s.with(ctx, id, func(c *cluster) error {
		for i := range c.HSMs {
			if c.HSMs[i].State == hsmapi.HsmState_CREATE_IN_PROGRESS {
				c.HSMs[i].State, c.HSMs[i].Message = hsmapi.HsmState_DEGRADED, "The server's HSM has no free slot for this cluster's token."
			}
		}
		return nil
	}), nil
}

// makeToken initialises the cluster's token: one that a deleted cluster has
// left, or a free one of the HSM's.
func (s *Service) makeToken(ctx context.Context, c *cluster) (err error) {
	if c.Token == "" {
		if err := s.claim(ctx, c); err != nil {
			return err
		}
	}
	serial, err := s.HSM.InitToken(ctx, c.Token, c.ID, []byte(c.Officer))
	if errors.Is(err, pkcs11.ErrTokenExists) { // made before, but not written down
		serial, err = s.serialOf(ctx, c.ID)
	}
	if err != nil {
		return err
	}
	c.Token = serial
	c.Key, c.CSR, err = request(c.ID, serial)
	return err
}

// claim takes a token that a deleted cluster has left, if there is one. It is
// written down before the token is touched: no two clusters get the same.
func (s *Service) claim(ctx context.Context, c *cluster) error {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		spares, err := s.spares.List(ctx, tx, "", "", 1)
		if err != nil || len(spares) == 0 {
			return err
		}
		now, err := s.clusters.Get(ctx, tx, c.key())
		if err != nil {
			return err
		}
		now.Token, now.Officer = spares[0].Value.Serial, spares[0].Value.Officer
		*c = *now
		return errors.Join(s.spares.Delete(ctx, tx, spares[0].ID), s.clusters.Put(ctx, tx, c.key(), now))
	})
	return err
}

func (s *Service) serialOf(ctx context.Context, label string) (string, error) {
	tokens, err := s.HSM.Tokens(ctx)
	if err != nil {
		return "", err
	}
	for _, t := range tokens {
		if t.Flags&frame.Initialized != 0 && t.Label == label {
			return t.Serial, nil
		}
	}
	return "", fmt.Errorf("the token %s is gone", label)
}

// erase destroys what is in a deleted cluster's token and forgets the cluster.
func (s *Service) erase(ctx context.Context, c *cluster) (func(store.Tx) error, error) {
	left := spare{Serial: c.Token, Officer: c.Officer}
	if c.Token != "" {
		if s.HSM == nil {
			return nil, errors.New("the HSM with the token of a deleted cluster is missing")
		}
		var err error
		if left.Serial, err = s.HSM.InitToken(ctx, c.Token, "free "+strings.TrimPrefix(c.ID, "cluster-"), []byte(c.Officer)); err != nil {
			return nil, err
		}
	}
	return func(tx store.Tx) error {
		if left.Serial != "" {
			if err := s.spares.Put(ctx, tx, left.Serial, &left); err != nil {
				return err
			}
		}
		return s.clusters.Delete(ctx, tx, c.key())
	}, nil
}

// request makes the cluster's key and the request for its certificate, which
// names cluster and token.
func request(id, serial string) (key []byte, csr string, err error) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, "", err
	}
	if key, err = x509.MarshalPKCS8PrivateKey(k); err != nil {
		return nil, "", err
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject: pkix.Name{Organization: []string{"Bartizan"}, OrganizationalUnit: []string{id}, CommonName: "HSM:" + serial},
	}, k)
	if err != nil {
		return nil, "", err
	}
	return key, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})), nil
}
