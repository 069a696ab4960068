package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	cloudhsmv2api "bartizan.dev/api/cloudhsmv2"
	redshiftapi "bartizan.dev/api/redshift"
	"bartizan.dev/gateway"
	"bartizan.dev/keys"
	"bartizan.dev/keys/pkcs11"
	"bartizan.dev/service/cloudhsmv2"
	"bartizan.dev/service/redshift"
	"bartizan.dev/store"
)

// HSM says which HSM there is. Without Module and Socket there is none.
type HSM struct {
	// Module is the vendor's PKCS#11 library: the server runs a helper over it.
	Module string
	// Helper is the helper's program; empty: bartizan-hsm beside this program.
	Helper string
	// HelperEnv is the helper's environment, in which modules look for their
	// configuration; nil: that of this process.
	HelperEnv []string
	// Socket is that of a helper that somebody else runs.
	Socket string
	// RootToken, if set, is the token, by serial number or label, that holds the
	// root key, and RootPIN its user's PIN.
	RootToken, RootPIN string
	// Endpoint, if set, is the TCP address of the endpoint at which the holders of
	// Redshift's HSM client certificates use their partitions.
	Endpoint string
}

const (
	// hsmSocket is the socket of the helper that the server runs.
	hsmSocket = "hsm.sock"
	// rootKeyLabel names the versions of the root key in their token.
	rootKeyLabel = "bartizan/root"
)

// hsmParts is what the server has of an HSM.
type hsmParts struct {
	client   *pkcs11.Client // nil: there is none
	clusters *cloudhsmv2.Service
	redshift *redshift.Service
	endpoint net.Addr
}

// openHSM starts the helper, if the server is to run one, and checks that it
// answers.
func (s *Server) openHSM(ctx context.Context) error {
	o := s.opt.HSM
	socket := o.Socket
	switch {
	case o.Module == "" && o.Socket == "":
		if o.RootToken != "" {
			return errors.New("a root key in an HSM needs --hsm-module or --hsm-socket")
		}
		return nil
	case o.Module != "" && o.Socket != "":
		return errors.New("--hsm-module starts a helper and --hsm-socket uses one that runs: give one of them")
	case o.Module != "":
		helper := o.Helper
		if helper == "" {
			self, err := os.Executable()
			if err != nil {
				return err
			}
			helper = filepath.Join(filepath.Dir(self), "bartizan-hsm")
		}
		socket = filepath.Join(s.opt.Data, hsmSocket)
		child, err := pkcs11.Start(ctx, pkcs11.ChildOptions{Helper: helper, Module: o.Module, Socket: socket, Env: o.HelperEnv, Log: s.log})
		if err != nil {
			return err
		}
		s.onClose(child.Close)
	}
	c := pkcs11.Dial(socket)
	s.onClose(c.Close)
	if _, err := c.Module(ctx); err != nil {
		return err
	}
	s.hsm.client = c
	return nil
}

// hsmCustodian keeps the root key in a token.
func (s *Server) hsmCustodian(ctx context.Context) (keys.Custodian, error) {
	v, err := s.hsm.client.Vault(ctx, s.opt.HSM.RootToken, []byte(s.opt.HSM.RootPIN))
	if err != nil {
		return nil, fmt.Errorf("the root key in the HSM: %w", err)
	}
	c, err := pkcs11.NewCustodian(ctx, v, rootKeyLabel)
	if err != nil {
		return nil, errors.Join(err, v.Close())
	}
	return c, nil
}

// withHSM builds the services over the HSM and adds them to others.
func (s *Server) withHSM(others []gateway.Service) []gateway.Service {
	clusters := cloudhsmv2.New(cloudhsmv2.Deps{
		Store: store.View(s.store, "cloudhsmv2/"), HSM: s.hsm.client, Clock: s.clock, Log: s.log, Quotas: s.opt.Quotas.CloudHSM,
	})
	s.hsm.clusters = clusters
	s.workers = append(s.workers, clusters)
	s.hsm.redshift = redshift.New(redshift.Deps{
		Store: store.View(s.store, "redshift/"), Now: s.clock.Now, Partition: partitions(clusters), Quotas: s.opt.Quotas.Redshift,
	})
	return append(others,
		gateway.Service{Model: cloudhsmv2api.Model(), Operations: cloudhsmv2api.Operations(clusters), Rules: clusters.Rules(), Resource: cloudhsmv2.Resource},
		gateway.Service{Model: redshiftapi.Model(), Operations: redshiftapi.Operations(s.hsm.redshift), Rules: s.hsm.redshift.Rules(), Resource: redshift.Resource},
	)
}

// partitions: the partitions that an account can use through Redshift are the
// tokens of its CloudHSM clusters, by the id of the cluster, with the password of
// the cluster's crypto user.
func partitions(clusters *cloudhsmv2.Service) func(ctx context.Context, account, region, name, password string) (keys.Vault, error) {
	return func(ctx context.Context, account, region, name, password string) (keys.Vault, error) {
		state, err := clusters.Cluster(ctx, account, region, name)
		if errors.Is(err, cloudhsmv2.ErrNoCluster) {
			return nil, redshift.ErrPartition
		} else if err != nil {
			return nil, err
		}
		v, err := clusters.Vault(ctx, account, region, name, state.User, password)
		switch {
		case errors.Is(err, cloudhsmv2.ErrPassword), errors.Is(err, cloudhsmv2.ErrLocked):
			return nil, redshift.ErrPartition
		case errors.Is(err, cloudhsmv2.ErrNotActive), errors.Is(err, cloudhsmv2.ErrNoHSM):
			return nil, fmt.Errorf("%w: %w", keys.ErrUnavailable, err)
		}
		return v, err
	}
}
