package gateway

import (
	"bartizan.dev/arn"
	"bartizan.dev/caller"
)

// sharing reports whether calls of a service are recorded for the owner of what
// they touch too, when that is another account than the caller's.
func sharing(service string) bool {
	return service == "kms" || service == "sts" || service == "secretsmanager"
}

// sharedWith reports whether the call is recorded for others than an account:
// one that succeeded, on something of theirs. A refusal is the caller's affair
// only: it must not fill the trail of somebody who let nobody in.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
func (x *exchange) sharedWith(account string) bool {
	if x.err != nil || account != x.facts.Identity.Account || !sharing(x.service.Model.Name) {
		return false
	}
	for i := range x.touches {
		if x.foreign(i, account) {
			return true
		}
	}
	return false
}

// foreign reports whether the touch numbered i is of a resource of an account that
// is not the caller's and of which no touch before was.
func (x *exchange) foreign(i int, account string) bool {
	owner := x.touches[i].Account
	if owner == "" || owner == account || len(owner) != 12 || x.touches[i].Resource == "" {
		return false
	}
	for j := range i {
		if x.touches[j].Account == owner {
			return false
		}
	}
	return true
}

// recordForOwners appends the event once more for each other account whose
// resources the call touched, under an id of its own, and with no more about the
// caller than who he is.
func (x *exchange) recordForOwners(account string) {
	e := &x.event
	for i := range x.touches {
		if !x.foreign(i, account) {
			continue
		}
		e.ID, e.Account, e.Username, e.AccessKeyID = newUUID(), x.touches[i].Account, "", ""
		x.resources(e, e.Account)
		if !x.append() {
			return
		}
	}
}

// appendStranger writes userIdentity as another account sees it.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
func appendStranger(b []byte, call *caller.Call) []byte {
	id := &call.Identity
	b = appendText(b, `{"type":"AWSAccount","principalId":`, id.ID)
	b = appendText(b, `,"accountId":`, id.Account)
	if n := len(call.Via); n > 0 {
		b = appendText(b, `,"invokedBy":`, call.Via[n-1])
	}
	return append(b, '}')
}

// appendResources writes resources, in events of services where AWS's have it.
func (x *exchange) appendResources(b []byte) []byte {
	if name := x.service.Model.Name; name != "kms" && name != "sts" && x.shared == "" && !x.data {
		return b
	}
	first := true
	for i := range x.event.Resources {
		r := &x.event.Resources[i]
		a, err := arn.Parse(r.Name)
		if err != nil {
			continue // the short name of the one that follows
		}
		if first {
			b = append(b, `,"resources":[`...)
		} else {
			b = append(b, ',')
		}
		first = false
		b = appendText(b, `{"accountId":`, a.Account)
		b = appendText(b, `,"type":`, r.Type)
		b = append(appendText(b, `,"ARN":`, r.Name), '}')
	}
	if first {
		return b
	}
	return append(b, ']')
}
