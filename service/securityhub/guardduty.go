package securityhub

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"bartizan.dev/arn"
	"bartizan.dev/detect"
)

// FromGuardDuty is a finding of GuardDuty as GuardDuty sends it to Security Hub.
// https://docs.aws.amazon.com/guardduty/latest/ug/securityhub-integration.html
func FromGuardDuty(f *detect.Finding) (ASFF, error) {
	fields, err := guardDutyFields(f)
	if err != nil {
		return nil, err
	}
	severity := map[string]any{"Product": f.Severity}
	severity["Label"], severity["Normalized"] = guardDutySeverity(f.Severity)
	a := ASFF{
		"SchemaVersion": "2018-10-08", "Id": f.ARN, "ProductArn": arn.New("securityhub", f.Region, "", "product/aws/guardduty"),
		"ProductName": "GuardDuty", "CompanyName": "Amazon", "Region": f.Region,
		"GeneratorId":  strings.TrimSuffix(f.ARN, "/finding/"+f.ID),
		"AwsAccountId": f.AccountID, "Types": []any{guardDutyType(f.Type)},
		"FirstObservedAt": f.Service.EventFirstSeen, "LastObservedAt": f.Service.EventLastSeen, "CreatedAt": f.CreatedAt, "UpdatedAt": f.UpdatedAt,
		"Severity": severity, "Title": cut(f.Title, 256), "Description": cut(f.Description, 1024),
		"SourceUrl":     "https://" + f.Region + ".console.aws.amazon.com/guardduty/home?region=" + f.Region + "#/findings?macros=current&fId=" + f.ID,
		"ProductFields": fields, "Resources": guardDutyResources(f), "RecordState": "ACTIVE", "Sample": isSample(f),
		"FindingProviderFields": map[string]any{"Severity": map[string]any{"Label": severity["Label"]}, "Types": []any{guardDutyType(f.Type)}},
	}
	if action := guardDutyAction(&f.Service.Action); action != nil {
		a["Action"] = action
	}
	return a, nil
}

func isSample(f *detect.Finding) bool {
	var info struct {
		Sample bool `json:"sample"`
	}
	v := f.Service.AdditionalInfo
	return v != nil && json.Unmarshal([]byte(v.Value), &info) == nil && info.Sample
}

// cut shortens a text to a number of characters.
func cut(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most])
	}
	return s
}

// guardDutySeverity: what GuardDuty calls low has 40, medium 50, high 60.
func guardDutySeverity(v float64) (label string, normalized float64) {
	switch {
	case v >= 9:
		return "CRITICAL", 90
	case v >= 7:
		return "HIGH", 60
	case v >= 4:
		return "MEDIUM", 50
	}
	return "LOW", 40
}

// guardDutyTypes are the namespaces of finding types, by their beginnings; the
// longest counts. Those that do not follow the form have a whole name.
var guardDutyTypes = map[string]string{
	"Backdoor:": "TTPs/Command and Control/", "Behavior:": "Unusual Behaviors/VM/", "CryptoCurrency:": "TTPs/Command and Control/",
	"CredentialAccess:IAMUser/AnomalousBehavior":    "=TTPs/Credential Access/IAMUser-AnomalousBehavior",
	"DefenseEvasion:EC2/UnusualDNSResolver":         "=TTPs/DefenseEvasion/EC2:Unusual-DNS-Resolver",
	"DefenseEvasion:EC2/UnusualDoHActivity":         "=TTPs/DefenseEvasion/EC2:Unusual-DoH-Activity",
	"DefenseEvasion:EC2/UnusualDoTActivity":         "=TTPs/DefenseEvasion/EC2:Unusual-DoT-Activity",
	"DefenseEvasion:IAMUser/AnomalousBehavior":      "=TTPs/Defense Evasion/IAMUser-AnomalousBehavior",
	"DefenseEvasion:IAMUser/BedrockLoggingDisabled": "TTPs/Defense Evasion/",
	"Discovery:IAMUser/AnomalousBehavior":           "=TTPs/Discovery/IAMUser-AnomalousBehavior",
	"Exfiltration:IAMUser/AnomalousBehavior":        "=TTPs/Exfiltration/IAMUser-AnomalousBehavior",
	"Impact:EC2/PortSweep":                          "TTPs/Impact/", "Impact:EC2/WinRMBruteForce": "TTPs/Impact/", "Impact:": "TTPs/",
	"Impact:IAMUser/AnomalousBehavior":              "=TTPs/Impact/IAMUser-AnomalousBehavior",
	"InitialAccess:IAMUser/AnomalousBehavior":       "=TTPs/Initial Access/IAMUser-AnomalousBehavior",
	"PenTest:IAMUser/KaliLinux":                     "=TTPs/PenTest:IAMUser/KaliLinux",
	"PenTest:IAMUser/ParrotLinux":                   "=TTPs/PenTest:IAMUser/ParrotLinux",
	"PenTest:IAMUser/PentooLinux":                   "=TTPs/PenTest:IAMUser/PentooLinux",
	"Persistence:":                                  "TTPs/Persistence/",
	"Persistence:IAMUser/AnomalousBehavior":         "=TTPs/Persistence/IAMUser-AnomalousBehavior",
	"Policy:":                                       "TTPs/",
	"Policy:S3/BucketBlockPublicAccessDisabled":     "Effects/Data Exposure/",
	"PrivilegeEscalation:":                          "TTPs/Privilege Escalation/",
	"PrivilegeEscalation:IAMUser/AnomalousBehavior": "=TTPs/Privilege Escalation/IAMUser-AnomalousBehavior",
	"Recon:": "TTPs/Discovery/", "Stealth:": "TTPs/Defense Evasion/",
	"Trojan:": "TTPs/Command and Control/", "Trojan:EC2/DriveBySourceTraffic": "TTPs/Initial Access/", "Trojan:EC2/DropPoint": "Effects/Data Exfiltration/",
	"Trojan:EC2/DNSDataExfiltration":           "=TTPs/Command and Control/Trojan:EC2-DNSDataExfiltration!DNS",
	"UnauthorizedAccess:":                      "TTPs/",
	"UnauthorizedAccess:EC2/MaliciousIPCaller": "TTPs/Command and Control/",
	"UnauthorizedAccess:EC2/RDPBruteForce":     "TTPs/Initial Access/", "UnauthorizedAccess:EC2/SSHBruteForce": "TTPs/Initial Access/",
	"UnauthorizedAccess:EC2/Tor":                                "Effects/Resource Consumption/",
	"UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration": "Effects/Data Exfiltration/",
	"UnauthorizedAccess:IAMUser/ResourceCredentialExfiltration": "Effects/Data Exfiltration/",
	"UnauthorizedAccess:IAMUser/TorIPCaller":                    "TTPs/Command and Control/",
}

// guardDutyType is a finding type as ASFF has it: TTPs/Initial
// Access/UnauthorizedAccess:EC2-SSHBruteForce.
func guardDutyType(t string) string {
	best, space := "", "TTPs/"
	for begin, v := range guardDutyTypes {
		if len(begin) > len(best) && strings.HasPrefix(t, begin) {
			best, space = begin, v
		}
	}
	if name, whole := strings.CutPrefix(space, "="); whole {
		return name
	}
	return space + strings.ReplaceAll(t, "/", "-")
}

// guardDutyFields are the members of the finding's service, flattened, as many
// as a finding may have.
func guardDutyFields(f *detect.Finding) (map[string]any, error) {
	b, err := json.Marshal(f.Service)
	if err != nil {
		return nil, err
	}
	var service map[string]any
	if err := json.Unmarshal(b, &service); err != nil {
		return nil, err
	}
	if service["evidence"] == nil {
		service["evidence"] = ""
	}
	all := map[string]any{}
	flatten(all, "aws/guardduty/service", service)
	const most = 50 - 3 // Security Hub adds three
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if len(name) > 128 || len(all) > most && strings.Contains(name, "_/") {
			delete(all, name)
		}
	}
	for _, name := range slices.Backward(slices.Sorted(maps.Keys(all))) {
		if len(all) > most {
			delete(all, name)
		}
	}
	return all, nil
}

// flatten: elements of lists are name.0_, empty members are empty texts.
func flatten(out map[string]any, at string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			flatten(out, at+"/"+k, e)
		}
		if len(v) == 0 {
			out[at] = ""
		}
	case []any:
		for i, e := range v {
			flatten(out, at+"."+strconv.Itoa(i)+"_", e)
		}
		if len(v) == 0 {
			out[at] = ""
		}
	default:
		out[at] = cut(word(v), 2048)
	}
}

func guardDutyResources(f *detect.Finding) []any {
	var out []any
	add := func(kind, id, detail string, details map[string]any) {
		r := map[string]any{"Type": kind, "Id": cut(id, 512), "Partition": f.Partition, "Region": f.Region}
		maps.DeleteFunc(details, func(_ string, v any) bool { return v == "" || v == nil })
		if len(details) > 0 {
			r["Details"] = map[string]any{detail: details}
		}
		out = append(out, r)
	}
	for _, b := range f.Resource.Buckets {
		id := b.ARN
		if id == "" {
			id = "arn:" + f.Partition + ":s3:::" + b.Name
		}
		add("AwsS3Bucket", id, "AwsS3Bucket", map[string]any{"Name": b.Name})
	}
	if k := f.Resource.AccessKey; k != nil {
		name := k.UserName
		if k.UserType == "Root" {
			name = "Root"
		}
		add("AwsIamAccessKey", "AWS::IAM::AccessKey:"+k.AccessKeyID, "AwsIamAccessKey", map[string]any{"PrincipalId": k.PrincipalID, "PrincipalType": k.UserType, "PrincipalName": name})
	}
	if i := f.Resource.Instance; i != nil {
		details := map[string]any{}
		var v4, v6 []any
		host := ""
		for _, n := range i.Interfaces {
			if n.PrivateIPAddress != "" {
				v4 = append(v4, n.PrivateIPAddress)
			}
			v6 = append(v6, strings2any(n.IPv6Addresses)...)
			details["VpcId"], details["SubnetId"] = n.VPCID, n.SubnetID
			host = n.ID
		}
		if len(v4) > 0 {
			details["IpV4Addresses"] = v4
		}
		if len(v6) > 0 {
			details["IpV6Addresses"] = v6
		}
		if i.InstanceID != "" {
			add("AwsEc2Instance", "arn:"+f.Partition+":ec2:"+f.Region+":"+f.AccountID+":instance/"+i.InstanceID, "AwsEc2Instance", details)
			return out
		}
		// A host that is known by its address alone.
		if host == "" && len(v4)+len(v6) > 0 {
			host = word(append(v4, v6...)[0])
		}
		add("Other", orElse(host, "unknown"), "", nil)
	}
	if len(out) == 0 {
		add("AwsAccount", "AWS::::Account:"+f.AccountID, "", nil)
	}
	return out
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func guardDutyAction(a *detect.Action) map[string]any {
	switch {
	case a.APICall != nil:
		c := map[string]any{"Api": a.APICall.API, "ServiceName": a.APICall.ServiceName}
		if a.APICall.RemoteIP != nil {
			c["CallerType"], c["RemoteIpDetails"] = "remoteIp", remoteIP(a.APICall.RemoteIP)
		} else if a.APICall.Domain != nil {
			c["CallerType"], c["DomainDetails"] = "domain", map[string]any{"Domain": a.APICall.Domain.Name}
		}
		if len(a.APICall.AffectedResources) > 0 {
			c["AffectedResources"] = anyMap(a.APICall.AffectedResources)
		}
		return map[string]any{"ActionType": a.Type, "AwsApiCallAction": c}
	case a.Connection != nil:
		n := a.Connection
		return map[string]any{"ActionType": a.Type, "NetworkConnectionAction": map[string]any{
			"ConnectionDirection": n.Direction, "RemoteIpDetails": remoteIP(n.RemoteIP), "RemotePortDetails": port(n.RemotePort), "LocalPortDetails": port(n.LocalPort),
			"Protocol": n.Protocol, "Blocked": n.Blocked,
		}}
	case a.DNSRequest != nil:
		return map[string]any{"ActionType": a.Type, "DnsRequestAction": map[string]any{"Domain": a.DNSRequest.Domain, "Protocol": a.DNSRequest.Protocol, "Blocked": a.DNSRequest.Blocked}}
	case a.PortProbe != nil:
		var list []any
		for _, p := range a.PortProbe.Probes {
			d := map[string]any{"LocalPortDetails": port(p.LocalPort), "RemoteIpDetails": remoteIP(p.RemoteIP)}
			if p.LocalIP != nil && p.LocalIP.V4 != "" {
				d["LocalIpDetails"] = map[string]any{"IpAddressV4": p.LocalIP.V4}
			}
			list = append(list, d)
		}
		return map[string]any{"ActionType": a.Type, "PortProbeAction": map[string]any{"PortProbeDetails": list, "Blocked": a.PortProbe.Blocked}}
	}
	return nil
}

func port(p detect.Port) map[string]any {
	return map[string]any{"Port": float64(p.Port), "PortName": orElse(p.Name, "Unknown")}
}

func remoteIP(r *detect.RemoteIP) map[string]any {
	out := map[string]any{}
	if r == nil {
		return out
	}
	set := func(name string, m map[string]any) {
		maps.DeleteFunc(m, func(_ string, v any) bool { return v == "" })
		if len(m) > 0 {
			out[name] = m
		}
	}
	if r.V4 != "" {
		out["IpAddressV4"] = r.V4
	}
	if o := r.Organization; o != nil {
		m := map[string]any{"AsnOrg": o.ASNOrg, "Isp": o.ISP, "Org": o.Org}
		if n, err := strconv.Atoi(o.ASN); err == nil {
			m["Asn"] = float64(n)
		}
		set("Organization", m)
	}
	if r.Country != nil {
		set("Country", map[string]any{"CountryCode": r.Country.Code, "CountryName": r.Country.Name})
	}
	if r.City != nil {
		set("City", map[string]any{"CityName": r.City.Name})
	}
	if r.Location != nil {
		set("GeoLocation", map[string]any{"Lat": r.Location.Lat, "Lon": r.Location.Lon})
	}
	return out
}
