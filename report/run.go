package report

import (
	"cmp"
	"context"
	"io"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"bartizan.dev/detect"
	"bartizan.dev/intel"
	"bartizan.dev/logs"
)

// Options say what is looked at.
type Options struct {
	Intel       *intel.Set
	Home        []netip.Prefix
	Since       logs.Time // what happened before is passed over; 0 takes everything
	MinSeverity float64   // findings below are counted only
	Workers     int       // 0 means one per processor
	Stdin       io.Reader
	Progress    *Progress                 // may be nil
	Detectors   func() []*detect.Detector // nil means all
}

// Progress may be read while Run runs.
type Progress struct {
	Bytes, Files, Records, Findings atomic.Int64
}

// Result is what was found.
type Result struct {
	Findings []*detect.Finding // by severity, the gravest first, then by time
	Below    int               // findings below MinSeverity
	Before   int64             // records before Since
	Read     *logs.Report
	Files    map[string]string // the file in which a finding was first seen, by its id
	Hours    map[int64]int64   // records looked at, by hours since 1970
}

// engines is how many engines share the accounts. Each remembers at most 4
// million ids of calls (64 MiB), so all take at most 1 GiB for that, when there
// are 64 million calls; for one account it is 64 MiB.
const engines = 16

// maxHours bounds Result.Hours: eleven years.
const maxHours = 100_000

// share is a piece of a batch that belongs to one engine. Records are taken over
// when all are the engine's, and copied when not: their strings stay valid, the
// batch does not.
type share struct {
	engine  int
	file    string
	calls   []logs.Call
	flows   []logs.Flow
	queries []logs.Query
}

func (s *share) reset() {
	clear(s.calls) // lets go of the buffers behind the strings
	clear(s.flows)
	clear(s.queries)
	s.calls, s.flows, s.queries = s.calls[:0], s.flows[:0], s.queries[:0]
}

type run struct {
	Options
	result  *Result
	engines [engines]*detect.Engine
	files   [engines]map[string]string // the worker of an engine alone writes its map
	lanes   []chan *share
	pool    sync.Pool
	last    string // account of the record before
	engine  int    // its engine
	hour    int64
	inHour  int64
}

// Run reads the inputs and runs every detector over them.
func Run(ctx context.Context, inputs []logs.Input, o Options) (*Result, error) {
	if o.Progress == nil {
		o.Progress = new(Progress)
	}
	if o.Detectors == nil {
		o.Detectors = detect.All
	}
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	r := &run{Options: o, result: &Result{Files: map[string]string{}, Hours: map[int64]int64{}}}
	r.pool.New = func() any { return new(share) }
	r.engine = engineOf("")
	var wg sync.WaitGroup
	for range min(o.Workers, engines) {
		lane := make(chan *share, 32)
		r.lanes = append(r.lanes, lane)
		wg.Go(func() {
			for s := range lane {
				r.look(s)
			}
		})
	}
	read, err := logs.Read(ctx, inputs, logs.Options{Workers: o.Workers, Stdin: o.Stdin, Progress: func(bytes int64, files int) {
		o.Progress.Bytes.Store(bytes)
		o.Progress.Files.Store(int64(files))
	}}, r.batch)
	for _, lane := range r.lanes {
		close(lane)
	}
	wg.Wait()
	r.countHour()
	r.result.Read = read
	if err != nil {
		return r.result, err
	}
	r.collect()
	return r.result, nil
}

// batch hands the records of a batch to their engines.
func (r *run) batch(b *logs.Batch) error {
	n := 0
	each(r, b.File, &b.Calls, func(c *logs.Call) (string, logs.Time) { return c.Account, c.Time }, func(s *share) *[]logs.Call { return &s.calls }, &n)
	each(r, b.File, &b.Flows, func(f *logs.Flow) (string, logs.Time) { return f.Account, f.Start }, func(s *share) *[]logs.Flow { return &s.flows }, &n)
	each(r, b.File, &b.Queries, func(q *logs.Query) (string, logs.Time) { return q.Account, q.Time }, func(s *share) *[]logs.Query { return &s.queries }, &n)
	r.Progress.Records.Add(int64(n))
	return nil
}

// each hands on the records of one kind. Nearly always they all belong to one
// engine, which is given the slice itself for an empty one.
func each[T any](r *run, file string, from *[]T, of func(*T) (string, logs.Time), in func(*share) *[]T, n *int) {
	all := *from
	if len(all) == 0 {
		return
	}
	if r.same(len(all), func(i int) (string, logs.Time) { return of(&all[i]) }) {
		s := r.share(file)
		list := in(s)
		*list, *from = all, (*list)[:0]
		*n += len(all)
		r.send(s)
		return
	}
	var s *share
	for i := range all {
		account, at := of(&all[i])
		if at < r.Since {
			r.result.Before++
			continue
		}
		r.belongs(account)
		if s != nil && s.engine != r.engine {
			r.send(s)
			s = nil
		}
		if s == nil {
			s = r.share(file)
		}
		list := in(s)
		*list = append(*list, all[i])
		r.count(at)
		*n++
	}
	if s != nil {
		r.send(s)
	}
}

// same says whether n records all belong to one engine and none is too old, and
// then counts them.
func (r *run) same(n int, of func(int) (string, logs.Time)) bool {
	first, _ := of(0)
	for i := range n {
		if account, at := of(i); account != first || at < r.Since {
			return false
		}
	}
	r.belongs(first)
	for i := range n {
		_, at := of(i)
		r.count(at)
	}
	return true
}

func (r *run) share(file string) *share {
	s := r.pool.Get().(*share)
	s.engine, s.file = r.engine, file
	return s
}

// belongs finds the engine of an account.
func (r *run) belongs(account string) {
	if account != r.last {
		r.last, r.engine = strings.Clone(account), engineOf(account)
	}
}

// count counts a record of a time.
func (r *run) count(at logs.Time) {
	if h := int64(at / logs.Hour); h != r.hour {
		r.countHour()
		r.hour = h
	}
	r.inHour++
}

func (r *run) send(s *share) { r.lanes[s.engine%len(r.lanes)] <- s }

func (r *run) countHour() {
	if _, known := r.result.Hours[r.hour]; r.inHour > 0 && (known || len(r.result.Hours) < maxHours) {
		r.result.Hours[r.hour] += r.inHour
	}
	r.inHour = 0
}

// look runs the detectors over a share.
func (r *run) look(s *share) {
	e := r.engines[s.engine]
	if e == nil {
		e = detect.New(detect.Config{Intel: r.Intel, Home: r.Home}, r.Detectors()...)
		r.engines[s.engine], r.files[s.engine] = e, map[string]string{}
	}
	for i := range s.calls {
		e.Call(&s.calls[i])
	}
	for i := range s.flows {
		e.Flow(&s.flows[i])
	}
	for i := range s.queries {
		e.Query(&s.queries[i])
	}
	files := r.files[s.engine]
	for f, isNew := range e.Changed() {
		if isNew && len(files) < 100_000 { // as many findings as an engine keeps
			files[f.ID] = s.file
			r.Progress.Findings.Add(1)
		}
	}
	s.reset()
	r.pool.Put(s)
}

// engineOf spreads accounts by FNV-1a, the same way everywhere.
func engineOf(account string) int {
	h := uint32(2166136261)
	for i := range len(account) {
		h = (h ^ uint32(account[i])) * 16777619
	}
	return int((h ^ h>>16) % engines)
}

func (r *run) collect() {
	for i, e := range r.engines {
		if e == nil {
			continue
		}
		for _, f := range e.Findings() {
			if f.Severity < r.MinSeverity {
				r.result.Below++
				continue
			}
			r.result.Findings = append(r.result.Findings, f)
			if file, ok := r.files[i][f.ID]; ok {
				r.result.Files[f.ID] = file
			}
		}
	}
	slices.SortFunc(r.result.Findings, func(a, b *detect.Finding) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), strings.Compare(a.Service.EventFirstSeen, b.Service.EventFirstSeen), strings.Compare(a.ID, b.ID))
	})
}
