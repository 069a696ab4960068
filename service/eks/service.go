// Package eks is the part of Amazon EKS that says which pods may have which
// role: EKS Pod Identity associations. Clusters are not made here: an
// association names one by its name, wherever it runs.
//
//   - service.go, records.go: what the service may touch and what it stores.
//   - authorise.go: what the operations touch.
//   - association.go, update.go, tag.go: the chapters of the API reference.
package eks

import (
	"context"
	"errors"
	"time"

	eksapi "bartizan.dev/api/eks"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// principal is who assumes the roles.
const principal = "pods.eks.amazonaws.com"

// Deps is all the service may touch.
type Deps struct {
	Store store.Store // its own view
	Now   func() time.Time
}

// Service answers the pod identity operations of EKS.
type Service struct {
	eksapi.Unimplemented
	Deps
	associations store.Collection[association]
}

var _ eksapi.Server = (*Service)(nil)

// New returns the service.
func New(d Deps) *Service { return &Service{Deps: d, associations: newAssociations()} }

// Association is what EKS Auth needs to know of an association.
type Association struct {
	ARN, ID      string
	Role, Target string // ARNs; Target may be empty
	ExternalID   string // of the target role's trust policy
	Policy       string // inline session policy, or empty
	NoTags       bool   // no session tags
}

// Lookup returns the association of a service account; nil if there is none.
func (s *Service) Lookup(ctx context.Context, account, region, cluster, namespace, serviceAccount string) (*Association, error) {
	at := place{account, region}
	e, err := s.associations.OneBy(ctx, s.Store, "pods", at.pods(cluster, namespace, serviceAccount))
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrNUL) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	a := e.Value
	return &Association{
		ARN: a.arn(), ID: a.ID, Role: a.Role, Target: a.Target, ExternalID: a.externalID(), Policy: a.Policy, NoTags: a.NoTags,
	}, nil
}

// about names the cluster that an exception is about, as its members do.
// https://docs.aws.amazon.com/eks/latest/APIReference/API_CreatePodIdentityAssociation.html
func about(cluster string, e *wire.Error) *wire.Error {
	e.Fields = []wire.Field{{Name: "clusterName", Value: cluster}}
	return e
}

func badParameter(format string, args ...any) *wire.Error {
	return wire.Errorf("InvalidParameterException", format, args...)
}
