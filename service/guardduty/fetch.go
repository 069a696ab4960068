package guardduty

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"bartizan.dev/intel"
	"bartizan.dev/store"
	"bartizan.dev/work"
)

const (
	jobList = "list" // a list is activated, refreshed or deactivated
	// refresh is how often an active list is read again.
	refresh = time.Hour
)

// Source is where a list lies: an object of a bucket, or an address of the web.
type Source struct {
	Bucket, Key string
	URL         string // when there is no bucket
}

// ParseLocation reads a location in any form in which AWS takes it, and https
// addresses besides.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_CreateIPSet.html
func ParseLocation(location string) (Source, error) {
	u, err := url.Parse(location)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || len(location) > 300 {
		return Source{}, errLocation
	}
	host, key := u.Hostname(), strings.TrimPrefix(u.Path, "/")
	switch {
	case u.Scheme == "s3":
		return inBucket(host, key)
	case u.Scheme != "https":
		return Source{}, errLocation
	case !strings.HasSuffix(host, ".amazonaws.com"):
		return Source{URL: u.String()}, nil
	}
	host = strings.TrimSuffix(host, ".amazonaws.com")
	if host == "s3" || strings.HasPrefix(host, "s3.") || strings.HasPrefix(host, "s3-") {
		bucket, key, _ := strings.Cut(key, "/")
		return inBucket(bucket, key)
	}
	for _, mark := range []string{".s3.", ".s3-"} {
		if i := strings.LastIndex(host, mark); i > 0 {
			return inBucket(host[:i], key)
		}
	}
	if bucket, ok := strings.CutSuffix(host, ".s3"); ok {
		return inBucket(bucket, key)
	}
	return Source{}, errLocation
}

func inBucket(bucket, key string) (Source, error) {
	if bucket == "" || key == "" {
		return Source{}, errLocation
	}
	return Source{Bucket: bucket, Key: key}, nil
}

var errLocation = invalid("location")

func checkLocation(location string) error {
	_, err := ParseLocation(location)
	return err
}

// maxFile is AWS's limit of a list's file.
const maxFile = 35 << 20

// doList brings a list to the state that was asked for. A list that cannot be
// read when it is activated is in error; one that cannot be read when it is
// refreshed stays what it was.
func (s *Service) doList(ctx context.Context, j work.Job) (func(store.Tx) error, error) {
	l, err := s.lists.Get(ctx, s.Store, j.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	if l.Status != activating && l.Status != active {
		return s.settle(ctx, j.ID, l.Generation, func(l *list) bool {
			l.Status, l.Chunks = inactive, 0
			return false
		}), nil
	}
	body, read, err := s.readList(ctx, l)
	if err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		s.Logger.Warn("a list cannot be read", "list", j.ID, "location", l.Location, "cause", err)
		return s.settle(ctx, j.ID, l.Generation, func(l *list) bool {
			if l.Status == activating {
				l.Status, l.Chunks, l.Error = failed, 0, explain(err)
			}
			return l.Status == active
		}), nil
	}
	if l.Status == active && read.SHA256 == l.SHA256 {
		return s.settle(ctx, j.ID, l.Generation, func(*list) bool { return true }), nil
	}
	n, err := s.keepList(ctx, l, body)
	if err != nil {
		return nil, err
	}
	return s.settle(ctx, j.ID, l.Generation, func(l *list) bool {
		l.Generation, l.Chunks, l.SHA256, l.Entries = l.Generation+1, n, read.SHA256, read.Entries
		l.Status, l.Error = active, ""
		return true
	}), nil
}

// settle changes a list unless it was changed meanwhile, and has it refreshed if
// f says so.
func (s *Service) settle(ctx context.Context, id string, generation int64, f func(*list) bool) func(store.Tx) error {
	return func(tx store.Tx) error {
		l, err := s.lists.Get(ctx, tx, id)
		if errors.Is(err, store.ErrNotFound) || err == nil && l.Generation != generation {
			return nil
		} else if err != nil {
			return err
		}
		again := f(l)
		// Of what was read, the generation that counts is kept.
		all, err := s.chunks.List(ctx, tx, contentID(id, -1, 0), "", 0)
		if err != nil {
			return err
		}
		for _, e := range all {
			if l.Chunks == 0 || !strings.HasPrefix(e.ID, contentID(id, l.Generation, -1)) {
				if err := s.chunks.Delete(ctx, tx, e.ID); err != nil {
					return err
				}
			}
		}
		if again {
			if err := s.queue.Add(ctx, tx, work.Job{Kind: jobList, ID: id, Due: s.now().Add(refresh)}); err != nil {
				return err
			}
		}
		return s.lists.Put(ctx, tx, id, l)
	}
}

// readList fetches and reads a list.
func (s *Service) readList(ctx context.Context, l *list) ([]byte, *intel.List, error) {
	at, err := ParseLocation(l.Location)
	if err != nil {
		return nil, nil, err
	}
	if at.Bucket != "" && l.Owner != "" && l.Owner != l.Account {
		return nil, nil, errOwner
	}
	if s.Fetch == nil {
		return nil, nil, errors.New("there is nothing to read lists with")
	}
	r, err := s.Fetch(ctx, at)
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	body, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, nil, err
	}
	if len(body) > maxFile {
		return nil, nil, &intel.LimitError{What: "bytes", Max: maxFile}
	}
	read, err := l.parse(bytes.NewReader(body))
	return body, read, err
}

var errOwner = errors.New("the bucket does not belong to the expected account")

func (l *list) parse(r io.Reader) (*intel.List, error) {
	k := kindNamed(l.Kind)
	return intel.Parse(intel.Source{Name: l.Name, Format: intel.Format(l.Format), Kind: k.means, Limits: k.limit}, r)
}

// explain says what is wrong with a list; what a server answered stays in the log.
func explain(err error) string {
	if limit, ok := errors.AsType[*intel.LimitError](err); ok {
		return limit.Error()
	}
	for _, known := range []error{intel.ErrFormat, intel.ErrEmpty, errOwner} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	return "the list cannot be read from its location"
}

// contentID is the id of a piece; a negative generation or number ends the id
// before it.
func contentID(list string, generation int64, n int) string {
	id := "list/" + list + "/"
	if generation >= 0 {
		id += fmt.Sprintf("%016x/", generation)
		if n >= 0 {
			id += fmt.Sprintf("%06d", n)
		}
	}
	return id
}

// keepList writes what was read under the generation to come.
func (s *Service) keepList(ctx context.Context, l *list, body []byte) (int, error) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(body); err != nil {
		return 0, err
	}
	if err := w.Close(); err != nil {
		return 0, err
	}
	id, generation := l.id(), l.Generation+1
	return s.write(ctx, b.Bytes(), func(n int) string { return contentID(id, generation, n) })
}

// threats compiles the active lists that hold for a detector: its own and its
// administrator's.
func (s *Service) threats(ctx context.Context, r store.Reader, at string) (*intel.Set, error) {
	d, err := s.detectors.Get(ctx, r, at)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	rulers, err := s.ruling(ctx, r, d.Place, d.ID)
	if err != nil {
		return nil, err
	}
	var all []store.Entry[list]
	for _, id := range rulers {
		some, err := s.lists.List(ctx, r, id+"/", "", 0)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	var lists []*intel.List
	for _, e := range all {
		l := e.Value
		if l.Chunks == 0 {
			continue
		}
		var b bytes.Buffer
		for n := range l.Chunks {
			c, err := s.chunks.Get(ctx, r, contentID(e.ID, l.Generation, n))
			if err != nil {
				return nil, err
			}
			b.Write(c.Data)
		}
		z, err := gzip.NewReader(&b)
		if err != nil {
			return nil, err
		}
		read, err := l.parse(z)
		if err != nil {
			return nil, err
		}
		lists = append(lists, read)
	}
	if len(lists) == 0 {
		return nil, nil
	}
	return intel.Compile(lists...), nil
}
