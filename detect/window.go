package detect

import (
	"math"
	"math/bits"

	"bartizan.dev/logs"
)

// Window counts over a sliding stretch of time, in eight buckets: 48 bytes. It
// takes what comes late as long as its bucket is still there, so a window should
// be longer than the 15 minutes that events may be late, or be ready to lose
// what is later than itself.
type Window struct {
	Buckets [8]uint32
	Last    int64 // number of the newest bucket
}

// Add counts n at t in a window of the given length and returns the sum.
func (w *Window) Add(t, length logs.Time, n uint32) uint64 {
	now := int64(t / (length / 8))
	switch d := now - w.Last; {
	case d >= 8:
		*w = Window{Last: now}
	case d > 0:
		for i := int64(1); i <= d; i++ {
			w.Buckets[(w.Last+i)&7] = 0
		}
		w.Last = now
	case d <= -8:
		return w.Sum()
	}
	b := &w.Buckets[now&7]
	if *b += n; *b < n {
		*b = math.MaxUint32
	}
	return w.Sum()
}

// Sum is what the window holds.
func (w *Window) Sum() uint64 {
	var s uint64
	for _, b := range w.Buckets {
		s += uint64(b)
	}
	return s
}

// Distinct counts different things: 64 bytes, exact to a few percent up to some
// hundred and to 13 percent beyond (HyperLogLog with 64 registers; Flajolet et al.
// 2007).
type Distinct struct{ Registers [64]uint8 }

// Add notes a thing by its Key and says whether the estimate may have grown.
func (d *Distinct) Add(key uint64) bool {
	key = mix(key)
	r := &d.Registers[key>>58]
	rank := uint8(bits.LeadingZeros64(key<<6|1<<5)) + 1
	if rank <= *r {
		return false
	}
	*r = rank
	return true
}

// Count is the estimate.
func (d *Distinct) Count() int {
	sum, zeros := 0.0, 0
	for _, r := range d.Registers {
		sum += 1 / float64(uint64(1)<<r)
		if r == 0 {
			zeros++
		}
	}
	estimate := 0.709 * 64 * 64 / sum
	if estimate <= 2.5*64 && zeros > 0 {
		estimate = 64 * math.Log(64/float64(zeros))
	}
	return int(math.Round(estimate))
}

func ones(x uint64) int { return bits.OnesCount64(x) }
