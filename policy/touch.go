package policy

// Touch is one thing that an operation touches. Services return touches from
// their authorise.go; the gateway turns the caller and each touch into a
// Request with Bindings and lets Decide answer. An operation is allowed when
// every touch is.
//
// The gateway prepares a Request (Principal and the caller's context keys) and
// Bindings (Identity, Boundary, Session, SCP, Endpoint) once for the call; then
// for each touch:
//
//	mark := r.Context.Mark()
//	touch.Apply(r, b)
//	b.RCP = … of r.ResourceAccount
//	d := policy.Decide(r, b)
//	r.Context.Reset(mark)
type Touch struct {
	Action    string    // service:Name
	Resource  string    // ARN; empty means "*", no resource
	Account   string    // owner of the resource; empty means the caller's account
	Policy    *Set      // resource-based or trust policy; nil when there is none
	Authority Authority // what that policy must do
	Grant     *Source   // see Bindings.Grant

	Keys         []Pair // further condition keys of this touch
	SharedKeys   []Pair // those that do not depend on the call, which touches may have in common
	ResourceTags []Tag  // aws:ResourceTag/… of the resource
	RequestTags  []Tag  // aws:RequestTag/… and aws:TagKeys of the request
}

// Pair is one condition key with its values.
type Pair struct {
	Key    string
	Values []string
	Multi  bool // the key is multivalued by definition, whatever len(Values) is
}

// Tag is a tag of a principal, resource or request.
type Tag struct{ Key, Value string }

// Apply writes what t says into r and b: action, resource, account, condition
// keys (with aws:ResourceAccount), resource policy, authority and grant. It
// leaves everything else alone.
func (t *Touch) Apply(r *Request, b *Bindings) {
	r.Action, r.Resource, r.ResourceAccount = t.Action, t.Resource, t.Account
	if r.Resource == "" {
		r.Resource = "*"
	}
	if r.ResourceAccount == "" {
		r.ResourceAccount = r.Principal.Account
	}
	b.Resource, b.Authority, b.Grant = t.Policy, t.Authority, t.Grant
	if r.ResourceAccount != "" {
		r.Context.Set("aws:ResourceAccount", r.ResourceAccount)
	}
	r.Context.SetPairs(t.SharedKeys)
	r.Context.SetPairs(t.Keys)
	r.Context.SetTags("aws:ResourceTag/", t.ResourceTags)
	if len(t.RequestTags) > 0 {
		r.Context.SetTags("aws:RequestTag/", t.RequestTags)
		r.Context.SetTagKeys("aws:TagKeys", t.RequestTags)
	}
}
