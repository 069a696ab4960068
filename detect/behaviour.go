package detect

import (
	"encoding/json"

	"bartizan.dev/logs"
)

// behaviour learns what principals do, and reports what is unusual for them and
// serves a tactic. A principal is learnt for Config.Learning, seven days if it is
// not set, and on three of them at least it must have done something. Calls that
// were refused teach nothing.
//
// Until then, and by principals that are new, only what is rare in itself counts,
// with Low severity: see suspect.go and tally.go.
// https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_finding-types-iam.html
type behaviour struct {
	people, accounts *Table[habit]
	tallies          *Table[tallied]
	places           places
	suspects         map[On][]*suspect
	counted          map[On][]*tally
	now              unusual // of the event at hand
}

// unusual is what is odd about a call.
type unusual struct {
	skip                    bool // a service acts
	learnt                  bool // the principal is
	key                     uint64
	call, callToAll         bool // never done, by the principal and by anybody
	network, networkToAll   bool
	country, agent, travels bool
}

func anomalous(j *judge) *Detector {
	b := &behaviour{people: NewTable[habit](maxPrincipals), accounts: NewTable[habit](maxAccounts), tallies: NewTable[tallied](maxTallies),
		places: places{NewTable[place](maxPlaces)}, suspects: map[On][]*suspect{}, counted: map[On][]*tally{}}
	d := &Detector{Name: "behaviour", State: states{memory[habit]{b.people, 1}, memory[habit]{b.accounts, 1}, memory[tallied]{b.tallies, 1}}}
	for kind := range tactics {
		d.Types = append(d.Types, kind)
	}
	d.On = append(d.On, On{})
	named := map[On]bool{}
	name := func(on On) {
		if !named[on] {
			named[on] = true
			d.On = append(d.On, on)
		}
	}
	for _, s := range suspects(j) {
		for _, on := range s.on {
			b.suspects[on] = append(b.suspects[on], &s)
			name(on)
		}
	}
	for i, t := range tallies() {
		t.number = i + 1
		for _, on := range t.on {
			b.counted[on] = append(b.counted[on], &t)
			name(on)
		}
	}
	d.bind = func(on On) func(*Event) {
		if on == (On{}) {
			return b.look
		}
		return func(ev *Event) { b.judge(ev, b.suspects[on], b.counted[on]) }
	}
	return d
}

// look runs for every call, before judge.
func (b *behaviour) look(ev *Event) {
	c, u := ev.Call, &b.now
	*u = unusual{skip: c.Identity.InvokedBy != "" || c.Identity.Type == "AWSService" || !c.Addr.IsValid()}
	if u.skip {
		return
	}
	account := nameHash(c.Account)
	u.key = fold(nameHash(ev.Subject())^account, 0xe7037ed1a0b428db)
	if c.Failed() {
		if denied(c.ErrorCode) {
			b.refused(ev)
		}
		return
	}
	h, _ := b.people.At(u.key)
	all, _ := b.accounts.At(account)
	period := ev.engine.learning()
	u.learnt = h.learnt(ev.Time, period)
	settled := all.learnt(ev.Time, period)
	h.see(ev.Time)
	all.see(ev.Time)
	call := mix(nameHash(c.Source)*31 ^ nameHash(c.Name))
	where := b.places.of(ev, c.Addr)
	u.call, u.callToAll = novel(h.Calls[:], call), novel(all.Calls[:], call) && settled
	u.network = h.Network.meet(h.Networks[:], where.Network, ev.Time, u.learnt)
	u.networkToAll = all.Network.meet(all.Networks[:], where.Network, ev.Time, settled)
	u.agent = h.Agent.meet(h.Agents[:], nameHash(agentFamily(c.UserAgent)), ev.Time, u.learnt)
	if where.Country != 0 {
		u.country = h.Country.meet(h.Countries[:], where.Country, ev.Time, u.learnt)
	}
	if c.Identity.Type == "IAMUser" || c.Identity.Type == "Root" {
		u.travels = h.travel(ev.Time, where)
	}
	if u.learnt && (u.call || u.travels || u.country) || u.callToAll || u.networkToAll {
		b.weigh(ev)
	}
}

// weigh reports a call that serves a tactic when enough about it is unusual.
// People travel and learn new calls, so one thing alone is not.
func (b *behaviour) weigh(ev *Event) {
	u := &b.now
	kind, ok := tactical[On{ev.Call.Source, ev.Call.Name}]
	if !ok {
		return
	}
	n := u.context()
	if u.learnt && u.call {
		n++
	}
	if u.callToAll {
		n++
	}
	least := 3
	if kind == anomalousDiscovery || !u.call {
		least = 4
	}
	if n >= least || u.travels {
		b.raise(ev, kind, tactics[kind].severity, "")
	}
}

// context is how unusual the way is in which a call came.
func (u *unusual) context() int {
	n := 0
	for _, x := range [...]struct {
		holds  bool
		weight int
	}{{u.network, 1}, {u.networkToAll, 1}, {u.agent, 1}, {u.country, 1}, {u.travels, 3}} {
		if x.holds {
			n += x.weight
		}
	}
	return n
}

func (b *behaviour) raise(ev *Event, kind string, severity float64, why string) {
	text := "{user} invoked the API {api} from {ip} in a way that is unusual"
	if why != "" {
		text = "{user} " + why
	}
	ev.odd = b.now.context() > 0
	ev.Raise(&Sighting{Type: kind, Severity: severity, Title: tactics[kind].title, Text: text + ".", Finish: b.now.profile})
	ev.odd = false
}

// profile makes additionalInfo of what is unusual, in AWS's form.
func (u *unusual) profile(ev *Event, f *Finding) {
	c := ev.Call
	odd := map[string]string{}
	network := c.SourceIP
	if a := f.Service.Action.APICall; a != nil && a.RemoteIP != nil && a.RemoteIP.Organization != nil && a.RemoteIP.Organization.ASN != "" {
		network = a.RemoteIP.Organization.ASN
	}
	for _, x := range [...]struct {
		holds       bool
		name, value string
	}{{u.callToAll, "unusualAPIsAccountProfiling", c.Name}, {u.networkToAll, "unusualASNsAccountProfiling", network}, {u.learnt && u.call, "unusualAPIsUserIdentityProfiling", c.Name},
		{u.network || u.country || u.travels, "unusualASNsUserIdentityProfiling", network}, {u.agent, "unusualUserAgentsUserIdentityProfiling", c.UserAgent}} {
		if x.holds {
			odd[x.name] = x.value
		}
	}
	outcome := "success"
	if c.Failed() {
		outcome = c.ErrorCode
	}
	text, err := json.Marshal(map[string]any{
		"userAgent":       map[string]string{"fullUserAgent": c.UserAgent, "userAgentCategory": agentFamily(c.UserAgent)},
		"anomalies":       map[string]string{"anomalousAPIs": c.Source + ":[" + c.Name + ":" + outcome + "]"},
		"unusualBehavior": odd,
	})
	if err == nil { // strings always marshal
		f.Service.AdditionalInfo = &AdditionalInfo{Value: string(text), Type: "default"}
	}
}

// denied says whether a call was refused for want of permission.
func denied(code string) bool {
	switch code {
	case "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "Client.UnauthorizedOperation", "Client.UnauthorizedAccess", "AuthorizationError", "NotAuthorized":
		return true
	}
	return false
}

// learning is how long principals are learnt.
func (e *Engine) learning() logs.Time {
	if e.Learning > 0 {
		return e.Learning
	}
	return learning
}
