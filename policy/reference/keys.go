package reference

import "strings"

// ConditionKey returns the condition key with the name, such as
// "aws:SourceIp", "iam:PolicyARN" or "aws:ResourceTag/team". A key with
// variable parts is found by any name that fits it.
func (r *Reference) ConditionKey(name string) (*ConditionKey, bool) {
	name = strings.ToLower(name)
	if k, ok := r.global[name]; ok {
		return k, true
	}
	for _, k := range r.tagged {
		if fits(strings.ToLower(k.Name), name) {
			return k, true
		}
	}
	prefix, _, ok := strings.Cut(name, ":")
	if !ok {
		return nil, false
	}
	if e, ok := r.prefixes[prefix]; ok {
		if k, ok := e.get().key(name); ok {
			return k, true
		}
	}
	for _, h := range r.homes {
		if !fits(h.prefix, prefix) {
			continue
		}
		for _, e := range h.services {
			if k, ok := e.get().key(name); ok {
				return k, true
			}
		}
	}
	return nil, false
}

// GlobalKeys returns AWS's global condition keys in the order of AWS's page.
func (r *Reference) GlobalKeys() []ConditionKey { return globalKeys() }

// key finds a key of the service by its lower-case name.
func (s *Service) key(name string) (*ConditionKey, bool) {
	if k, ok := s.keys[name]; ok {
		return k, true
	}
	for _, i := range s.templates {
		if fits(strings.ToLower(form(s.Keys[i].Name)), name) {
			return &s.Keys[i], true
		}
	}
	return nil, false
}

// form returns the name of a key with its variable parts in braces. Some of
// AWS's pages write s3:ExistingObjectTag/<key>, secretsmanager:ResourceTag/tag-key
// or glacier:ResourceTag/ instead.
func form(name string) string {
	for _, variable := range []string{"/<key>", "/tag-key", "/"} {
		if before, ok := strings.CutSuffix(name, variable); ok {
			return before + "/${TagKey}"
		}
	}
	return name
}

// fits reports whether name is the template with each ${variable} replaced by
// at least one character.
func fits(template, name string) bool {
	literal, rest, variable := strings.Cut(template, "${")
	if !strings.HasPrefix(name, literal) {
		return false
	}
	name = name[len(literal):]
	if !variable {
		return name == ""
	}
	_, rest, _ = strings.Cut(rest, "}")
	if rest == "" {
		return name != ""
	}
	for i := 1; i <= len(name); i++ {
		if fits(rest, name[i:]) {
			return true
		}
	}
	return false
}

func (r *Reference) addGlobal() {
	r.global = map[string]*ConditionKey{}
	keys := globalKeys()
	for i := range keys {
		k := &keys[i]
		r.global[strings.ToLower(k.Name)] = k
		if strings.Contains(k.Name, "${") {
			r.tagged = append(r.tagged, k)
		}
	}
}

// globalKeys is AWS's table of global condition keys, with the cross-service
// keys of role sessions at its end.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
func globalKeys() []ConditionKey {
	one := func(t Type, name string) ConditionKey { return ConditionKey{Name: name, Type: t} }
	many := func(t Type, name string) ConditionKey { return ConditionKey{Name: name, Type: t, Multi: true} }
	return []ConditionKey{
		// Properties of the principal.
		one(ARN, "aws:PrincipalArn"),
		one(String, "aws:PrincipalAccount"),
		many(String, "aws:PrincipalOrgPaths"),
		one(String, "aws:PrincipalOrgID"),
		one(String, "aws:PrincipalTag/${TagKey}"),
		one(Bool, "aws:PrincipalIsAWSService"),
		one(String, "aws:PrincipalServiceName"),
		many(String, "aws:PrincipalServiceNamesList"),
		one(String, "aws:PrincipalType"),
		one(String, "aws:userid"),
		one(String, "aws:username"),
		// Properties of a role session.
		one(Bool, "aws:AssumedRoot"),
		one(String, "aws:FederatedProvider"), // an ARN when the provider is not built into AWS
		one(Date, "aws:TokenIssueTime"),
		one(ARN, "aws:SignInSessionArn"),
		one(Numeric, "aws:MultiFactorAuthAge"), // seconds
		one(Bool, "aws:MultiFactorAuthPresent"),
		one(ARN, "aws:ChatbotSourceArn"),
		one(String, "aws:Ec2InstanceSourceVpc"),
		one(IPAddress, "aws:Ec2InstanceSourcePrivateIPv4"),
		one(String, "aws:SourceIdentity"),
		// Properties of the network.
		one(IPAddress, "aws:SourceIp"),
		one(String, "aws:SourceVpc"),
		one(ARN, "aws:SourceVpcArn"),
		one(String, "aws:SourceVpce"),
		one(String, "aws:VpceAccount"),
		one(String, "aws:VpceOrgID"),
		many(String, "aws:VpceOrgPaths"),
		one(IPAddress, "aws:VpcSourceIp"),
		// Properties of the resource.
		one(String, "aws:ResourceAccount"),
		one(String, "aws:ResourceOrgID"),
		many(String, "aws:ResourceOrgPaths"),
		one(String, "aws:ResourceTag/${TagKey}"),
		// Properties of the request.
		many(String, "aws:CalledVia"),
		one(String, "aws:CalledViaFirst"),
		one(String, "aws:CalledViaLast"),
		one(String, "aws:CalledViaAWSMCP"),
		one(Bool, "aws:ViaAWSService"),
		one(Bool, "aws:ViaAWSMCPService"),
		one(Date, "aws:CurrentTime"),
		one(Date, "aws:EpochTime"), // seconds since 1970; Numeric operators work as well
		one(String, "aws:referer"),
		one(String, "aws:RequestedRegion"),
		one(String, "aws:RequestTag/${TagKey}"),
		many(String, "aws:TagKeys"),
		one(Bool, "aws:SecureTransport"),
		one(String, "aws:SourceAccount"),
		one(ARN, "aws:SourceArn"),
		one(String, "aws:SourceOrgID"),
		many(String, "aws:SourceOrgPaths"),
		one(String, "aws:UserAgent"),
		one(Bool, "aws:IsMcpServiceAction"),
		// Cross-service keys of role sessions.
		one(Numeric, "ec2:RoleDelivery"),
		one(ARN, "ec2:SourceInstanceArn"),
		one(String, "glue:RoleAssumedBy"),
		one(String, "glue:CredentialIssuingService"),
		one(ARN, "codebuild:BuildArn"),
		one(ARN, "codebuild:ProjectArn"),
		one(ARN, "lambda:SourceFunctionArn"),
		one(ARN, "ssm:SourceInstanceArn"),
		one(String, "identitystore:UserId"),
	}
}
