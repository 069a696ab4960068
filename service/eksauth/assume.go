package eksauth

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"time"

	eksauthapi "bartizan.dev/api/eksauth"
	stsapi "bartizan.dev/api/sts"
	"bartizan.dev/caller"
	"bartizan.dev/wire"
)

// AssumeRoleForPodIdentity gives a pod credentials of the role that is
// associated with its service account.
// https://docs.aws.amazon.com/eks/latest/APIReference/API_auth_AssumeRoleForPodIdentity.html
func (s *Service) AssumeRoleForPodIdentity(ctx context.Context, in *eksauthapi.AssumeRoleForPodIdentityRequest) (*eksauthapi.AssumeRoleForPodIdentityResponse, error) {
	cluster := clusterOf(ctx, in.ClusterName)
	p, err := s.verify(ctx, cluster, in.Token)
	if err != nil {
		return nil, err
	}
	if in.EksNodeName != nil && p.node != "" && *in.EksNodeName != p.node {
		return nil, wire.Errorf("InvalidParameterException", "The token is of a pod on another node than %s.", *in.EksNodeName)
	}
	a, err := s.Association(ctx, cluster, p.namespace, p.serviceAccount)
	if err != nil {
		return nil, err
	}
	if a == nil {
		return nil, wire.Errorf("ResourceNotFoundException", "No pod identity association found for the service account %s in namespace %s of cluster %s.",
			p.serviceAccount, p.namespace, cluster.Name).WithStatus(404)
	}
	got, err := s.assume(ctx, cluster, p, a)
	if err != nil {
		return nil, assumeError(err)
	}
	return &eksauthapi.AssumeRoleForPodIdentityResponse{
		Subject: &eksauthapi.Subject{Namespace: p.namespace, ServiceAccount: p.serviceAccount}, Audience: principal,
		PodIdentityAssociation: &eksauthapi.PodIdentityAssociation{AssociationArn: a.ARN, AssociationId: a.ID},
		AssumedRoleUser:        &eksauthapi.AssumedRoleUser{Arn: got.AssumedRoleUser.Arn, AssumeRoleId: got.AssumedRoleUser.AssumedRoleId},
		Credentials: &eksauthapi.Credentials{
			AccessKeyId: got.Credentials.AccessKeyId, SecretAccessKey: got.Credentials.SecretAccessKey,
			SessionToken: got.Credentials.SessionToken, Expiration: got.Credentials.Expiration,
		},
	}, nil
}

// assume assumes the role and, if there is one, from it the target role. A
// policy bounds the last of them.
// https://docs.aws.amazon.com/eks/latest/userguide/pod-id-assign-target-role.html
func (s *Service) assume(ctx context.Context, cluster Cluster, p *pod, a *Association) (*stsapi.AssumeRoleResponse, error) {
	ask := &stsapi.AssumeRoleRequest{RoleArn: a.Role, RoleSessionName: sessionName(cluster.Name, p.name)}
	if !a.NoTags {
		ask.Tags = sessionTags(cluster, p)
		for _, t := range ask.Tags {
			ask.TransitiveTagKeys = append(ask.TransitiveTagKeys, t.Key)
		}
	}
	if a.Target == "" && a.Policy != "" {
		ask.Policy = &a.Policy
	}
	got, err := s.sts.AssumeRole(s.asService(ctx, cluster), ask)
	if err != nil || a.Target == "" {
		return got, err
	}
	id, err := s.Session(ctx, got.Credentials.AccessKeyId, got.Credentials.SessionToken)
	if err != nil {
		return nil, err
	}
	call := *caller.From(ctx)
	call.Identity, call.Time = id, s.Now()
	next := &stsapi.AssumeRoleRequest{RoleArn: a.Target, RoleSessionName: ask.RoleSessionName, ExternalId: &a.ExternalID}
	if a.Policy != "" {
		next.Policy = &a.Policy
	}
	return s.sts.AssumeRole(caller.With(ctx, &call), next)
}

// asService is the context in which EKS assumes a role for a cluster's pods.
func (s *Service) asService(ctx context.Context, cluster Cluster) context.Context {
	call := caller.From(ctx)
	out := caller.AsService(ctx, principal, cluster.Account, cluster.Region, s.Now())
	inner := caller.From(out)
	inner.RequestID, inner.Source, inner.UserAgent, inner.TLS = call.RequestID, call.Source, call.UserAgent, call.TLS
	inner.Identity.Session = &caller.Session{Issued: s.Now().Truncate(time.Second), Keys: []caller.Tag{
		{Key: "aws:SourceArn", Value: cluster.ARN()}, {Key: "aws:SourceAccount", Value: cluster.Account},
	}}
	return out
}

// sessionTags are the six tags of EKS Pod Identity. A token that is bound to no
// pod has no name of one.
// https://docs.aws.amazon.com/eks/latest/userguide/pod-id-abac.html#pod-id-abac-tags
func sessionTags(cluster Cluster, p *pod) []stsapi.Tag {
	var out []stsapi.Tag
	for _, t := range []stsapi.Tag{
		{Key: "eks-cluster-arn", Value: cluster.ARN()}, {Key: "eks-cluster-name", Value: cluster.Name},
		{Key: "kubernetes-namespace", Value: p.namespace}, {Key: "kubernetes-service-account", Value: p.serviceAccount},
		{Key: "kubernetes-pod-name", Value: p.name}, {Key: "kubernetes-pod-uid", Value: p.uid},
	} {
		if t.Value != "" {
			out = append(out, t)
		}
	}
	return out
}

// sessionName is eks-clustername-podname-UUID within the 64 characters of a
// session name.
func sessionName(cluster, pod string) string {
	var b [16]byte
	rand.Read(b[:]) // never fails: see crypto/rand
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	id := h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
	return "eks-" + cluster[:min(len(cluster), 10)] + "-" + pod[:min(len(pod), 12)] + "-" + id
}

// assumeError is the answer when a role cannot be assumed.
func assumeError(err error) error {
	e, ok := errors.AsType[*wire.Error](err)
	switch {
	case !ok || e.Fault:
		return err
	case e.Code == "AccessDenied":
		return wire.Errorf("AccessDeniedException", "%s", e.Message).With(err)
	}
	return wire.Errorf("InvalidRequestException", "%s", e.Message).With(err)
}
