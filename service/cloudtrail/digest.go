package cloudtrail

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"bartizan.dev/store"
	"bartizan.dev/work"
)

const (
	hour = time.Hour // that a digest is about
	// maxListed files are what one digest names; what is more waits for the next.
	maxDigested        = 5000
	signatureAlgorithm = "SHA256withRSA"
	hashAlgorithm      = "SHA-256"
)

// chain is what the next digest of a Region lists and links to.
type chain struct {
	Region string
	Files  []logFile `json:",omitzero"` // delivered and not yet in a digest
	Last   *link     `json:",omitzero"` // the digest before; nil begins a chain
}

// link is a digest as the next one names it.
type link struct{ Bucket, Key, Hash, Signature string }

// digestFile is a digest, in the order of AWS's example.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html
type digestFile struct {
	AccountID             string      `json:"awsAccountId"`
	Start                 string      `json:"digestStartTime"`
	End                   string      `json:"digestEndTime"`
	Bucket                string      `json:"digestS3Bucket"`
	Object                string      `json:"digestS3Object"`
	Fingerprint           string      `json:"digestPublicKeyFingerprint"`
	SignatureAlgorithm    string      `json:"digestSignatureAlgorithm"`
	Newest                *string     `json:"newestEventTime"`
	Oldest                *string     `json:"oldestEventTime"`
	PreviousBucket        *string     `json:"previousDigestS3Bucket"`
	PreviousObject        *string     `json:"previousDigestS3Object"`
	PreviousHash          *string     `json:"previousDigestHashValue"`
	PreviousHashAlgorithm *string     `json:"previousDigestHashAlgorithm"`
	PreviousSignature     *string     `json:"previousDigestSignature"`
	Files                 []digestLog `json:"logFiles"`
}

type digestLog struct {
	Bucket        string `json:"s3Bucket"`
	Object        string `json:"s3Object"`
	Hash          string `json:"hashValue"`
	HashAlgorithm string `json:"hashAlgorithm"`
	Newest        string `json:"newestEventTime"`
	Oldest        string `json:"oldestEventTime"`
}

// startDigests has digests made of a trail that logs and asks for them.
func (s *Service) startDigests(ctx context.Context, tx store.Tx, r *record) error {
	if !r.Validate || !r.Logging || r.Delivery.Digesting {
		return nil
	}
	r.Delivery.Digesting, r.Delivery.DigestFrom = true, s.Clock.Now().UTC().Truncate(time.Second)
	if err := s.digests.Put(ctx, tx, r.UID+"/"+r.Region, &chain{Region: r.Region}); err != nil {
		return err
	}
	return s.queue.Add(ctx, tx, work.Job{Kind: jobDigest, ID: r.UID, Due: r.Delivery.DigestFrom.Add(hour)})
}

// await has files wait for the digests of their Regions. Those of a trail that
// asks for none are in none.
func (s *Service) await(ctx context.Context, tx store.Tx, r *record, files []logFile) error {
	if !r.Delivery.Digesting {
		return nil
	}
	for i := range files {
		region, _ := realRegion(files[i].Region) // files of insights are in the digests of their Region
		id := r.UID + "/" + region
		c, err := s.digests.Get(ctx, tx, id)
		if errors.Is(err, store.ErrNotFound) {
			c = &chain{Region: region}
		} else if err != nil {
			return err
		}
		c.Files = append(c.Files, files[i])
		if err := s.digests.Put(ctx, tx, id, c); err != nil {
			return err
		}
	}
	return nil
}

// digest writes the digests of an hour, one for each Region of the trail that
// had events, its own always. As with log files a run that is repeated replaces
// what it wrote: name and content are the hour's, until the transaction that
// moves on to the next.
func (s *Service) digest(ctx context.Context, j work.Job) (func(store.Tx) error, error) {
	r, _, err := s.byUID(ctx, s.Store, j.ID)
	if err != nil || r == nil {
		return nil, err
	}
	start := r.Delivery.DigestFrom
	chains, err := s.digests.List(ctx, s.Store, r.UID+"/", "", 0)
	if err != nil {
		return nil, err
	}
	links := make([]*link, len(chains))
	for i, e := range chains {
		if links[i], err = s.writeDigest(ctx, r, e.Value, start, start.Add(hour)); err != nil {
			_, amended := s.amend(ctx, j.ID, func(r *record) { r.Delivery.DigestError = short(err) })
			return nil, errors.Join(err, amended)
		}
	}
	now := s.Clock.Now()
	return func(tx store.Tx) error {
		r, gone, err := s.byUID(ctx, tx, j.ID)
		if err != nil || r == nil || !r.Delivery.DigestFrom.Equal(start) {
			return err
		}
		d := &r.Delivery
		d.DigestFrom, d.LastDigest, d.DigestError = start.Add(hour), now, ""
		// The last digest comes after the last delivery.
		d.Digesting = r.Logging && r.Validate || d.Alive && (gone || r.Validate)
		for i, e := range chains {
			c, err := s.digests.Get(ctx, tx, e.ID)
			if err != nil {
				return err
			}
			c.Files, c.Last = c.Files[min(len(e.Value.Files), maxDigested):], links[i]
			d.Digesting = d.Digesting || len(c.Files) > 0
			if err := s.digests.Put(ctx, tx, e.ID, c); err != nil {
				return err
			}
		}
		if d.Digesting {
			if err := s.queue.Add(ctx, tx, work.Job{Kind: jobDigest, ID: j.ID, Due: d.DigestFrom.Add(hour)}); err != nil {
				return err
			}
		} else if err := s.endChains(ctx, tx, r.UID); err != nil {
			return err
		}
		return s.save(ctx, tx, r, gone)
	}, nil
}

// endChains forgets the chains of a trail: digests that come later begin others.
func (s *Service) endChains(ctx context.Context, tx store.Tx, uid string) error {
	list, err := s.digests.List(ctx, tx, uid+"/", "", 0)
	if err != nil {
		return err
	}
	for _, e := range list {
		if err := s.digests.Delete(ctx, tx, e.ID); err != nil {
			return err
		}
	}
	return nil
}

// writeDigest writes and signs one digest.
func (s *Service) writeDigest(ctx context.Context, r *record, c *chain, start, end time.Time) (*link, error) {
	key, err := s.signer(ctx, place{r.Account, c.Region}, end)
	if err != nil {
		return nil, err
	}
	object := r.under(digestKey(r, c.Region, end))
	f := digestFile{
		AccountID: r.Account, Start: stamp(start), End: stamp(end), Bucket: r.Bucket, Object: object,
		Fingerprint: key.Fingerprint, SignatureAlgorithm: signatureAlgorithm,
	}
	previous := "null"
	if l := c.Last; l != nil {
		f.PreviousBucket, f.PreviousObject, f.PreviousHash, f.PreviousHashAlgorithm, f.PreviousSignature = &l.Bucket, &l.Key, &l.Hash, new(hashAlgorithm), &l.Signature
		previous = l.Signature
	}
	f.list(c.Files[:min(len(c.Files), maxDigested)])
	text, err := json.Marshal(&f)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(text)
	l := &link{Bucket: r.Bucket, Key: object, Hash: hex.EncodeToString(sum[:])}
	// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-custom-validation.html
	if l.Signature, err = key.sign(strings.Join([]string{f.End, f.Bucket + "/" + f.Object, l.Hash, previous}, "\n")); err != nil {
		return nil, err
	}
	body, err := compress(text)
	if err != nil {
		return nil, err
	}
	bucket := s.Bucket(r.Bucket)
	if bucket == nil {
		return nil, errors.New("NoSuchBucket")
	}
	return l, bucket.Put(ctx, object, body, map[string]string{"signature": l.Signature, "signature-algorithm": signatureAlgorithm})
}

// list names the log files, and the time of their events.
func (f *digestFile) list(files []logFile) {
	f.Files = []digestLog{}
	var oldest, newest time.Time
	for i := range files {
		l := &files[i]
		if oldest.IsZero() || l.Oldest.Before(oldest) {
			oldest = l.Oldest
		}
		if l.Newest.After(newest) {
			newest = l.Newest
		}
		f.Files = append(f.Files, digestLog{l.Bucket, l.Key, l.Hash, hashAlgorithm, stamp(l.Newest), stamp(l.Oldest)})
	}
	if len(files) > 0 {
		f.Oldest, f.Newest = new(stamp(oldest)), new(stamp(newest))
	}
}

func digestKey(r *record, region string, end time.Time) string {
	dir, end := folderName(region), end.UTC()
	return fmt.Sprintf("AWSLogs/%s/CloudTrail-Digest/%s/%s/%s_CloudTrail-Digest_%s_%s_%s_%s.json.gz",
		r.Account, dir, end.Format("2006/01/02"), r.Account, dir, r.Name, r.Region, end.Format("20060102T150405Z"))
}
