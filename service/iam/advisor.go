package iam

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/arn"
	"bartizan.dev/caller"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
	"bartizan.dev/work"
)

// Reports of last access ("access advisor"): which services the policies of a
// user, group, role, or a managed policy, let be used, and when they last were.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_last-accessed.html

const (
	jobAdvise       = "advise"       // writes a report of last access
	jobForgetAdvice = "forgetadvice" // deletes one
	// adviceKept is how long a report can be read. AWS does not say.
	adviceKept = 24 * time.Hour
)

// advice is a report of last access.
type advice struct {
	ID, Account, By string // By is the unique id of the principal that asked
	ARN             string `json:",omitzero"` // what it is about
	Path, PolicyID  string `json:",omitzero"` // or, of an organization, where
	Granularity     iamapi.AccessAdvisorUsageGranularityType
	Status          iamapi.JobStatusType
	Created, Done   time.Time
	Services        []serviceAdvice `json:",omitzero"` // by namespace
	Code, Message   string          `json:",omitzero"` // why it failed
}

// serviceAdvice is what a report says of a service. Entity is the ARN of who
// used it last, or the path of the account.
type serviceAdvice struct {
	Namespace string
	Last      seen           `json:",omitzero"`
	Entity    string         `json:",omitzero"`
	Total     int32          `json:",omitzero"` // principals, or accounts, that have used it
	Actions   []actionAdvice `json:",omitzero"` // by name
}

type actionAdvice struct {
	Name   string
	Last   seen
	Entity string
}

func (a *advice) id() string { return a.Account + "/" + a.ID }

func (s *Service) advisorRules() policy.Rules {
	return policy.Rules{
		"GenerateServiceLastAccessedDetails": policy.On(func(ctx context.Context, in *iamapi.GenerateServiceLastAccessedDetailsRequest) ([]policy.Touch, error) {
			return s.touchAdvised(ctx, "GenerateServiceLastAccessedDetails", in.Arn)
		}),
		"GetServiceLastAccessedDetails":             policy.OnAny(policy.Touch{Action: "iam:GetServiceLastAccessedDetails"}),
		"GetServiceLastAccessedDetailsWithEntities": policy.OnAny(policy.Touch{Action: "iam:GetServiceLastAccessedDetailsWithEntities"}),
	}
}

// touchAdvised touches a user, group, role or managed policy by its ARN.
func (s *Service) touchAdvised(ctx context.Context, action, name string) ([]policy.Touch, error) {
	t := policy.Touch{Action: "iam:" + action, Resource: name}
	a, err := arn.Parse(name)
	if err != nil {
		return []policy.Touch{t}, nil // the handler refuses it
	}
	k, rest := a.Type()
	if k == "policy" || a.Account != accountOf(ctx) {
		t.Account = a.Account
		if a.Account == "aws" {
			t.Account = accountOf(ctx)
		}
		return []policy.Touch{t}, nil
	}
	t, err = s.touchBearer(ctx, action, kind(k), policyName("/"+rest))
	return []policy.Touch{t}, err
}

// principalID tells callers apart as reports do: a role whatever its session.
func principalID(ctx context.Context) string {
	id := &caller.From(ctx).Identity
	if id.Session != nil && id.Session.IssuerID != "" {
		return id.Session.IssuerID
	}
	return id.ID
}

// GenerateServiceLastAccessedDetails begins a report of last access.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_GenerateServiceLastAccessedDetails.html
func (s *Service) GenerateServiceLastAccessedDetails(ctx context.Context, in *iamapi.GenerateServiceLastAccessedDetailsRequest) (*iamapi.GenerateServiceLastAccessedDetailsResponse, error) {
	if _, err := s.advised(ctx, s.Store, accountOf(ctx), in.Arn); err != nil {
		return nil, err
	}
	a := &advice{
		ID: newUUID(), Account: accountOf(ctx), By: principalID(ctx), ARN: in.Arn, Granularity: in.Granularity,
		Status: iamapi.JobStatusType_IN_PROGRESS, Created: s.now(),
	}
	if a.Granularity == "" {
		a.Granularity = iamapi.AccessAdvisorUsageGranularityType_SERVICE_LEVEL
	}
	if err := s.beginAdvice(ctx, a); err != nil {
		return nil, err
	}
	return &iamapi.GenerateServiceLastAccessedDetailsResponse{JobId: &a.ID}, nil
}

func (s *Service) beginAdvice(ctx context.Context, a *advice) error {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		if err := s.advices.Insert(ctx, tx, a.id(), a); err != nil {
			return err
		}
		return s.later(ctx, tx, jobAdvise, a.id(), 0)
	})
	return err
}

// adviceOf reads a report of the caller's own.
func (s *Service) adviceOf(ctx context.Context, job string, organizations bool) (*advice, error) {
	absent := wire.Errorf("NoSuchEntity", "Job %s cannot be found.", job).WithStatus(404)
	a, err := s.advices.Get(ctx, s.Store, accountOf(ctx)+"/"+job)
	if a, err = found(a, err, absent); err != nil {
		return nil, err
	}
	if (a.Path != "") != organizations || !organizations && a.By != principalID(ctx) {
		return nil, absent
	}
	return a, nil
}

func (a *advice) failure() *iamapi.ErrorDetails {
	if a.Code == "" {
		return nil
	}
	return &iamapi.ErrorDetails{Code: a.Code, Message: a.Message}
}

// GetServiceLastAccessedDetails reads a report.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetServiceLastAccessedDetails.html
func (s *Service) GetServiceLastAccessedDetails(ctx context.Context, in *iamapi.GetServiceLastAccessedDetailsRequest) (*iamapi.GetServiceLastAccessedDetailsResponse, error) {
	p, err := newPage(in.MaxItems, in.Marker)
	if err != nil {
		return nil, err
	}
	a, err := s.adviceOf(ctx, in.JobId, false)
	if err != nil {
		return nil, err
	}
	out := &iamapi.GetServiceLastAccessedDetailsResponse{
		JobStatus: a.Status, JobType: a.Granularity, JobCreationDate: a.Created, JobCompletionDate: a.Done, Error: a.failure(),
		ServicesLastAccessed: []iamapi.ServiceLastAccessed{},
	}
	page, truncated, marker := cut(p, a.Services, func(v serviceAdvice) string { return v.Namespace })
	out.IsTruncated, out.Marker = truncated, marker
	for _, v := range page {
		out.ServicesLastAccessed = append(out.ServicesLastAccessed, s.apiAdvice(&v, a.Granularity))
	}
	return out, nil
}

func (s *Service) apiAdvice(v *serviceAdvice, g iamapi.AccessAdvisorUsageGranularityType) iamapi.ServiceLastAccessed {
	out := iamapi.ServiceLastAccessed{ServiceName: s.serviceTitle(v.Namespace), ServiceNamespace: v.Namespace, TotalAuthenticatedEntities: &v.Total}
	if !v.Last.Time.IsZero() {
		out.LastAuthenticated, out.LastAuthenticatedEntity, out.LastAuthenticatedRegion = v.Last.Time, &v.Entity, &v.Last.Region
	}
	if g != iamapi.AccessAdvisorUsageGranularityType_ACTION_LEVEL {
		return out
	}
	for _, x := range v.Actions {
		out.TrackedActionsLastAccessed = append(out.TrackedActionsLastAccessed, iamapi.TrackedActionLastAccessed{
			ActionName: &x.Name, LastAccessedEntity: &x.Entity, LastAccessedTime: x.Last.Time, LastAccessedRegion: &x.Last.Region,
		})
	}
	return out
}

// GetServiceLastAccessedDetailsWithEntities lists the users and roles behind
// a report, who used the service last first. Who they are and when they used it
// is read now, not when the report was made.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetServiceLastAccessedDetailsWithEntities.html
func (s *Service) GetServiceLastAccessedDetailsWithEntities(ctx context.Context, in *iamapi.GetServiceLastAccessedDetailsWithEntitiesRequest) (*iamapi.GetServiceLastAccessedDetailsWithEntitiesResponse, error) {
	p, err := newPage(in.MaxItems, in.Marker)
	if err != nil {
		return nil, err
	}
	a, err := s.adviceOf(ctx, in.JobId, false)
	if err != nil {
		return nil, err
	}
	out := &iamapi.GetServiceLastAccessedDetailsWithEntitiesResponse{
		JobStatus: a.Status, JobCreationDate: a.Created, JobCompletionDate: a.Done, Error: a.failure(),
		EntityDetailsList: []iamapi.EntityDetails{},
	}
	if a.Status != iamapi.JobStatusType_COMPLETED || !slices.ContainsFunc(a.Services, func(v serviceAdvice) bool { return v.Namespace == in.ServiceNamespace }) {
		out.IsTruncated = new(false)
		return out, nil
	}
	about, err := s.advised(ctx, s.Store, a.Account, a.ARN)
	if err != nil {
		return nil, err
	}
	type entry struct {
		place   string
		details iamapi.EntityDetails
	}
	var entries []entry
	err = s.eachAdvised(ctx, about, func(e *entity, used *access) {
		d := iamapi.EntityDetails{EntityInfo: &iamapi.EntityInfo{Arn: e.ARN(), Name: e.Name, Type: iamapi.PolicyOwnerEntityType(strings.ToUpper(string(e.kind))), Id: e.ID, Path: &e.Path}}
		if use := used.service(in.ServiceNamespace); s.tracked(use.seen) {
			d.LastAuthenticated = use.Time
		}
		entries = append(entries, entry{fmt.Sprintf("%016x%s", math.MaxInt64-max(0, d.LastAuthenticated.Unix()), e.ID), d})
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(entries, func(x, y entry) int { return strings.Compare(x.place, y.place) })
	page, truncated, marker := cut(p, entries, func(e entry) string { return e.place })
	out.IsTruncated, out.Marker = truncated, marker
	for _, e := range page {
		out.EntityDetailsList = append(out.EntityDetailsList, e.details)
	}
	return out, nil
}

// forgetAdvice deletes an old report.
func (s *Service) forgetAdvice(ctx context.Context, tx store.Tx, j work.Job) error {
	return s.advices.Delete(ctx, tx, j.ID)
}

// service is the use of a service; nothing for one that was never used.
func (p *access) service(namespace string) serviceUse {
	if p == nil || p.Services[namespace] == nil {
		return serviceUse{}
	}
	return *p.Services[namespace]
}
