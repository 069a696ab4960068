package secretsmanager

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"

	secretsmanagerapi "bartizan.dev/api/secretsmanager"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// ReplicateSecretToRegions copies a secret to other Regions, each copy sealed
// under a key of its Region with the rights of the caller. It is done when the
// answer is sent. For a Region where it has failed, the call tries again.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ReplicateSecretToRegions.html
func (s *Service) ReplicateSecretToRegions(ctx context.Context, in *secretsmanagerapi.ReplicateSecretToRegionsRequest) (*secretsmanagerapi.ReplicateSecretToRegionsResponse, error) {
	was, err := s.writableValue(ctx, in.SecretId)
	if err != nil {
		return nil, err
	}
	if err := checkRegions(was, in.AddReplicaRegions); err != nil {
		return nil, err
	}
	v, err := s.replicate(ctx, was, in.AddReplicaRegions, on(in.ForceOverwriteReplicaSecret))
	if err != nil {
		return nil, err
	}
	out := &secretsmanagerapi.ReplicateSecretToRegionsResponse{ARN: new(v.arn())}
	out.ReplicationStatus, err = s.replication(ctx, v)
	return out, err
}

// maxReplicas bounds what one call can begin; AWS has fewer Regions.
const maxReplicas = 50

func checkRegions(v *secret, list []secretsmanagerapi.ReplicaRegionType) error {
	if len(v.Replicas)+len(list) > maxReplicas {
		return limitExceeded("A secret can have at most %d replicas.", maxReplicas)
	}
	seen := map[string]bool{}
	for _, r := range list {
		switch {
		case r.Region == nil || *r.Region == v.Region:
			return invalidParameter("Invalid replica region.")
		case seen[*r.Region]:
			return invalidParameter("The replica region %s is given more than once.", *r.Region)
		}
		seen[*r.Region] = true
	}
	return nil
}

// draft is a replica on its way: the record, its values, or why there is none.
type draft struct {
	*secret
	boxes  map[string]*sealed
	failed string
}

func (s *Service) replicate(ctx context.Context, was *secret, list []secretsmanagerapi.ReplicaRegionType, force bool) (*secret, error) {
	for range 3 {
		v, err := s.tryReplicate(ctx, was, list, force)
		if !errors.Is(err, errAgain) {
			return v, err
		}
		if was, err = s.same(ctx, s.Store, was); err != nil {
			return nil, err
		}
	}
	return nil, invalidRequest("The secret is being changed by others. Try again.")
}

func (s *Service) tryReplicate(ctx context.Context, was *secret, list []secretsmanagerapi.ReplicaRegionType, force bool) (*secret, error) {
	values, err := s.labelled(ctx, was)
	if err != nil {
		return nil, err
	}
	var drafts []*draft
	for _, r := range list {
		d := &draft{boxes: map[string]*sealed{}, secret: &secret{
			Account: was.Account, Region: *r.Region, Name: was.Name, UID: rand.Text(), Suffix: was.Suffix, Created: s.now(),
			KMSKey: ownKey(place{was.Account, *r.Region}, r.KmsKeyId), Primary: was.Region, Origin: was.Region,
		}}
		for id, p := range values {
			box, err := s.seal(ctx, d.secret, id, p)
			if err != nil {
				d.failed = failure(err)
				break
			}
			d.boxes[id] = box
		}
		drafts = append(drafts, d)
	}
	return s.change(ctx, was, func(tx store.Tx, v *secret) error {
		for i := range v.Versions {
			if x := &v.Versions[i]; len(x.Stages) > 0 && !x.Empty && values[x.ID] == nil {
				return errAgain
			}
		}
		v.Origin = v.Region
		for _, d := range drafts {
			if err := s.plant(ctx, tx, v, d, force); err != nil {
				return err
			}
		}
		return nil
	})
}

// labelled opens the values of the versions that have labels.
func (s *Service) labelled(ctx context.Context, v *secret) (map[string]*plain, error) {
	out := map[string]*plain{}
	for i := range v.Versions {
		x := &v.Versions[i]
		if x.Empty || len(x.Stages) == 0 {
			continue
		}
		box, err := s.load(ctx, s.Store, v, x.ID)
		if err != nil {
			return nil, err
		}
		if out[x.ID], err = s.open(ctx, v, x.ID, box); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// failure is what ReplicationStatus tells of an error.
func failure(err error) string { return "Replication failed: " + wire.AsError(err).Message }

// plant writes a replica, unless its name is taken.
func (s *Service) plant(ctx context.Context, tx store.Tx, v *secret, d *draft, force bool) error {
	state := replica{Region: d.Region, KMSKey: d.KMSKey, Failed: d.failed != "", Message: d.failed}
	old, err := s.secrets.Get(ctx, tx, d.key())
	switch {
	case errors.Is(err, store.ErrNotFound):
		old = nil
	case err != nil:
		return err
	}
	if old != nil && old.Primary != v.Region && !state.Failed {
		switch {
		case !force:
			state.Failed, state.Message = true, "Replication failed: Secret name "+v.Name+" already exists in region "+d.Region+"."
		case len(old.Replicas) > 0 || old.Primary != "":
			state.Failed, state.Message = true, "Replication failed: The secret "+v.Name+" in region "+d.Region+" is replicated itself."
		}
	}
	if i := slices.IndexFunc(v.Replicas, func(r replica) bool { return r.Region == d.Region }); i >= 0 {
		v.Replicas[i] = state
	} else {
		v.Replicas = append(v.Replicas, state)
	}
	if state.Failed {
		return nil
	}
	if old != nil {
		if err := s.erase(ctx, tx, old); err != nil {
			return err
		}
	}
	for id, box := range d.boxes {
		d.Versions = append(d.Versions, version{ID: id, Key: d.shownKey(box)})
		if err := s.values.Put(ctx, tx, d.valueKey(id), box); err != nil {
			return err
		}
	}
	if err := s.counted(ctx, tx, d.place(), 1); err != nil {
		return err
	}
	return s.secrets.Put(ctx, tx, d.key(), d.secret) // save mirrors what is missing
}

// ofReplica tells a replica's primary of its new key.
func (s *Service) ofReplica(ctx context.Context, tx store.Tx, v *secret) error {
	if v.Primary == "" {
		return nil
	}
	p, err := s.secrets.Get(ctx, tx, place{v.Account, v.Primary}.key(v.Name))
	if errors.Is(err, store.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	for i := range p.Replicas {
		if p.Replicas[i].Region == v.Region {
			p.Replicas[i].KMSKey = v.KMSKey
		}
	}
	return s.secrets.Put(ctx, tx, p.key(), p)
}

func (v *secret) regions() []string {
	var out []string
	for i := range v.Replicas {
		out = append(out, v.Replicas[i].Region)
	}
	return out
}

// RemoveRegionsFromReplication deletes replicas.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_RemoveRegionsFromReplication.html
func (s *Service) RemoveRegionsFromReplication(ctx context.Context, in *secretsmanagerapi.RemoveRegionsFromReplicationRequest) (*secretsmanagerapi.RemoveRegionsFromReplicationResponse, error) {
	was, err := s.writable(ctx, in.SecretId)
	if err != nil {
		return nil, err
	}
	v, err := s.change(ctx, was, func(tx store.Tx, v *secret) error {
		for _, region := range in.RemoveReplicaRegions {
			i := slices.IndexFunc(v.Replicas, func(r replica) bool { return r.Region == region })
			if i < 0 {
				return invalidParameter("The secret is not replicated to the region %s.", region)
			}
			v.Replicas = slices.Delete(v.Replicas, i, i+1)
			r, err := s.secrets.Get(ctx, tx, place{v.Account, region}.key(v.Name))
			if errors.Is(err, store.ErrNotFound) || err == nil && r.Primary != v.Region {
				continue // replication had failed
			} else if err != nil {
				return err
			}
			if err := s.erase(ctx, tx, r); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := &secretsmanagerapi.RemoveRegionsFromReplicationResponse{ARN: new(v.arn())}
	out.ReplicationStatus, err = s.replication(ctx, v)
	return out, err
}

// StopReplicationToReplica makes a replica a secret of its own, in its Region or
// account.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_StopReplicationToReplica.html
func (s *Service) StopReplicationToReplica(ctx context.Context, in *secretsmanagerapi.StopReplicationToReplicaRequest) (*secretsmanagerapi.StopReplicationToReplicaResponse, error) {
	was, err := s.active(ctx, in.SecretId)
	if err != nil {
		return nil, err
	}
	if was.Primary == "" && was.From == nil {
		return nil, invalidRequest("Operation only permitted on a replica secret. Call must be made in replica secret's region.")
	}
	_, err = s.change(ctx, was, func(tx store.Tx, v *secret) error {
		if v.From != nil {
			return s.leave(ctx, tx, v)
		}
		p, err := s.secrets.Get(ctx, tx, place{v.Account, v.Primary}.key(v.Name))
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if err == nil {
			p.Replicas = slices.DeleteFunc(p.Replicas, func(r replica) bool { return r.Region == v.Region })
			if err := s.secrets.Put(ctx, tx, p.key(), p); err != nil {
				return err
			}
		}
		v.Primary, v.Origin = "", ""
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &secretsmanagerapi.StopReplicationToReplicaResponse{ARN: new(was.arn())}, nil
}
