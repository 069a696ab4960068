package cloudtrail

import (
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"

	cloudtrailapi "bartizan.dev/api/cloudtrail"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// maxTrails is AWS's quota of an account in a Region; trails for all Regions
// count in each of them.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/WhatIsCloudTrail-Limits.html
const maxTrails = 5

// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
var goodBucket = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// checkTarget refuses a bucket that is not there, and a prefix that cannot be.
func (s *Service) checkTarget(bucket, prefix string) error {
	switch {
	case !goodBucket.MatchString(bucket) || strings.Contains(bucket, ".."):
		return wire.Errorf("InvalidS3BucketNameException", "Bucket name %s is not valid.", bucket)
	case len(prefix) > 200:
		return wire.Errorf("InvalidS3PrefixException", "S3 prefix is longer than maximum length: 200")
	case !goodPrefix(prefix):
		return wire.Errorf("InvalidS3PrefixException", "S3 prefix %q contains characters that are not allowed.", prefix)
	case s.Bucket == nil || s.Bucket(bucket) == nil:
		return wire.Errorf("S3BucketDoesNotExistException", "S3 bucket %s does not exist!", bucket)
	}
	return nil
}

// goodPrefix allows the characters that are safe in keys, and no empty part, no
// dot or dots alone: a bucket can be a folder.
func goodPrefix(prefix string) bool {
	if prefix == "" {
		return true
	}
	for _, part := range strings.Split(strings.TrimSuffix(prefix, "/"), "/") {
		if part == "" || strings.Trim(part, ".") == "" || part[0] == '.' {
			return false
		}
		for i := range len(part) {
			if !alphanumeric(part[i]) && !strings.ContainsRune("!-_.*'()@=+:,&$ ", rune(part[i])) {
				return false
			}
		}
	}
	return true
}

// unsupported refuses what a trail cannot do here.
func unsupported(key *string, recursive *bool) error {
	switch {
	case text(key) != "":
		return wire.Errorf("UnsupportedOperationException", "Log files encrypted with AWS KMS keys are not built in Bartizan.")
	case recursive != nil:
		return wire.Errorf("UnsupportedOperationException", "Choices about recursive logging are not built in Bartizan.")
	}
	return nil
}

// checkScope refuses a trail for all Regions that leaves out some of the events
// of all Regions.
func checkScope(r *record) error {
	if r.Multi && !r.Global {
		return wire.Errorf("InvalidParameterCombinationException", "Multi-Region trail must include global service events.")
	}
	return nil
}

// checkRoom refuses what would be a sixth trail in a Region: in the trail's own,
// and for a trail for all Regions in each that has trails.
func (s *Service) checkRoom(ctx context.Context, tx store.Tx, r *record) error {
	list, err := s.trails.List(ctx, tx, r.Account+"/", "", 0)
	if err != nil {
		return err
	}
	everywhere, in := 0, map[string]int{r.Region: 0}
	for _, e := range list {
		switch v := e.Value; {
		case v.UID == r.UID:
		case v.Multi:
			everywhere++
		default:
			in[v.Region]++
		}
	}
	for _, region := range slices.Sorted(maps.Keys(in)) {
		if n := in[region] + everywhere; n >= maxTrails && (r.Multi || region == r.Region) {
			return wire.Errorf("MaximumNumberOfTrailsExceededException", "User: %s already has %d trails in %s.", r.Account, n, region)
		}
	}
	return nil
}

// CreateTrail makes a trail. It logs nothing before StartLogging.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_CreateTrail.html
func (s *Service) CreateTrail(ctx context.Context, in *cloudtrailapi.CreateTrailRequest) (*cloudtrailapi.CreateTrailResponse, error) {
	if err := checkName(in.Name); err != nil {
		return nil, err
	}
	if err := unsupported(in.KmsKeyId, in.RecursiveLogging); err != nil {
		return nil, err
	}
	at := placeOf(ctx)
	r := &record{
		UID: rand.Text(), Account: at.account, Region: at.region, Name: in.Name, Bucket: in.S3BucketName, Prefix: text(in.S3KeyPrefix),
		Global: in.IncludeGlobalServiceEvents == nil || *in.IncludeGlobalServiceEvents,
		Multi:  in.IsMultiRegionTrail != nil && *in.IsMultiRegionTrail, Validate: in.EnableLogFileValidation != nil && *in.EnableLogFileValidation,
	}
	if err := errors.Join(checkScope(r), s.checkTarget(r.Bucket, r.Prefix)); err != nil {
		return nil, err
	}
	to, err := target{}.aim(at, in.CloudWatchLogsLogGroupArn, in.CloudWatchLogsRoleArn, in.SnsTopicName)
	if err != nil {
		return nil, err
	}
	if in.IsOrganizationTrail != nil && *in.IsOrganizationTrail {
		if r.Org, err = s.organization(ctx, r); err != nil {
			return nil, err
		}
	}
	if r.Tags, err = setTags(nil, in.TagsList); err != nil {
		return nil, err
	}
	if err := s.checkTargets(ctx, r, to); err != nil {
		return nil, err
	}
	r.target = to
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		if _, err := s.trails.Get(ctx, tx, r.id()); err == nil {
			return wire.Errorf("TrailAlreadyExistsException", "Trail %s already exists for customer: %s", r.Name, r.Account)
		} else if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if err := s.checkRoom(ctx, tx, r); err != nil {
			return err
		}
		return s.trails.Insert(ctx, tx, r.id(), r)
	})
	if err != nil {
		return nil, err
	}
	t := show(r)
	return &cloudtrailapi.CreateTrailResponse{
		Name: t.Name, S3BucketName: t.S3BucketName, S3KeyPrefix: t.S3KeyPrefix, IncludeGlobalServiceEvents: t.IncludeGlobalServiceEvents,
		IsMultiRegionTrail: t.IsMultiRegionTrail, TrailARN: t.TrailARN, LogFileValidationEnabled: t.LogFileValidationEnabled,
		IsOrganizationTrail: t.IsOrganizationTrail, SnsTopicName: t.SnsTopicName, SnsTopicARN: t.SnsTopicARN,
		CloudWatchLogsLogGroupArn: t.CloudWatchLogsLogGroupArn, CloudWatchLogsRoleArn: t.CloudWatchLogsRoleArn,
	}, nil
}
