package secretsmanager

import (
	"context"
	"strings"

	secretsmanagerapi "bartizan.dev/api/secretsmanager"
	"bartizan.dev/arn"
	"bartizan.dev/caller"
	"bartizan.dev/store"
)

// Secrets are replicated to one other account: its owner makes the replica,
// naming the primary, and the primary's owner associates it. From then on each
// change of the primary's values is copied, sealed under the replica's key.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/cross-account-replicate-secrets.html

// link is what each side of a cross-account replication knows of the other.
type link struct {
	ARN     string // of the other secret
	Role    string `json:",omitzero"` // of a primary: who copies; empty: the caller who changes the value
	Status  secretsmanagerapi.StatusType
	Message string `json:",omitzero"`
}

// live reports whether values are to be copied.
func (l *link) live() bool { return l != nil && l.Status != secretsmanagerapi.StatusType_Detached }

// stillHolds reports whether the link is the one that was read before.
func (l *link) stillHolds(o *link) bool {
	return l.live() && o != nil && l.ARN == o.ARN && l.Role == o.Role
}

func (l *link) set(status secretsmanagerapi.StatusType, message string) {
	l.Status, l.Message = status, message
}

var (
	errCopied     = invalidRequest("Operation not permitted on a cross-account replica secret. Change the primary secret, or stop the replication with StopReplicationToReplica.")
	errOwnReplica = invalidParameter("You must specify a customer managed KMS key for a cross-account replica secret: the AWS managed key aws/secretsmanager can't be used across accounts.")
	errNotOwner   = invalidRequest("You must call this operation from the account that owns the primary secret.")
	errOutside    = invalidRequest("The replica account isn't in the same organization as the primary account. To replicate to it all the same, set ReplicaRestriction to NoRestriction.")
	errRole       = invalidRequest("Secrets Manager can't assume the replication role. Its trust policy must allow sts:AssumeRole to secretsmanager.amazonaws.com.")
	errDeparted   = invalidRequest("The secret is no longer a replica of the primary secret.")
)

// writableValue is writable for operations that change values, or how they
// change: a replica in another account has those of its primary.
func (s *Service) writableValue(ctx context.Context, id string) (*secret, error) {
	v, err := s.writable(ctx, id)
	if err == nil && v.From != nil {
		return nil, errCopied
	}
	return v, err
}

// partner reads the complete ARN of a secret in another account, in the same
// Region and partition.
func partner(at place, name string) (secretID, error) {
	out := secretID{}
	a, err := arn.Parse(name)
	if err != nil || a.Partition != arn.Partition || a.Service != "secretsmanager" || !arn.IsAccount(a.Account) {
		return out, invalidParameter("Invalid secret ARN: %s", name)
	}
	resource, isSecret := strings.CutPrefix(a.Resource, "secret:")
	before, suffix, ok := cutSuffix(resource)
	switch {
	case !isSecret || !ok || checkName(before) != nil:
		return out, invalidParameter("Invalid secret ARN: %s", name)
	case a.Region != at.region:
		return out, invalidParameter("The primary and replica secrets must be in the same AWS Region.")
	case a.Account == at.account:
		return out, invalidParameter("The primary and replica secrets must be in different AWS accounts.")
	}
	return secretID{place{a.Account, a.Region}, before, suffix}, nil
}

// newReplica makes a secret that is being created a replica of one in another
// account. Whether there is such a secret, its owner's call will tell.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/cross-account-replicate-create.html
func (v *secret) newReplica(in *secretsmanagerapi.CreateSecretRequest) error {
	if in.CrossAccountPrimaryARN == nil {
		return nil
	}
	if in.SecretString != nil || in.SecretBinary != nil || in.Description != nil || in.AddReplicaRegions != nil || in.Type != nil {
		return invalidParameter("You can't specify SecretString, SecretBinary, Description, AddReplicaRegions, or Type for a cross-account replica secret.")
	}
	if _, err := partner(v.place(), *in.CrossAccountPrimaryARN); err != nil {
		return err
	}
	if v.KMSKey == "" {
		return errOwnReplica
	}
	v.From = &link{ARN: *in.CrossAccountPrimaryARN, Status: secretsmanagerapi.StatusType_Pending}
	return nil
}

// AssociateCrossAccountReplica links a primary to its replica in another account
// and copies what has labels. It can be called again to repair a replication.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_AssociateCrossAccountReplica.html
func (s *Service) AssociateCrossAccountReplica(ctx context.Context, in *secretsmanagerapi.AssociateCrossAccountReplicaRequest) (*secretsmanagerapi.AssociateCrossAccountReplicaResponse, error) {
	was, err := s.writableValue(ctx, in.SecretId)
	if err != nil {
		return nil, err
	}
	if caller.From(ctx).Identity.Account != was.Account {
		return nil, errNotOwner
	}
	r, err := s.replicaOf(ctx, was, in.CrossAccountReplicaARN)
	if err != nil {
		return nil, err
	}
	if err := s.allowed(ctx, was, r, in.ReplicaRestriction); err != nil {
		return nil, err
	}
	to := &link{ARN: r.arn(), Status: secretsmanagerapi.StatusType_InProgress}
	if in.ReplicationRoleARN != nil {
		to.Role = *in.ReplicationRoleARN
		if _, err := s.copier(ctx, was, to); err != nil {
			return nil, err
		}
	}
	if err := s.tryAcross(ctx, was, r); err != nil {
		return nil, err
	}
	v, err := s.change(ctx, was, func(tx store.Tx, v *secret) error {
		if v.Across != nil && v.Across.ARN != to.ARN {
			return tooManyReplicas()
		}
		now, err := s.linked(ctx, tx, v, r)
		if err != nil {
			return err
		}
		now.From.set(to.Status, "")
		v.Across = to
		return s.secrets.Put(ctx, tx, now.key(), now)
	})
	if err != nil {
		return nil, err
	}
	s.copyAcross(ctx, v)
	if v, err = s.same(ctx, s.Store, v); err != nil {
		return nil, err
	}
	out := &secretsmanagerapi.AssociateCrossAccountReplicaResponse{ARN: new(v.arn()), CrossAccountReplicaARN: &to.ARN}
	if v.Across != nil {
		out.ReplicationStatus = v.Across.Status
	}
	return out, nil
}

func tooManyReplicas() error {
	return limitExceeded("A primary secret can have at most one cross-account replica.")
}

// replicaOf is the replica that a call names: one that was made for this primary.
func (s *Service) replicaOf(ctx context.Context, was *secret, name string) (*secret, error) {
	ref, err := partner(was.place(), name)
	if err != nil {
		return nil, err
	}
	if was.Across != nil && was.Across.ARN != name {
		return nil, tooManyReplicas()
	}
	r, err := s.get(ctx, s.Store, ref)
	if err != nil {
		return nil, err
	}
	if r.From == nil || r.From.ARN != was.arn() {
		return nil, invalidRequest("The secret %s isn't a cross-account replica of the secret %s.", name, was.arn())
	}
	return r, nil
}

// linked is the replica within a transaction, if it still is one of this primary.
func (s *Service) linked(ctx context.Context, tx store.Reader, v, r *secret) (*secret, error) {
	now, err := s.same(ctx, tx, r)
	if is(err, errNotFound) || err == nil && (now.From == nil || now.From.ARN != v.arn()) {
		return nil, errDeparted
	}
	return now, err
}

// allowed checks ReplicaRestriction; SameOrg is the default.
func (s *Service) allowed(ctx context.Context, was, r *secret, restriction secretsmanagerapi.ReplicaRestrictionType) error {
	if restriction == secretsmanagerapi.ReplicaRestrictionType_NoRestriction {
		return nil
	}
	mine, err := s.Organization(ctx, was.Account)
	if err != nil {
		return err
	}
	other, err := s.Organization(ctx, r.Account)
	if err == nil && (mine == "" || mine != other) {
		err = errOutside
	}
	return err
}

// DisassociateCrossAccountReplica ends a replication from the primary's side. The
// replica keeps what it has.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DisassociateCrossAccountReplica.html
func (s *Service) DisassociateCrossAccountReplica(ctx context.Context, in *secretsmanagerapi.DisassociateCrossAccountReplicaRequest) (*secretsmanagerapi.DisassociateCrossAccountReplicaResponse, error) {
	was, err := s.writable(ctx, in.SecretId)
	if err != nil {
		return nil, err
	}
	if _, err := partner(was.place(), in.CrossAccountReplicaARN); err != nil {
		return nil, err
	}
	_, err = s.change(ctx, was, func(tx store.Tx, v *secret) error {
		if v.Across == nil || v.Across.ARN != in.CrossAccountReplicaARN {
			return invalidRequest("The secret %s isn't a cross-account replica of the secret %s.", in.CrossAccountReplicaARN, v.arn())
		}
		if err := s.setAcross(ctx, tx, v, secretsmanagerapi.StatusType_Detached, ""); err != nil {
			return err
		}
		v.Across = nil
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &secretsmanagerapi.DisassociateCrossAccountReplicaResponse{ARN: new(was.arn()), CrossAccountReplicaARN: &in.CrossAccountReplicaARN}, nil
}

// leave ends it from the replica's side: the replica becomes a secret of its own.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/cross-account-replicate-remove.html
func (s *Service) leave(ctx context.Context, tx store.Tx, v *secret) error {
	ref, err := partner(v.place(), v.From.ARN)
	if err != nil {
		return err
	}
	p, err := s.get(ctx, tx, ref)
	if ignoreMissing(err) != nil {
		return err
	}
	if err == nil && p.Across != nil && p.Across.ARN == v.arn() {
		p.Across.set(secretsmanagerapi.StatusType_Detached, "")
		if err := s.secrets.Put(ctx, tx, p.key(), p); err != nil {
			return err
		}
	}
	v.From = nil
	return nil
}
