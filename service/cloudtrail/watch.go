package cloudtrail

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"bartizan.dev/trail"
)

// A watch knows how often each operation is called and fails in an account, and
// tells when that becomes unusual and when it is usual again. AWS does not say how
// it decides; what is here is ours, and bounded:
//
//   - A baseline are the calls of a minute on average in the seven days before,
//     and the most calls of any minute of those days.
//   - A minute is unusual that has at least 5 calls, more than three times the most
//     of the baseline, and more than six standard deviations above its average if
//     calls came independently of each other (Poisson).
//   - Nothing is unusual in the first 24 hours, when nothing is known.
//   - What is unusual ends after five usual minutes, and its minutes are in no baseline.
const (
	baselineDays = 7
	learning     = 24 * time.Hour
	leastCalls   = 5
	timesMost    = 3
	deviations   = 6
	quietMinutes = 5
	maxSeries    = 1500 // of an account; what is beyond is not watched
	maxValues    = 5    // of an attribution: "up to the top five"
	maxLearnt    = 8    // values of an attribution that a baseline knows
	maxValueText = 256
	noError      = "null" // as AWS attributes calls without an error
	callRate     = "ApiCallRateInsight"
	errorRate    = "ApiErrorRateInsight"
	late         = 2 * time.Minute // how late an event of a minute may be recorded
)

// attributes of calls, in AWS's order.
var attributed = [...]string{"userIdentityArn", "userAgent", "errorCode"}

// watch is the state of an account.
type watch struct {
	At     trail.Place
	Since  time.Time // when learning began
	Closed int64     // minutes before this one are judged
	Series map[string]*series
}

// series is an operation of one service and Region, called or failing with one
// error. Its key has the parts with NUL between.
type series struct {
	Days   [baselineDays]day      // the last is today
	Today  int64                  // days since 1970
	Learnt [len(attributed)]tally `json:",omitzero"`
	Open   map[int64]*minute      `json:",omitempty"` // not judged yet
	Active *activity              `json:",omitempty"`
}

// day is what a day adds to a baseline.
type day struct{ Calls, Most uint32 }

// tally counts calls by the value of an attribute.
type tally map[string]float64

// minute are the calls of one.
type minute struct {
	Calls uint32
	Who   [len(attributed)]tally
}

// activity is what is unusual now.
type activity struct {
	Start, Last int64 // the first and the last unusual minute
	Calls       uint32
	Who         [len(attributed)]tally
	Baseline    average
}

type average struct {
	PerMinute float64
	Minutes   int64
	Who       [len(attributed)][]share
}

// share is a value of an attribute and its calls a minute.
type share struct {
	Value   string  `json:"value"`
	Average float64 `json:"average"`
}

// finding is the start or the end of something unusual.
type finding struct {
	Region, Kind, Source, Name, Error string
	End                               bool
	Start, At                         int64 // minutes
	Baseline                          average
	Insight                           average
}

func minuteOf(t time.Time) int64 { return t.Unix() / 60 }

// observed are the facts of an event that a watch counts.
type observed struct {
	Type     string `json:"eventType"`
	Category string `json:"eventCategory"`
	Agent    string `json:"userAgent"`
	Error    string `json:"errorCode"`
	Identity struct {
		ARN string `json:"arn"`
	} `json:"userIdentity"`
}

// see counts an event.
func (w *watch) see(e *trail.Event, o *observed) {
	if o.Category != "Management" || o.Type != "AwsApiCall" {
		return
	}
	at := max(minuteOf(e.Time), w.Closed) // one that is late counts for the oldest minute that is open
	who := [...]string{o.Identity.ARN, o.Agent, cmp.Or(o.Error, noError)}
	if !e.ReadOnly {
		w.count(strings.Join([]string{e.Region, callRate, e.Source, e.Name, ""}, "\x00"), at, who)
	}
	if o.Error != "" {
		w.count(strings.Join([]string{e.Region, errorRate, e.Source, e.Name, short256(o.Error)}, "\x00"), at, who)
	}
}

func short256(s string) string { return strings.ToValidUTF8(s[:min(len(s), maxValueText)], "") }

func (w *watch) count(key string, at int64, who [len(attributed)]string) {
	s := w.Series[key]
	if s == nil {
		if len(w.Series) >= maxSeries {
			return
		}
		if w.Series == nil {
			w.Series = map[string]*series{}
		}
		s = &series{Today: at / 1440}
		w.Series[strings.Clone(key)] = s
	}
	m := s.Open[at]
	if m == nil {
		m = new(minute)
		if s.Open == nil {
			s.Open = map[int64]*minute{}
		}
		s.Open[at] = m
	}
	m.Calls++
	for i := range who {
		m.Who[i].add(short256(who[i]), 1)
	}
}

// add counts a value; a tally that is full makes the rarest go.
func (t *tally) add(value string, n float64) {
	if value == "" {
		return
	}
	if *t == nil {
		*t = tally{}
	}
	if _, ok := (*t)[value]; !ok && len(*t) >= 4*maxLearnt {
		t.trim(2 * maxLearnt)
	}
	(*t)[strings.Clone(value)] += n
}

// trim leaves the values that are counted most.
func (t tally) trim(n int) {
	for _, v := range t.order()[min(n, len(t)):] {
		delete(t, v)
	}
}

func (t tally) order() []string {
	return slices.SortedFunc(maps.Keys(t), func(a, b string) int { return cmp.Or(cmp.Compare(t[b], t[a]), cmp.Compare(a, b)) })
}

// shares are the calls a minute of the values that are counted most.
func (t tally) shares(minutes float64) []share {
	out := []share{}
	for _, v := range t.order() {
		if len(out) < maxValues {
			out = append(out, share{v, t[v] / minutes})
		}
	}
	return out
}

// judge closes the minutes before one, and returns what has become unusual or
// usual again, in the order of time.
func (w *watch) judge(until int64) []finding {
	var out []finding
	for _, key := range slices.Sorted(maps.Keys(w.Series)) {
		s := w.Series[key]
		part := strings.Split(key, "\x00")
		name := finding{Region: part[0], Kind: part[1], Source: part[2], Name: part[3], Error: part[4]}
		for _, at := range slices.Sorted(maps.Keys(s.Open)) {
			if at >= until {
				break
			}
			out = append(out, s.quiet(at, name)...)
			out = append(out, s.close(at, s.Open[at], minuteOf(w.Since), name)...)
			delete(s.Open, at)
		}
		out = append(out, s.quiet(until, name)...)
		s.turn(until / 1440)
		if s.Active == nil && len(s.Open) == 0 && s.empty() {
			delete(w.Series, key) // nothing in seven days
		}
	}
	w.Closed = max(w.Closed, until)
	slices.SortStableFunc(out, func(a, b finding) int { return cmp.Compare(a.At, b.At) })
	return out
}

func (s *series) empty() bool { return s.Days == [baselineDays]day{} }

// turn moves the days on; what was learnt fades like they do.
func (s *series) turn(today int64) {
	for n := min(today-s.Today, baselineDays); n > 0; n-- {
		copy(s.Days[:], s.Days[1:])
		s.Days[baselineDays-1] = day{}
		for i := range s.Learnt {
			for v := range s.Learnt[i] {
				s.Learnt[i][v] *= float64(baselineDays-1) / baselineDays
			}
		}
	}
	s.Today = max(s.Today, today)
}

// close judges a minute.
func (s *series) close(at int64, m *minute, since int64, name finding) []finding {
	s.turn(at / 1440)
	base, most := s.baseline(at, since)
	calls := float64(m.Calls)
	unusual := m.Calls >= leastCalls && time.Duration(at-since)*time.Minute >= learning &&
		calls > timesMost*most && calls > base.PerMinute+deviations*math.Sqrt(base.PerMinute)
	if !unusual && s.Active == nil {
		d := &s.Days[baselineDays-1]
		d.Calls += m.Calls
		d.Most = max(d.Most, m.Calls)
		for i := range m.Who {
			for v, n := range m.Who[i] {
				s.Learnt[i].add(v, n)
			}
			s.Learnt[i].trim(maxLearnt)
		}
		return nil
	}
	var out []finding
	began := s.Active == nil
	if began {
		s.Active = &activity{Start: at, Baseline: base}
	}
	a := s.Active
	a.Calls += m.Calls
	for i := range m.Who {
		for v, n := range m.Who[i] {
			a.Who[i].add(v, n)
		}
	}
	if unusual {
		a.Last = at
	}
	if began {
		out = append(out, a.tell(name, at, at+1, false))
	}
	return out
}

// baseline is what is usual before a minute.
func (s *series) baseline(at, since int64) (average, float64) {
	begin := max(since, (at/1440-baselineDays+1)*1440)
	minutes := max(at-begin, 1)
	calls, most := 0.0, 0.0
	for _, d := range s.Days {
		calls += float64(d.Calls)
		most = max(most, float64(d.Most))
	}
	out := average{PerMinute: calls / float64(minutes), Minutes: minutes}
	for i := range s.Learnt {
		out.Who[i] = s.Learnt[i].shares(float64(minutes))
	}
	return out, most
}

// quiet ends what is unusual if no minute was for long enough.
func (s *series) quiet(now int64, name finding) []finding {
	a := s.Active
	if a == nil || now <= a.Last+quietMinutes {
		return nil
	}
	s.Active = nil
	return []finding{a.tell(name, a.Last+1, a.Last+1, true)}
}

// tell is the finding of an activity that has lasted until a minute.
func (a *activity) tell(name finding, at, until int64, end bool) finding {
	name.Start, name.At, name.End, name.Baseline = a.Start, at, end, a.Baseline
	n := until - a.Start
	name.Insight = average{PerMinute: float64(a.Calls) / float64(n), Minutes: n}
	for i := range a.Who {
		name.Insight.Who[i] = a.Who[i].shares(float64(n))
	}
	return name
}
