package detect

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"bartizan.dev/intel"
	"bartizan.dev/logs"
	"bartizan.dev/logs/logstest"
)

func cpu() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// threats is a list of 250,000 addresses and domains.
func threats(b *testing.B) *intel.Set {
	var text strings.Builder
	for i := range 250_000 {
		x := uint32(i) * 2654435761
		if i%5 == 0 {
			fmt.Fprintf(&text, "host%d.bad%d.example\n", x%97, i)
		} else {
			fmt.Fprintf(&text, "%d.%d.%d.%d\n", 1+x>>24%223, byte(x>>16), byte(x>>8), byte(x))
		}
	}
	l, err := intel.Parse(intel.Source{Name: "big", Format: intel.TXT, Limits: intel.ThreatEntities}, strings.NewReader(text.String()))
	if err != nil {
		b.Fatal(err)
	}
	return intel.Compile(l)
}

// through reads data again and again into engines with every detector on; the
// engine is a new one each time, so that nothing is passed over as known.
func through(b *testing.B, data []byte, n int) {
	b.Helper()
	set := threats(b)
	batch := logs.NewBatch()
	b.ReportAllocs()
	used := cpu()
	for b.Loop() {
		e := New(Config{Intel: set}, All()...)
		d, err := logs.NewDecoder("bench", bytes.NewReader(data))
		if err != nil {
			b.Fatal(err)
		}
		for d.Next(batch) != io.EOF {
			for i := range batch.Calls {
				e.Call(&batch.Calls[i])
			}
			for i := range batch.Flows {
				e.Flow(&batch.Flows[i])
			}
			for i := range batch.Queries {
				e.Query(&batch.Queries[i])
			}
		}
		if d.Bad > 0 {
			b.Fatal(d.BadList)
		}
	}
	b.ReportMetric(float64(b.N)*float64(n)/(cpu()-used).Seconds()/1e3, "k/cpu-s")
}

const perRun = 50_000

func BenchmarkCalls(b *testing.B) { through(b, logstest.Records(logstest.Events(perRun)...), perRun) }
func BenchmarkFlows(b *testing.B) {
	through(b, logstest.FlowLog(true, logstest.Version2, logstest.Flows(perRun)...), perRun)
}
func BenchmarkQueries(b *testing.B) {
	through(b, logstest.ResolverLog(logstest.Queries(perRun)...), perRun)
}

// BenchmarkEngine is the detectors alone, over events that have been read.
func BenchmarkEngine(b *testing.B) {
	d, err := logs.NewDecoder("bench", bytes.NewReader(logstest.Records(logstest.Events(perRun)...)))
	if err != nil {
		b.Fatal(err)
	}
	var all []logs.Call
	for batch := logs.NewBatch(); d.Next(batch) == nil; {
		all = append(all, batch.Calls...)
	}
	e := New(Config{Intel: threats(b)}, All()...)
	i := 0
	used := cpu()
	for b.Loop() {
		c := &all[i%perRun]
		c.Time += logs.Minute // not the same event again
		if i++; i%perRun == 0 {
			e.seen = seen{most: 4 << 20}
		}
		e.Call(c)
	}
	b.ReportMetric(float64(b.N)/(cpu()-used).Seconds()/1e3, "k/cpu-s")
}

// BenchmarkRaise is a call that raises a finding that is there.
func BenchmarkRaise(b *testing.B) {
	e := New(Config{Remember: 1000}, All()...)
	c := scanOne(b, logstest.Event{Time: logstest.Start, Source: "s3.amazonaws.com", Name: "ListBuckets", Identity: logstest.Root()})
	c.ID = ""
	b.ReportAllocs()
	for b.Loop() {
		e.Call(&c)
	}
}

func BenchmarkTable(b *testing.B) {
	t := NewTable[Window](1 << 20)
	i := 0
	for b.Loop() {
		w, _ := t.At(mix(uint64(i & (1<<20 - 1))))
		w.Add(logs.Time(i), logs.Hour, 1)
		i++
	}
}

func scanOne(t testing.TB, e logstest.Event) logs.Call {
	return scan(t, e.JSON())[0]
}

func TestHotPathsDoNotAllocate(t *testing.T) {
	e := New(Config{Intel: intel.Compile(lists(t)...)}, All()...)
	quiet := scanOne(t, logstest.Event{Time: logstest.Start, Source: "ec2.amazonaws.com", Name: "DescribeInstances"})
	loud := scanOne(t, logstest.Event{Time: logstest.Start, Source: "s3.amazonaws.com", Name: "ListBuckets", Identity: logstest.Root()})
	flow := logs.Flow{Src: netip.MustParseAddr("10.0.0.1"), Dst: netip.MustParseAddr("192.0.2.1"), SrcPort: 40000, DstPort: 443}
	query := logs.Query{Name: "www.example.com.", Src: netip.MustParseAddr("10.0.0.1")}
	quiet.ID, loud.ID = "", ""
	e.Call(&loud)
	if n := testing.AllocsPerRun(100, func() { e.Call(&quiet); e.Flow(&flow); e.Query(&query) }); n != 0 {
		t.Errorf("%v allocations for what raises nothing", n)
	}
	if n := testing.AllocsPerRun(100, func() { e.Call(&loud) }); n > 1 {
		t.Errorf("%v allocations for one more sighting", n)
	}
}

// BenchmarkManyNames is 1,000 hosts that ask for 20,000 names below popular domains.
func BenchmarkManyNames(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	all := strings.Fields(popular)
	names := make([]string, 20_000)
	for i := range names {
		names[i] = fmt.Sprintf("h%d.%s.", r.IntN(50), all[r.IntN(len(all))])
	}
	queries := logstest.Queries(perRun)
	for i := range queries {
		host := r.IntN(1000)
		queries[i].Name, queries[i].Instance, queries[i].Src = names[r.IntN(len(names))], fmt.Sprint("i-", host), netip.AddrFrom4([4]byte{10, 0, byte(host >> 8), byte(host)})
	}
	through(b, logstest.ResolverLog(queries...), perRun)
}
