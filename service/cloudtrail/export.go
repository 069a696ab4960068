package cloudtrail

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	cloudtrailapi "bartizan.dev/api/cloudtrail"
	"bartizan.dev/wire"
)

// export is where the results of a query are delivered to.
type export struct {
	URI            string                       `json:",omitzero"`
	DeliveryStatus cloudtrailapi.DeliveryStatus `json:",omitzero"`
}

// place is the bucket and the prefix of an export.
func (e *export) place() (bucket, prefix string) {
	bucket, prefix, _ = strings.Cut(strings.TrimPrefix(e.URI, "s3://"), "/")
	return bucket, strings.Trim(prefix, "/")
}

// checkExport refuses a place that no results can be delivered to.
func (s *Service) checkExport(uri *string) (export, error) {
	e := export{URI: text(uri)}
	if e.URI == "" {
		return e, nil
	}
	if !strings.HasPrefix(e.URI, "s3://") {
		return e, wire.Errorf("InvalidParameterException", "DeliveryS3Uri must begin with s3://.")
	}
	e.DeliveryStatus = cloudtrailapi.DeliveryStatus_PENDING
	return e, s.checkTarget(e.place())
}

// signFile proves the files of an export.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-results-file-validation-sign-file-structure.html
type signFile struct {
	Version            string         `json:"version"`
	Region             string         `json:"region"`
	Files              []exportedFile `json:"files"`
	HashAlgorithm      string         `json:"hashAlgorithm"`
	SignatureAlgorithm string         `json:"signatureAlgorithm"`
	Completed          string         `json:"queryCompleteTime"`
	Signature          string         `json:"hashSignature"`
	Fingerprint        string         `json:"publicKeyFingerprint"`
}

type exportedFile struct {
	Hash string `json:"fileHashValue"`
	Name string `json:"fileName"`
}

// csvTable writes rows as CSV.
type csvTable struct {
	text   bytes.Buffer
	writer *csv.Writer
}

func (t *csvTable) add(names []string, values []*string) error {
	if t.writer == nil {
		t.writer = csv.NewWriter(&t.text)
		if err := t.writer.Write(names); err != nil {
			return err
		}
	}
	row := make([]string, len(values))
	for i, v := range values {
		row[i] = text(v)
	}
	return t.writer.Write(row)
}

// deliverResults writes a query's results and what proves them into its bucket. A
// query that is run again replaces what it wrote.
func (s *Service) deliverResults(ctx context.Context, q *query, t *csvTable, now time.Time) error {
	name, prefix := q.place()
	bucket := s.Bucket(name)
	if bucket == nil {
		return errors.New("NoSuchBucket")
	}
	if t.writer != nil {
		t.writer.Flush()
	}
	body, err := compress(t.text.Bytes())
	if err != nil {
		return err
	}
	dir := fmt.Sprintf("AWSLogs/%s/CloudTrail-Lake/Query/%s/%s/", q.Account, now.UTC().Format("2006/01/02"), q.ID)
	if prefix != "" {
		dir = prefix + "/" + dir
	}
	if err := bucket.Put(ctx, dir+"result_1.csv.gz", body, nil); err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	sign := signFile{
		Version: "1.0", Region: q.Region, Files: []exportedFile{{Hash: hex.EncodeToString(sum[:]), Name: "result_1.csv.gz"}},
		HashAlgorithm: hashAlgorithm, SignatureAlgorithm: signatureAlgorithm, Completed: stamp(now),
	}
	k, err := s.signer(ctx, place{q.Account, q.Region}, now)
	if err != nil {
		return err
	}
	sign.Fingerprint = k.Fingerprint
	// "the hash values of the files, with a space between them"
	if sign.Signature, err = k.sign(sign.Files[0].Hash); err != nil {
		return err
	}
	text, err := json.Marshal(&sign)
	if err != nil {
		return err
	}
	return bucket.Put(ctx, dir+"result_sign.json", text, nil)
}
