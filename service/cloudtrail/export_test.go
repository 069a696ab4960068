package cloudtrail

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	cloudtrailapi "bartizan.dev/api/cloudtrail"
)

// TestExport: results lie in the bucket as CSV, with a signature of their hash
// that the public key proves, as verify-query-results does.
func TestExport(t *testing.T) {
	g := newRig(t)
	_, id := g.newStore(cloudtrailapi.CreateEventDataStoreRequest{Name: "all"})
	g.happen(home, "First", `,"errorMessage":"no, \"never\""`)
	g.happen(home, "Second", "")
	g.pass(time.Minute)
	start := func(uri string) (string, error) {
		out, err := g.StartQuery(g.in(home), &cloudtrailapi.StartQueryRequest{QueryStatement: new("SELECT eventName, errorMessage FROM " + id + " ORDER BY 1"), DeliveryS3Uri: &uri})
		if err != nil {
			return "", err
		}
		return *out.QueryId, nil
	}
	_, err := start("https://x")
	refused(t, err, "InvalidParameterException")
	_, err = start("s3://none")
	refused(t, err, "S3BucketDoesNotExistException")
	_, err = start("s3://logs/../x")
	refused(t, err, "InvalidS3PrefixException")
	q := must(start("s3://logs/lake/"))(t)
	g.pass(0)
	d := must(g.DescribeQuery(g.in(home), &cloudtrailapi.DescribeQueryRequest{QueryId: &q}))(t)
	if d.DeliveryStatus != "SUCCESS" || *d.DeliveryS3Uri != "s3://logs/lake/" {
		t.Fatalf("%+v", d)
	}
	dir := "lake/AWSLogs/" + account + "/CloudTrail-Lake/Query/" + g.clock.Now().Format("2006/01/02") + "/" + q + "/"
	if got := string(g.read(dir + "result_1.csv.gz")); got != "eventName,errorMessage\nFirst,\"no, \"\"never\"\"\"\nSecond,\n" {
		t.Errorf("results %q", got)
	}
	raw, err := os.ReadFile(filepath.Join(g.dir, dir, "result_1.csv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(g.dir, dir, "result_sign.json"))
	if err != nil {
		t.Fatal(err)
	}
	var sign struct {
		Files []struct{ FileName, FileHashValue string }

		Version, Region, HashAlgorithm, SignatureAlgorithm, QueryCompleteTime, HashSignature, PublicKeyFingerprint string
	}
	if err := json.Unmarshal(text, &sign); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(raw)
	if len(sign.Files) != 1 || sign.Files[0].FileName != "result_1.csv.gz" || sign.Files[0].FileHashValue != hex.EncodeToString(sum[:]) || sign.Version != "1.0" || sign.Region != home {
		t.Errorf("%s", text)
	}
	completed := must(time.Parse(time.RFC3339, sign.QueryCompleteTime))(t)
	keys := must(g.ListPublicKeys(g.in(home), &cloudtrailapi.ListPublicKeysRequest{StartTime: completed, EndTime: completed.AddDate(0, 0, 20)}))(t)
	proved := false
	for _, k := range keys.PublicKeyList {
		if *k.Fingerprint != sign.PublicKeyFingerprint {
			continue
		}
		public := must(x509.ParsePKCS1PublicKey(k.Value))(t)
		hash := sha256.Sum256([]byte(sign.Files[0].FileHashValue))
		proved = rsa.VerifyPKCS1v15(public, crypto.SHA256, hash[:], must(hex.DecodeString(sign.HashSignature))(t)) == nil
	}
	if !proved {
		t.Error("no public key proves the signature")
	}
	g.fail = errors.New("the disk is full")
	q = must(start("s3://logs"))(t)
	g.pass(0)
	d = must(g.DescribeQuery(g.in(home), &cloudtrailapi.DescribeQueryRequest{QueryId: &q}))(t)
	if d.DeliveryStatus != "FAILED" || d.QueryStatus != "FINISHED" || strings.Contains(message(d.ErrorMessage), "disk") {
		t.Errorf("%+v", d)
	}
}

func message(s *string) string { return text(s) }
