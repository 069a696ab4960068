//go:build unix

package analysis

import (
	"errors"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
	"time"

	"bartizan.dev/policy"
)

// changed returns the policy with statements in another order and one small
// change, most of the time none that grants more.
func changed(d *policy.Document, seed uint64) *policy.Document {
	w := world{rand.New(rand.NewPCG(seed, 11))}
	c := clone(d)
	w.Shuffle(len(c.Statements), func(i, j int) { c.Statements[i], c.Statements[j] = c.Statements[j], c.Statements[i] })
	i := w.IntN(len(c.Statements))
	switch s := &c.Statements[i]; w.IntN(4) {
	case 0:
		s.Resource = append(s.Resource, "arn:aws:s3:::new/*")
	case 1:
		s.Action = s.Action[:1]
	case 2:
		s.Condition = nil
	default:
		if s.Effect == policy.Allow {
			c.Statements = slices.Delete(c.Statements, i, i+1)
		}
	}
	return c
}

var sizes = []struct {
	name string
	typ  policy.Type
	size int
}{{"managed", policy.Identity, 6144}, {"resource", policy.Resource, 20480}}

// BenchmarkNoNewAccess compares policies of AWS's greatest sizes and reports
// the 99th percentile of the time of one comparison, and of the processor time
// of it, which other programs disturb less.
func BenchmarkNoNewAccess(b *testing.B) {
	for _, size := range sizes {
		for _, kind := range []string{"changed", "unrelated"} {
			b.Run(size.name+"/"+kind, func(b *testing.B) {
				var took, used []time.Duration
				var complex int
				for i := uint64(0); b.Loop(); i++ {
					b.StopTimer()
					old := large(b, i%100, size.typ, size.size)
					updated := changed(old, i)
					if kind == "unrelated" {
						updated = large(b, 1000+i, size.typ, size.size)
					}
					b.StartTimer()
					began, before := time.Now(), processor()
					_, err := known.NoNewAccess([]*policy.Document{old}, []*policy.Document{updated}, size.typ)
					took, used = append(took, time.Since(began)), append(used, processor()-before)
					if errors.Is(err, ErrTooComplex) {
						complex++
					} else if err != nil {
						b.Fatal(err)
					}
				}
				for name, list := range map[string][]time.Duration{"p99-ms": took, "p99-cpu-ms": used} {
					slices.Sort(list)
					b.ReportMetric(float64(list[len(list)*99/100].Microseconds())/1000, name)
				}
				b.ReportMetric(float64(complex), "complex")
			})
		}
	}
}

// processor returns the processor time that this program has used.
func processor() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkPublic(b *testing.B) {
	d := large(b, 1, policy.Resource, 20480)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := known.Public(d, "AWS::S3::Bucket"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNotGranted(b *testing.B) {
	d := large(b, 1, policy.Identity, 6144)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := known.NotGranted(d, policy.Identity, []string{"iam:PassRole", "kms:Decrypt"}, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAccess(b *testing.B) {
	d := large(b, 1, policy.Resource, 20480)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := known.Access(d, Zone{Accounts: []string{"100000000001"}, Organization: "o-1"}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMinimise(b *testing.B) {
	d := large(b, 1, policy.Identity, 6144)
	for b.Loop() {
		if _, _, err := known.Minimise(d, policy.Identity); err != nil {
			b.Fatal(err)
		}
	}
}
