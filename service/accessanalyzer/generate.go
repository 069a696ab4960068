package accessanalyzer

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	accessanalyzerapi "bartizan.dev/api/accessanalyzer"
	"bartizan.dev/arn"
	"bartizan.dev/caller"
	"bartizan.dev/policy/generate"
	"bartizan.dev/store"
	"bartizan.dev/trail"
	"bartizan.dev/wire"
	"bartizan.dev/work"
)

const (
	history = 90 * day // how far back a policy is generated from
	// maxEvents bounds what one generation reads, as AWS bounds the log files.
	maxEvents = 1_000_000
)

// The forms of a generated policy. A template names resources by placeholders.
const (
	plainForm    = "plain"
	templateForm = "placeholders"
)

// StartPolicyGeneration has a policy written from what a principal did. Without
// CloudTrail details the account's event history of 90 days is read; with them,
// the same history, for the Regions and times they name.
// https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_StartPolicyGeneration.html
func (s *Service) StartPolicyGeneration(ctx context.Context, in *accessanalyzerapi.StartPolicyGenerationRequest) (*accessanalyzerapi.StartPolicyGenerationResponse, error) {
	call := caller.From(ctx)
	g := &generation{
		ID: newID(), Account: call.Identity.Account, Region: call.Region, Principal: in.PolicyGenerationDetails.PrincipalArn,
		Status: accessanalyzerapi.JobStatus_IN_PROGRESS, Started: s.now(), To: s.now().Add(time.Second), // events of this second count
	}
	g.From = g.To.Add(-history)
	if in.ClientToken != nil {
		g.Token = *in.ClientToken
	}
	if p, err := arn.Parse(g.Principal); err != nil || p.Service != "iam" || p.Account != g.Account || !strings.HasPrefix(p.Resource, "role/") && !strings.HasPrefix(p.Resource, "user/") {
		return nil, invalid("The principal must be a user or role of this account: %s", g.Principal)
	}
	if d := in.CloudTrailDetails; d != nil {
		if err := s.scope(ctx, g, d); err != nil {
			return nil, err
		}
	}
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		old, err := s.generations.List(ctx, tx, g.place(), "", 0)
		if err != nil {
			return err
		}
		today := 0
		for _, e := range old {
			switch {
			case g.Token != "" && e.Value.Token == g.Token:
				g.ID = e.Value.ID
				return nil
			case e.Value.Status == accessanalyzerapi.JobStatus_IN_PROGRESS:
				return wire.Errorf("ConflictException", "A policy generation is already in progress: %s", e.Value.ID).WithStatus(409)
			case s.now().Sub(e.Value.Started) < day:
				today++
			case s.now().Sub(e.Value.Started) > history:
				if err := s.generations.Delete(ctx, tx, e.ID); err != nil {
					return err
				}
			}
		}
		if today >= s.Quotas.GenerationsPerDay {
			return exceeded("policy generations per day", g.ID, s.Quotas.GenerationsPerDay)
		}
		if err := s.generations.Insert(ctx, tx, g.place()+g.ID, g); err != nil {
			return err
		}
		return s.queue.Add(ctx, tx, work.Job{Kind: jobGenerate, ID: g.place() + g.ID, Due: s.Clock.Now()})
	})
	if err != nil {
		return nil, err
	}
	return &accessanalyzerapi.StartPolicyGenerationResponse{JobId: g.ID}, nil
}

func (g *generation) place() string { return g.Account + "/" + g.Region + "/" }

// scope takes what the call says of trail, Regions and times.
func (s *Service) scope(ctx context.Context, g *generation, d *accessanalyzerapi.CloudTrailDetails) error {
	if len(d.Trails) != 1 {
		return invalid("Exactly one trail can be used")
	}
	t := d.Trails[0]
	if a, err := arn.Parse(t.CloudTrailArn); err != nil || a.Service != "cloudtrail" || a.Account != g.Account {
		return invalid("The trail must be one of this account: %s", t.CloudTrailArn)
	}
	ok, err := s.HasPrincipal(ctx, d.AccessRole)
	if err != nil {
		return err
	}
	if !ok || accountOf(d.AccessRole) != g.Account {
		return invalid("The access role does not exist: %s", d.AccessRole)
	}
	g.Trail = &trailScope{ARN: t.CloudTrailArn, Regions: t.Regions, All: t.AllRegions != nil && *t.AllRegions}
	if g.Trail.All && len(t.Regions) > 0 {
		return invalid("Give either regions or allRegions")
	}
	for _, name := range t.Regions { // whatever else the trail keeps under a name like one is not events
		if !slices.Contains(allRegions, name) {
			return invalid("Invalid Region: %s", name)
		}
	}
	g.From = d.StartTime
	if !d.EndTime.IsZero() {
		g.To = d.EndTime
	}
	if !g.From.Before(g.To) || g.To.Sub(g.From) > history {
		return invalid("The time range must be at most 90 days long and end after it starts")
	}
	return nil
}

// generate reads the trail and writes the policies.
func (s *Service) generate(ctx context.Context, j work.Job) (func(store.Tx) error, error) {
	g, err := s.generations.Get(ctx, s.Store, j.ID)
	if errors.Is(err, store.ErrNotFound) || err == nil && g.Status != accessanalyzerapi.JobStatus_IN_PROGRESS {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	forms := map[string]generated{}
	var code accessanalyzerapi.JobErrorCode
	message := ""
	if ok, err := s.HasPrincipal(ctx, g.Principal); err != nil {
		return nil, err
	} else if !ok {
		code, message = accessanalyzerapi.JobErrorCode_RESOURCE_NOT_FOUND_ERROR, "The principal does not exist: "+g.Principal
	} else if err := s.read(ctx, g, forms); errors.Is(err, errTooMany) {
		code, message = accessanalyzerapi.JobErrorCode_SERVICE_QUOTA_EXCEEDED_ERROR, "There are too many events: choose a shorter time range"
	} else if err != nil {
		return nil, err
	}
	return func(tx store.Tx) error {
		g, err := s.generations.Get(ctx, tx, j.ID)
		if err != nil || g.Status != accessanalyzerapi.JobStatus_IN_PROGRESS {
			return ignoreNotFound(err)
		}
		g.Completed, g.Status, g.Result = s.now(), accessanalyzerapi.JobStatus_SUCCEEDED, forms
		if code != "" {
			g.Status, g.Code, g.Message, g.Result = accessanalyzerapi.JobStatus_FAILED, code, message, nil
		}
		return s.generations.Put(ctx, tx, j.ID, g)
	}, nil
}

var errTooMany = errors.New("accessanalyzer: too many events")

// read gives the generators every event of the principal. Sessions of a role are
// found by the role that issued them.
func (s *Service) read(ctx context.Context, g *generation, forms map[string]generated) error {
	generators := map[string]*generate.Generator{}
	for form, kind := range map[string]generate.Resources{plainForm: generate.Any, templateForm: generate.Templates} {
		generators[form] = generate.New(generate.Options{Principal: g.Principal, From: g.From, To: g.To, Resources: kind, Reference: s.Reference})
	}
	n := 0
	for _, region := range s.regions(g) {
		q := trail.Query{Account: g.Account, Region: region, Start: g.From, End: g.To, Limit: trail.MaxPage}
		for {
			p, err := s.Trail.Lookup(ctx, q)
			if err != nil {
				return err
			}
			for i := range p.Events {
				if n++; n > maxEvents {
					return errTooMany
				}
				for _, one := range generators {
					if err := one.Read(bytes.NewReader(p.Events[i].JSON)); err != nil {
						return err
					}
				}
			}
			if p.Next == "" {
				break
			}
			q.Token = p.Next
		}
	}
	for form, one := range generators {
		r := one.Result()
		forms[form] = generated{Policies: r.Policies, Complete: r.Complete}
	}
	return nil
}

// regions are those the trail is read of.
func (s *Service) regions(g *generation) []string {
	if g.Trail != nil && len(g.Trail.Regions) > 0 {
		return g.Trail.Regions
	}
	return allRegions
}

// allRegions are AWS's Regions, those whose event history a generation reads when it
// names none.
// https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html
var allRegions = []string{
	"us-east-1", "us-east-2", "us-west-1", "us-west-2", "af-south-1", "ap-east-1", "ap-east-2", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3",
	"ap-south-1", "ap-south-2", "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ap-southeast-6", "ap-southeast-7",
	"ca-central-1", "ca-west-1", "eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-2", "eu-west-3",
	"il-central-1", "me-central-1", "me-south-1", "mx-central-1", "sa-east-1",
}

// generationOf reads a generation of the caller's account and Region.
func (s *Service) generationOf(ctx context.Context, r store.Reader, id string) (*generation, error) {
	call := caller.From(ctx)
	g, err := s.generations.Get(ctx, r, call.Identity.Account+"/"+call.Region+"/"+id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, invalid("The job does not exist: %s", id)
	}
	return g, err
}

// GetGeneratedPolicy returns what was generated: with placeholders for resources
// if asked; with a service-level template, a last policy names the services whose
// actions could not be told from the events.
// https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_GetGeneratedPolicy.html
func (s *Service) GetGeneratedPolicy(ctx context.Context, in *accessanalyzerapi.GetGeneratedPolicyRequest) (*accessanalyzerapi.GetGeneratedPolicyResponse, error) {
	if in.IncludeServiceLevelTemplate != nil && *in.IncludeServiceLevelTemplate {
		return nil, invalid("Service-level templates are not supported: every action is told from the events")
	}
	g, err := s.generationOf(ctx, s.Store, in.JobId)
	if err != nil {
		return nil, err
	}
	form := plainForm
	if in.IncludeResourcePlaceholders != nil && *in.IncludeResourcePlaceholders {
		form = templateForm
	}
	out := &accessanalyzerapi.GetGeneratedPolicyResponse{
		JobDetails: &accessanalyzerapi.JobDetails{JobId: g.ID, Status: g.Status, StartedOn: g.Started, CompletedOn: g.Completed},
		GeneratedPolicyResult: &accessanalyzerapi.GeneratedPolicyResult{
			Properties:        &accessanalyzerapi.GeneratedPolicyProperties{PrincipalArn: g.Principal},
			GeneratedPolicies: []accessanalyzerapi.GeneratedPolicy{},
		},
	}
	if g.Code != "" {
		out.JobDetails.JobError = &accessanalyzerapi.JobError{Code: g.Code, Message: g.Message}
	}
	if t := g.Trail; t != nil {
		out.GeneratedPolicyResult.Properties.CloudTrailProperties = &accessanalyzerapi.CloudTrailProperties{
			TrailProperties: []accessanalyzerapi.TrailProperties{{CloudTrailArn: t.ARN, Regions: t.Regions, AllRegions: &t.All}}, StartTime: g.From, EndTime: g.To,
		}
	}
	if r, ok := g.Result[form]; ok {
		out.GeneratedPolicyResult.Properties.IsComplete = &r.Complete
		for _, text := range r.Policies {
			out.GeneratedPolicyResult.GeneratedPolicies = append(out.GeneratedPolicyResult.GeneratedPolicies, accessanalyzerapi.GeneratedPolicy{Policy: text})
		}
	}
	return out, nil
}

// ListPolicyGenerations lists the generations of the last seven days, in the order
// of their ids.
// https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_ListPolicyGenerations.html
func (s *Service) ListPolicyGenerations(ctx context.Context, in *accessanalyzerapi.ListPolicyGenerationsRequest) (*accessanalyzerapi.ListPolicyGenerationsResponse, error) {
	call := caller.From(ctx)
	keep := func(g *generation) bool {
		return s.now().Sub(g.Started) <= 7*day && (in.PrincipalArn == nil || g.Principal == *in.PrincipalArn)
	}
	list, next, err := page(ctx, s.Store, &s.generations, call.Identity.Account+"/"+call.Region+"/", in.MaxResults, in.NextToken, keep)
	if err != nil {
		return nil, err
	}
	out := &accessanalyzerapi.ListPolicyGenerationsResponse{PolicyGenerations: []accessanalyzerapi.PolicyGeneration{}, NextToken: next}
	for _, g := range list {
		out.PolicyGenerations = append(out.PolicyGenerations, accessanalyzerapi.PolicyGeneration{JobId: g.ID, PrincipalArn: g.Principal, Status: g.Status, StartedOn: g.Started, CompletedOn: g.Completed})
	}
	return out, nil
}

// CancelPolicyGeneration ends a generation that is in progress; one that has
// ended stays as it is.
// https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_CancelPolicyGeneration.html
func (s *Service) CancelPolicyGeneration(ctx context.Context, in *accessanalyzerapi.CancelPolicyGenerationRequest) (*accessanalyzerapi.CancelPolicyGenerationResponse, error) {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		g, err := s.generationOf(ctx, tx, in.JobId)
		if err != nil {
			return err
		}
		if g.Status != accessanalyzerapi.JobStatus_IN_PROGRESS {
			return nil
		}
		g.Status, g.Completed = accessanalyzerapi.JobStatus_CANCELED, s.now()
		if err := s.queue.Cancel(ctx, tx, jobGenerate, g.place()+g.ID); err != nil {
			return err
		}
		return s.generations.Put(ctx, tx, g.place()+g.ID, g)
	})
	if err != nil {
		return nil, err
	}
	return &accessanalyzerapi.CancelPolicyGenerationResponse{}, nil
}
