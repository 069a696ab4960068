package trail

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
)

// Position is a place in the order of events: by time, then by the order in
// which the engine took them. A page ends at one.
type Position struct {
	Time int64  // nanoseconds since 1970
	Seq  uint64 // the engine's own count, unique in the trail
}

// Before reports whether p is older than o.
func (p Position) Before(o Position) bool {
	return p.Time < o.Time || p.Time == o.Time && p.Seq < o.Seq
}

const tokenSize = 8 + 8 + 16

// NextToken returns the opaque form of p, bound to the query: AWS asks that the
// parameters stay the same from page to page. A token gives its holder nothing
// but a place in a list that the query lets him read from the start, so it is
// checked for being whole and for being this query's, and not authenticated;
// that lets every node, and the next process, continue the list.
func (q *Query) NextToken(p Position) string {
	var b [tokenSize]byte
	binary.BigEndian.PutUint64(b[0:], uint64(p.Time))
	binary.BigEndian.PutUint64(b[8:], p.Seq)
	sum := q.tokenSum(b[:16])
	copy(b[16:], sum[:16])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// From returns the position that the page begins after: the token's, or the
// newest that the query's end allows. The error wraps ErrToken.
func (q *Query) From() (Position, error) {
	if q.Token == "" {
		_, end := q.Bounds()
		return Position{end, math.MaxUint64}, nil
	}
	if len(q.Token) != base64.RawURLEncoding.EncodedLen(tokenSize) {
		return Position{}, fmt.Errorf("%w: length %d", ErrToken, len(q.Token))
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(q.Token)
	if err != nil || len(b) != tokenSize {
		return Position{}, fmt.Errorf("%w: not in our form", ErrToken)
	}
	if sum := q.tokenSum(b[:16]); string(sum[:16]) != string(b[16:]) {
		return Position{}, fmt.Errorf("%w: made for another query", ErrToken)
	}
	return Position{int64(binary.BigEndian.Uint64(b)), binary.BigEndian.Uint64(b[8:])}, nil
}

// tokenSum hashes the position and all of the query but its limit and token,
// each part with its length.
func (q *Query) tokenSum(position []byte) [sha256.Size]byte {
	b := make([]byte, 0, 256)
	b = append(b, "bartizan trail token 1\x00"...)
	b = append(b, position...)
	start, end := q.Bounds()
	b = binary.BigEndian.AppendUint64(b, uint64(start))
	b = binary.BigEndian.AppendUint64(b, uint64(end))
	b = append(b, byte(q.Attribute))
	for _, s := range []string{q.Account, q.Region, q.Value} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
		b = append(b, s...)
	}
	return sha256.Sum256(b)
}
