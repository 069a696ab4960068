package cloudtrail

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"bartizan.dev/store"
	"bartizan.dev/trail"
	"bartizan.dev/work"
)

// What happens later. The id of a job is that of what it is about.
const (
	jobDeliver = "deliver" // log files
	jobDigest  = "digest"  // digests of them
	jobIngest  = "ingest"  // events into an event data store
	jobDrop    = "drop"    // an event data store whose waiting time is over
	jobInsight = "insight" // what is unusual in an account
	jobStream  = "stream"  // events to a log group
	jobQuery   = "query"   // a query that waits to be run
	jobForget  = "forget"  // a query whose results were kept long enough
)

const (
	// every is how often log files are delivered: "about every five minutes".
	// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/how-cloudtrail-works.html
	every = 5 * time.Minute
	// settling is how long after a trail has stopped its last events can come:
	// calls that were under way, on any node.
	settling = 3 * time.Minute
	// maxRun bounds the events of one run, in bytes: more go to further files.
	maxRun = 32 << 20
)

func (s *Service) handlers() map[string]work.Handler {
	return map[string]work.Handler{jobDeliver: s.deliver, jobDigest: s.digest, jobIngest: s.ingest, jobDrop: s.drop, jobInsight: s.insight, jobStream: s.stream}
}

// deliverLater has a trail's events delivered at the next multiple of five
// minutes.
func (s *Service) deliverLater(ctx context.Context, tx store.Tx, r *record) error {
	return s.queue.Add(ctx, tx, work.Job{Kind: jobDeliver, ID: r.UID, Due: s.Clock.Now().Truncate(every).Add(every)})
}

// byUID is a trail by its UID, also one that was deleted, or nil.
func (s *Service) byUID(ctx context.Context, r store.Reader, uid string) (v *record, gone bool, err error) {
	e, err := s.trails.OneBy(ctx, r, "uid", uid)
	if err == nil {
		return e.Value, false, nil
	}
	if !errors.Is(err, store.ErrNotFound) {
		return nil, false, err
	}
	v, err = s.gone.Get(ctx, r, uid)
	if errors.Is(err, store.ErrNotFound) {
		return nil, false, nil
	}
	return v, true, err
}

// save writes a trail back. A deleted one whose work is done goes away.
func (s *Service) save(ctx context.Context, tx store.Tx, r *record, gone bool) error {
	switch {
	case !gone:
		return s.trails.Put(ctx, tx, r.id(), r)
	case r.Delivery.Alive || r.Delivery.Digesting || r.Stream.Alive:
		return s.gone.Put(ctx, tx, r.UID, r)
	}
	return s.gone.Delete(ctx, tx, r.UID)
}

// amend changes a trail in a transaction of its own.
func (s *Service) amend(ctx context.Context, uid string, f func(r *record)) (*record, error) {
	var out *record
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		r, gone, err := s.byUID(ctx, tx, uid)
		if out = r; err != nil || r == nil {
			return err
		}
		f(r)
		return s.save(ctx, tx, r, gone)
	})
	return out, err
}

// deliver writes what a trail has logged since the last time. First it writes
// down until where: a run that dies is repeated with the same events under the
// same names, which replace each other. That the place moves on, that the files
// wait for the digest and that the next run is due is one transaction.
func (s *Service) deliver(ctx context.Context, j work.Job) (func(store.Tx) error, error) {
	end, err := s.Log.End(ctx)
	if err != nil {
		return nil, err
	}
	now := s.Clock.Now()
	r, err := s.amend(ctx, j.ID, func(r *record) {
		if r.Delivery.Attempt = now; r.Delivery.Plan == nil {
			r.Delivery.Plan = &plan{To: end, Time: now}
		}
	})
	if err != nil || r == nil {
		return nil, err
	}
	from := r.Delivery.At
	files, reached, err := s.write(ctx, r)
	if err != nil {
		_, amended := s.amend(ctx, j.ID, func(r *record) { r.Delivery.Error = short(err) })
		return nil, errors.Join(err, amended)
	}
	told, tried := s.notify(ctx, r, files)
	return func(tx store.Tx) error {
		r, gone, err := s.byUID(ctx, tx, j.ID)
		if err != nil || r == nil || r.Delivery.At != from || r.Delivery.Plan == nil {
			return err
		}
		if err := s.await(ctx, tx, r, files); err != nil {
			return err
		}
		if tried {
			r.Notices = told
		}
		d := &r.Delivery
		if d.At, d.Error = reached, ""; len(files) > 0 {
			d.Last = now
		}
		due := now.Truncate(every).Add(every)
		if reached.Before(d.Plan.To) {
			due = now // there is more
		} else {
			d.Alive = r.Logging || d.Plan.Time.Before(r.Stopped.Add(settling))
			r.Spans = slices.DeleteFunc(r.Spans, func(s span) bool { return !s.To.IsZero() && s.To.Before(d.Plan.Time.Add(-24*time.Hour)) })
			d.Plan = nil
		}
		if d.Alive {
			if err := s.queue.Add(ctx, tx, work.Job{Kind: jobDeliver, ID: j.ID, Due: due}); err != nil {
				return err
			}
		}
		return s.save(ctx, tx, r, gone)
	}, nil
}

// short is an error as a trail's status shows it.
func short(err error) string { return trail.Short(err.Error()) }

// logFile is a file that was delivered.
type logFile struct {
	Account             string `json:",omitzero"` // of an organization trail's events
	Region, Bucket, Key string
	Hash                string // SHA-256 of what is in it, in hex
	Oldest, Newest      time.Time
}

// batch are the events of one account and Region in one run.
type batch struct {
	logFile
	text bytes.Buffer
}

// write puts the events from the trail's place on into one file for each account
// and Region, and returns the place it has come to.
func (s *Service) write(ctx context.Context, r *record) (files []logFile, reached trail.Place, err error) {
	d := &r.Delivery
	batches, total := map[string]*batch{}, 0
	wants := s.wanting(ctx, r)
	reached, err = s.Log.Read(ctx, d.At, d.Plan.To, func(e *trail.Event) bool {
		if wants(e) {
			region := strings.TrimSuffix(e.Region, dataSuffix) // data events lie with the others
			key := e.Account + "/" + region
			b := batches[key]
			if b == nil {
				b = &batch{logFile: logFile{Account: strings.Clone(e.Account), Region: strings.Clone(region), Bucket: r.Bucket, Oldest: e.Time}}
				batches[strings.Clone(key)] = b
			}
			b.add(e)
			total += len(e.JSON)
		}
		return total < maxRun
	})
	if err != nil || len(batches) == 0 {
		return nil, reached, err
	}
	bucket := s.Bucket(r.Bucket)
	if bucket == nil {
		return nil, d.At, errors.New("NoSuchBucket")
	}
	for _, b := range batches {
		body, err := b.close()
		if err != nil {
			return nil, d.At, err
		}
		b.Key = r.under(logKey(r, b.Account, b.Region, d))
		if err := bucket.Put(ctx, b.Key, body, nil); err != nil {
			return nil, d.At, err
		}
		files = append(files, b.logFile)
	}
	slices.SortFunc(files, func(a, b logFile) int { return cmp.Compare(a.Key, b.Key) })
	return files, reached, nil
}

func (b *batch) add(e *trail.Event) {
	if b.text.Len() == 0 {
		b.text.WriteString(`{"Records":[`)
	} else {
		b.text.WriteByte(',')
	}
	b.text.Write(e.JSON)
	if e.Time.Before(b.Oldest) {
		b.Oldest = e.Time
	}
	if e.Time.After(b.Newest) {
		b.Newest = e.Time
	}
}

// close ends a file and returns it compressed.
func (b *batch) close() ([]byte, error) {
	b.text.WriteString(`]}`)
	sum := sha256.Sum256(b.text.Bytes())
	b.Hash = hex.EncodeToString(sum[:])
	return compress(b.text.Bytes())
}

func compress(text []byte) ([]byte, error) {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(text); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// logKey is the name of the file that begins at the trail's place. Its unique
// part is made of that place, so that a run that is repeated makes it again.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html
func logKey(r *record, account, region string, d *delivery) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "bartizan log file 1\x00%s\x00%s\x00%d %d", r.UID, region, d.At.Part, d.At.Offset))
	folder := "AWSLogs/" + account
	if r.Org != "" {
		folder = "AWSLogs/" + r.Org + "/" + account
	}
	unique := base32.StdEncoding.EncodeToString(sum[:])[:16]
	region, insight := realRegion(region)
	at, dir, what := d.Plan.Time.UTC(), folderName(region), "CloudTrail"
	if insight {
		what = "CloudTrail-Insight"
	}
	return fmt.Sprintf("%s/%s/%s/%s/%s_%s_%s_%s_%s.json.gz",
		folder, what, dir, at.Format("2006/01/02"), account, what, dir, at.Format("20060102T1504Z"), unique)
}

// folderName is a Region as part of a key. A caller may sign for any Region,
// also one whose name nobody would give to a folder.
func folderName(region string) string {
	if region == "" {
		return "-"
	}
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' {
			return c
		}
		return '-'
	}, region)
}
