package detect

import (
	"net/netip"
	"strings"

	"bartizan.dev/logs"
)

const (
	instanceOutside = "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS"
	instanceInside  = "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.InsideAWS"
	resourceOutside = "UnauthorizedAccess:IAMUser/ResourceCredentialExfiltration.OutsideAWS"
)

// holder is 32 bytes: the instance, function or task that credentials were issued
// to, and where they are used.
type holder struct {
	Resource uint64 // 1 for a function or task: its access key was seen when it was issued
	Home     uint64 // network
	HomeAt   logs.Time
	Last     logs.Time
}

// maxHolders bounds the table to 16 MB.
const maxHolders = 1 << 18

// life is how long the credentials of instances and tasks are valid at most.
const life = 12 * logs.Hour

// issued watches where the credentials are used that AWS issues to instances,
// functions and tasks: never outside of AWS, and those of one instance from one
// network.
//
// An address is Amazon's by the autonomous system that Config.Locate tells. When
// it tells none, a coarse list of its networks decides, which can only say that an
// address is surely not Amazon's.
// https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_finding-types-iam.html
type issued struct {
	holders *Table[holder]
	places  places
}

func issuedCredentials() *Detector {
	x := &issued{NewTable[holder](maxHolders), places{NewTable[place](1 << 12)}}
	return &Detector{Name: "issued credentials", Types: []string{instanceOutside, instanceInside, resourceOutside}, State: memory[holder]{x.holders, 1}, On: everyCall, Call: x.look}
}

func (x *issued) look(ev *Event) {
	c := ev.Call
	id := &c.Identity
	if c.Name == "AssumeRole" && c.Source == "sts.amazonaws.com" {
		x.learn(ev)
	}
	if id.Type != "AssumedRole" || id.InvokedBy != "" || !c.Addr.IsValid() {
		return
	}
	instance := ofInstance(id)
	if !instance {
		if h := x.holders.Get(nameHash(id.AccessKey)); h != nil && h.Resource != 0 && ev.Time-h.Last < life {
			x.used(ev, h, false)
		}
		return
	}
	h, _ := x.holders.At(mix(nameHash(id.Principal) ^ 1))
	x.used(ev, h, true)
}

// ofInstance says whether credentials are those of an EC2 instance: its id is the
// name of the session.
func ofInstance(id *logs.Identity) bool {
	i := strings.IndexByte(id.Principal, ':')
	if i < 0 {
		return false
	}
	session, isID := strings.CutPrefix(id.Principal[i+1:], "i-")
	if !isID || len(session) != 17 && len(session) != 8 {
		return false
	}
	for i := range len(session) {
		if d := session[i]; (d < '0' || d > '9') && (d|0x20 < 'a' || d|0x20 > 'f') {
			return false
		}
	}
	return true
}

// learn notes the credentials that a service takes for a function or a task.
func (x *issued) learn(ev *Event) {
	c := ev.Call
	switch c.Identity.InvokedBy {
	case "lambda.amazonaws.com", "ecs-tasks.amazonaws.com", "edgelambda.amazonaws.com", "sagemaker.amazonaws.com", "codebuild.amazonaws.com":
		if key := c.Response.Get("credentials", "accessKeyId").Text(); key != "" {
			h, _ := x.holders.At(nameHash(key))
			h.Resource, h.Last = 1, ev.Time
		}
	}
}

func (x *issued) used(ev *Event, h *holder, instance bool) {
	c := ev.Call
	if atHome(c.Addr, ev.engine.Home) {
		// Through an endpoint of a VPC. That is the instance's own account's, or one
		// that shares its network.
		if instance && c.VPCEndpoint != "" && c.Identity.Account != "" && c.VPCEndpoint != c.Identity.Account {
			x.raise(ev, instanceInside, High)
		}
		return
	}
	where := x.places.of(ev, c.Addr)
	network := addrHash(prefix(c.Addr.Unmap()))
	amazon := where.Amazon || !locates(ev, where) && mayBeAmazon(c.Addr.Unmap())
	reserved := !amazon && documentation(c.Addr.Unmap())
	moved := h.Home != 0 && h.Home != network && ev.Time-h.HomeAt < life && h.HomeAt-ev.Time < life
	outside, inside := resourceOutside, ""
	if instance {
		outside, inside = instanceOutside, instanceInside
	}
	switch {
	case !amazon && (moved || !reserved):
		severity := Medium
		if moved || locates(ev, where) {
			severity = High
		}
		x.raise(ev, outside, severity)
		return
	case moved:
		if inside != "" {
			x.raise(ev, inside, High)
		}
		return
	}
	h.Home, h.HomeAt = network, max(h.HomeAt, ev.Time)
}

// locates says whether the data base knows whose network it is.
func locates(ev *Event, p place) bool {
	return ev.engine.Locate != nil && p.ByASN
}

func (x *issued) raise(ev *Event, kind string, severity float64) {
	s := Sighting{Type: kind, Severity: severity, Same: ev.Call.SourceIP,
		Title: "Credentials for the EC2 instance role {user} were used from a remote AWS account.",
		Text:  "Credentials created exclusively for an EC2 instance using the instance role {user} have been used from another network of AWS, by the IP address {ip}."}
	switch kind {
	case instanceOutside:
		s.Title = "Credentials for the EC2 instance role {user} were used from an external IP address."
		s.Text = "Credentials created exclusively for an EC2 instance using the instance role {user} have been used from the external IP address {ip}."
	case resourceOutside:
		s.Title = "Credentials for the role {user} of an AWS resource were used from an external IP address."
		s.Text = "Credentials created exclusively for an AWS resource using the role {user} have been used from the external IP address {ip}."
	}
	ev.Raise(&s)
}

// documentation are the networks that examples are made of (RFC 5737, RFC 3849):
// nobody's.
func documentation(a netip.Addr) bool {
	for _, p := range examples {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

var examples = prefixes("192.0.2.0/24 198.51.100.0/24 203.0.113.0/24 2001:db8::/32")

func prefixes(text string) (out []netip.Prefix) {
	for _, s := range strings.Fields(text) {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}
