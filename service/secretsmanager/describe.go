package secretsmanager

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"time"

	secretsmanagerapi "bartizan.dev/api/secretsmanager"
	"bartizan.dev/store"
)

// DescribeSecret tells all about a secret but its value.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DescribeSecret.html
func (s *Service) DescribeSecret(ctx context.Context, in *secretsmanagerapi.DescribeSecretRequest) (*secretsmanagerapi.DescribeSecretResponse, error) {
	v, err := s.find(ctx, s.Store, in.SecretId)
	if err != nil {
		return nil, err
	}
	e := s.entry(v)
	out := &secretsmanagerapi.DescribeSecretResponse{
		ARN: e.ARN, Name: e.Name, Type: e.Type, Description: e.Description, KmsKeyId: e.KmsKeyId,
		RotationEnabled: e.RotationEnabled, RotationLambdaARN: e.RotationLambdaARN, RotationRules: e.RotationRules,
		ExternalSecretRotationMetadata: e.ExternalSecretRotationMetadata, ExternalSecretRotationRoleArn: e.ExternalSecretRotationRoleArn,
		LastRotatedDate: e.LastRotatedDate, LastChangedDate: e.LastChangedDate, LastAccessedDate: e.LastAccessedDate,
		DeletedDate: e.DeletedDate, NextRotationDate: e.NextRotationDate, Tags: e.Tags, VersionIdsToStages: e.SecretVersionsToStages,
		OwningService: e.OwningService, CreatedDate: e.CreatedDate, PrimaryRegion: e.PrimaryRegion,
	}
	if l := v.From; l != nil {
		out.CrossAccountPrimary = &secretsmanagerapi.CrossAccountPrimaryType{PrimarySecretARN: &l.ARN, ReplicationStatus: l.Status, StatusMessage: some(l.Message)}
	}
	if l := v.Across; l != nil {
		out.CrossAccountReplicas = []secretsmanagerapi.CrossAccountReplicaEntry{
			{ReplicaSecretARN: &l.ARN, ReplicationRoleARN: some(l.Role), ReplicationStatus: l.Status, StatusMessage: some(l.Message)},
		}
	}
	out.ReplicationStatus, err = s.replication(ctx, v)
	return out, err
}

// entry is a secret as ListSecrets shows it.
func (s *Service) entry(v *secret) secretsmanagerapi.SecretListEntry {
	r := &v.Rotation
	e := secretsmanagerapi.SecretListEntry{
		ARN: new(v.arn()), Name: &v.Name, Type: some(v.Type), Description: some(v.Description), KmsKeyId: some(v.KMSKey),
		RotationLambdaARN: some(r.Function), ExternalSecretRotationRoleArn: some(r.Role),
		LastRotatedDate: r.Last, LastChangedDate: v.Changed, LastAccessedDate: v.Accessed, DeletedDate: v.Deleted,
		OwningService: some(v.Owner), CreatedDate: v.Created, PrimaryRegion: some(v.Origin), RotationRules: r.rules(s.Clock.Now()),
	}
	if r.Function != "" || r.Enabled {
		e.RotationEnabled = new(r.Enabled)
	}
	if r.Enabled {
		e.NextRotationDate = r.Next
	}
	for _, t := range r.Metadata {
		e.ExternalSecretRotationMetadata = append(e.ExternalSecretRotationMetadata, secretsmanagerapi.ExternalSecretRotationMetadataItem{Key: &t.Key, Value: &t.Value})
	}
	if v.Tags != nil { // a secret that has had tags shows an empty list
		e.Tags = []secretsmanagerapi.Tag{}
	}
	for _, t := range v.Tags {
		e.Tags = append(e.Tags, secretsmanagerapi.Tag{Key: &t.Key, Value: &t.Value})
	}
	for i := range v.Versions {
		if x := &v.Versions[i]; len(x.Stages) > 0 {
			if e.SecretVersionsToStages == nil {
				e.SecretVersionsToStages = map[string][]string{}
			}
			e.SecretVersionsToStages[x.ID] = x.Stages
		}
	}
	return e
}

func some(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// ListSecretVersionIds lists a secret's versions.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecretVersionIds.html
func (s *Service) ListSecretVersionIds(ctx context.Context, in *secretsmanagerapi.ListSecretVersionIdsRequest) (*secretsmanagerapi.ListSecretVersionIdsResponse, error) {
	v, err := s.find(ctx, s.Store, in.SecretId)
	if err != nil {
		return nil, err
	}
	p, err := newPage(in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &secretsmanagerapi.ListSecretVersionIdsResponse{ARN: new(v.arn()), Name: &v.Name, Versions: []secretsmanagerapi.SecretVersionsListEntry{}}
	versions := slices.Clone(v.Versions)
	slices.SortStableFunc(versions, func(a, b version) int { return strings.Compare(versionOrder(&a), versionOrder(&b)) })
	for i := range versions {
		x := &versions[i]
		if versionOrder(x) <= p.after || len(x.Stages) == 0 && !on(in.IncludeDeprecated) {
			continue
		}
		if len(out.Versions) == p.limit {
			out.NextToken = nextToken(versionOrder(&versions[i-1]))
			break
		}
		e := secretsmanagerapi.SecretVersionsListEntry{VersionId: &x.ID, VersionStages: x.Stages, LastAccessedDate: x.Accessed, CreatedDate: x.Created}
		switch {
		case x.Key != "":
			e.KmsKeyIds = []string{x.Key}
		case !x.Empty:
			e.KmsKeyIds = []string{"DefaultEncryptionKey"}
		}
		out.Versions = append(out.Versions, e)
	}
	return out, nil
}

func versionOrder(x *version) string {
	return x.Created.UTC().Format("2006-01-02T15:04:05.000") + " " + x.ID
}

// A page is what the List operations share: MaxResults and NextToken. A token is
// the place in the order of the last item, in base64; it is no secret and gives
// no rights.
type page struct {
	after string
	limit int
}

func newPage(max *int32, token *string) (page, error) {
	p := page{limit: 100}
	if max != nil {
		p.limit = int(*max)
	}
	if token != nil {
		raw, err := base64.RawURLEncoding.DecodeString(*token)
		if err != nil || len(raw) == 0 || len(raw) > 2048 {
			return p, errNextToken
		}
		p.after = string(raw)
	}
	return p, nil
}

func nextToken(after string) *string { return new(base64.RawURLEncoding.EncodeToString([]byte(after))) }

// replication is the state of a primary's replicas.
func (s *Service) replication(ctx context.Context, v *secret) ([]secretsmanagerapi.ReplicationStatusType, error) {
	var out []secretsmanagerapi.ReplicationStatusType
	for i := range v.Replicas {
		r := &v.Replicas[i]
		key := r.KMSKey
		if key == "" {
			key = defaultKey
		}
		e := secretsmanagerapi.ReplicationStatusType{Region: &r.Region, KmsKeyId: &key, Status: secretsmanagerapi.StatusType_InSync}
		if r.Failed {
			e.Status, e.StatusMessage = secretsmanagerapi.StatusType_Failed, &r.Message
		}
		var err error
		if e.LastAccessedDate, err = s.replicaAccessed(ctx, v, r); err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

func (s *Service) replicaAccessed(ctx context.Context, v *secret, r *replica) (time.Time, error) {
	c, err := s.secrets.Get(ctx, s.Store, place{v.Account, r.Region}.key(v.Name))
	if errors.Is(err, store.ErrNotFound) || err == nil && c.Primary != v.Region {
		return time.Time{}, nil
	} else if err != nil {
		return time.Time{}, err
	}
	return c.Accessed, nil
}
