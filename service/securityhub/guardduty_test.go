package securityhub

import (
	"net/netip"
	"strings"
	"testing"

	api "bartizan.dev/api/securityhub"
	"bartizan.dev/detect"
	"bartizan.dev/logs"
	"bartizan.dev/logs/logstest"
)

func attack() *detect.Finding {
	const name = "arn:aws:guardduty:eu-west-1:111111111111:detector/d4b040365221be2b54a6264dc9a4bc64/finding/46ba0ac2845071e23ccdeb2ae03bfdea"
	f := &detect.Finding{
		SchemaVersion: "2.0", AccountID: account, Region: region, Partition: "aws", ID: "46ba0ac2845071e23ccdeb2ae03bfdea", ARN: name, Type: "UnauthorizedAccess:EC2/SSHBruteForce",
		Severity: 2, CreatedAt: "2026-08-22T09:34:34.146Z", UpdatedAt: "2026-09-30T12:14:00.206Z", Title: "SSH brute force", Description: "Somebody guesses",
	}
	f.Resource = detect.Resource{Type: "Instance", Instance: &detect.InstanceDetails{InstanceID: "i-0c10c2c7863d1a356", Interfaces: []detect.NetworkInterface{{PrivateIPAddress: "172.31.43.6", VPCID: "vpc-1", SubnetID: "subnet-1"}}}}
	f.Service = detect.Service{
		Name: "guardduty", DetectorID: "d4b040365221be2b54a6264dc9a4bc64", ResourceRole: "TARGET", EventFirstSeen: "2026-08-22T09:15:57Z", EventLastSeen: "2026-09-30T11:56:49Z", Count: 74,
		Action: detect.Action{Type: "NETWORK_CONNECTION", Connection: &detect.NetworkConnection{Direction: "INBOUND", Protocol: "TCP", LocalIP: &detect.LocalIP{V4: "172.31.43.6"}, LocalPort: detect.Port{Port: 22, Name: "SSH"},
			RemotePort: detect.Port{Port: 46717, Name: "Unknown"}, RemoteIP: &detect.RemoteIP{V4: "199.241.229.197", Country: &detect.Country{Name: "United States"}, Location: &detect.Location{Lat: 42.5122, Lon: -90.7384},
				Organization: &detect.Organization{ASN: "209", ISP: "CenturyLink"}}}},
	}
	return f
}

// TestFromGuardDuty compares with the finding in AWS's documentation.
func TestFromGuardDuty(t *testing.T) {
	a, err := FromGuardDuty(attack())
	if err != nil {
		t.Fatal(err)
	}
	if problem := a.check(); problem != "" {
		t.Fatal(problem)
	}
	f := newFixture(t).enable()
	if err := f.Import(t.Context(), account, region, a); err != nil {
		t.Fatal(err)
	}
	v := f.one(attack().ARN)
	for field, want := range map[string]string{
		"aws/guardduty/service/action/networkConnectionAction/remoteIpDetails/geoLocation/lat":  "42.5122",
		"aws/guardduty/service/action/networkConnectionAction/remotePortDetails/port":           "46717",
		"aws/guardduty/service/action/networkConnectionAction/remoteIpDetails/organization/asn": "209",
		"aws/guardduty/service/action/networkConnectionAction/localIpDetails/ipAddressV4":       "172.31.43.6",
		"aws/guardduty/service/action/networkConnectionAction/blocked":                          "false",
		"aws/guardduty/service/action/actionType":                                               "NETWORK_CONNECTION",
		"aws/guardduty/service/archived":                                                        "false",
		"aws/guardduty/service/count":                                                           "74",
		"aws/guardduty/service/evidence":                                                        "",
		"aws/securityhub/FindingId":                                                             "arn:aws:securityhub:eu-west-1::product/aws/guardduty/" + attack().ARN,
		"aws/securityhub/ProductName":                                                           "GuardDuty",
		"aws/securityhub/CompanyName":                                                           "Amazon",
	} {
		if got, there := v.ProductFields[field]; got != want || !there {
			t.Errorf("%s: %q, want %q", field, got, want)
		}
	}
	r := v.Resources[0]
	if v.Types[0] != "TTPs/Initial Access/UnauthorizedAccess:EC2-SSHBruteForce" || v.Severity.Label != "LOW" || *v.Severity.Normalized != 40 || *v.Severity.Product != 2 ||
		v.GeneratorId != "arn:aws:guardduty:eu-west-1:111111111111:detector/d4b040365221be2b54a6264dc9a4bc64" || *v.LastObservedAt != "2026-09-30T11:56:49Z" ||
		r.Id != "arn:aws:ec2:eu-west-1:111111111111:instance/i-0c10c2c7863d1a356" || *r.Details.AwsEc2Instance.VpcId != "vpc-1" || r.Details.AwsEc2Instance.IpV4Addresses[0] != "172.31.43.6" ||
		*v.Action.NetworkConnectionAction.RemoteIpDetails.Organization.Asn != 209 || *v.Action.NetworkConnectionAction.LocalPortDetails.PortName != "SSH" || *v.Sample {
		t.Errorf("%+v", v)
	}
	ok[*api.DisableImportFindingsForProductResponse](t)(f.DisableImportFindingsForProduct(f.ctx, &api.DisableImportFindingsForProductRequest{ProductSubscriptionArn: "arn:aws:securityhub:eu-west-1:111111111111:product-subscription/aws/guardduty"}))
	again := attack()
	again.UpdatedAt, again.Title = "2026-10-01T00:00:00.000Z", "again"
	if a, err = FromGuardDuty(again); err != nil {
		t.Fatal(err)
	}
	if err := f.Import(t.Context(), account, region, a); err != nil {
		t.Fatal(err)
	}
	if v := f.one(again.ARN); v.Title == "again" {
		t.Error("a finding came in although the integration is off")
	}
}

func TestFromGuardDutyCalls(t *testing.T) {
	f := attack()
	f.Type, f.Severity = "Policy:IAMUser/RootCredentialUsage", 9.5
	f.Resource = detect.Resource{Type: "S3Bucket", AccessKey: &detect.AccessKey{AccessKeyID: "ASIA", PrincipalID: account, UserType: "Root"}, Buckets: []detect.Bucket{{Name: "b", ARN: "arn:aws:s3:::b"}}}
	f.Service.AdditionalInfo = &detect.AdditionalInfo{Value: `{"sample":true}`, Type: "default"}
	f.Service.Evidence = &detect.Evidence{Threats: []detect.ThreatIntelligence{{List: "ProofPoint", Names: []string{"Scanner"}}}}
	f.Service.Action = detect.Action{Type: "AWS_API_CALL", APICall: &detect.APICall{API: "GetDetector", CallerType: "Remote IP", ServiceName: "guardduty.amazonaws.com", RemoteIP: &detect.RemoteIP{V4: "24.251.38.91"}, AffectedResources: map[string]string{"AWS::S3::Bucket": "b"}}}
	a, err := FromGuardDuty(f)
	if err != nil {
		t.Fatal(err)
	}
	list := a["Resources"].([]any)
	if key := list[1].(map[string]any); len(list) != 2 || key["Id"] != "AWS::IAM::AccessKey:ASIA" || word(spread(nil, key, []string{"Details", "AwsIamAccessKey", "PrincipalName"})[0]) != "Root" {
		t.Errorf("%v", list)
	}
	if a.str("Severity", "Label") != "CRITICAL" || a["Sample"] != true || a.str("Action", "AwsApiCallAction", "CallerType") != "remoteIp" ||
		a.str("ProductFields", "aws/guardduty/service/evidence/threatIntelligenceDetails.0_/threatNames.0_") != "Scanner" || a.check() != "" {
		t.Errorf("%v %s", a, a.check())
	}
}

// TestGuardDutyTypes are rows of AWS's table.
func TestGuardDutyTypes(t *testing.T) {
	for from, want := range map[string]string{
		"Backdoor:EC2/C&CActivity.B!DNS":                      "TTPs/Command and Control/Backdoor:EC2-C&CActivity.B!DNS",
		"Behavior:EC2/NetworkPortUnusual":                     "Unusual Behaviors/VM/Behavior:EC2-NetworkPortUnusual",
		"DefenseEvasion:EC2/UnusualDNSResolver":               "TTPs/DefenseEvasion/EC2:Unusual-DNS-Resolver",
		"DefenseEvasion:IAMUser/BedrockLoggingDisabled":       "TTPs/Defense Evasion/DefenseEvasion:IAMUser-BedrockLoggingDisabled",
		"Impact:EC2/AbusedDomainRequest.Reputation":           "TTPs/Impact:EC2-AbusedDomainRequest.Reputation",
		"Impact:EC2/PortSweep":                                "TTPs/Impact/Impact:EC2-PortSweep",
		"PenTest:IAMUser/KaliLinux":                           "TTPs/PenTest:IAMUser/KaliLinux",
		"Policy:S3/BucketBlockPublicAccessDisabled":           "Effects/Data Exposure/Policy:S3-BucketBlockPublicAccessDisabled",
		"Stealth:IAMUser/CloudTrailLoggingDisabled":           "TTPs/Defense Evasion/Stealth:IAMUser-CloudTrailLoggingDisabled",
		"Trojan:EC2/DropPoint!DNS":                            "Effects/Data Exfiltration/Trojan:EC2-DropPoint!DNS",
		"Trojan:EC2/DNSDataExfiltration":                      "TTPs/Command and Control/Trojan:EC2-DNSDataExfiltration!DNS",
		"UnauthorizedAccess:IAMUser/MaliciousIPCaller.Custom": "TTPs/UnauthorizedAccess:IAMUser-MaliciousIPCaller.Custom",
		"UnauthorizedAccess:IAMUser/TorIPCaller":              "TTPs/Command and Control/UnauthorizedAccess:IAMUser-TorIPCaller",
		"UnauthorizedAccess:EC2/TorRelay":                     "Effects/Resource Consumption/UnauthorizedAccess:EC2-TorRelay",
		"UnauthorizedAccess:EC2/MetadataDNSRebind":            "TTPs/UnauthorizedAccess:EC2-MetadataDNSRebind",
		"Recon:IAMUser/TorIPCaller":                           "TTPs/Discovery/Recon:IAMUser-TorIPCaller",
		"PrivilegeEscalation:IAMUser/AnomalousBehavior":       "TTPs/Privilege Escalation/IAMUser-AnomalousBehavior",
		"AttackSequence:IAM/CompromisedCredentials":           "TTPs/AttackSequence:IAM-CompromisedCredentials",
	} {
		if got := guardDutyType(from); got != want || !typePattern.MatchString(got) {
			t.Errorf("%s: %s, want %s", from, got, want)
		}
	}
}

// TestEngineFindings: whatever the detectors raise is ASFF.
func TestEngineFindings(t *testing.T) {
	e := detect.New(detect.Config{Locate: func(_ netip.Addr, r *detect.RemoteIP) { r.Country = &detect.Country{Name: "Nowhere"} }}, detect.All()...)
	d, err := logs.NewDecoder("test", strings.NewReader(string(logstest.Records(
		logstest.Event{Source: "cloudtrail.amazonaws.com", Name: "StopLogging", Params: map[string]any{"name": "a"}}.JSON(),
		logstest.Event{Source: "iam.amazonaws.com", Name: "CreateUser", Identity: logstest.Root(), Params: map[string]any{"userName": "x"}}.JSON()))))
	if err != nil {
		t.Fatal(err)
	}
	b := logs.NewBatch()
	for d.Next(b) == nil {
		for i := range b.Calls {
			e.Call(&b.Calls[i])
		}
	}
	all := e.Findings()
	if len(all) < 2 {
		t.Errorf("%d findings", len(all))
	}
	for _, f := range all {
		a, err := FromGuardDuty(f)
		if err != nil {
			t.Fatal(err)
		}
		if problem := a.check(); problem != "" || !strings.HasPrefix(a.str("Id"), "arn:aws:guardduty:") {
			t.Errorf("%s: %s", f.Type, problem)
		}
	}
}
