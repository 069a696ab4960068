// Package eksauth is Amazon EKS Auth: the pod identity agent of a node shows the
// token of a pod's service account and gets credentials of the role that is
// associated with it.
package eksauth

import (
	"context"
	"time"

	eksauthapi "bartizan.dev/api/eksauth"
	stsapi "bartizan.dev/api/sts"
	"bartizan.dev/caller"
	"bartizan.dev/oidc"
	"bartizan.dev/wire"
)

// principal is who assumes the roles, and the audience of the tokens.
const principal = "pods.eks.amazonaws.com"

// Deps is all the service may touch.
type Deps struct {
	// Verify checks the signature of a service account's token by the keys of a
	// cluster. It returns ErrNoIssuer for a cluster whose keys are not known.
	Verify func(ctx context.Context, cluster Cluster, token *oidc.Unverified) (oidc.Claims, error)
	// Association returns what is associated with a service account; nil: nothing.
	Association func(ctx context.Context, cluster Cluster, namespace, serviceAccount string) (*Association, error)
	// Session opens temporary credentials that STS has just given out.
	Session func(ctx context.Context, accessKey, token string) (caller.Identity, error)
	Inner   wire.Door // to STS, as pods.eks.amazonaws.com
	Now     func() time.Time
}

// Cluster is a cluster by what its ARN says.
type Cluster struct{ Account, Region, Name string }

// Association is a pod identity association.
type Association struct {
	ARN, ID      string
	Role, Target string // ARNs; Target may be empty
	ExternalID   string
	Policy       string // inline session policy, or empty
	NoTags       bool
}

// Service answers the one operation of EKS Auth.
type Service struct {
	eksauthapi.Unimplemented
	Deps
	sts stsapi.Client
}

var _ eksauthapi.Server = (*Service)(nil)

// New returns the service.
func New(d Deps) *Service { return &Service{Deps: d, sts: stsapi.Client{Door: d.Inner}} }
