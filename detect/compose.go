package detect

import (
	"slices"
	"strconv"
	"strings"

	"bartizan.dev/logs"
)

// compose writes what a sequence is made of, from the findings that are its
// signals, and tells them of it. Each time it is written anew: the findings have
// gone on.
func (ev *Event) compose(v *signals, k *kept) {
	q := &Sequence{UID: k.f.ID, Description: k.f.Description}
	all := map[string][]string{}
	for i := range v.List {
		g := &v.List[i]
		signal := ev.engine.findings[g.ID]
		if signal == nil || !g.within(ev.Time) {
			continue
		}
		q.add(signal, all)
		k.first = min(k.first, signal.first)
		if signal.f.Sequence != k.f.ARN {
			signal.f.Sequence = k.f.ARN
			ev.engine.touch(g.ID, signal)
		}
	}
	slices.SortFunc(q.Signals, func(a, b Signal) int {
		if a.FirstSeen != b.FirstSeen {
			return int(max(-1, min(1, a.FirstSeen-b.FirstSeen)))
		}
		return strings.Compare(a.UID, b.UID)
	})
	q.actor(ev)
	for i := range q.Signals {
		q.Signals[i].Actors = []string{q.Actors[0].ID}
	}
	q.Indicators = indicators(all)
	k.f.Service.Detection = &Detection{Sequence: q}
}

func seconds(t logs.Time) float64 { return float64(t) / float64(logs.Second) }

// add takes one finding as a signal.
func (q *Sequence) add(k *kept, all map[string][]string) {
	f := k.f
	s := Signal{UID: f.ID, Type: "FINDING", Name: f.Type, Description: f.Description, Severity: f.Severity, Count: k.count,
		Created: seconds(k.first), Updated: seconds(k.updated), FirstSeen: seconds(k.first), LastSeen: seconds(k.last)}
	mine := map[string][]string{}
	if _, name := tacticOf(f.Type); name != "" {
		mine["ATTACK_TACTIC"] = []string{name}
	}
	if a := f.Service.Action.APICall; a != nil {
		mine["HIGH_RISK_API"] = []string{strings.TrimSuffix(a.ServiceName, ".amazonaws.com") + ":" + a.API}
		if a.RemoteIP != nil {
			id := q.endpoint(a.RemoteIP)
			s.Endpoints = []string{id}
			switch {
			case strings.HasSuffix(f.Type, "TorIPCaller"):
				mine["TOR_IP"] = []string{a.RemoteIP.V4 + a.RemoteIP.V6}
			case strings.Contains(f.Type, "MaliciousIPCaller"):
				mine["MALICIOUS_IP"] = []string{a.RemoteIP.V4 + a.RemoteIP.V6}
			}
		}
		if strings.HasPrefix(f.Type, "PenTest:") {
			mine["SUSPICIOUS_USER_AGENT"] = []string{a.UserAgent}
		}
	}
	if x := f.Service.AdditionalInfo; x != nil {
		for name, key := range profiled {
			if doc, ok := logs.ParseValue(x.Value); ok {
				if value := doc.Get("unusualBehavior", name).Text(); value != "" {
					mine[key] = append(mine[key], value)
				}
			}
		}
	}
	if a := f.Resource.AccessKey; a != nil && a.AccessKeyID != "" {
		s.Resources = []string{q.key(f, a)}
	}
	s.Indicators = indicators(mine)
	for key, values := range mine {
		for _, value := range values {
			if !contains(all[key], value) {
				all[key] = append(all[key], value)
			}
		}
	}
	q.Signals = append(q.Signals, s)
}

// profiled are the indicators of what additionalInfo says is unusual.
var profiled = map[string]string{
	"unusualAPIsAccountProfiling": "UNUSUAL_API_FOR_ACCOUNT", "unusualASNsAccountProfiling": "UNUSUAL_ASN_FOR_ACCOUNT", "unusualASNsUserIdentityProfiling": "UNUSUAL_ASN_FOR_USER",
}

var indicatorTitles = map[string]string{"ATTACK_TACTIC": "MITRE tactic", "HIGH_RISK_API": "Suspicious API", "TOR_IP": "Tor IP address", "MALICIOUS_IP": "Malicious IP address", "SUSPICIOUS_USER_AGENT": "Suspicious user agent",
	"UNUSUAL_API_FOR_ACCOUNT": "Unusual API for the account", "UNUSUAL_ASN_FOR_ACCOUNT": "Unusual network for the account", "UNUSUAL_ASN_FOR_USER": "Unusual network for the user"}

func indicators(of map[string][]string) (out []Indicator) {
	for key, values := range of {
		slices.Sort(values)
		out = append(out, Indicator{Key: key, Values: values, Title: indicatorTitles[key]})
	}
	slices.SortFunc(out, func(a, b Indicator) int { return strings.Compare(a.Key, b.Key) })
	return out
}

// endpoint names where calls came from.
func (q *Sequence) endpoint(r *RemoteIP) string {
	p := Endpoint{ID: r.V4 + r.V6, IP: r.V4 + r.V6}
	for _, old := range q.Endpoints {
		if old.ID == p.ID {
			return p.ID
		}
	}
	if r.Location != nil {
		p.Location = &EndpointPlace{Lat: r.Location.Lat, Lon: r.Location.Lon}
		if r.City != nil {
			p.Location.City = r.City.Name
		}
		if r.Country != nil {
			p.Location.Country = r.Country.Name
		}
	}
	if o := r.Organization; o != nil {
		if n, err := strconv.Atoi(strings.TrimPrefix(o.ASN, "AS")); err == nil {
			p.System = &EndpointASN{Name: o.ASNOrg, Number: n}
		}
	}
	q.Endpoints = append(q.Endpoints, p)
	return p.ID
}

// key names the access key that was used.
func (q *Sequence) key(f *Finding, a *AccessKey) string {
	for _, old := range q.Resources {
		if old.UID == a.AccessKeyID {
			return old.UID
		}
	}
	q.Resources = append(q.Resources, Resource2{UID: a.AccessKeyID, Name: a.AccessKeyID, AccountID: f.AccountID, Type: "ACCESS_KEY", Region: f.Region, Service: "iam", Partition: f.Partition,
		Data: &ResourceData{AccessKey: &AccessKey2{PrincipalID: a.PrincipalID, UserName: a.UserName, UserType: a.UserType}}})
	return a.AccessKeyID
}

// actor is the principal of the latest call.
func (q *Sequence) actor(ev *Event) {
	id := &ev.Call.Identity
	a := Actor{ID: "user:" + id.Type + ":" + id.Principal, User: &ActorUser{Name: strings.Clone(User(id)), UID: strings.Clone(id.Principal), Type: strings.Clone(id.Type), Credential: strings.Clone(id.AccessKey)}}
	if id.Account != "" {
		a.User.Account = &ActorAccount{UID: strings.Clone(id.Account)}
	}
	if id.Created != 0 {
		a.Session = &ActorSession{UID: a.User.Credential, Created: seconds(id.Created), Issuer: strings.Clone(id.Issuer.ARN), MFA: "DISABLED"}
		if id.MFA == logs.Yes {
			a.Session.MFA = "ENABLED"
		}
	}
	q.Actors = []Actor{a}
}
