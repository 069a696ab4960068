package generate

import (
	"bytes"
	"time"
)

// event is Event as slices of the buffer it was read from.
type event struct {
	time, source, name, region, errorCode, kind, recipient []byte
	arn, account, identity, issuer                         []byte
	parameters, resources                                  []byte   // JSON
	list                                                   []string // resources of an Event
	nested                                                 []byte   // the event as text, in LookupEvents' answers
}

// parse reads the object that begins at b[i] and returns the offset behind it.
func (e *event) parse(b []byte, i int) int {
	*e = event{}
	return members(b, i, func(name []byte, at int) int {
		switch string(name) {
		case "eventTime":
			return text(b, at, &e.time)
		case "eventSource":
			return text(b, at, &e.source)
		case "eventName":
			return text(b, at, &e.name)
		case "awsRegion":
			return text(b, at, &e.region)
		case "errorCode":
			return text(b, at, &e.errorCode)
		case "eventType":
			return text(b, at, &e.kind)
		case "recipientAccountId":
			return text(b, at, &e.recipient)
		case "userIdentity":
			return inside(b, at, func(name []byte, at int) int { return e.parseIdentity(b, name, at) })
		case "CloudTrailEvent":
			return text(b, at, &e.nested)
		}
		end := skip(b, at)
		if end >= 0 {
			switch string(name) {
			case "requestParameters":
				e.parameters = b[at:end]
			case "resources":
				e.resources = b[at:end]
			}
		}
		return end
	})
}

// parseIdentity reads one member of userIdentity.
func (e *event) parseIdentity(b, name []byte, at int) int {
	switch string(name) {
	case "type":
		return text(b, at, &e.identity)
	case "arn":
		return text(b, at, &e.arn)
	case "accountId":
		return text(b, at, &e.account)
	case "sessionContext":
		return inside(b, at, func(name []byte, at int) int {
			if string(name) != "sessionIssuer" {
				return skip(b, at)
			}
			return inside(b, at, func(name []byte, at int) int {
				if string(name) != "arn" {
					return skip(b, at)
				}
				return text(b, at, &e.issuer)
			})
		})
	}
	return skip(b, at)
}

// member returns a member of an object, or nothing.
func member(b []byte, want string) (out []byte) {
	values(b, func(name, value []byte) {
		if string(name) == want {
			out = value
		}
	})
	return out
}

// isCall reports whether the event is the call of an API that somebody with an
// ARN made. Services on their own behalf need no permission of ours.
func (e *event) isCall() bool {
	if len(e.source) == 0 || len(e.name) == 0 {
		return false
	}
	if len(e.kind) > 0 && string(e.kind) != "AwsApiCall" {
		return false
	}
	switch string(e.identity) {
	case "AWSService", "AWSAccount", "Unknown":
		return false
	}
	return len(e.arn) > 0
}

// denied are the codes by which services say that permission was lacking;
// services put words around them.
var denied = [][]byte{
	[]byte("AccessDenied"), []byte("Unauthorized"), []byte("NotAuthorized"), []byte("AuthorizationError"), []byte("Forbidden"),
	[]byte("OptInRequired"), []byte("InvalidClientTokenId"), []byte("SignatureDoesNotMatch"), []byte("AuthFailure"),
}

func (e *event) isDenied() bool {
	if len(e.errorCode) == 0 {
		return false
	}
	for _, code := range denied {
		if bytes.Contains(e.errorCode, code) {
			return true
		}
	}
	return false
}

// by reports whether the principal made the call: itself, or as a session of
// the role.
func (e *event) by(principal string) bool {
	return principal == "" || string(e.arn) == principal || string(e.issuer) == principal
}

// within reports whether the event's time lies in the bounds that are set.
func (e *event) within(from, to time.Time) bool {
	if from.IsZero() && to.IsZero() {
		return true
	}
	t, err := time.Parse(time.RFC3339, string(e.time))
	return err == nil && !t.Before(from) && (to.IsZero() || t.Before(to))
}

// owner is the account whose resources the call was about.
func (e *event) owner() []byte {
	if len(e.recipient) > 0 {
		return e.recipient
	}
	return e.account
}
