package detect

import (
	"strings"

	"bartizan.dev/logs"
)

// habit is what is remembered of a principal, or of an account as a whole: 280
// bytes. Calls, networks, agents and countries are bits of Bloom filters: when
// much was seen, a little that is new passes for known, never the other way round.
type habit struct {
	First     logs.Time
	Day       int64 // the newest day on which something was done
	Days      int64
	Calls     [16]uint64
	Networks  [4]uint64
	Countries [2]uint64
	Agents    [2]uint64
	Network   trait // the newest of each that came after learning
	Country   trait
	Agent     trait
	Seen      logs.Time // when and where last, of persons
	Lat, Lon  float32
}

// Bounds of the tables: 350 MB for a million principals, 3 MB for accounts.
const (
	maxPrincipals = 1 << 20
	maxAccounts   = 1 << 13
)

// trait is a network, country or agent that was not known. It stays new for a day:
// what comes from it is as odd as the first call was.
type trait struct {
	Key   uint64
	Since logs.Time
}

func (t *trait) odd(key uint64, now logs.Time) bool { return t.Key == key && now-t.Since < logs.Day }

// learnDays is on how many days something must have been done, if the period of
// learning has as many.
const learnDays = 3

func (h *habit) learnt(t, period logs.Time) bool {
	return t-h.First >= period && h.Days >= min(learnDays, int64(period/logs.Day))
}

// see notes that something was done at t, which may be late.
func (h *habit) see(t logs.Time) {
	if h.First == 0 {
		h.First = t
	}
	h.First = min(h.First, t)
	if day := int64(t / logs.Day); day > h.Day {
		h.Day = day
		h.Days++
	}
}

// meet notes a network, country or agent, and says whether it is new to what has
// been learnt, or was within the day before.
func (t *trait) meet(filter []uint64, key uint64, now logs.Time, learnt bool) bool {
	if novel(filter, key) && learnt && !full(filter) {
		*t = trait{key, now}
	}
	return t.odd(key, now)
}

// novel says whether a key was not in a filter, and puts it there.
func novel(filter []uint64, key uint64) bool {
	n := uint64(len(filter)) * 64
	a, b := key%n, (key>>32)%n
	known := filter[a/64]>>(a%64)&1 == 1 && filter[b/64]>>(b%64)&1 == 1
	filter[a/64] |= 1 << (a % 64)
	filter[b/64] |= 1 << (b % 64)
	return !known
}

// full is a filter of somebody who comes from everywhere: one more is no news.
func full(filter []uint64) bool {
	n := 0
	for _, w := range filter {
		n += ones(w)
	}
	return n > len(filter)*40
}

// agentFamily is a user agent without its version and what else changes from day to
// day: aws-cli, Boto3, Terraform, Mozilla.
func agentFamily(text string) string {
	if i := strings.Index(text[:min(len(text), 64)], "Terraform/"); i >= 0 {
		return "Terraform"
	}
	text = strings.TrimPrefix(text, "[")
	if i := strings.IndexAny(text, "/ "); i > 0 {
		return text[:i]
	}
	return text
}
