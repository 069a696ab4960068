package gateway

import (
	"strconv"
	"strings"
	"time"

	"bartizan.dev/arn"
	"bartizan.dev/caller"
	"bartizan.dev/trail"
	"bartizan.dev/wire"
)

// record appends the call's one CloudTrail event, before the answer leaves. A
// call whose caller is not known is in the log and the metrics only: it belongs
// to no account. If the event cannot be appended the caller is told so instead
// of the answer.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
func (x *exchange) record() {
	id := &x.facts.Identity
	account := id.Account
	if account == "" {
		account = x.touchedAccount()
	}
	if account == "" || x.op == nil && x.name == "" {
		return
	}
	if kind := x.service.Data[x.name]; kind != "" {
		if x.g.DataEvents == nil || !x.g.DataEvents(x.ctx, account, kind) {
			return
		}
		x.data = true
	}
	e := &x.event
	e.Time, e.ID, e.Account, e.Region = x.facts.Time, x.facts.EventID, account, x.facts.Region
	e.Source, e.Name = x.service.source, x.name
	e.ReadOnly = readOnly(x.name)
	e.Username, e.AccessKeyID = eventUser(id), id.AccessKey
	x.resources(e, "")
	if x.sharedWith(account) {
		x.shared = newUUID()
	}
	if x.append() && x.shared != "" {
		x.recordForOwners(account)
	}
}

// DataSuffix is what the name of a Region has behind it where the trail keeps the
// Region's data events: Event history is about management events only.
const DataSuffix = "/data"

// append appends the event, and reports whether that went well.
func (x *exchange) append() bool {
	e := &x.event
	e.JSON = x.appendEvent(e.JSON[:0])
	region := e.Region
	if x.data {
		e.Region += DataSuffix
	}
	err := x.g.Trail.Append(x.ctx, e)
	if e.Region = region; err != nil {
		if x.err == nil {
			x.fail(unrecorded(err))
		} else {
			x.g.Log.Error("an error was not recorded", "request", x.facts.RequestID, "cause", err)
		}
		return false
	}
	if x.g.Publish != nil {
		x.g.Publish(e)
	}
	return true
}

// touchedAccount is the account that the call of a principal without one
// belongs to: that of the first resource it touches.
func (x *exchange) touchedAccount() string {
	for i := range x.touches {
		if x.touches[i].Account != "" {
			return x.touches[i].Account
		}
	}
	return ""
}

func eventUser(id *caller.Identity) string {
	if id.Kind == caller.Root {
		return "root"
	}
	return id.Name
}

// resources lists what the call touched, or what of it an owner has.
func (x *exchange) resources(e *trail.Event, owner string) {
	e.Resources = e.Resources[:0]
	if x.service.Resource == nil {
		return
	}
	for i := range x.touches {
		name := x.touches[i].Resource
		if i > 0 && name == x.touches[i-1].Resource {
			continue
		}
		if kind := x.service.Resource(name); kind != "" {
			a, err := arn.Parse(name)
			if err != nil || owner != "" && a.Account != owner {
				continue
			}
			_, short, ok := cutLast(a.Resource, '/')
			if !ok {
				short = a.Resource
			}
			e.Resources = append(e.Resources, trail.Resource{Type: kind, Name: short}, trail.Resource{Type: kind, Name: name})
		}
	}
}

// appendEvent writes the event, record version 1.11.
func (x *exchange) appendEvent(b []byte) []byte {
	call, e := x.facts, &x.event
	b = append(b, `{"eventVersion":"1.11","userIdentity":`...)
	if x.shared != "" && e.Account != call.Identity.Account {
		b = appendStranger(b, call)
	} else {
		b = appendIdentity(b, call)
	}
	b = appendTime(append(b, `,"eventTime":`...), call.Time)
	b = appendText(b, `,"eventSource":`, e.Source)
	b = appendText(b, `,"eventName":`, e.Name)
	b = appendText(b, `,"awsRegion":`, call.Region)
	if len(call.Via) > 0 {
		b = appendText(b, `,"sourceIPAddress":`, call.Via[len(call.Via)-1])
		b = appendText(b, `,"userAgent":`, call.Via[len(call.Via)-1])
	} else {
		b = append(call.Source.AppendTo(append(b, `,"sourceIPAddress":"`...)), '"')
		b = appendText(b, `,"userAgent":`, trail.Short(call.UserAgent))
	}
	if x.err != nil {
		b = appendText(b, `,"errorCode":`, x.err.Code)
		b = appendText(b, `,"errorMessage":`, trail.Short(x.err.Message))
	}
	b = x.appendParameters(b)
	b = appendText(b, `,"requestID":`, call.RequestID)
	b = appendText(b, `,"eventID":`, e.ID)
	b = append(b, `,"readOnly":`...)
	b = strconv.AppendBool(b, e.ReadOnly)
	b = x.appendResources(b)
	b = append(b, `,"eventType":"AwsApiCall","managementEvent":`...)
	b = strconv.AppendBool(b, !x.data)
	b = appendText(b, `,"recipientAccountId":`, e.Account)
	if x.shared != "" {
		b = appendText(b, `,"sharedEventID":`, x.shared)
	}
	if x.data {
		b = append(b, `,"eventCategory":"Data"`...)
	} else {
		b = append(b, `,"eventCategory":"Management"`...)
	}
	if call.Cipher != "" { // a proxy that ended TLS tells no more than that
		b = appendText(b, `,"tlsDetails":{"tlsVersion":`, call.TLS)
		b = appendText(b, `,"cipherSuite":`, call.Cipher)
		b = appendText(b, `,"clientProvidedHostHeader":`, call.Host)
		b = append(b, '}')
	}
	return append(b, '}')
}

// appendParameters writes requestParameters and, for changes that succeeded,
// responseElements.
func (x *exchange) appendParameters(b []byte) []byte {
	b = append(b, `,"requestParameters":`...)
	if at := len(b); x.in != nil {
		b = omitLarge(x.op.AppendInput(b, x.in), at, "requestParameters")
	} else {
		b = append(b, "null"...)
	}
	b = append(b, `,"responseElements":`...)
	if at := len(b); x.out != nil && x.err == nil && (!x.event.ReadOnly || x.service.Model.Name == "sts") {
		return omitLarge(x.op.AppendOutput(b, x.out), at, "responseElements")
	}
	return append(b, "null"...)
}

// maxContent is how large parameters and answers in an event are: "The maximum
// size of this field is 100 KB"; what is larger is omitted, and says so.
const maxContent = 100 << 10

// omitLarge replaces what begins at a place by a note if it is too large.
func omitLarge(b []byte, at int, name string) []byte {
	n := len(b) - at
	if n <= maxContent {
		return b
	}
	b = append(append(append(b[:at], `{"reason":"`...), name...), ` too large","omitted":true,"originalSize":`...)
	return append(strconv.AppendInt(b, int64(n), 10), '}')
}

// appendIdentity writes userIdentity.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
func appendIdentity(b []byte, call *caller.Call) []byte {
	id := &call.Identity
	b = appendText(b, `{"type":`, id.Kind.String())
	switch id.Kind {
	case caller.Anonymous, caller.Certificate:
		return append(b, '}')
	case caller.Service:
		b = appendText(b, `,"invokedBy":`, id.Service)
		return append(b, '}')
	case caller.WebIdentity, caller.SAML:
		b = appendText(b, `,"principalId":`, id.ID)
		b = appendText(b, `,"userName":`, id.Name)
		return append(appendText(b, `,"identityProvider":`, providerName(id)), '}')
	}
	b = appendText(b, `,"principalId":`, id.ID)
	b = appendText(b, `,"arn":`, id.ARN)
	b = appendText(b, `,"accountId":`, id.Account)
	if id.AccessKey != "" {
		b = appendText(b, `,"accessKeyId":`, id.AccessKey)
	}
	if id.Kind == caller.User {
		b = appendText(b, `,"userName":`, id.Name)
	}
	if id.Session != nil {
		b = appendSession(b, id)
	}
	if n := len(call.Via); n > 0 {
		b = appendText(b, `,"invokedBy":`, call.Via[n-1])
	}
	return append(b, '}')
}

// providerName is how a bearer's event names who vouched for it: of a SAML
// bearer by the name qualifier, which its id begins with.
func providerName(id *caller.Identity) string {
	if qualifier, _, ok := strings.Cut(id.ID, ":"); ok && id.Kind == caller.SAML {
		return qualifier
	}
	return id.Provider
}

// appendWebIdentity tells where the session of a token's bearer came from.
func appendWebIdentity(b []byte, s *caller.Session) []byte {
	b = appendText(b, `"webIdFederationData":{"federatedProvider":`, s.Provider)
	b = append(b, `,"attributes":{`...)
	for i, k := range s.Keys {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, "", k.Key)
		b = appendText(b, ":", k.Value)
	}
	return append(b, "}},"...)
}

func appendSession(b []byte, id *caller.Identity) []byte {
	s := id.Session
	b = append(b, `,"sessionContext":{`...)
	if id.Kind == caller.Role || id.Kind == caller.Federated {
		kind := "Role"
		if id.Kind == caller.Federated {
			if kind = "IAMUser"; s.IssuerID == id.Account {
				kind = "Root"
			}
		}
		b = appendText(b, `"sessionIssuer":{"type":`, kind)
		b = appendText(b, `,"principalId":`, s.IssuerID)
		b = appendText(b, `,"arn":`, s.IssuerARN)
		b = appendText(b, `,"accountId":`, id.Account)
		if s.IssuerName != "" {
			b = appendText(b, `,"userName":`, s.IssuerName)
		}
		b = append(b, `},`...)
	}
	if s.Provider != "" && !strings.Contains(s.Provider, ":saml-provider/") {
		b = appendWebIdentity(b, s)
	}
	b = append(b, `"attributes":{"creationDate":`...)
	b = appendTime(b, s.Issued)
	b = appendText(b, `,"mfaAuthenticated":`, strconv.FormatBool(s.MFA))
	b = append(b, '}')
	if id.Kind == caller.Root && len(s.PolicyARNs) > 0 {
		b = append(b, `,"assumedRoot":"true"`...)
	}
	if s.SourceIdentity != "" {
		b = appendText(b, `,"sourceIdentity":`, s.SourceIdentity)
	}
	return append(b, '}')
}

func appendText(b []byte, before, s string) []byte {
	return wire.AppendJSONString(append(b, before...), s)
}

func appendTime(b []byte, t time.Time) []byte {
	b = t.AppendFormat(append(b, '"'), "2006-01-02T15:04:05Z")
	return append(b, '"')
}
