package logs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// Input is a file to be read; the path "-" is the standard input.
type Input struct {
	Path  string
	Size  int64  // 0 when it is not known
	stamp string // the time in AWS's file names
}

// Find lists the files at paths: files as they are, folders with all that is
// below them except hidden files. They come in the order of the times that AWS
// writes into file names, so that the logs of several Regions and accounts are
// read side by side; files without a time come first, by name.
func Find(paths ...string) ([]Input, error) {
	var out []Input
	for _, path := range paths {
		if path == "-" {
			out = append(out, Input{Path: path})
			continue
		}
		err := filepath.WalkDir(path, func(p string, e fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if name := e.Name(); p != path && strings.HasPrefix(name, ".") {
				if e.IsDir() {
					return filepath.SkipDir
				}
				return nil
			}
			info, err := os.Stat(p) // a link to a file is a file; links to folders are not followed
			if err != nil {
				return err
			}
			if info.Mode().IsRegular() || p == path && !info.IsDir() {
				out = append(out, Input{Path: p, Size: info.Size(), stamp: stampOf(filepath.Base(p))})
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(out, func(a, b Input) int {
		if c := strings.Compare(a.stamp, b.stamp); c != 0 {
			return c
		}
		return strings.Compare(a.Path, b.Path)
	})
	return slices.CompactFunc(out, func(a, b Input) bool { return a.Path == b.Path }), nil
}

// stampOf finds the time in names such as
// 111122223333_CloudTrail_us-east-1_20261130T2330Z_Bkp4.json.gz.
func stampOf(name string) string {
	for _, part := range strings.Split(name, "_") {
		if len(part) == 14 && part[8] == 'T' && part[13] == 'Z' && strings.Trim(part[:8]+part[9:13], "0123456789") == "" {
			return part
		}
	}
	return ""
}

// Options say how files are read.
type Options struct {
	Workers int       // files read at once; 0 means one per processor
	Stdin   io.Reader // what "-" is; nil means that there is none
	// Progress is called, by the goroutine that calls Read, after each batch with
	// the stored bytes read so far and the files finished.
	Progress func(bytes int64, files int)
}

// Report says what was read.
type Report struct {
	Files   []FileReport // in the order they were read
	Records int64
	Bad     int64
	Other   int64
	Bytes   int64 // as stored
}

// FileReport is what one file was and what was wrong with it.
type FileReport struct {
	Path    string
	Format  Format
	Records int64
	Bad     int64
	Other   int64
	BadList []Bad // the first bad records
	Warning string
	Err     error // the file was not read at all
}

// queued is how many batches of one file wait at most for their turn: as much as
// evens out that reading and looking take turns in being slow.
const queued = 32

type job struct {
	input  Input
	out    chan item
	report FileReport
}

type item struct {
	batch *Batch
	bytes int64 // stored bytes read since the last item
}

// Read reads files with several workers and calls f with their batches, from one
// goroutine and always in the same order: file by file as they are listed. A file
// that cannot be read is reported and does not stop the others; an error of f
// does. The batch is valid until f returns.
func Read(ctx context.Context, inputs []Input, o Options, f func(*Batch) error) (*Report, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	workers := o.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	r := &reading{Options: o, pool: sync.Pool{New: func() any { return NewBatch() }}}
	jobs := make(chan *job)
	ahead := make(chan *job, workers) // in order, so that no worker runs far ahead of f
	go func() {
		defer close(jobs)
		defer close(ahead)
		for _, in := range inputs {
			j := &job{input: in, out: make(chan item, queued)}
			select {
			case ahead <- j:
			case <-ctx.Done():
				return
			}
			select {
			case jobs <- j:
			case <-ctx.Done():
				return
			}
		}
	}()
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	for range workers {
		wg.Go(func() {
			for j := range jobs {
				r.file(ctx, j)
			}
		})
	}
	return r.collect(ctx, ahead, f)
}

type reading struct {
	Options
	pool sync.Pool
}

func (r *reading) collect(ctx context.Context, ahead <-chan *job, f func(*Batch) error) (*Report, error) {
	out := &Report{}
	for j := range ahead {
		for {
			var it item
			var ok bool
			select {
			case it, ok = <-j.out:
			case <-ctx.Done():
				return out, ctx.Err()
			}
			if !ok {
				break
			}
			out.Bytes += it.bytes
			if it.batch != nil {
				if len(it.batch.Calls)+len(it.batch.Flows)+len(it.batch.Queries) > 0 {
					if err := f(it.batch); err != nil {
						return out, err
					}
				}
				it.batch.Reset()
				r.pool.Put(it.batch)
			}
			if r.Progress != nil {
				r.Progress(out.Bytes, len(out.Files))
			}
		}
		if err := ctx.Err(); err != nil {
			return out, err
		}
		out.Files = append(out.Files, j.report)
		out.Records += j.report.Records
		out.Bad += j.report.Bad
		out.Other += j.report.Other
		if r.Progress != nil {
			r.Progress(out.Bytes, len(out.Files))
		}
	}
	return out, ctx.Err()
}

// file reads one file into its channel.
func (r *reading) file(ctx context.Context, j *job) {
	defer close(j.out)
	j.report.Path = j.input.Path
	in, done, err := r.open(j.input)
	if err != nil {
		j.report.Err = err
		return
	}
	defer done()
	stop := make(chan struct{})
	defer close(stop)
	d, err := newDecoder(j.input.Path, in, func(unpacked io.Reader) io.Reader { return readAhead(unpacked, stop) })
	if err != nil {
		j.report.Err = err
		return
	}
	var last int64
	for {
		b := r.pool.Get().(*Batch)
		err := d.Next(b)
		read := d.Read()
		select {
		case j.out <- item{b, read - last}:
		case <-ctx.Done():
			return
		}
		last = read
		if errors.Is(err, io.EOF) {
			break
		}
	}
	j.report = FileReport{Path: j.input.Path, Format: d.Format, Records: d.Records, Bad: d.Bad, Other: d.Other, BadList: d.BadList, Warning: d.Warning}
}

func (r *reading) open(in Input) (io.Reader, func(), error) {
	if in.Path != "-" {
		f, err := os.Open(in.Path)
		if err != nil {
			return nil, nil, err
		}
		return f, func() { f.Close() }, nil
	}
	if r.Stdin == nil {
		return nil, nil, fmt.Errorf("there is no standard input")
	}
	return r.Stdin, func() {}, nil
}
