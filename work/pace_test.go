package work

import (
	"testing"
	"time"
)

func TestPace(t *testing.T) {
	var p Pace
	now := time.Unix(1e9, 0)
	n := 0
	for range 100 {
		if p.Take("d", 10, now) {
			n++
		}
	}
	if n != 10 || !p.Take("other", 1, now) || p.Take("d", 10, now) || !p.Take("d", 10, now.Add(100*time.Millisecond)) {
		t.Errorf("%d", n)
	}
}
