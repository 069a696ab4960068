package trail_test

import (
	"errors"
	"math"
	"testing"
	"time"

	"bartizan.dev/trail"
)

func TestToken(t *testing.T) {
	q := trail.Query{Account: "111122223333", Region: "eu-west-1", Attribute: trail.Username, Value: "ann", Limit: 5}
	p := trail.Position{Time: 1234567890123456789, Seq: 1<<63 + 5}
	q.Token = q.NextToken(p)
	if got, err := q.From(); err != nil || got != p {
		t.Errorf("From: %v, %v, want %v", got, err, p)
	}
	moved := q
	moved.Account, moved.Region = "111122223333e", "u-west-1" // the same bytes, otherwise divided
	if _, err := moved.From(); !errors.Is(err, trail.ErrToken) {
		t.Errorf("From of another query: %v, want ErrToken", err)
	}
	q.Token = ""
	if got, err := q.From(); err != nil || got.Time != math.MaxInt64 || got.Seq != math.MaxUint64 {
		t.Errorf("From without a token: %v, %v", got, err)
	}
	q.End = time.Unix(5, 7)
	if got, _ := q.From(); got.Time != 5e9+7 {
		t.Errorf("From with an end: %v", got)
	}
}

func FuzzToken(f *testing.F) {
	q := trail.Query{Account: "111122223333", Region: "eu-west-1", Limit: 5}
	f.Add(q.NextToken(trail.Position{Time: 1, Seq: 2}))
	f.Add("")
	f.Fuzz(func(t *testing.T, token string) {
		q := q
		q.Token = token
		p, err := q.From()
		if err == nil && token != "" && q.NextToken(p) != token {
			t.Errorf("%q is accepted and is not what we make", token)
		}
	})
}
