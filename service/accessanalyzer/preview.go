package accessanalyzer

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	accessanalyzerapi "bartizan.dev/api/accessanalyzer"
	"bartizan.dev/policy/analysis"
	"bartizan.dev/store"
)

// CreateAccessPreview tells what would be found if a resource had the policy
// that is given. It is decided at once.
// https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_CreateAccessPreview.html
func (s *Service) CreateAccessPreview(ctx context.Context, in *accessanalyzerapi.CreateAccessPreviewRequest) (*accessanalyzerapi.CreateAccessPreviewResponse, error) {
	if len(in.Configurations) != 1 {
		return nil, invalid("Give the configuration of exactly one resource")
	}
	given, err := json.Marshal(in.Configurations)
	if err != nil {
		return nil, err
	}
	a, err := s.analyzerOf(ctx, s.Store, in.AnalyzerArn)
	if err != nil {
		return nil, err
	}
	if a.unused() || a.internal() {
		return nil, invalid("Access previews are made by external access analyzers")
	}
	p := &preview{ID: newID(), Created: s.now(), Given: given, Status: accessanalyzerapi.AccessPreviewStatus_COMPLETED}
	if in.ClientToken != nil {
		p.Token = *in.ClientToken
	}
	for name, c := range in.Configurations {
		if p.Findings, err = s.preview(ctx, a, name, &c); err != nil {
			return nil, err
		}
	}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		old, err := s.previews.List(ctx, tx, a.home()+"/", "", 0)
		if err != nil {
			return err
		}
		recent := 0
		for _, e := range old {
			if p.Token != "" && e.Value.Token == p.Token {
				p.ID = e.Value.ID
				return nil
			}
			switch age := s.now().Sub(e.Value.Created); {
			case age < time.Hour:
				recent++
			case age > day: // previews live for a day
				if err := s.previews.Delete(ctx, tx, e.ID); err != nil {
					return err
				}
			}
		}
		if recent >= s.Quotas.Previews {
			return exceeded("access previews per hour", a.Name, s.Quotas.Previews)
		}
		return s.previews.Put(ctx, tx, a.home()+"/"+p.ID, p)
	})
	if err != nil {
		return nil, err
	}
	return &accessanalyzerapi.CreateAccessPreviewResponse{Id: p.ID}, nil
}

// preview compares what a policy would be found to grant with what is found now.
func (s *Service) preview(ctx context.Context, a *analyzer, name string, c *accessanalyzerapi.Configuration) ([]previewFinding, error) {
	kind, document, err := configured(c)
	if err != nil {
		return nil, err
	}
	accounts, err := s.zone(ctx, a)
	if err != nil {
		return nil, err
	}
	if document == "" { // as it is now: AWS looks at the resource itself
		if !slices.Contains(accounts, accountOf(name)) { // whose policy is not for us to read
			return nil, invalid("The resource is not in the zone of trust: %s", name)
		}
		if document, err = s.current(ctx, kind, name); err != nil {
			return nil, err
		}
	}
	would, err := s.external(ctx, &Resource{ARN: name, Account: accountOf(name), Document: document}, kind, analysis.Zone{Accounts: accounts, Organization: a.Organization})
	if err != nil {
		if wrapped := undecided(err); wrapped != err {
			return nil, wrapped
		}
		return nil, invalidDocument(err)
	}
	ids, err := s.findings.By(ctx, s.Store, "resource", a.home()+"|"+name, "", 0)
	if err != nil {
		return nil, err
	}
	now := map[string]*finding{}
	for _, id := range ids {
		f, err := s.findings.Get(ctx, s.Store, id)
		if err != nil {
			return nil, err
		}
		if f.Status != accessanalyzerapi.FindingStatus_RESOLVED {
			now[f.identity()] = f
		}
	}
	return compare(would, now, name, accountOf(name), s.now()), nil
}

// compare marks what would be new, changed or the same; what would be gone is
// reported as resolved.
func compare(would []finding, now map[string]*finding, name, owner string, at time.Time) (out []previewFinding) {
	for _, f := range would {
		p := previewFinding{finding: f, Change: accessanalyzerapi.FindingChangeType_NEW}
		p.ID, p.Resource, p.Owner, p.Created, p.Status = newID(), name, owner, at, accessanalyzerapi.FindingStatus_ACTIVE
		if old := now[f.identity()]; old != nil {
			p.Change, p.Existing, p.ExistingStatus = accessanalyzerapi.FindingChangeType_UNCHANGED, old.ID, old.Status
			p.Status = old.Status
			if !slices.Equal(old.Actions, f.Actions) || old.Public != f.Public {
				p.Change = accessanalyzerapi.FindingChangeType_CHANGED
			}
			delete(now, f.identity())
		}
		out = append(out, p)
	}
	for _, key := range slices.Sorted(maps.Keys(now)) {
		old := now[key]
		p := previewFinding{finding: *old, Change: accessanalyzerapi.FindingChangeType_CHANGED, Existing: old.ID, ExistingStatus: old.Status}
		p.ID, p.Created, p.Status = newID(), at, accessanalyzerapi.FindingStatus_RESOLVED
		out = append(out, p)
	}
	return out
}

// current is the policy of a resource as it is.
func (s *Service) current(ctx context.Context, kind accessanalyzerapi.ResourceType, name string) (string, error) {
	src := s.source[kind]
	if src == nil {
		return "", invalid("The configuration must contain a policy: resources of type %s are not looked at here", kind)
	}
	r, err := src.Get(ctx, name)
	if err != nil || r == nil {
		return "", err
	}
	return r.Document, nil
}

// configured is the policy in a configuration. What is shared by other means than
// one policy is refused by name.
func configured(c *accessanalyzerapi.Configuration) (kind accessanalyzerapi.ResourceType, document string, err error) {
	text := func(p *string) string {
		if p == nil {
			return ""
		}
		return *p
	}
	n := 0
	take := func(k accessanalyzerapi.ResourceType, p *string) { n, kind, document = n+1, k, text(p) }
	if v := c.IamRole; v != nil {
		take(accessanalyzerapi.ResourceType_AWS__IAM__Role, v.TrustPolicy)
	}
	if v := c.SecretsManagerSecret; v != nil {
		if v.KmsKeyId != nil {
			return "", "", invalid("The KMS key of a secret is not previewed")
		}
		take(accessanalyzerapi.ResourceType_AWS__SecretsManager__Secret, v.SecretPolicy)
	}
	if v := c.SnsTopic; v != nil {
		take(accessanalyzerapi.ResourceType_AWS__SNS__Topic, v.TopicPolicy)
	}
	if v := c.SqsQueue; v != nil {
		take(accessanalyzerapi.ResourceType_AWS__SQS__Queue, v.QueuePolicy)
	}
	if v := c.EcrRepository; v != nil {
		take(accessanalyzerapi.ResourceType_AWS__ECR__Repository, v.RepositoryPolicy)
	}
	if v := c.EfsFileSystem; v != nil {
		take(accessanalyzerapi.ResourceType_AWS__EFS__FileSystem, v.FileSystemPolicy)
	}
	if v := c.DynamodbTable; v != nil {
		take(accessanalyzerapi.ResourceType_AWS__DynamoDB__Table, v.TablePolicy)
	}
	if v := c.DynamodbStream; v != nil {
		take(accessanalyzerapi.ResourceType_AWS__DynamoDB__Stream, v.StreamPolicy)
	}
	if v := c.KmsKey; v != nil {
		if len(v.Grants) > 0 {
			return "", "", invalid("Grants of KMS keys are not previewed")
		}
		p, ok := v.KeyPolicies["default"]
		if n := len(v.KeyPolicies); n > 1 || n == 1 && !ok {
			return "", "", invalid("The only valid name of a key policy is default")
		}
		take(accessanalyzerapi.ResourceType_AWS__KMS__Key, &p)
	}
	if v := c.S3Bucket; v != nil {
		if len(v.BucketAclGrants) > 0 || len(v.AccessPoints) > 0 || v.BucketPublicAccessBlock != nil {
			return "", "", invalid("Of buckets only the bucket policy is previewed, not ACLs, access points and public access blocks")
		}
		take(accessanalyzerapi.ResourceType_AWS__S3__Bucket, v.BucketPolicy)
	}
	if v := c.S3ExpressDirectoryBucket; v != nil {
		if len(v.AccessPoints) > 0 {
			return "", "", invalid("Of directory buckets only the bucket policy is previewed")
		}
		take(accessanalyzerapi.ResourceType_AWS__S3Express__DirectoryBucket, v.BucketPolicy)
	}
	switch {
	case c.EbsSnapshot != nil || c.RdsDbSnapshot != nil || c.RdsDbClusterSnapshot != nil:
		return "", "", invalid("Snapshots are not previewed")
	case n != 1:
		return "", "", invalid("Give the configuration of exactly one type")
	}
	return kind, strings.TrimSpace(document), nil
}

func (s *Service) previewOf(ctx context.Context, analyzer, id string) (*analyzer, *preview, error) {
	a, err := s.analyzerOf(ctx, s.Store, analyzer)
	if err != nil {
		return nil, nil, err
	}
	p, err := s.previews.Get(ctx, s.Store, a.home()+"/"+id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil, notFound("AccessPreview", id)
	}
	return a, p, err
}

func (p *preview) reason() *accessanalyzerapi.AccessPreviewStatusReason {
	if p.Reason == "" {
		return nil
	}
	return &accessanalyzerapi.AccessPreviewStatusReason{Code: p.Reason}
}

// GetAccessPreview describes a preview.
// https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_GetAccessPreview.html
func (s *Service) GetAccessPreview(ctx context.Context, in *accessanalyzerapi.GetAccessPreviewRequest) (*accessanalyzerapi.GetAccessPreviewResponse, error) {
	_, p, err := s.previewOf(ctx, in.AnalyzerArn, in.AccessPreviewId)
	if err != nil {
		return nil, err
	}
	out := &accessanalyzerapi.AccessPreview{Id: p.ID, AnalyzerArn: in.AnalyzerArn, CreatedAt: p.Created, Status: p.Status, StatusReason: p.reason()}
	if err := json.Unmarshal(p.Given, &out.Configurations); err != nil {
		return nil, err
	}
	return &accessanalyzerapi.GetAccessPreviewResponse{AccessPreview: out}, nil
}

// ListAccessPreviews lists the previews of an analyzer.
// https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_ListAccessPreviews.html
func (s *Service) ListAccessPreviews(ctx context.Context, in *accessanalyzerapi.ListAccessPreviewsRequest) (*accessanalyzerapi.ListAccessPreviewsResponse, error) {
	a, err := s.analyzerOf(ctx, s.Store, in.AnalyzerArn)
	if err != nil {
		return nil, err
	}
	list, next, err := page(ctx, s.Store, &s.previews, a.home()+"/", in.MaxResults, in.NextToken, nil)
	if err != nil {
		return nil, err
	}
	out := &accessanalyzerapi.ListAccessPreviewsResponse{AccessPreviews: []accessanalyzerapi.AccessPreviewSummary{}, NextToken: next}
	for _, p := range list {
		out.AccessPreviews = append(out.AccessPreviews, accessanalyzerapi.AccessPreviewSummary{Id: p.ID, AnalyzerArn: in.AnalyzerArn, CreatedAt: p.Created, Status: p.Status, StatusReason: p.reason()})
	}
	return out, nil
}

// ListAccessPreviewFindings lists what a preview would find.
// https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_ListAccessPreviewFindings.html
func (s *Service) ListAccessPreviewFindings(ctx context.Context, in *accessanalyzerapi.ListAccessPreviewFindingsRequest) (*accessanalyzerapi.ListAccessPreviewFindingsResponse, error) {
	f := filter(in.Filter)
	if err := f.check(); err != nil {
		return nil, err
	}
	_, p, err := s.previewOf(ctx, in.AnalyzerArn, in.AccessPreviewId)
	if err != nil {
		return nil, err
	}
	n, err := limit(in.MaxResults, 100)
	if err != nil {
		return nil, err
	}
	last, err := after(in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &accessanalyzerapi.ListAccessPreviewFindingsResponse{Findings: []accessanalyzerapi.AccessPreviewFinding{}}
	skip := last != ""
	for i := range p.Findings {
		one := &p.Findings[i]
		if skip {
			skip = one.ID != last
			continue
		}
		if !f.holds(one.values) {
			continue
		}
		if len(out.Findings) == n {
			out.NextToken = token(out.Findings[n-1].Id)
			break
		}
		out.Findings = append(out.Findings, one.api())
	}
	return out, nil
}

func (f *previewFinding) api() accessanalyzerapi.AccessPreviewFinding {
	return accessanalyzerapi.AccessPreviewFinding{
		Id: f.ID, ExistingFindingId: nonempty(f.Existing), ExistingFindingStatus: f.ExistingStatus, Principal: f.Principal, Action: f.Actions,
		Condition: orEmpty(f.Condition), Resource: &f.Resource, IsPublic: &f.Public, ResourceType: f.ResourceType, CreatedAt: f.Created,
		ChangeType: f.Change, Status: f.Status, ResourceOwnerAccount: f.Owner, Sources: f.sources(),
		ResourceControlPolicyRestriction: f.Restriction,
	}
}
