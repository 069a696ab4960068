package trail

import (
	"errors"
	"fmt"
	"math"
	"time"
)

var (
	// ErrQuery is returned by Lookup for a query that no event could answer: a
	// limit outside 1 to MaxPage, no account, an attribute without a value.
	ErrQuery = errors.New("trail: bad query")
	// ErrToken is returned by Lookup for a token that was not made for this query.
	ErrToken = errors.New("trail: bad page token")
	// ErrEvent is returned by Append for an event that no engine could keep.
	ErrEvent = errors.New("trail: bad event")
	// ErrClosed is returned after Close.
	ErrClosed = errors.New("trail: closed")
)

const (
	// MaxPage is the most events that one Lookup returns, as in AWS.
	// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
	MaxPage = 50
	// MaxEvent bounds an event, attributes and JSON together, in bytes.
	MaxEvent = 1 << 20
	// MaxResources bounds the resources of an event.
	MaxResources = 1000
)

// Check reports whether e can be kept, with an error that wraps ErrEvent.
func (e *Event) Check() error {
	n := len(e.ID) + len(e.Account) + len(e.Region) + len(e.Source) + len(e.Name) + len(e.Username) + len(e.AccessKeyID) + len(e.JSON)
	for i := range e.Resources {
		n += len(e.Resources[i].Type) + len(e.Resources[i].Name)
	}
	switch y := e.Time.Year(); {
	case n > MaxEvent:
		return fmt.Errorf("%w: %d bytes, at most %d", ErrEvent, n, MaxEvent)
	case len(e.Resources) > MaxResources:
		return fmt.Errorf("%w: %d resources, at most %d", ErrEvent, len(e.Resources), MaxResources)
	case y < 1970 || y > 2261: // what a signed 64-bit count of nanoseconds holds
		return fmt.Errorf("%w: the year %d", ErrEvent, y)
	}
	return nil
}

// Check reports whether q can be answered, with an error that wraps ErrQuery.
// The token is not looked at.
func (q *Query) Check() error {
	switch {
	case q.Account == "" || q.Region == "":
		return fmt.Errorf("%w: account and Region are required", ErrQuery)
	case q.Limit < 1 || q.Limit > MaxPage:
		return fmt.Errorf("%w: limit %d is not between 1 and %d", ErrQuery, q.Limit, MaxPage)
	case q.Attribute > AccessKeyID:
		return fmt.Errorf("%w: attribute %d is unknown", ErrQuery, q.Attribute)
	case q.Attribute == Any && q.Value != "":
		return fmt.Errorf("%w: a value without an attribute", ErrQuery)
	case q.Attribute != Any && q.Value == "":
		return fmt.Errorf("%w: an attribute without a value", ErrQuery)
	case q.Attribute == ReadOnly && q.Value != "true" && q.Value != "false":
		return fmt.Errorf("%w: ReadOnly is true or false", ErrQuery)
	case !q.Start.IsZero() && !q.End.IsZero() && q.End.Before(q.Start):
		return fmt.Errorf("%w: the end is before the start", ErrQuery)
	}
	return nil
}

// Matches reports whether q selects e. Values are compared byte for byte.
func (q *Query) Matches(e *Event) bool {
	if e.Account != q.Account || e.Region != q.Region ||
		!q.Start.IsZero() && e.Time.Before(q.Start) || !q.End.IsZero() && e.Time.After(q.End) {
		return false
	}
	switch q.Attribute {
	case Any:
		return true
	case EventID:
		return e.ID == q.Value
	case EventName:
		return e.Name == q.Value
	case ReadOnly:
		return e.ReadOnly == (q.Value == "true")
	case Username:
		return e.Username == q.Value
	case EventSource:
		return e.Source == q.Value
	case AccessKeyID:
		return e.AccessKeyID == q.Value
	case ResourceType, ResourceName:
		for i := range e.Resources {
			if q.Attribute == ResourceType && e.Resources[i].Type == q.Value ||
				q.Attribute == ResourceName && e.Resources[i].Name == q.Value {
				return true
			}
		}
	}
	return false
}

// Bounds returns the query's time bounds in nanoseconds since 1970, inclusive.
func (q *Query) Bounds() (start, end int64) {
	start, end = math.MinInt64, math.MaxInt64
	if !q.Start.IsZero() {
		start = nanos(q.Start)
	}
	if !q.End.IsZero() {
		end = nanos(q.End)
	}
	return start, end
}

// nanos is t.UnixNano with times beyond its reach moved to the ends.
func nanos(t time.Time) int64 {
	switch y := t.Year(); {
	case y < 1970:
		return math.MinInt64
	case y > 2261:
		return math.MaxInt64
	}
	return t.UnixNano()
}
