package guardduty

import (
	"context"
	"errors"
	"maps"
	"strings"
	"time"

	guarddutyapi "bartizan.dev/api/guardduty"
	"bartizan.dev/arn"
	"bartizan.dev/store"
)

// plan is a malware protection plan of a bucket. It is kept, and says itself that
// nothing scans the bucket's objects.
type plan struct {
	ID, Role, Bucket string
	Place            place
	Prefixes         []string `json:",omitzero"`
	Tagging          guarddutyapi.MalwareProtectionPlanTaggingActionStatus
	Token            string            `json:",omitzero"`
	Tags             map[string]string `json:",omitzero"`
	Created          time.Time
}

func (p *plan) id() string { return p.Place.id() + "/" + p.ID }
func (p *plan) arn() string {
	return arn.New("guardduty", p.Place.Region, p.Place.Account, "malware-protection-plan/"+p.ID)
}

// planOf is the ARN of a plan of the caller's.
func planOf(ctx context.Context, id string) string {
	return (&plan{ID: id, Place: placeOf(ctx)}).arn()
}

// set checks and takes what a call says of a role, prefixes and tagging.
func (p *plan) set(role *string, prefixes []string, actions *guarddutyapi.MalwareProtectionPlanActions) error {
	if role != nil {
		a, err := arn.Parse(*role)
		if err != nil || a.Service != "iam" || !strings.HasPrefix(a.Resource, "role/") || a.Account != p.Place.Account {
			return invalid("role")
		}
		p.Role = *role
	}
	if prefixes != nil {
		p.Prefixes = prefixes
	}
	if actions != nil && actions.Tagging != nil && actions.Tagging.Status != "" {
		p.Tagging = actions.Tagging.Status
	}
	return nil
}

// CreateMalwareProtectionPlan keeps a plan for a bucket, which has at most one.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_CreateMalwareProtectionPlan.html
func (s *Service) CreateMalwareProtectionPlan(ctx context.Context, in *guarddutyapi.CreateMalwareProtectionPlanRequest) (*guarddutyapi.CreateMalwareProtectionPlanResponse, error) {
	p := &plan{ID: newID(), Place: placeOf(ctx), Token: text(in.ClientToken), Tags: maps.Clone(in.Tags), Tagging: guarddutyapi.MalwareProtectionPlanTaggingActionStatus_DISABLED, Created: s.now()}
	bucket := in.ProtectedResource.S3Bucket
	if bucket == nil || text(bucket.BucketName) == "" {
		return nil, invalid("protectedResource")
	}
	p.Bucket = *bucket.BucketName
	if err := p.set(&in.Role, bucket.ObjectPrefixes, in.Actions); err != nil {
		return nil, err
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		all, err := s.plans.List(ctx, tx, p.Place.id()+"/", "", 0)
		if err != nil {
			return err
		}
		for _, e := range all {
			switch old := e.Value; {
			case p.Token != "" && old.Token == p.Token:
				p = old // the same call again
				return nil
			case old.Bucket == p.Bucket:
				return rejected(invalidInput, "The request is rejected because a malware protection plan already exists for the bucket %s.", p.Bucket)
			}
		}
		return s.plans.Insert(ctx, tx, p.id(), p)
	})
	if err != nil {
		return nil, err
	}
	return &guarddutyapi.CreateMalwareProtectionPlanResponse{MalwareProtectionPlanId: &p.ID}, nil
}

// plan finds one of the caller's.
func (s *Service) plan(ctx context.Context, r store.Reader, id string) (*plan, error) {
	if !isID(id) {
		return nil, errNothing
	}
	p, err := s.plans.Get(ctx, r, placeOf(ctx).id()+"/"+id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, errNothing
	}
	return p, err
}

// GetMalwareProtectionPlan shows a plan.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_GetMalwareProtectionPlan.html
func (s *Service) GetMalwareProtectionPlan(ctx context.Context, in *guarddutyapi.GetMalwareProtectionPlanRequest) (*guarddutyapi.GetMalwareProtectionPlanResponse, error) {
	p, err := s.plan(ctx, s.Store, in.MalwareProtectionPlanId)
	if err != nil {
		return nil, err
	}
	return &guarddutyapi.GetMalwareProtectionPlanResponse{
		Arn: new(p.arn()), Role: &p.Role, CreatedAt: p.Created, Tags: p.Tags,
		ProtectedResource: &guarddutyapi.CreateProtectedResource{S3Bucket: &guarddutyapi.CreateS3BucketResource{BucketName: &p.Bucket, ObjectPrefixes: p.Prefixes}},
		Actions:           &guarddutyapi.MalwareProtectionPlanActions{Tagging: &guarddutyapi.MalwareProtectionPlanTaggingAction{Status: p.Tagging}},
		Status:            guarddutyapi.MalwareProtectionPlanStatus_WARNING,
		StatusReasons:     []guarddutyapi.MalwareProtectionPlanStatusReason{{Code: new("SCANNING_NOT_AVAILABLE"), Message: new("The plan is kept; nothing scans the objects of buckets here.")}},
	}, nil
}

// UpdateMalwareProtectionPlan changes a plan.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_UpdateMalwareProtectionPlan.html
func (s *Service) UpdateMalwareProtectionPlan(ctx context.Context, in *guarddutyapi.UpdateMalwareProtectionPlanRequest) (*guarddutyapi.UpdateMalwareProtectionPlanOutput, error) {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		p, err := s.plan(ctx, tx, in.MalwareProtectionPlanId)
		if err != nil {
			return err
		}
		var prefixes []string
		if r := in.ProtectedResource; r != nil && r.S3Bucket != nil {
			prefixes = r.S3Bucket.ObjectPrefixes
		}
		if err := p.set(in.Role, prefixes, in.Actions); err != nil {
			return err
		}
		return s.plans.Put(ctx, tx, p.id(), p)
	})
	if err != nil {
		return nil, err
	}
	return &guarddutyapi.UpdateMalwareProtectionPlanOutput{}, nil
}

// DeleteMalwareProtectionPlan removes a plan.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_DeleteMalwareProtectionPlan.html
func (s *Service) DeleteMalwareProtectionPlan(ctx context.Context, in *guarddutyapi.DeleteMalwareProtectionPlanRequest) (*guarddutyapi.DeleteMalwareProtectionPlanOutput, error) {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		p, err := s.plan(ctx, tx, in.MalwareProtectionPlanId)
		if err != nil {
			return err
		}
		return s.plans.Delete(ctx, tx, p.id())
	})
	if err != nil {
		return nil, err
	}
	return &guarddutyapi.DeleteMalwareProtectionPlanOutput{}, nil
}

// ListMalwareProtectionPlans lists the plans of an account in a Region.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_ListMalwareProtectionPlans.html
func (s *Service) ListMalwareProtectionPlans(ctx context.Context, in *guarddutyapi.ListMalwareProtectionPlansRequest) (*guarddutyapi.ListMalwareProtectionPlansResponse, error) {
	pg, err := newPage(nil, in.NextToken)
	if err != nil {
		return nil, err
	}
	home := placeOf(ctx).id() + "/"
	after := ""
	if pg.after != "" {
		after = home + pg.after
	}
	all, err := s.plans.List(ctx, s.Store, home, after, pg.limit+1)
	if err != nil {
		return nil, err
	}
	all, next := cut(all, pg, func(e *store.Entry[plan]) string { return e.Value.ID })
	out := &guarddutyapi.ListMalwareProtectionPlansResponse{MalwareProtectionPlans: []guarddutyapi.MalwareProtectionPlanSummary{}, NextToken: next}
	for _, e := range all {
		out.MalwareProtectionPlans = append(out.MalwareProtectionPlans, guarddutyapi.MalwareProtectionPlanSummary{MalwareProtectionPlanId: &e.Value.ID})
	}
	return out, nil
}
