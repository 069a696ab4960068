package detect

import (
	"net/netip"
	"strings"

	"bartizan.dev/intel"
	"bartizan.dev/logs"
)

// Event is what a detector is handed: a call, a flow or a query. It is valid
// until the detector returns.
type Event struct {
	engine *Engine
	Time   logs.Time

	Call  *logs.Call
	Flow  *logs.Flow
	Query *logs.Query
	Peer  Peer // of a flow

	resource     string // {resource} in texts
	resourceType string // AWS::IAM::User
	hit          *intel.Hit
	host         uint64 // see hostKey; 0 when it is not made yet
	odd          bool   // the call came in a way that its principal never came before
	mass         bool   // it is one of a mass
}

// Peer is a flow seen from the host it belongs to.
type Peer struct {
	Local, Remote         netip.Addr // Remote is invalid when both ends are at home
	LocalPort, RemotePort uint16
	Out                   bool // the packets went from the host to its peer
	Client                bool // the host seems to have opened the connection
}

// Now is the time of the latest event; Time may be earlier.
func (ev *Event) Now() logs.Time { return ev.engine.now }

// Intel is the lists.
func (ev *Event) Intel() *intel.Set { return ev.engine.Intel }

// Account is the account the event belongs to.
func (ev *Event) Account() string {
	switch {
	case ev.Call != nil:
		return ev.Call.Account
	case ev.Flow != nil:
		return ev.Flow.Account
	}
	return ev.Query.Account
}

// Region is its Region.
func (ev *Event) Region() string {
	switch {
	case ev.Call != nil:
		return ev.Call.Region
	case ev.Flow != nil:
		return ev.Flow.Region
	}
	return ev.Query.Region
}

// Subject is who or what the event is about: the ARN of the user or role behind a
// call, or the instance, interface or address of a host. Sessions of a role are
// one subject.
func (ev *Event) Subject() string {
	if c := ev.Call; c != nil {
		return Principal(&c.Identity)
	}
	return ev.Host()
}

// Principal is the ARN of the user or role behind an identity, or what comes
// nearest.
func Principal(id *logs.Identity) string {
	switch {
	case id.Issuer.ARN != "":
		return id.Issuer.ARN
	case id.ARN != "":
		return id.ARN
	case id.Principal != "":
		return id.Principal
	case id.OnBehalf != "":
		return id.OnBehalf
	case id.InvokedBy != "":
		return id.InvokedBy
	}
	return id.User
}

// Host names the host of a flow or a query.
func (ev *Event) Host() string {
	if f := ev.Flow; f != nil {
		switch {
		case f.Instance != "":
			return f.Instance
		case f.Interface != "" && !f.Zeek:
			return f.Interface
		}
		return ev.Peer.Local.String()
	}
	if ev.Query.Instance != "" {
		return ev.Query.Instance
	}
	return ev.Query.Src.String()
}

// User is the name of the user or role behind a call.
func User(id *logs.Identity) string {
	switch {
	case id.Issuer.User != "":
		return id.Issuer.User
	case id.User != "":
		return id.User
	case id.Type == "Root":
		return "Root"
	case id.InvokedBy != "":
		return id.InvokedBy
	}
	_, session, _ := strings.Cut(id.Principal, ":")
	if session != "" {
		return session
	}
	return id.Principal
}

// remote is the address on the other side.
func (ev *Event) remote() netip.Addr {
	switch {
	case ev.Call != nil:
		return ev.Call.Addr
	case ev.Flow != nil:
		return ev.Peer.Remote
	}
	return netip.Addr{}
}

// sides tells the host of a flow from its peer; false when there is no peer
// outside.
func (ev *Event) sides(home []netip.Prefix) bool {
	f := ev.Flow
	src, dst := f.Src, f.Dst
	if f.PktSrc.IsValid() && f.PktDst.IsValid() { // behind a NAT gateway these are the ends
		src, dst = f.PktSrc, f.PktDst
	}
	inSrc, inDst := atHome(src, home), atHome(dst, home)
	out := inSrc
	switch {
	case inSrc && inDst, !inSrc && !inDst:
		if out = f.Egress != logs.No; f.Zeek {
			out = !f.Reply
		}
	}
	p := &ev.Peer
	if p.Out = out; out {
		*p = Peer{src, dst, f.SrcPort, f.DstPort, true, false}
	} else {
		*p = Peer{dst, src, f.DstPort, f.SrcPort, false, false}
	}
	switch {
	case f.Zeek:
		p.Client = p.Out != f.Reply
	case f.Protocol == tcp && f.TCPFlags&synFlag != 0: // who opens sends SYN, who is opened to sends SYN and ACK
		p.Client = p.Out == (f.TCPFlags&ackFlag == 0)
	default:
		p.Client = p.RemotePort < p.LocalPort // the lower port is the service's
	}
	return !(inSrc && inDst) && p.Remote.IsValid()
}

func atHome(a netip.Addr, home []netip.Prefix) bool {
	if a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified() || sharedSpace(a) {
		return true
	}
	for _, p := range home {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// sharedSpace is 100.64.0.0/10 (RFC 6598), which VPCs use inside.
func sharedSpace(a netip.Addr) bool {
	if !a.Is4() {
		return false
	}
	b := a.As4()
	return b[0] == 100 && b[1]&0xc0 == 64
}

// fill puts what is known into a text: {api}, {user}, {ip}, {resource}, {list},
// {domain}, {host}, {port}.
func (ev *Event) fill(s string) string {
	if strings.IndexByte(s, '{') < 0 {
		return s
	}
	var pairs []string
	add := func(name, value string) { pairs = append(pairs, "{"+name+"}", value) }
	if c := ev.Call; c != nil {
		add("api", c.Name)
		add("user", User(&c.Identity))
		add("ip", c.SourceIP)
		add("account", c.Account)
	} else {
		add("host", ev.Host())
	}
	if ev.Flow != nil {
		add("ip", ev.Peer.Remote.String())
	}
	if ev.Query != nil {
		add("domain", strings.TrimSuffix(ev.Query.Name, "."))
	}
	if ev.hit != nil {
		add("list", ev.hit.List.Name)
	}
	resource := ev.resource
	if resource == "" {
		resource = ev.Account()
	}
	add("resource", resource)
	return strings.NewReplacer(pairs...).Replace(s)
}
