package eks

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"regexp"

	eksapi "bartizan.dev/api/eks"
	"bartizan.dev/arn"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// maxAssociations is AWS's quota per cluster.
// https://docs.aws.amazon.com/eks/latest/userguide/service-quotas.html
const maxAssociations = 5000

// Names: a cluster's as CreateCluster has it, the others as Kubernetes does
// (RFC 1123 label and subdomain).
// https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateCluster.html
var (
	clusterName    = regexp.MustCompile(`^[0-9A-Za-z][A-Za-z0-9_-]{0,99}$`)
	namespaceName  = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)
	serviceAccName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)
)

// CreatePodIdentityAssociation gives the pods of a service account a role.
// https://docs.aws.amazon.com/eks/latest/APIReference/API_CreatePodIdentityAssociation.html
func (s *Service) CreatePodIdentityAssociation(ctx context.Context, in *eksapi.CreatePodIdentityAssociationRequest) (*eksapi.CreatePodIdentityAssociationResponse, error) {
	at, now := placeOf(ctx), s.Now().UTC()
	a := &association{
		ID: newID(), Account: at.account, Region: at.region, Cluster: in.ClusterName, Namespace: in.Namespace, ServiceAccount: in.ServiceAccount,
		Role: in.RoleArn, Target: deref(in.TargetRoleArn), Policy: deref(in.Policy), Tags: in.Tags, Created: now, Modified: now,
		NoTags: in.DisableSessionTags != nil && *in.DisableSessionTags, Token: deref(in.ClientRequestToken),
	}
	if err := a.check(); err != nil {
		return nil, err
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	asked, err := json.Marshal([]any{a.Cluster, a.Namespace, a.ServiceAccount, a.Role, a.Target, a.Policy, a.NoTags, a.Tags})
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(asked)
	a.Asked = hex.EncodeToString(digest[:])
	out := a
	_, err = s.Store.Update(ctx, func(tx store.Tx) (err error) {
		out, err = s.create(ctx, tx, a)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &eksapi.CreatePodIdentityAssociationResponse{Association: detail(out)}, nil
}

// create writes an association; of a call that is repeated with its token it
// returns what the first one made.
func (s *Service) create(ctx context.Context, tx store.Tx, a *association) (*association, error) {
	if a.Token != "" {
		e, err := s.associations.OneBy(ctx, tx, "token", a.place().cluster(a.Cluster)+a.Token)
		switch {
		case err == nil && e.Value.Asked == a.Asked:
			return e.Value, nil
		case err == nil:
			return nil, badParameter("The client request token was used before, with other parameters.")
		case !errors.Is(err, store.ErrNotFound):
			return nil, err
		}
	}
	ids, err := s.associations.By(ctx, tx, "pods", a.place().pods(a.Cluster, a.Namespace, a.ServiceAccount), "", 1)
	if err != nil {
		return nil, err
	}
	if len(ids) > 0 {
		return nil, about(a.Cluster, wire.Errorf("ResourceInUseException", "Association already exists: %s", ids[0][len(a.place().cluster(a.Cluster)):]).WithStatus(409))
	}
	have, err := s.associations.List(ctx, tx, a.place().cluster(a.Cluster), "", maxAssociations)
	if err != nil {
		return nil, err
	}
	if len(have) >= maxAssociations {
		return nil, about(a.Cluster, wire.Errorf("ResourceLimitExceededException", "The cluster has reached its limit of %d pod identity associations.", maxAssociations))
	}
	return a, s.associations.Insert(ctx, tx, a.key(), a)
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// check refuses what no pod could use.
func (a *association) check() error {
	switch {
	case !clusterName.MatchString(a.Cluster):
		return badParameter("The cluster name %q is not valid.", a.Cluster)
	case !namespaceName.MatchString(a.Namespace):
		return badParameter("The namespace %q is not valid.", a.Namespace)
	case len(a.ServiceAccount) > 253 || !serviceAccName.MatchString(a.ServiceAccount):
		return badParameter("The service account %q is not valid.", a.ServiceAccount)
	case a.Policy != "" && !a.NoTags:
		return badParameter("A policy needs disableSessionTags.")
	}
	if role, err := arn.Parse(a.Role); err != nil || !isRole(role) {
		return badParameter("The role ARN %q is not valid.", a.Role)
	} else if role.Account != a.Account {
		return badParameter("The role must be in the account of the cluster.")
	}
	if a.Target != "" {
		if target, err := arn.Parse(a.Target); err != nil || !isRole(target) {
			return badParameter("The target role ARN %q is not valid.", a.Target)
		}
	}
	if a.Policy == "" {
		return nil
	}
	doc, err := policy.Parse([]byte(a.Policy))
	if err == nil {
		err = doc.Check(policy.Session)
	}
	if err != nil {
		return badParameter("The policy is not valid: %s", err)
	}
	return nil
}

func isRole(a arn.ARN) bool {
	kind, name := a.Type()
	return a.Service == "iam" && arn.IsAccount(a.Account) && kind == "role" && name != ""
}

// DescribePodIdentityAssociation tells about an association.
// https://docs.aws.amazon.com/eks/latest/APIReference/API_DescribePodIdentityAssociation.html
func (s *Service) DescribePodIdentityAssociation(ctx context.Context, in *eksapi.DescribePodIdentityAssociationRequest) (*eksapi.DescribePodIdentityAssociationResponse, error) {
	a, err := s.find(ctx, s.Store, in.ClusterName, in.AssociationId)
	if err != nil {
		return nil, err
	}
	return &eksapi.DescribePodIdentityAssociationResponse{Association: detail(a)}, nil
}

func (s *Service) find(ctx context.Context, r store.Reader, cluster, id string) (*association, error) {
	a, err := s.associations.Get(ctx, r, placeOf(ctx).cluster(cluster)+id)
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrNUL) {
		return nil, about(cluster, wire.Errorf("ResourceNotFoundException", "No pod identity association found for id: %s.", id).WithStatus(404))
	}
	return a, err
}

// DeletePodIdentityAssociation takes the role away from the pods. Sessions they
// have last until their end.
// https://docs.aws.amazon.com/eks/latest/APIReference/API_DeletePodIdentityAssociation.html
func (s *Service) DeletePodIdentityAssociation(ctx context.Context, in *eksapi.DeletePodIdentityAssociationRequest) (*eksapi.DeletePodIdentityAssociationResponse, error) {
	var gone *association
	_, err := s.Store.Update(ctx, func(tx store.Tx) (err error) {
		if gone, err = s.find(ctx, tx, in.ClusterName, in.AssociationId); err != nil {
			return err
		}
		return s.associations.Delete(ctx, tx, gone.key())
	})
	if err != nil {
		return nil, err
	}
	return &eksapi.DeletePodIdentityAssociationResponse{Association: detail(gone)}, nil
}

const maxPage = 100

// ListPodIdentityAssociations lists a cluster's associations, of a namespace or
// a service account if they are given.
// https://docs.aws.amazon.com/eks/latest/APIReference/API_ListPodIdentityAssociations.html
func (s *Service) ListPodIdentityAssociations(ctx context.Context, in *eksapi.ListPodIdentityAssociationsRequest) (*eksapi.ListPodIdentityAssociationsResponse, error) {
	prefix, after, n := placeOf(ctx).cluster(in.ClusterName), "", maxPage
	if in.MaxResults != nil {
		n = int(*in.MaxResults)
	}
	if in.NextToken != nil {
		raw, err := base64.RawURLEncoding.DecodeString(*in.NextToken)
		if err != nil || len(raw) == 0 {
			return nil, badParameter("The next token is not valid.")
		}
		after = prefix + string(raw)
	}
	out := &eksapi.ListPodIdentityAssociationsResponse{Associations: []eksapi.PodIdentityAssociationSummary{}}
	for last := ""; ; {
		entries, err := s.associations.List(ctx, s.Store, prefix, after, maxPage+1)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			after = e.ID
			a := e.Value
			if in.Namespace != nil && *in.Namespace != a.Namespace || in.ServiceAccount != nil && *in.ServiceAccount != a.ServiceAccount {
				continue
			}
			if len(out.Associations) == n {
				out.NextToken = new(base64.RawURLEncoding.EncodeToString([]byte(last)))
				return out, nil
			}
			last = a.ID
			out.Associations = append(out.Associations, eksapi.PodIdentityAssociationSummary{
				ClusterName: &a.Cluster, Namespace: &a.Namespace, ServiceAccount: &a.ServiceAccount, AssociationArn: new(a.arn()), AssociationId: &a.ID,
			})
		}
		if len(entries) <= maxPage {
			return out, nil
		}
	}
}

func detail(a *association) *eksapi.PodIdentityAssociation {
	out := &eksapi.PodIdentityAssociation{
		ClusterName: &a.Cluster, Namespace: &a.Namespace, ServiceAccount: &a.ServiceAccount, RoleArn: &a.Role,
		AssociationArn: new(a.arn()), AssociationId: &a.ID, Tags: maps.Clone(a.Tags), CreatedAt: a.Created, ModifiedAt: a.Modified,
		DisableSessionTags: new(a.NoTags),
	}
	if out.Tags == nil {
		out.Tags = map[string]string{}
	}
	if a.Target != "" {
		out.TargetRoleArn, out.ExternalId = &a.Target, new(a.externalID())
	}
	if a.Policy != "" {
		out.Policy = &a.Policy
	}
	return out
}
