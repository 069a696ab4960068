package logs

import (
	"net/netip"
	"strings"
)

// call reads the event that begins at p.at.
func (p *parser) call(c *Call) {
	*c = Call{}
	p.bad = ""
	object(p, c, "the event", eventMember)
	if p.at < 0 || p.bad != "" {
		return
	}
	switch {
	case c.Type == "AwsCloudTrailInsight":
	case c.Time == 0:
		p.bad = "no eventTime"
	case c.Name == "":
		p.bad = "no eventName"
	case c.Source == "":
		p.bad = "no eventSource"
	}
	if c.Account == "" {
		c.Account = c.Identity.Account
	}
	c.Addr = addr(c.SourceIP)
}

// addr reads an address; what is none gives the zero Addr.
func addr(s string) netip.Addr {
	if len(s) == 0 {
		return netip.Addr{}
	}
	if a, ok := ipv4(s); ok {
		return a
	}
	if strings.IndexByte(s, ':') < 0 {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}

func ipv4(s string) (netip.Addr, bool) {
	var out [4]byte
	field, n, value := 0, 0, uint(0)
	for i := range len(s) {
		if d := s[i] - '0'; d <= 9 {
			value = value*10 + uint(d)
			if n++; n > 3 || value > 255 {
				return netip.Addr{}, false
			}
			continue
		}
		if s[i] != '.' || n == 0 || field == 3 {
			return netip.Addr{}, false
		}
		out[field] = byte(value)
		field++
		n, value = 0, 0
	}
	if field != 3 || n == 0 {
		return netip.Addr{}, false
	}
	out[3] = byte(value)
	return netip.AddrFrom4(out), true
}

// once refuses a second member of the same name: which of the two counts would
// be a guess, and readers that guess differently see different events.
func (p *parser) once(seen *uint64, bit uint, key string) {
	if *seen&(1<<bit) != 0 {
		p.refuse(key, " is there twice")
	}
	*seen |= 1 << bit
}

func eventMember(p *parser, c *Call, key string) {
	bit := uint(0)
	switch key {
	case "eventTime":
		c.Time, bit = p.time(key), 1
	case "eventName":
		c.Name, bit = p.text(key), 2
	case "eventSource":
		c.Source, bit = p.text(key), 3
	case "userIdentity":
		object(p, c, key, identityMember)
		bit = 4
	case "awsRegion":
		c.Region, bit = p.text(key), 5
	case "sourceIPAddress":
		c.SourceIP, bit = p.text(key), 6
	case "userAgent":
		c.UserAgent, bit = p.text(key), 7
	case "errorCode":
		c.ErrorCode, bit = p.text(key), 8
	case "errorMessage":
		c.ErrorMessage, bit = p.text(key), 9
	case "requestParameters":
		c.Params, bit = p.value(), 10
	case "responseElements":
		c.Response, bit = p.value(), 11
	case "additionalEventData":
		c.Additional, bit = p.value(), 12
	case "eventID":
		c.ID, bit = p.text(key), 13
	case "readOnly":
		c.ReadOnly, bit = p.flag(key), 14
	case "eventType":
		c.Type, bit = p.text(key), 15
	case "managementEvent":
		c.Management, bit = p.flag(key), 16
	case "recipientAccountId":
		c.Account, bit = p.text(key), 17
	case "eventCategory":
		c.Category, bit = p.text(key), 18
	case "eventVersion":
		c.Version, bit = p.text(key), 19
	case "requestID":
		c.RequestID, bit = p.text(key), 20
	case "sharedEventID":
		c.SharedEventID, bit = p.text(key), 21
	case "vpcEndpointId":
		c.VPCEndpointID, bit = p.text(key), 22
	case "vpcEndpointAccountId":
		c.VPCEndpoint, bit = p.text(key), 23
	case "resources":
		c.Resources, bit = p.value(), 24
	case "serviceEventDetails":
		c.ServiceDetails, bit = p.value(), 25
	case "tlsDetails":
		c.TLS, bit = p.value(), 26
	case "sessionCredentialFromConsole":
		c.FromConsole, bit = p.flag(key), 27
	case "insightDetails":
		c.InsightDetails, bit = p.value(), 28
	default:
		p.skip()
		return
	}
	p.once(&c.seen, bit, key)
}

func identityMember(p *parser, c *Call, key string) {
	id := &c.Identity
	bit := uint(32)
	switch key {
	case "type":
		id.Type, bit = p.text(key), 33
	case "principalId":
		id.Principal, bit = p.text(key), 34
	case "arn":
		id.ARN, bit = p.text(key), 35
	case "accountId":
		id.Account, bit = p.text(key), 36
	case "accessKeyId":
		id.AccessKey, bit = p.text(key), 37
	case "userName":
		id.User, bit = p.text(key), 38
	case "sessionContext":
		object(p, c, key, sessionMember)
		bit = 39
	case "invokedBy":
		id.InvokedBy, bit = p.text(key), 40
	case "identityProvider":
		id.Provider, bit = p.text(key), 41
	case "onBehalfOf":
		id.OnBehalf, bit = p.value().Get("userId").Text(), 42
	default:
		p.skip()
		return
	}
	p.once(&c.seen, bit, key)
}

func sessionMember(p *parser, c *Call, key string) {
	id := &c.Identity
	switch key {
	case "sessionIssuer":
		object(p, c, key, issuerMember)
	case "attributes":
		object(p, c, key, attributeMember)
	case "webIdFederationData":
		id.Federation = p.value().Get("federatedProvider").Text()
	case "sourceIdentity":
		id.SourceIdentity = p.text(key)
	case "ec2RoleDelivery":
		id.RoleDelivery = p.text(key)
	case "assumedRoot":
		id.AssumedRoot = p.flag(key)
	default:
		p.skip()
	}
}

func attributeMember(p *parser, c *Call, key string) {
	switch key {
	case "mfaAuthenticated":
		c.Identity.MFA = p.flag(key)
	case "creationDate":
		c.Identity.Created = p.time(key)
	default:
		p.skip()
	}
}

func issuerMember(p *parser, c *Call, key string) {
	is := &c.Identity.Issuer
	switch key {
	case "type":
		is.Type = p.text(key)
	case "principalId":
		is.Principal = p.text(key)
	case "arn":
		is.ARN = p.text(key)
	case "accountId":
		is.Account = p.text(key)
	case "userName":
		is.User = p.text(key)
	default:
		p.skip()
	}
}
