package detect

import (
	"strings"

	"bartizan.dev/logs"
	"bartizan.dev/policy"
	"bartizan.dev/policy/analysis"
)

// grants says to whom outside the account a policy gives access.
type grants struct {
	public   bool // to everyone
	external bool // to another account, or to everyone
}

// budget is what deciding one policy may cost: some ten milliseconds.
const budget = 100_000

// judge decides what resource-based policies grant, and remembers what it has
// decided: the same policy is written again and again by the tools that keep it.
type judge struct {
	known *Table[verdict]
}

// verdict is a decided grants: 2 bytes, with the table's own 18 an entry.
type verdict struct{ Public, External bool }

func newJudge() *judge { return &judge{NewTable[verdict](4096)} }

// policy decides exactly where that is possible: for all requests that there can
// be, as AWS does with Zelkova.
func (j *judge) policy(text, account string) grants {
	g, sure := wording(text, account)
	if sure {
		return g
	}
	v, isNew := j.known.At(Key(text, account))
	if isNew {
		if exact, ok := decide(text, account); ok {
			g = exact
		}
		*v = verdict{g.public, g.external}
	}
	return grants{v.Public, v.External}
}

func decide(text, account string) (g grants, ok bool) {
	doc, err := policy.Parse([]byte(text))
	if err != nil {
		return g, false
	}
	analyzer := analysis.Analyzer{Budget: budget}
	found, err := analyzer.Access(doc, analysis.Zone{Accounts: []string{account}})
	if err != nil {
		return g, false
	}
	for _, x := range found {
		if x.Type == "Federated" || ofService(x.Principal) {
			continue // an identity provider of the account's own, or CloudFront
		}
		g.external = true
		g.public = g.public || x.Public
	}
	return g, true
}

// ofService recognises the identities by which CloudFront reads origins.
func ofService(principal string) bool {
	return strings.HasPrefix(principal, "arn:aws:iam::cloudfront:user/")
}

// wording looks at the principals that Allow statements name. It is sure when
// nobody outside is named, and when somebody is without a condition and nothing
// is denied. What it says unsurely is what the statements without conditions
// grant.
func wording(text, account string) (g grants, sure bool) {
	doc, ok := logs.ParseValue(text)
	if !ok {
		return g, true
	}
	sure = true
	denied := false
	for s := range doc.Get("Statement").Items() {
		if s.Get("Effect").Text() != "Allow" {
			denied = true
			continue
		}
		if s.Get("NotPrincipal").Exists() { // everyone but a few
			g, sure = grants{true, true}, false
			continue
		}
		one := named(s.Get("Principal"), account)
		if !one.external {
			continue
		}
		if s.Get("Condition").Exists() {
			sure = false
			continue
		}
		g.external, g.public = true, g.public || one.public
	}
	return g, sure && !(denied && g.external)
}

func named(p logs.Value, account string) (g grants) {
	if p.Kind() == '{' {
		if p.Get("CanonicalUser").Exists() {
			g.external = true
		}
		p = p.Get("AWS")
	}
	for who := range p.Items() {
		switch name := who.Text(); {
		case name == "*":
			return grants{true, true}
		case accountOf(name) != "" && accountOf(name) != account:
			g.external = true
		}
	}
	return g
}

// accountOf is the account of a principal: an account id or an ARN.
func accountOf(principal string) string {
	if strings.HasPrefix(principal, "arn:") {
		parts := strings.SplitN(principal, ":", 6)
		if len(parts) == 6 {
			principal = parts[4]
		}
	}
	if len(principal) == 12 && strings.Trim(principal, "0123456789") == "" {
		return principal
	}
	return ""
}

// document is a policy among parameters: an object, or text that holds one.
func document(v logs.Value) string {
	if v.Kind() == '"' {
		return v.Text()
	}
	return v.Raw()
}

// fullAccess says whether an identity policy allows everything.
func fullAccess(text string) bool {
	doc, ok := logs.ParseValue(text)
	if !ok {
		return false
	}
	for s := range doc.Get("Statement").Items() {
		if s.Get("Effect").Text() == "Allow" && has(s.Get("Action"), "*", "*:*") && has(s.Get("Resource"), "*") && !s.Get("Condition").Exists() {
			return true
		}
	}
	return false
}

func has(list logs.Value, any ...string) bool {
	for v := range list.Items() {
		if contains(any, v.Text()) {
			return true
		}
	}
	return false
}
