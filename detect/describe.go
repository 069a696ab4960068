package detect

import (
	"net/netip"
	"strconv"
	"strings"

	"bartizan.dev/intel"
)

// describe fills in the finding's resource and action. Strings are cloned: a
// finding lives longer than the buffers of logs.
func (ev *Event) describe(f *Finding) {
	switch {
	case ev.Call != nil:
		ev.describeCall(f)
	case ev.Flow != nil:
		ev.describeFlow(f)
	default:
		ev.describeQuery(f)
	}
	if h := ev.hit; h != nil {
		t := ThreatIntelligence{List: h.List.Name, FileSHA256: h.List.SHA256}
		if h.Threat != "" {
			t.Names = []string{h.Threat}
		}
		f.Service.Evidence = &Evidence{Threats: []ThreatIntelligence{t}}
	}
}

func (ev *Event) describeCall(f *Finding) {
	c := ev.Call
	id := &c.Identity
	f.Resource = Resource{Type: "AccessKey", AccessKey: &AccessKey{
		AccessKeyID: strings.Clone(id.AccessKey), PrincipalID: strings.Clone(id.Principal), UserName: strings.Clone(User(id)), UserType: strings.Clone(id.Type)}}
	a := &APICall{API: strings.Clone(c.Name), ServiceName: strings.Clone(c.Source), ErrorCode: strings.Clone(c.ErrorCode), UserAgent: strings.Clone(c.UserAgent)}
	if c.Addr.IsValid() {
		a.CallerType, a.RemoteIP = "Remote IP", ev.remoteIP(c.Addr)
	} else if c.SourceIP != "" {
		a.CallerType, a.Domain = "Domain", &Domain{strings.Clone(c.SourceIP)}
	}
	if id.Account != "" && c.Account != "" && id.Account != c.Account {
		a.RemoteAccount = &RemoteAccount{AccountID: strings.Clone(id.Account)}
	}
	if ev.resourceType != "" && ev.resource != "" {
		a.AffectedResources = map[string]string{ev.resourceType: strings.Clone(ev.resource)}
	}
	f.Service.Action = Action{Type: "AWS_API_CALL", APICall: a}
}

func (ev *Event) describeFlow(f *Finding) {
	r, p := ev.Flow, &ev.Peer
	ni := NetworkInterface{SubnetID: strings.Clone(r.Subnet), VPCID: strings.Clone(r.VPC)}
	if !r.Zeek {
		ni.ID = strings.Clone(r.Interface)
	}
	local := &LocalIP{}
	if p.Local.Is4() {
		ni.PrivateIPAddress, local.V4 = p.Local.String(), p.Local.String()
	} else if p.Local.IsValid() {
		ni.IPv6Addresses, local.V6 = []string{p.Local.String()}, p.Local.String()
	}
	f.Resource = Resource{Type: "Instance", Instance: &InstanceDetails{InstanceID: strings.Clone(r.Instance), Zone: strings.Clone(r.Zone), Interfaces: []NetworkInterface{ni}}}
	direction := "INBOUND"
	if p.Client {
		direction = "OUTBOUND"
	}
	f.Service.Action = Action{Type: "NETWORK_CONNECTION", Connection: &NetworkConnection{
		Blocked: r.Reject, Direction: direction, Protocol: protocolName(r.Protocol), Interface: ni.ID, LocalIP: local,
		LocalPort: portName(p.LocalPort), RemoteIP: ev.remoteIP(p.Remote), RemotePort: portName(p.RemotePort)}}
	if p.Client {
		f.Service.ResourceRole = "ACTOR"
	}
}

func (ev *Event) describeQuery(f *Finding) {
	q := ev.Query
	ni := NetworkInterface{VPCID: strings.Clone(q.VPC)}
	if q.Src.Is4() {
		ni.PrivateIPAddress = q.Src.String()
	} else if q.Src.IsValid() {
		ni.IPv6Addresses = []string{q.Src.String()}
	}
	f.Resource = Resource{Type: "Instance", Instance: &InstanceDetails{InstanceID: strings.Clone(q.Instance), Interfaces: []NetworkInterface{ni}}}
	protocol := q.Protocol
	if protocol == "" {
		protocol = "UDP"
	}
	f.Service.Action = Action{Type: "DNS_REQUEST", DNSRequest: &DNSRequest{Domain: strings.Clone(strings.TrimSuffix(q.Name, ".")), Protocol: strings.Clone(protocol), Blocked: q.Blocked}}
	f.Service.ResourceRole = "ACTOR"
}

func (ev *Event) remoteIP(a netip.Addr) *RemoteIP {
	if !a.IsValid() {
		return nil
	}
	r := &RemoteIP{}
	if a.Is4() {
		r.V4 = a.String()
	} else {
		r.V6 = a.String()
	}
	if ev.engine.Locate != nil {
		ev.engine.Locate(a, r)
	}
	return r
}

// Found makes the evidence of what a list says part of the next Raise.
func (ev *Event) Found(h *intel.Hit) { ev.hit = h }

// Affects names the resource that the call affects, for texts and for
// affectedResources: its CloudFormation type and its name or ARN.
func (ev *Event) Affects(kind, name string) { ev.resourceType, ev.resource = kind, name }

// protocolName and portName have the forms that AWS's findings have.
func protocolName(n uint8) string {
	switch n {
	case 1:
		return "ICMP"
	case 6:
		return "TCP"
	case 17:
		return "UDP"
	case 58:
		return "ICMPv6"
	}
	return strconv.Itoa(int(n))
}

func portName(p uint16) Port {
	name := "Unknown"
	switch p {
	case 21:
		name = "FTP"
	case 22:
		name = "SSH"
	case 23:
		name = "TELNET"
	case 25:
		name = "SMTP"
	case 53:
		name = "DNS"
	case 80:
		name = "HTTP"
	case 443:
		name = "HTTPS"
	case 445:
		name = "SMB"
	case 3389:
		name = "RDP"
	case 5985, 5986:
		name = "WinRM"
	}
	return Port{int(p), name}
}
