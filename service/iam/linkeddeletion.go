package iam

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/store"
	"bartizan.dev/wire"
	"bartizan.dev/work"
)

// deletion is a request to delete a service-linked role, kept below the
// account's id and its own, and how it went.
type deletion struct {
	Account, Task, Role string // Role is the unique id
	Name                string
	Status              iamapi.DeletionTaskStatusType
	Reason              string      `json:",omitzero"`
	Uses                []LinkedUse `json:",omitzero"`
}

// LinkedUse says where a service still needs its service-linked role.
type LinkedUse struct {
	Region    string
	Resources []string // ARNs
}

// taskKept is how long a finished deletion can be asked about. AWS does not say.
const taskKept = 7 * 24 * time.Hour

// newUUID makes a random UUID (RFC 9562, version 4).
func newUUID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails: see crypto/rand
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// splitTask reads service and role name out of a deletion task's id.
func splitTask(id string) (service, name string, ok bool) {
	f := strings.Split(id, "/")
	if len(f) != 5 || f[0] != "task" || f[1] != "aws-service-role" || f[2] == "" || f[3] == "" || f[4] == "" {
		return "", "", false
	}
	return f[2], f[3], true
}

// DeleteServiceLinkedRole asks for the deletion of a service-linked role. While
// one is under way, asking again returns the same task.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteServiceLinkedRole.html
func (s *Service) DeleteServiceLinkedRole(ctx context.Context, in *iamapi.DeleteServiceLinkedRoleRequest) (*iamapi.DeleteServiceLinkedRoleResponse, error) {
	var task string
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		ro, err := s.role(ctx, tx, in.RoleName)
		if err != nil {
			return err
		}
		service := ro.principalOf()
		if service == "" {
			return noSuch("role", in.RoleName)
		}
		old, err := s.deletions.OneBy(ctx, tx, "pending", ro.ID)
		if err == nil {
			task = old.Value.Task
			return nil
		} else if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		task = "task/aws-service-role/" + service + "/" + ro.Name + "/" + newUUID()
		id := ro.Account + "/" + task
		d := &deletion{Account: ro.Account, Task: task, Role: ro.ID, Name: ro.Name, Status: iamapi.DeletionTaskStatusType_IN_PROGRESS}
		if err := s.deletions.Insert(ctx, tx, id, d); err != nil {
			return err
		}
		return s.later(ctx, tx, jobUnlink, id, 0)
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.DeleteServiceLinkedRoleResponse{DeletionTaskId: task}, nil
}

// GetServiceLinkedRoleDeletionStatus tells how a deletion went.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetServiceLinkedRoleDeletionStatus.html
func (s *Service) GetServiceLinkedRoleDeletionStatus(ctx context.Context, in *iamapi.GetServiceLinkedRoleDeletionStatusRequest) (*iamapi.GetServiceLinkedRoleDeletionStatusResponse, error) {
	if _, _, ok := splitTask(in.DeletionTaskId); !ok {
		return nil, invalidInput("The specified value for deletionTaskId is invalid: %s", in.DeletionTaskId)
	}
	d, err := s.deletions.Get(ctx, s.Store, accountOf(ctx)+"/"+in.DeletionTaskId)
	d, err = found(d, err, wire.Errorf("NoSuchEntity", "The deletion task with id %s cannot be found.", in.DeletionTaskId).WithStatus(404))
	if err != nil {
		return nil, err
	}
	out := &iamapi.GetServiceLinkedRoleDeletionStatusResponse{Status: d.Status}
	if d.Status == iamapi.DeletionTaskStatusType_FAILED {
		out.Reason = &iamapi.DeletionTaskFailureReasonType{Reason: &d.Reason}
		for _, u := range d.Uses {
			out.Reason.RoleUsageList = append(out.Reason.RoleUsageList, iamapi.RoleUsageType{Region: &u.Region, Resources: u.Resources})
		}
	}
	return out, nil
}

// unlink does what DeleteServiceLinkedRole asked for: it asks the service
// whether it still needs the role, and deletes the role if not.
func (s *Service) unlink(ctx context.Context, j work.Job) (func(store.Tx) error, error) {
	d, err := s.deletions.Get(ctx, s.Store, j.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	service, _, _ := splitTask(d.Task)
	var uses []LinkedUse
	if s.LinkedUses != nil {
		if uses, err = s.LinkedUses(ctx, d.Account, service); err != nil {
			return nil, fmt.Errorf("iam: uses of the role %s: %w", d.Name, err)
		}
	}
	return func(tx store.Tx) error {
		d, err := s.deletions.Get(ctx, tx, j.ID)
		if err != nil {
			return err
		}
		d.Status = iamapi.DeletionTaskStatusType_SUCCEEDED
		if len(uses) > 0 {
			d.Status, d.Uses = iamapi.DeletionTaskStatusType_FAILED, uses
			d.Reason = "A service-linked role is required for the service " + service + " to manage its resources, which must be removed first."
		} else if err := s.dropRole(ctx, tx, d); err != nil {
			return err
		}
		if err := s.deletions.Put(ctx, tx, j.ID, d); err != nil {
			return err
		}
		return s.later(ctx, tx, jobForget, j.ID, taskKept)
	}, nil
}

// dropRole deletes the role of a deletion; one of the same name that was made
// since stays.
func (s *Service) dropRole(ctx context.Context, tx store.Tx, d *deletion) error {
	id := recordID(d.Account, d.Name)
	ro, err := s.roles.Get(ctx, tx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	if ro.ID != d.Role {
		return nil
	}
	if err := s.count(ctx, tx, d.Account, func(c *counts) error { c.Roles--; return nil }); err != nil {
		return err
	}
	if err := s.uses.Delete(ctx, tx, ro.ID); err != nil {
		return err
	}
	if err := s.access.Delete(ctx, tx, ro.Account+"/"+ro.ID); err != nil {
		return err
	}
	return s.roles.Delete(ctx, tx, id)
}

// forget removes a finished deletion.
func (s *Service) forget(ctx context.Context, tx store.Tx, j work.Job) error {
	return s.deletions.Delete(ctx, tx, j.ID)
}

func deletions() store.Collection[deletion] {
	return store.Collection[deletion]{Name: "deletion", Indexes: []store.Index[deletion]{
		{Name: "pending", Keys: func(d *deletion) []string {
			if d.Status != iamapi.DeletionTaskStatusType_IN_PROGRESS {
				return nil
			}
			return []string{d.Role}
		}},
	}}
}
