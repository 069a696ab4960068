package guardduty

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	guarddutyapi "bartizan.dev/api/guardduty"
)

// attributes are what findings can be asked for, as AWS lists them, and where it
// stands in a finding when that is not its name.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_CreateFilter.html#guardduty-CreateFilter-request-findingCriteria
var attributes = func() map[string]string {
	out := map[string]string{
		"service.additionalInfo.threatListName":                      "service.evidence.threatIntelligenceDetails.threatListName",
		"resource.s3BucketDetails.publicAccess.effectivePermissions": "resource.s3BucketDetails.publicAccess.effectivePermission",
	}
	under := func(prefix, names string) {
		for _, name := range strings.Fields(names) {
			out[prefix+name] = prefix + name
		}
	}
	under("", "accountId arn confidence createdAt description id partition region schemaVersion severity title type updatedAt associatedAttackSequenceArn")
	under("resource.", "resourceType eksClusterDetails.name ecsClusterDetails.name lambdaDetails.functionName")
	under("resource.accessKeyDetails.", "accessKeyId principalId userName userType")
	under("resource.instanceDetails.", "iamInstanceProfile.id imageId instanceId instanceType launchTime outpostArn tags.key tags.value")
	under("resource.instanceDetails.networkInterfaces.", "ipv6Addresses networkInterfaceId privateIpAddress privateIpAddresses.privateIpAddress publicDnsName publicIp securityGroups.groupId securityGroups.groupName subnetId vpcId")
	under("resource.s3BucketDetails.", "name tags.key tags.value type publicAccess.effectivePermission")
	under("resource.kubernetesDetails.kubernetesWorkloadDetails.", "name namespace type containers.imagePrefix")
	under("resource.kubernetesDetails.kubernetesUserDetails.", "username")
	under("resource.rdsDbInstanceDetails.", "dbClusterIdentifier dbInstanceIdentifier engine tags.key tags.value")
	under("resource.rdsDbUserDetails.", "user")
	under("service.", "archived count detectorId eventFirstSeen eventLastSeen featureName resourceRole serviceName userFeedback additionalInfo.type additionalInfo.value ebsVolumeScanDetails.scanId")
	const remote = " remoteIpDetails.city.cityName remoteIpDetails.country.countryName remoteIpDetails.ipAddressV4 remoteIpDetails.ipAddressV6 remoteIpDetails.organization.asn remoteIpDetails.organization.asnOrg"
	under("service.action.", "actionType")
	under("service.action.awsApiCallAction.", "api callerType errorCode serviceName userAgent remoteAccountDetails.accountId remoteAccountDetails.affiliated"+remote)
	under("service.action.dnsRequestAction.", "domain domainWithSuffix protocol blocked")
	under("service.action.networkConnectionAction.", "blocked connectionDirection localIpDetails.ipAddressV4 localIpDetails.ipAddressV6 localPortDetails.port protocol remotePortDetails.port"+remote)
	under("service.action.portProbeAction.", "blocked portProbeDetails.localPortDetails.port portProbeDetails.localIpDetails.ipAddressV4 portProbeDetails.remoteIpDetails.ipAddressV4 portProbeDetails.remoteIpDetails.country.countryName")
	under("service.action.kubernetesApiCallAction.", "namespace requestUri statusCode remoteIpDetails.ipAddressV4 remoteIpDetails.ipAddressV6")
	under("service.action.rdsLoginAttemptAction.", "remoteIpDetails.ipAddressV4")
	under("service.malwareScanDetails.threats.", "name")
	return out
}()

// maxCriteria bounds the attributes of criteria, and maxValues the values of one:
// "a filter has at most 50 attributes".
// https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_limits.html
const (
	maxCriteria = 50
	maxValues   = 50
)

// test is one attribute's condition.
type test struct {
	path []string
	guarddutyapi.Condition
}

// criteria are compiled; nil takes every finding.
type criteria []test

// compile checks criteria. Wildcards are for filters only: "the matches condition
// is available only for create-filter and update-filter APIs".
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_Condition.html
func compile(in *guarddutyapi.FindingCriteria, wildcards bool) (criteria, error) {
	if in == nil {
		return nil, nil
	}
	if len(in.Criterion) > maxCriteria {
		return nil, invalid("findingCriteria")
	}
	var out criteria
	for name, c := range in.Criterion {
		at := attributes[name]
		if at == "" {
			return nil, rejected(invalidInput, "The request is rejected because the findingCriteria attribute %s is not supported.", name)
		}
		for _, list := range [][]string{c.Eq, c.Neq, c.Equals, c.NotEquals, c.Matches, c.NotMatches} {
			if len(list) > maxValues {
				return nil, invalid("findingCriteria." + name)
			}
		}
		if !wildcards && len(c.Matches)+len(c.NotMatches) > 0 {
			return nil, rejected(invalidInput, "The request is rejected because the matches and notMatches conditions can be used in filters only.")
		}
		out = append(out, test{strings.Split(at, "."), c})
	}
	return out, nil
}

// tree is a finding as JSON has it.
func (f *finding) tree() (map[string]any, error) {
	data, err := json.Marshal(&f.Finding)
	if err != nil {
		return nil, err
	}
	var out map[string]any
	if err := json.Unmarshal(data, &out); err != nil {
		return nil, err
	}
	if service, ok := out["service"].(map[string]any); ok && f.Feedback != "" {
		service["userFeedback"] = f.Feedback
	}
	return out, nil
}

// value is what stands at an attribute: a text, and a number if it is one.
type value struct {
	text   string
	number float64
	isNum  bool
}

// valuesAt collects what stands at a path, of every element where there are arrays.
func valuesAt(out []value, v any, path []string) []value {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			out = valuesAt(out, e, path)
		}
	case map[string]any:
		if len(path) > 0 {
			return valuesAt(out, v[path[0]], path[1:])
		}
	case string:
		if len(path) == 0 {
			out = append(out, textValue(v))
		}
	case float64:
		if len(path) == 0 {
			out = append(out, value{strconv.FormatFloat(v, 'f', -1, 64), v, true})
		}
	case bool:
		if len(path) == 0 {
			out = append(out, value{text: strconv.FormatBool(v)})
		}
	}
	return out
}

// textValue: times are compared as milliseconds since 1970, as AWS does.
func textValue(s string) value {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return value{s, float64(t.UnixMilli()), true}
	}
	n, err := strconv.ParseFloat(s, 64)
	return value{s, n, err == nil}
}

func (v value) is(s string) bool {
	if v.text == s {
		return true
	}
	if w := textValue(s); v.isNum && w.isNum {
		return v.number == w.number
	}
	return strings.EqualFold(s, v.text) && (v.text == "true" || v.text == "false")
}

// match says whether a finding meets all criteria.
func (c criteria) match(tree map[string]any) bool {
	var buf [8]value
	for i := range c {
		if !c[i].holds(valuesAt(buf[:0], tree, c[i].path)) {
			return false
		}
	}
	return true
}

func (t *test) holds(at []value) bool {
	among := func(list []string) bool {
		return slices.ContainsFunc(at, func(v value) bool { return slices.ContainsFunc(list, v.is) })
	}
	like := func(list []string) bool {
		return slices.ContainsFunc(at, func(v value) bool {
			return slices.ContainsFunc(list, func(p string) bool { return glob(p, v.text) })
		})
	}
	number := func(limit *int64, f func(v, limit float64) bool) bool {
		return limit == nil || slices.ContainsFunc(at, func(v value) bool { return v.isNum && f(v.number, float64(*limit)) })
	}
	gt, gte := func(v, l float64) bool { return v > l }, func(v, l float64) bool { return v >= l }
	lt, lte := func(v, l float64) bool { return v < l }, func(v, l float64) bool { return v <= l }
	return (len(t.Eq) == 0 || among(t.Eq)) && (len(t.Equals) == 0 || among(t.Equals)) && !among(t.Neq) && !among(t.NotEquals) &&
		(len(t.Matches) == 0 || like(t.Matches)) && !like(t.NotMatches) &&
		number(wide(t.Gt), gt) && number(wide(t.Gte), gte) && number(wide(t.Lt), lt) && number(wide(t.Lte), lte) &&
		number(t.GreaterThan, gt) && number(t.GreaterThanOrEqual, gte) && number(t.LessThan, lt) && number(t.LessThanOrEqual, lte)
}

func wide(n *int32) *int64 {
	if n == nil {
		return nil
	}
	return new(int64(*n))
}

// glob matches * (any text) and ? (one character), in time proportional to the
// product of the lengths at worst.
func glob(pattern, s string) bool {
	p, star, back := 0, -1, 0
	for i := 0; i < len(s); {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, back = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]):
			p++
			i++
		case star >= 0:
			back++
			p, i = star+1, back
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
