package detect

import "bartizan.dev/logs"

const loginAround = "UnauthorizedAccess:IAMUser/ConsoleLoginSuccess.B"

// logins is 104 bytes: the last sign-ins of a user.
type logins struct {
	Last [4]login
	Next uint64
}

type login struct {
	Network, Country uint64
	Time             logs.Time
}

// maxLogins bounds the table to 9 MB.
const maxLogins = 1 << 16

// around is the time that sign-ins from several places must lie within.
const around = logs.Hour

// consoleLogins finds users who sign in from several places at about the same
// time: from two countries or, when it is not known where addresses are, from
// three networks.
// https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_finding-types-iam.html
func consoleLogins() *Detector {
	table, where := NewTable[logins](maxLogins), places{NewTable[place](1 << 12)}
	return &Detector{Name: "console sign-ins", Types: []string{loginAround}, State: memory[logins]{table, 1}, On: calls("signin", "ConsoleLogin"), Call: func(ev *Event) {
		c := ev.Call
		if c.Response.Get("ConsoleLogin").Text() != "Success" || !c.Addr.IsValid() {
			return
		}
		who := c.Identity.ARN // sessions of a role are those of different people
		if who == "" {
			who = ev.Subject()
		}
		v, _ := table.At(Key(c.Account, who))
		p := where.of(ev, c.Addr)
		v.Last[v.Next%uint64(len(v.Last))] = login{p.Network, p.Country, ev.Time}
		v.Next++
		if countries, networks := v.places(ev.Time); countries >= 2 || networks >= 3 {
			ev.Raise(&Sighting{Type: loginAround, Severity: Medium, Title: "Multiple worldwide successful console logins were observed for {user}.",
				Text: "{user} signed in to the AWS console from several places around the world at about the same time, lastly from {ip}."})
		}
	}}
}

// places counts the countries and networks of sign-ins around t. Networks count
// only while countries are not known.
func (v *logins) places(t logs.Time) (countries, networks int) {
	for i, a := range v.Last {
		if a.Time == 0 || t-a.Time >= around || a.Time-t >= around {
			continue
		}
		newCountry, newNetwork := a.Country != 0, a.Country == 0
		for _, b := range v.Last[:i] {
			if b.Time == 0 || t-b.Time >= around || b.Time-t >= around {
				continue
			}
			newCountry = newCountry && b.Country != a.Country
			newNetwork = newNetwork && b.Network != a.Network
		}
		if newCountry {
			countries++
		}
		if newNetwork {
			networks++
		}
	}
	return countries, networks
}
