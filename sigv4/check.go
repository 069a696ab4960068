package sigv4

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

const maxHeaders = 512 // distinct header names of a signed request

// Check holds the claim against the service's rules at time now: is it young
// enough, are the headers signed that must be, is the scope this service's?
// It needs no secret, so that a request that could not be accepted anyway
// costs no look-up. The order of the checks is AWS's.
func (c *Claim) Check(rules Rules, now time.Time) error {
	if c.step < parsed {
		return &Error{Reason: Misuse, Detail: "Check before Parse"}
	}
	c.rules, c.step = rules, parsed
	if err := c.checkTime(now); err != nil {
		return err
	}
	if err := c.checkSigned(); err != nil {
		return err
	}
	if err := c.checkScope(); err != nil {
		return err
	}
	if err := c.checkPayload(); err != nil {
		return err
	}
	c.step = checked
	return nil
}

// checkTime knows two kinds of presigned URL. S3's ends at X-Amz-Expires to
// the second. Elsewhere X-Amz-Expires can only lengthen the ordinary window:
// STS answers for 15 minutes even where a client wrote 60 seconds.
func (c *Claim) checkTime(now time.Time) error {
	past := c.rules.Skew
	switch {
	case !c.Presigned:
	case c.rules.S3 && c.Expires == 0:
		return &Error{Reason: Incomplete, Presigned: true, Detail: "AWS query-string parameters must include 'X-Amz-Expires'. "}
	case c.rules.S3:
		if now.After(c.Time.Add(c.Expires)) {
			return &Error{Reason: PresignExpired, Presigned: true, Detail: "Request has expired"}
		}
		past = MaxExpires
	case c.Expires > past:
		past = c.Expires
	}
	stamp := func(t time.Time) string { return t.UTC().Format(stampLayout) }
	minutes := func(d time.Duration) string { return strconv.Itoa(int(d/time.Minute)) + " min.)" }
	if edge := now.Add(-past).Truncate(time.Second); c.Time.Before(edge) {
		return &Error{Reason: Expired, Presigned: c.Presigned,
			Detail: "Signature expired: " + c.stamp + " is now earlier than " + stamp(edge) + " (" + stamp(now) + " - " + minutes(past)}
	}
	if edge := now.Add(c.rules.Skew); c.Time.After(edge) {
		return &Error{Reason: NotYetValid, Presigned: c.Presigned,
			Detail: "Signature not yet current: " + c.stamp + " is still later than " + stamp(edge) + " (" + stamp(now) + " + " + minutes(c.rules.Skew)}
	}
	return nil
}

// checkSigned refuses a request with an x-amz-* header that nobody signed: a
// signed body with somebody else's X-Amz-Target is another call. What is in
// the string to sign by value may go unsigned, and, outside S3, the session
// token, which proves itself: it decides the secret.
func (c *Claim) checkSigned() error {
	if !c.signed("host") {
		return &Error{Reason: HostNotSigned, Presigned: c.Presigned,
			Detail: "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."}
	}
	if len(c.r.Header) > maxHeaders {
		return &Error{Reason: Incomplete, Presigned: c.Presigned, Detail: "There are too many headers."}
	}
	var missing []string
	for key := range c.r.Header {
		if strings.HasPrefix(key, "X-Amz-") {
			switch key {
			case "X-Amz-Content-Sha256":
				continue
			case "X-Amz-Date":
				if !c.Presigned {
					continue
				}
			case "X-Amz-Security-Token":
				if !c.rules.S3 {
					continue
				}
			}
			if !c.signed(key) {
				missing = append(missing, key)
			}
		}
	}
	for _, name := range c.rules.RequireSigned {
		if len(c.r.Header.Values(name)) > 0 && !c.signed(name) {
			missing = append(missing, name)
		}
	}
	if missing == nil {
		return nil
	}
	slices.Sort(missing)
	return &Error{Reason: HeadersNotSigned, Presigned: c.Presigned,
		Detail: "'" + missing[0] + "' must be a 'SignedHeader' in the AWS Authorization.",
		Got:    strings.ToLower(strings.Join(missing, ", "))}
}

// signed reports whether the header, in any case, is among the signed ones.
func (c *Claim) signed(header string) bool {
	for list := c.SignedHeaders; list != ""; {
		var name string
		name, list, _ = strings.Cut(list, ";")
		if len(name) == len(header) && strings.EqualFold(name, header) {
			return true
		}
	}
	return false
}

// checkScope collects AWS's sentence for each part that is wrong; the first
// gives the reason.
func (c *Claim) checkScope() error {
	var e *Error
	wrong := func(reason Reason, want, got, sentence string) {
		if e == nil {
			e = &Error{Reason: reason, Presigned: c.Presigned, Want: want, Got: got}
		}
		e.Detail += sentence
	}
	if want := c.rules.Region; want != "" && want != c.Scope.Region {
		wrong(ScopeRegion, want, c.Scope.Region, "Credential should be scoped to a valid region. ")
	}
	if want := c.rules.Service; want != c.Scope.Service {
		wrong(ScopeService, want, c.Scope.Service, "Credential should be scoped to correct service: '"+want+"'. ")
	}
	if c.terminator != terminator {
		wrong(ScopeTerminator, terminator, c.terminator,
			"Credential should be scoped with a valid terminator: '"+terminator+"', not '"+c.terminator+"'. ")
	}
	if want := c.stamp[:8]; want != c.Scope.Date {
		wrong(ScopeDate, want, c.Scope.Date, "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '"+
			c.Scope.Date+"' != '"+want+"', from '"+c.stamp+"'. ")
	}
	if e != nil {
		return e
	}
	return nil
}

// checkPayload looks at x-amz-content-sha256, which decides what is signed in
// S3 and nowhere else: other services hash the body they got.
func (c *Claim) checkPayload() error {
	if !c.rules.S3 {
		return nil
	}
	switch {
	case c.Payload == "" && c.Presigned:
		c.Payload = UnsignedPayload
	case c.Payload == "":
		return &Error{Reason: PayloadUndeclared}
	case c.Payload == UnsignedPayload, isHash(c.Payload):
	case c.Presigned || !c.Streaming():
		return &Error{Reason: PayloadInvalid, Presigned: c.Presigned, Got: clip(c.Payload)}
	}
	return nil
}

func isHash(s string) bool {
	for i := 0; i < len(s); i++ {
		if unhex(s[i]) > 15 || s[i] < 'a' && s[i] > '9' {
			return false
		}
	}
	return len(s) == 64
}
