package route53

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	route53api "bartizan.dev/api/route53"
	"bartizan.dev/wire"
)

// asked is one change of a batch, read.
type asked struct {
	action route53api.ChangeAction
	set    set
	wire   string // name in wire form
}

const (
	maxTTL      = 1<<31 - 1
	maxWeight   = 255
	maxChanges  = 1000  // "A request cannot contain more than 1,000 ResourceRecord elements"
	maxValues   = 32000 // characters of all values
	maxOfOneSet = 400   // values of a set
	// maxPlace keeps store keys below their bound: a name of 255 bytes is 1,020
	// characters long if each of them has to be escaped.
	maxPlace = 900
)

// in names a change as Route 53's messages do.
func in(c *route53api.Change) string {
	id := "null"
	if c.ResourceRecordSet.SetIdentifier != nil {
		id = *c.ResourceRecordSet.SetIdentifier
	}
	return fmt.Sprintf("Change with [Action=%s, Name=%s, Type=%s, SetIdentifier=%s]", c.Action, c.ResourceRecordSet.Name, c.ResourceRecordSet.Type, id)
}

// read checks one change by itself. What is wrong with its form is the error;
// what is wrong with its content are problems, which are told all together.
func read(c *route53api.Change) (a asked, problems []string, err error) {
	r := c.ResourceRecordSet
	if err := form(c); err != nil {
		return a, nil, err
	}
	a = asked{action: c.Action, set: set{Type: string(r.Type), Identifier: text(r.SetIdentifier), Weight: r.Weight, Multivalue: on(r.MultiValueAnswer)}}
	if a.set.Name, a.wire, err = parseName(r.Name); err != nil {
		return a, []string{err.Error()}, nil
	}
	if len(a.set.place()) > maxPlace || strings.ContainsFunc(a.set.Identifier, unicode.IsControl) {
		return a, []string{problem("DomainNameTooLong", "Domain name or set identifier cannot be kept", r.Name).Error()}, nil
	}
	if t := r.AliasTarget; t != nil {
		name, _, err := parseName(t.DNSName)
		if err != nil {
			return a, []string{err.Error()}, nil
		}
		a.set.Alias = &alias{Zone: bareID(t.HostedZoneId), Name: name, Evaluate: t.EvaluateTargetHealth}
		return a, nil, nil
	}
	a.set.TTL = *r.TTL
	seen := map[string]bool{}
	for _, v := range r.ResourceRecords {
		data, err := parseValue(a.set.Type, v.Value)
		switch {
		case err != nil:
			problems = append(problems, fmt.Sprintf("Invalid Resource Record: '%s'", err))
		case seen[string(data)]:
			problems = append(problems, fmt.Sprintf("Duplicate Resource Record: '%s'", v.Value))
		}
		seen[string(data)] = true
		a.set.Values = append(a.set.Values, v.Value)
	}
	if n := len(a.set.Values); n > 1 && slices.Contains([]string{"CNAME", "SOA"}, a.set.Type) || n > maxOfOneSet {
		problems = append(problems, fmt.Sprintf("The resource record set '%s %s' has %d records, which is more than it can have.", a.set.Type, a.set.Name, n))
	}
	if a.set.Multivalue && (a.set.Type == "NS" || a.set.Type == "CNAME" || a.set.Type == "SOA") {
		problems = append(problems, fmt.Sprintf("A multivalue answer record cannot have the type %s.", a.set.Type))
	}
	return a, problems, nil
}

func form(c *route53api.Change) error {
	r := c.ResourceRecordSet
	if err := unbuilt(c); err != nil {
		return err
	}
	simple := r.TTL != nil && len(r.ResourceRecords) > 0
	const kinds = "Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId], but found "
	switch {
	case r.AliasTarget == nil && !simple:
		return invalidInput(kinds+"none in %s", in(c))
	case r.AliasTarget != nil && (r.TTL != nil || len(r.ResourceRecords) > 0):
		return invalidInput(kinds+"more than one in %s", in(c))
	case r.TTL != nil && (*r.TTL < 0 || *r.TTL > maxTTL):
		return invalidInput("Invalid TTL: %d. TTL must be between 0 and %d in %s", *r.TTL, maxTTL, in(c))
	case r.Weight != nil && (*r.Weight < 0 || *r.Weight > maxWeight):
		return invalidInput("Invalid Weight: %d. Weight must be between 0 and %d in %s", *r.Weight, maxWeight, in(c))
	}
	const policies = "Invalid request: Expected exactly one of [Weight, Region, Failover, GeoLocation, MultiValueAnswer, CidrRoutingConfig, or GeoProximityLocation], but found "
	routed := r.Weight != nil || r.MultiValueAnswer != nil
	switch {
	case r.SetIdentifier != nil && !routed:
		return invalidInput(policies+"none in %s", in(c))
	case r.Weight != nil && r.MultiValueAnswer != nil:
		return invalidInput(policies+"more than one in %s", in(c))
	case r.SetIdentifier == nil && routed:
		return invalidInput("Invalid request: Missing field 'SetIdentifier' in %s", in(c))
	case r.MultiValueAnswer != nil && !*r.MultiValueAnswer:
		return invalidInput("Invalid request: MultiValueAnswer cannot be false in %s", in(c))
	case r.MultiValueAnswer != nil && r.AliasTarget != nil:
		return invalidInput("Invalid request: MultiValueAnswer cannot be used with AliasTarget in %s", in(c))
	}
	return nil
}

// unbuilt refuses what a set can have on AWS and not here.
func unbuilt(c *route53api.Change) error {
	r := c.ResourceRecordSet
	switch {
	case r.HealthCheckId != nil:
		return wire.Errorf("NoSuchHealthCheck", "No health check exists with the specified ID: %s", *r.HealthCheckId)
	case r.Region != "", r.GeoLocation != nil, r.Failover != "", r.CidrRoutingConfig != nil, r.GeoProximityLocation != nil:
		return invalidInput("Bartizan routes by Weight and MultiValueAnswer; Region, GeoLocation, Failover, CidrRoutingConfig and GeoProximityLocation are not supported in %s", in(c))
	case r.TrafficPolicyInstanceId != nil:
		return invalidInput("Bartizan has no traffic policies: TrafficPolicyInstanceId is not supported in %s", in(c))
	}
	return nil
}

func on(p *bool) bool { return p != nil && *p }
