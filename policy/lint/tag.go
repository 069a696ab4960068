package lint

import (
	"slices"
	"strings"

	"bartizan.dev/policy/reference"
)

// tags finds actions whose requests carry no tags of the resource, in
// statements that ask for one.
func (l *linter) tags(s *statement) {
	for _, c := range s.conditions {
		if !strings.HasPrefix(c.key, "aws:resourcetag/") || c.ifExists || c.family == nullOp || c.negated || c.ref == nil {
			continue
		}
		effect := "ALLOW"
		if s.deny {
			effect = "DENY"
		}
		if s.action.not {
			l.report(effect+"_NOTACTION_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE", []place{at(c.node), atKey(s.action.node)}, c.name)
			continue
		}
		places, services := []place{at(c.node)}, []string(nil)
		for _, v := range s.action.values {
			prefix, name, _ := strings.Cut(lower(v.text), ":")
			service, ok := l.Reference.Service(prefix)
			if !ok || l.tagged(service, name, c.ref) {
				continue
			}
			places = append(places, at(v))
			if !slices.Contains(services, service.Prefix) {
				services = append(services, service.Prefix)
			}
		}
		if len(services) > 0 {
			slices.Sort(services)
			l.report(effect+"_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE", places, c.name, strings.Join(services, ", "))
		}
	}
}

// tagged reports whether some action of the name or pattern carries the key.
func (l *linter) tagged(s *reference.Service, name string, key *reference.ConditionKey) bool {
	if a, ok := s.Action(name); ok {
		return carries(a, key)
	}
	if !wild(name) || len(name) > 256 || !l.spend(len(s.Actions)*(16+len(name))) {
		return true
	}
	name = squeeze(name)
	return slices.ContainsFunc(s.Actions, func(a reference.Action) bool {
		return matches(name, lower(a.Name)) && carries(&a, key)
	})
}

// endpointKeys are keys that only some services know.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-vpceaccount
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-vpceorgid
var endpointKeys = map[string][]string{
	"aws:vpceaccount":  endpointServices,
	"aws:vpceorgid":    slices.Concat(endpointServices, moreEndpointServices),
	"aws:vpceorgpaths": slices.Concat(endpointServices, moreEndpointServices),
}

var endpointServices = strings.Fields(`
	apprunner discovery athena servicediscovery applicationinsights cloudformation comprehendmedical
	compute-optimizer ecr ecs kinesisanalytics route53 datasync dynamodb ebs scheduler firehose gamelift
	medical-imaging healthlake omics iam iotfleetwise iotwireless kms lambda payment-cryptography polly acm-pca rbin
	rekognition servicequotas s3 shield storagegateway ssm-contacts textract transcribe transfer`)

var moreEndpointServices = strings.Fields(`
	b2bi cognito-identity dms ds-data identitystore iottwinmaker cassandra network-firewall sms-voice pricing ses sqs
	workmail`)

// services finds statements that ask for the owner of a VPC endpoint where a
// service does not tell.
func (l *linter) services(s *statement) {
	for _, c := range s.conditions {
		supported, ok := endpointKeys[c.key]
		if !ok || s.action.node == nil {
			continue
		}
		places := []place{at(c.node)}
		if s.action.not {
			places = append(places, atKey(s.action.node))
		}
		for _, v := range s.action.values {
			prefix, name, _ := strings.Cut(lower(v.text), ":")
			if !s.action.not && (!slices.Contains(supported, prefix) || prefix == "iam" && name == "passrole") {
				places = append(places, at(v))
			}
		}
		if len(places) > 1 {
			l.report("USE_CONDITION_KEY_ONLY_WITH_SUPPORTED_SERVICES", places, c.name)
		}
	}
}
