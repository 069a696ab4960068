package accessanalyzer

import (
	"context"
	"errors"
	"slices"

	accessanalyzerapi "bartizan.dev/api/accessanalyzer"
	"bartizan.dev/arn"
	"bartizan.dev/store"
	"bartizan.dev/work"
)

// GetAnalyzedResource tells what was seen of a resource.
// https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_GetAnalyzedResource.html
func (s *Service) GetAnalyzedResource(ctx context.Context, in *accessanalyzerapi.GetAnalyzedResourceRequest) (*accessanalyzerapi.GetAnalyzedResourceResponse, error) {
	a, err := s.analyzerOf(ctx, s.Store, in.AnalyzerArn)
	if err != nil {
		return nil, err
	}
	r, err := s.resources.Get(ctx, s.Store, a.home()+"/"+in.ResourceArn)
	if errors.Is(err, store.ErrNotFound) {
		return nil, notFound("AnalyzedResource", in.ResourceArn)
	} else if err != nil {
		return nil, err
	}
	out := &accessanalyzerapi.AnalyzedResource{
		ResourceArn: r.ARN, ResourceType: r.Type, CreatedAt: r.Created, AnalyzedAt: r.Analyzed, UpdatedAt: r.Updated,
		IsPublic: r.Public, Actions: r.Actions, ResourceOwnerAccount: r.Owner, Error: nonempty(r.Error),
		Status: accessanalyzerapi.FindingStatus_RESOLVED,
	}
	if r.Shared {
		out.Status, out.SharedVia = accessanalyzerapi.FindingStatus_ACTIVE, []string{string(accessanalyzerapi.FindingSourceType_POLICY)}
	}
	return &accessanalyzerapi.GetAnalyzedResourceResponse{Resource: out}, nil
}

// ListAnalyzedResources lists what an analyzer has looked at.
// https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_ListAnalyzedResources.html
func (s *Service) ListAnalyzedResources(ctx context.Context, in *accessanalyzerapi.ListAnalyzedResourcesRequest) (*accessanalyzerapi.ListAnalyzedResourcesResponse, error) {
	a, err := s.analyzerOf(ctx, s.Store, in.AnalyzerArn)
	if err != nil {
		return nil, err
	}
	keep := func(r *analyzed) bool { return in.ResourceType == "" || r.Type == in.ResourceType }
	list, next, err := page(ctx, s.Store, &s.resources, a.home()+"/", in.MaxResults, in.NextToken, keep)
	if err != nil {
		return nil, err
	}
	out := &accessanalyzerapi.ListAnalyzedResourcesResponse{AnalyzedResources: []accessanalyzerapi.AnalyzedResourceSummary{}, NextToken: next}
	for _, r := range list {
		out.AnalyzedResources = append(out.AnalyzedResources, accessanalyzerapi.AnalyzedResourceSummary{ResourceArn: r.ARN, ResourceOwnerAccount: r.Owner, ResourceType: r.Type})
	}
	return out, nil
}

// StartResourceScan looks at one resource now.
// https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_StartResourceScan.html
func (s *Service) StartResourceScan(ctx context.Context, in *accessanalyzerapi.StartResourceScanRequest) (*accessanalyzerapi.StartResourceScanOutput, error) {
	r, err := arn.Parse(in.ResourceArn)
	if err != nil {
		return nil, invalid("Invalid resource ARN: %s", in.ResourceArn)
	}
	if in.ResourceOwnerAccount != nil && r.Account != "" && *in.ResourceOwnerAccount != r.Account {
		return nil, invalid("The resource is not owned by account %s", *in.ResourceOwnerAccount)
	}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		a, err := s.analyzerOf(ctx, tx, in.AnalyzerArn)
		if err != nil {
			return err
		}
		accounts, err := s.zone(ctx, a)
		if err != nil {
			return err
		}
		if a.unused() {
			return invalid("Resources are not scanned for unused access analyzers")
		}
		if s.sourceOf(in.ResourceArn) == nil || !slices.Contains(accounts, r.Account) {
			return notFound("Resource", in.ResourceArn)
		}
		return s.queue.Add(ctx, tx, work.Job{Kind: jobResource, ID: a.key() + "|" + in.ResourceArn, Due: s.Clock.Now()})
	})
	if err != nil {
		return nil, err
	}
	return &accessanalyzerapi.StartResourceScanOutput{}, nil
}

// sourceOf is the source of a resource's kind; nil if analyzers do not look at
// such resources.
func (s *Service) sourceOf(name string) *Source {
	a, err := arn.Parse(name)
	if err != nil {
		return nil
	}
	kind, _ := a.Type()
	t := map[string]accessanalyzerapi.ResourceType{
		"iam/role":              accessanalyzerapi.ResourceType_AWS__IAM__Role,
		"kms/key":               accessanalyzerapi.ResourceType_AWS__KMS__Key,
		"secretsmanager/secret": accessanalyzerapi.ResourceType_AWS__SecretsManager__Secret,
		"sns/":                  accessanalyzerapi.ResourceType_AWS__SNS__Topic,
		"s3/":                   accessanalyzerapi.ResourceType_AWS__S3__Bucket,
	}[a.Service+"/"+kind]
	return s.source[t]
}
