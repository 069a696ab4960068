package guardduty

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	guarddutyapi "bartizan.dev/api/guardduty"
	"bartizan.dev/arn"
	"bartizan.dev/store"
	"bartizan.dev/work"
)

// Bucket is where findings are exported to.
type Bucket interface {
	// Put writes an object, in place of one of that key. It is there for good when
	// Put returns, and is never seen in part.
	Put(ctx context.Context, key string, body []byte, metadata map[string]string) error
}

const (
	jobVerify = "verify" // a destination is tried
	jobExport = "export" // a finding goes to a destination
)

// destination is a bucket that findings are exported to.
type destination struct {
	ID, Detector string
	Place        place
	ARN, Key     string
	Owner        string `json:",omitzero"`
	Status       guarddutyapi.PublishingStatus
	Failing      time.Time         `json:",omitzero"` // since when nothing could be written
	Token        string            `json:",omitzero"`
	Tags         map[string]string `json:",omitzero"`
}

func (d *destination) id() string { return d.Detector + "/" + d.ID }

// bucket splits the ARN of a bucket or of a prefix in it.
func (d *destination) bucket() (name, prefix string) {
	name, prefix, _ = strings.Cut(strings.TrimPrefix(d.ARN, "arn:aws:s3:::"), "/")
	if prefix = strings.Trim(prefix, "/"); prefix != "" {
		prefix += "/"
	}
	return name, prefix
}

// set takes what a call says about the properties; both ARNs are needed.
func (d *destination) set(in *guarddutyapi.DestinationProperties) error {
	if in == nil {
		return nil
	}
	if in.DestinationArn != nil {
		d.ARN = *in.DestinationArn
	}
	if in.KmsKeyArn != nil {
		d.Key = *in.KmsKeyArn
	}
	if in.ExpectedBucketOwner != nil {
		d.Owner = *in.ExpectedBucketOwner
	}
	name, _ := d.bucket()
	if !strings.HasPrefix(d.ARN, "arn:aws:s3:::") || name == "" {
		return invalid("destinationArn")
	}
	if a, err := arn.Parse(d.Key); err != nil || a.Service != "kms" || !strings.HasPrefix(a.Resource, "key/") || a.Region != d.Place.Region {
		return invalid("kmsKeyArn")
	}
	if d.Owner != "" && d.Owner != d.Place.Account {
		return rejected(invalidInput, "The request is rejected because the bucket does not belong to the expected account.")
	}
	return nil
}

// try has a destination verified.
func (s *Service) try(ctx context.Context, tx store.Tx, d *destination) error {
	d.Status, d.Failing = guarddutyapi.PublishingStatus_PENDING_VERIFICATION, time.Time{}
	if err := s.queue.Add(ctx, tx, work.Job{Kind: jobVerify, ID: d.id(), Due: s.now()}); err != nil {
		return err
	}
	return s.destinations.Put(ctx, tx, d.id(), d)
}

// CreatePublishingDestination has findings exported to a bucket.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_CreatePublishingDestination.html
func (s *Service) CreatePublishingDestination(ctx context.Context, in *guarddutyapi.CreatePublishingDestinationRequest) (*guarddutyapi.CreatePublishingDestinationResponse, error) {
	if in.DestinationType != guarddutyapi.DestinationType_S3 || in.DestinationProperties == nil {
		return nil, invalid("destinationType")
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	id := newID()
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		d, err := s.find(ctx, tx, in.DetectorId)
		if err != nil {
			return err
		}
		v := &destination{ID: id, Detector: d.ID, Place: d.Place, Token: text(in.ClientToken), Tags: maps.Clone(in.Tags)}
		all, err := s.destinations.List(ctx, tx, d.ID+"/", "", 0)
		if err != nil {
			return err
		}
		if len(all) > 0 { // there is at most one
			if v.Token != "" && all[0].Value.Token == v.Token {
				id = all[0].Value.ID // the same call again
				return nil
			}
			return rejected(invalidInput, "The request is rejected because a publishing destination already exists for the current account.")
		}
		if err := v.set(in.DestinationProperties); err != nil {
			return err
		}
		return s.try(ctx, tx, v)
	})
	if err != nil {
		return nil, err
	}
	s.Logger.Warn("exported findings lie in a folder as they are: nothing encrypts them under the KMS key", "destination", id)
	return &guarddutyapi.CreatePublishingDestinationResponse{DestinationId: id}, nil
}

func (s *Service) destination(ctx context.Context, r store.Reader, detectorID, id string) (*destination, error) {
	d, err := s.find(ctx, r, detectorID)
	if err != nil {
		return nil, err
	}
	if !isID(id) {
		return nil, errNothing
	}
	v, err := s.destinations.Get(ctx, r, d.ID+"/"+id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, errNothing
	}
	return v, err
}

// DescribePublishingDestination shows one.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_DescribePublishingDestination.html
func (s *Service) DescribePublishingDestination(ctx context.Context, in *guarddutyapi.DescribePublishingDestinationRequest) (*guarddutyapi.DescribePublishingDestinationResponse, error) {
	v, err := s.destination(ctx, s.Store, in.DetectorId, in.DestinationId)
	if err != nil {
		return nil, err
	}
	out := &guarddutyapi.DescribePublishingDestinationResponse{DestinationId: v.ID, DestinationType: guarddutyapi.DestinationType_S3, Status: v.Status, Tags: tagsOf(v.Tags),
		DestinationProperties: &guarddutyapi.DestinationProperties{DestinationArn: &v.ARN, KmsKeyArn: &v.Key, ExpectedBucketOwner: orNil(v.Owner)}}
	if !v.Failing.IsZero() {
		out.PublishingFailureStartTimestamp = v.Failing.UnixMilli()
	}
	return out, nil
}

// UpdatePublishingDestination changes one.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_UpdatePublishingDestination.html
func (s *Service) UpdatePublishingDestination(ctx context.Context, in *guarddutyapi.UpdatePublishingDestinationRequest) (*guarddutyapi.UpdatePublishingDestinationResponse, error) {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		v, err := s.destination(ctx, tx, in.DetectorId, in.DestinationId)
		if err != nil {
			return err
		}
		if err := v.set(in.DestinationProperties); err != nil {
			return err
		}
		return s.try(ctx, tx, v)
	})
	return &guarddutyapi.UpdatePublishingDestinationResponse{}, err
}

// DeletePublishingDestination ends the export.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_DeletePublishingDestination.html
func (s *Service) DeletePublishingDestination(ctx context.Context, in *guarddutyapi.DeletePublishingDestinationRequest) (*guarddutyapi.DeletePublishingDestinationResponse, error) {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		v, err := s.destination(ctx, tx, in.DetectorId, in.DestinationId)
		if err != nil {
			return err
		}
		return s.destinations.Delete(ctx, tx, v.id())
	})
	return &guarddutyapi.DeletePublishingDestinationResponse{}, err
}

// ListPublishingDestinations lists them.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_ListPublishingDestinations.html
func (s *Service) ListPublishingDestinations(ctx context.Context, in *guarddutyapi.ListPublishingDestinationsRequest) (*guarddutyapi.ListPublishingDestinationsResponse, error) {
	d, err := s.find(ctx, s.Store, in.DetectorId)
	if err != nil {
		return nil, err
	}
	ids, next, err := listNames(ctx, s.Store, &s.destinations, d.ID+"/", in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &guarddutyapi.ListPublishingDestinationsResponse{Destinations: []guarddutyapi.Destination{}, NextToken: next}
	for _, id := range ids {
		v, err := s.destinations.Get(ctx, s.Store, d.ID+"/"+id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		} else if err != nil {
			return nil, err
		}
		out.Destinations = append(out.Destinations, guarddutyapi.Destination{DestinationId: v.ID, DestinationType: guarddutyapi.DestinationType_S3, Status: v.Status})
	}
	return out, nil
}

// put writes an object of a destination.
func (s *Service) put(ctx context.Context, v *destination, key string, body []byte) error {
	name, prefix := v.bucket()
	var b Bucket
	if s.Bucket != nil {
		b = s.Bucket(name)
	}
	if b == nil {
		return errors.New("NoSuchBucket")
	}
	return b.Put(ctx, prefix+key, body, nil)
}

// verify tries whether a destination can be written to, as AWS does, by an empty
// folder object.
func (s *Service) verify(ctx context.Context, j work.Job) (func(store.Tx) error, error) {
	v, err := s.destinations.Get(ctx, s.Store, j.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	wrong := s.put(ctx, v, fmt.Sprintf("AWSLogs/%s/GuardDuty/%s/verification", v.Place.Account, v.Place.Region), nil)
	return s.judged(ctx, v, wrong), nil
}

// judged notes how a write has gone.
func (s *Service) judged(ctx context.Context, tried *destination, wrong error) func(store.Tx) error {
	if wrong != nil {
		s.Logger.Warn("findings cannot be exported", "destination", tried.id(), "bucket", tried.ARN, "cause", wrong)
	}
	return func(tx store.Tx) error {
		v, err := s.destinations.Get(ctx, tx, tried.id())
		if errors.Is(err, store.ErrNotFound) || err == nil && v.ARN != tried.ARN {
			return nil
		} else if err != nil {
			return err
		}
		was := v.Status
		if v.Status = guarddutyapi.PublishingStatus_PUBLISHING; wrong != nil {
			v.Status = guarddutyapi.PublishingStatus_UNABLE_TO_PUBLISH_FIX_DESTINATION_PROPERTY
		}
		if was == v.Status {
			return nil
		}
		if v.Failing = (time.Time{}); wrong != nil {
			v.Failing = s.now()
		}
		return s.destinations.Put(ctx, tx, v.id(), v)
	}
}

// exports has a finding that was published exported, by its own detector and its
// administrator's.
func (s *Service) exports(ctx context.Context, tx store.Tx, f *finding) error {
	rulers, err := s.ruling(ctx, tx, place{f.AccountID, f.Region}, f.Service.DetectorID)
	if err != nil {
		return err
	}
	for _, id := range rulers {
		all, err := s.destinations.List(ctx, tx, id+"/", "", 0)
		if err != nil {
			return err
		}
		for _, e := range all {
			at := e.ID + "/" + findingID(f.Service.DetectorID, f.ID)
			if err := s.queue.Add(ctx, tx, work.Job{Kind: jobExport, ID: at, Due: s.now()}); err != nil {
				return err
			}
		}
	}
	return nil
}

// export writes a finding as a file of one line. The name is made of what is in
// it, so that a run that is repeated replaces its own file.
// https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_exportfindings.html
func (s *Service) export(ctx context.Context, j work.Job) (func(store.Tx) error, error) {
	parts := strings.Split(j.ID, "/") // detector, destination, the finding's detector, finding
	if len(parts) != 4 {
		return nil, nil
	}
	v, err := s.destinations.Get(ctx, s.Store, parts[0]+"/"+parts[1])
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	f, err := s.findings.Get(ctx, s.Store, parts[2]+"/"+parts[3])
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	line, err := f.detail()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(append(line, '\n')); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(line)
	x := hex.EncodeToString(sum[:16])
	key := fmt.Sprintf("AWSLogs/%s/GuardDuty/%s/%s/%s-%s-%s-%s-%s.jsonl.gz", f.AccountID, f.Region, f.Changed.UTC().Format("2006/01/02"), x[:8], x[8:12], x[12:16], x[16:20], x[20:])
	if err := s.put(ctx, v, key, b.Bytes()); err != nil {
		// It is tried again, and the destination says so meanwhile.
		_, noted := s.Store.Update(ctx, s.judged(ctx, v, err))
		return nil, errors.Join(err, noted)
	}
	return s.judged(ctx, v, nil), nil
}
