// Package trail is the append-only record of what happened. API calls are
// CloudTrail events, record version 1.11. Engines live in trail/<engine>;
// trail/trailtest is the one exerciser all of them pass.
package trail

import (
	"context"
	"errors"
	"strings"
	"time"
)

// ErrFull is returned when the trail cannot take another event. What cannot be
// recorded does not happen, so the gateway refuses the call.
var ErrFull = errors.New("trail: no space left")

// Event is one record with the attributes it can be looked up by. JSON is the
// whole CloudTrail record; the other fields repeat parts of it.
type Event struct {
	Time        time.Time
	ID          string // eventID, a UUID
	Account     string // recipientAccountId, 12 digits
	Region      string // awsRegion
	Source      string // eventSource, such as iam.amazonaws.com
	Name        string // eventName
	ReadOnly    bool
	Username    string
	AccessKeyID string
	Resources   []Resource
	JSON        []byte
}

// Resource is a thing the event touched.
type Resource struct {
	Type string // AWS::IAM::User
	Name string
}

// Attribute names one of LookupEvents' attributes.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupAttribute.html
type Attribute uint8

const (
	Any Attribute = iota
	EventID
	EventName
	ReadOnly // "true" or "false"
	Username
	ResourceType
	ResourceName
	EventSource
	AccessKeyID
)

// Query selects events of one account and Region, newest first.
type Query struct {
	Account, Region string
	Start, End      time.Time // inclusive; zero means open
	Attribute       Attribute
	Value           string
	Limit           int    // at most this many events, 1 to 50
	Token           string // Page.Next of the page before
}

// Page is one answer. Next is empty on the last page.
type Page struct {
	Events []Event
	Next   string
}

// maxText is how much an event keeps of a text that its caller chose, in bytes:
// "The maximum size of this field is 1 KB; content exceeding that limit is
// truncated."
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
const maxText = 1 << 10

// Short is a text as userAgent or errorMessage of an event, so that nobody fills
// an account's trail with what it sends along.
func Short(text string) string {
	if len(text) <= maxText {
		return text
	}
	return strings.ToValidUTF8(text[:maxText], "")
}

// Trail is one record. All methods may be called concurrently.
type Trail interface {
	// Admit returns nil if an event can be recorded now. It is called before the
	// operation runs and costs next to nothing.
	Admit(ctx context.Context) error
	// Append records e. When it returns nil a killed process loses nothing; a
	// power cut may lose at most one sync interval, or nothing when the engine
	// was opened to sync always. e and e.JSON may be reused after it returns.
	Append(ctx context.Context, e *Event) error
	// Lookup reads back. Every event whose Append has returned is seen, on any
	// node.
	Lookup(ctx context.Context, q Query) (Page, error)
	Close() error
}
