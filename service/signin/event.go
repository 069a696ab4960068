package signin

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"bartizan.dev/caller"
	"bartizan.dev/trail"
	"bartizan.dev/wire"
)

// hidden stands in an event for what a person typed as a user name and nobody
// has: it may be the password.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
const hidden = "HIDDEN_DUE_TO_SECURITY_REASONS"

// homeRegion is where sign-in at the global endpoint is recorded.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-aws-console-sign-in-events.html
const homeRegion = "us-east-1"

// moment is a sign-in event as the handlers know it: what was tried and how it
// ended. The call's identity is who it was, or seemed to be.
type moment struct {
	name     string // ConsoleLogin, CheckMfa, SwitchRole, ExitRole, PasswordUpdated
	code     string // errorCode
	failure  string // errorMessage; empty: it succeeded
	extra    map[string]string
	readOnly bool
	api      string         // source of an API call, which is none of the console's own events
	request  map[string]any // requestParameters of such a call
}

// record appends the event of a sign-in to the trail, before anybody is told
// how it went.
func (s *Service) record(ctx context.Context, m moment) error {
	call := caller.From(ctx)
	e := &trail.Event{
		Time: call.Time, ID: newUUID(), Account: call.Identity.Account, Region: call.Region,
		Source: "signin.amazonaws.com", Name: m.name, ReadOnly: m.readOnly, Username: call.Identity.Name, AccessKeyID: call.Identity.AccessKey,
	}
	if m.api != "" {
		e.Source = m.api
	}
	if e.Account == "" {
		return nil // as on AWS: an attempt on an account that is none belongs to nobody's trail
	}
	if call.Identity.Kind == caller.Root {
		e.Username = "root"
	}
	var err error
	if e.JSON, err = json.Marshal(newEvent(call, e, &m)); err != nil {
		return fmt.Errorf("signin: the event %s: %w", m.name, err)
	}
	if err := s.Record(ctx, e); err != nil {
		return unrecorded(err)
	}
	return nil
}

func unrecorded(err error) error {
	return &wire.Error{Code: "ServiceUnavailable", Status: 503, Fault: true, Cause: err,
		Message: "The sign-in cannot be recorded, so it was refused. Try again later."}
}

// event is a record of CloudTrail, version 1.11.
type event struct {
	Version    string            `json:"eventVersion"`
	Identity   eventIdentity     `json:"userIdentity"`
	Time       string            `json:"eventTime"`
	Source     string            `json:"eventSource"`
	Name       string            `json:"eventName"`
	Region     string            `json:"awsRegion"`
	SourceIP   string            `json:"sourceIPAddress"`
	Agent      string            `json:"userAgent"`
	Code       string            `json:"errorCode,omitempty"`
	Message    string            `json:"errorMessage,omitempty"`
	Parameters map[string]any    `json:"requestParameters"`
	Elements   map[string]string `json:"responseElements"`
	Additional map[string]string `json:"additionalEventData,omitempty"`
	Request    string            `json:"requestID,omitempty"`
	ID         string            `json:"eventID"`
	ReadOnly   bool              `json:"readOnly"`
	Type       string            `json:"eventType"`
	Management bool              `json:"managementEvent"`
	Recipient  string            `json:"recipientAccountId"`
	Category   string            `json:"eventCategory"`
	TLS        *eventTLS         `json:"tlsDetails,omitempty"`
}

type eventIdentity struct {
	Type      string        `json:"type"`
	Principal string        `json:"principalId,omitempty"`
	ARN       string        `json:"arn,omitempty"`
	Account   string        `json:"accountId"`
	AccessKey *string       `json:"accessKeyId,omitempty"`
	User      string        `json:"userName,omitempty"`
	Context   *eventContext `json:"sessionContext,omitempty"`
}

type eventContext struct {
	Issuer     *eventIssuer    `json:"sessionIssuer,omitempty"`
	Attributes eventAttributes `json:"attributes"`
}

type eventIssuer struct {
	Type      string `json:"type"`
	Principal string `json:"principalId"`
	ARN       string `json:"arn"`
	Account   string `json:"accountId"`
	User      string `json:"userName,omitempty"`
}

type eventAttributes struct {
	Created string `json:"creationDate"`
	MFA     string `json:"mfaAuthenticated"`
}

type eventTLS struct {
	Version string `json:"tlsVersion"`
	Suite   string `json:"cipherSuite"`
	Host    string `json:"clientProvidedHostHeader"`
}

const eventTime = "2006-01-02T15:04:05Z"

func newEvent(call *caller.Call, e *trail.Event, m *moment) *event {
	out := &event{
		Version: "1.11", Identity: newEventIdentity(&call.Identity, m.failure != ""), Time: call.Time.UTC().Format(eventTime),
		Source: e.Source, Name: e.Name, Region: e.Region, SourceIP: call.Source.String(), Agent: trail.Short(call.UserAgent),
		Code: m.code, Message: m.failure, Parameters: m.request, Additional: m.extra, ID: e.ID, ReadOnly: m.readOnly,
		Type: "AwsConsoleSignIn", Management: true, Recipient: e.Account, Category: "Management",
	}
	if m.api != "" {
		out.Type, out.Request = "AwsApiCall", call.RequestID
	} else {
		out.Elements = map[string]string{m.name: "Success"}
		if m.failure != "" {
			out.Elements[m.name] = "Failure"
		}
	}
	if call.TLS != "" {
		out.TLS = &eventTLS{call.TLS, call.Cipher, call.Host}
	}
	return out
}

// newEventIdentity: a failure shows no ARN but the root user's, as on AWS, for
// nobody has proved to be anybody.
func newEventIdentity(id *caller.Identity, failed bool) eventIdentity {
	out := eventIdentity{Type: id.Kind.String(), Principal: id.ID, ARN: id.ARN, Account: id.Account}
	if id.Kind == caller.User {
		out.User = id.Name
	}
	if failed && id.Kind != caller.Role {
		out.AccessKey = new("")
		if id.Kind == caller.User {
			out.ARN = ""
		}
	}
	if t := id.Session; t != nil && (id.Kind == caller.Role || id.Kind == caller.Federated) {
		kind := "Role"
		if id.Kind == caller.Federated {
			if kind = "IAMUser"; t.IssuerID == id.Account {
				kind = "Root"
			}
		}
		out.Context = &eventContext{
			Issuer:     &eventIssuer{kind, t.IssuerID, t.IssuerARN, id.Account, t.IssuerName},
			Attributes: eventAttributes{t.Issued.UTC().Format(eventTime), strconv.FormatBool(t.MFA)},
		}
	}
	return out
}

// stranger is who seems to sign in: known by the id, or not at all.
func stranger(account, name, id string) caller.Identity {
	switch {
	case name == "":
		return caller.Identity{Kind: caller.Root, Account: account, ID: account, ARN: rootARN(account)}
	case id == "":
		return caller.Identity{Kind: caller.User, Account: account, Name: hidden}
	}
	return caller.Identity{Kind: caller.User, Account: account, Name: name, ID: id}
}

func rootARN(account string) string { return "arn:aws:iam::" + account + ":root" }

// yes is how events write a truth.
func yes(b bool) string {
	if b {
		return "Yes"
	}
	return "No"
}

// seconds rounds a wait up, for Retry-After.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }
