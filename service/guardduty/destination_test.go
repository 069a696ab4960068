package guardduty

import (
	"compress/gzip"
	"io"
	"strings"
	"testing"
	"time"

	guarddutyapi "bartizan.dev/api/guardduty"
	"bartizan.dev/logs/logstest"
)

// TestExport: findings become files, and a destination says when they cannot.
func TestExport(t *testing.T) {
	r := newRig(t)
	ctx := r.ctx()
	id := r.create(ctx)
	key := "arn:aws:kms:eu-west-1:111122223333:key/0"
	create := func(bucket, key string) (string, error) {
		out, err := r.CreatePublishingDestination(ctx, &guarddutyapi.CreatePublishingDestinationRequest{DetectorId: id, DestinationType: "S3", Tags: map[string]string{"k": "v"},
			DestinationProperties: &guarddutyapi.DestinationProperties{DestinationArn: &bucket, KmsKeyArn: &key}})
		if err != nil {
			return "", err
		}
		return out.DestinationId, nil
	}
	_, err := create("arn:aws:s3:::exports", "")
	wantError(t, err, "kmsKeyArn")
	_, err = create("exports", key)
	wantError(t, err, "destinationArn")
	at, err := create("arn:aws:s3:::nothing/guard", key)
	if err != nil {
		t.Fatal(err)
	}
	_, err = create("arn:aws:s3:::exports", key)
	wantError(t, err, "already exists")
	status := func(want string) *guarddutyapi.DescribePublishingDestinationResponse {
		t.Helper()
		d, err := r.DescribePublishingDestination(ctx, &guarddutyapi.DescribePublishingDestinationRequest{DetectorId: id, DestinationId: at})
		if err != nil || string(d.Status) != want || (d.PublishingFailureStartTimestamp != 0) != strings.HasPrefix(want, "UNABLE") {
			t.Errorf("%+v %v, want %s", d, err, want)
		}
		return d
	}
	r.pass(time.Second)
	status("UNABLE_TO_PUBLISH_FIX_DESTINATION_PROPERTY")
	r.stop(logstest.Account, region, "a")
	r.pass(every)
	if _, err := r.UpdatePublishingDestination(ctx, &guarddutyapi.UpdatePublishingDestinationRequest{DetectorId: id, DestinationId: at, DestinationProperties: &guarddutyapi.DestinationProperties{DestinationArn: new("arn:aws:s3:::exports/guard")}}); err != nil {
		t.Fatal(err)
	}
	r.pass(time.Hour) // what could not be written is written now
	if d := status("PUBLISHING"); d.Tags["k"] != "v" || *d.DestinationProperties.KmsKeyArn != key {
		t.Errorf("%+v", d)
	}
	found := 0
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, text := range r.files {
		if !strings.HasPrefix(name, "guard/AWSLogs/111122223333/GuardDuty/eu-west-1/20") {
			continue
		}
		z, err := gzip.NewReader(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		z.Multistream(false)
		line, err := io.ReadAll(z)
		if err != nil || !strings.Contains(string(line), `"type":"`+stopped+`"`) || !strings.HasSuffix(name, ".jsonl.gz") {
			t.Errorf("%s %s %v", name, line, err)
		}
		found++
	}
	if found != 1 {
		t.Errorf("%d files: %v", found, r.files)
	}
}

func TestScanSettings(t *testing.T) {
	r := newRig(t)
	id := r.create(r.ctx())
	pair := map[guarddutyapi.ScanCriterionKey]guarddutyapi.ScanCondition{"EC2_INSTANCE_TAG": {MapEquals: []guarddutyapi.ScanConditionPair{{Key: "scan"}}}}
	update := func(c guarddutyapi.ScanResourceCriteria) error {
		_, err := r.UpdateMalwareScanSettings(r.ctx(), &guarddutyapi.UpdateMalwareScanSettingsRequest{DetectorId: id, ScanResourceCriteria: &c, EbsSnapshotPreservation: "RETENTION_WITH_FINDING"})
		return err
	}
	wantError(t, update(guarddutyapi.ScanResourceCriteria{Include: pair, Exclude: pair}), "both include and exclude")
	if err := update(guarddutyapi.ScanResourceCriteria{Include: pair}); err != nil {
		t.Error(err)
	}
	got, err := r.GetMalwareScanSettings(r.ctx(), &guarddutyapi.GetMalwareScanSettingsRequest{DetectorId: id})
	if err != nil || got.EbsSnapshotPreservation != "RETENTION_WITH_FINDING" || got.ScanResourceCriteria.Include["EC2_INSTANCE_TAG"].MapEquals[0].Key != "scan" {
		t.Errorf("%+v %v", got, err)
	}
}
