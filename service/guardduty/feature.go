package guardduty

import (
	"slices"
	"time"

	guarddutyapi "bartizan.dev/api/guardduty"
)

// feature is a protection plan: what it is called, what is below it, and whether
// a new detector has it on when nothing is said about it: everything but runtime
// monitoring.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_CreateDetector.html
// https://docs.aws.amazon.com/guardduty/latest/ug/guardduty-features-activation-model.html
type feature struct {
	name       string
	on         bool
	additional []string
}

const (
	runtime    = "RUNTIME_MONITORING"
	eksRuntime = "EKS_RUNTIME_MONITORING"
	analyst    = "AI_ANALYST"
)

var features = []feature{
	{name: "S3_DATA_EVENTS", on: true},
	{name: "EKS_AUDIT_LOGS", on: true},
	{name: "EBS_MALWARE_PROTECTION", on: true},
	{name: "RDS_LOGIN_EVENTS", on: true, additional: []string{"RDS_DATA_RISK"}},
	{name: eksRuntime, additional: []string{"EKS_ADDON_MANAGEMENT"}},
	{name: "LAMBDA_NETWORK_LOGS", on: true},
	{name: runtime, additional: []string{"EKS_ADDON_MANAGEMENT", "ECS_FARGATE_AGENT_MANAGEMENT", "EC2_AGENT_MANAGEMENT"}},
	{name: "AI_PROTECTION", on: true},
	{name: analyst},
}

// foundational are the sources that every detector has.
var foundational = []string{"CLOUD_TRAIL", "DNS_LOGS", "FLOW_LOGS"}

// defaults are the settings of a new detector.
func defaults(now time.Time) map[string]setting {
	out := map[string]setting{}
	for _, f := range features {
		out[f.name] = setting{f.on, now}
		for _, a := range f.additional {
			out[f.name+"/"+a] = setting{false, now}
		}
	}
	return out
}

// configure applies what a call says about features, and about data sources, as
// they were called before.
func (d *detector) configure(in []guarddutyapi.DetectorFeatureConfiguration, sources *guarddutyapi.DataSourceConfigurations, now time.Time) error {
	if in != nil && sources != nil {
		return rejected(invalidInput, "The request is rejected because both data sources and features were provided. You can provide only one of them.")
	}
	seen := map[string]bool{}
	for _, c := range in {
		name := string(c.Name)
		i := slices.IndexFunc(features, func(f feature) bool { return f.name == name })
		switch {
		case i < 0:
			return invalid("features.name")
		case seen[name]:
			return rejected(invalidInput, "The request is rejected because the feature %s is specified more than once.", name)
		}
		seen[name] = true
		if c.Status != "" {
			d.turn(name, c.Status == guarddutyapi.FeatureStatus_ENABLED, now)
		}
		for _, a := range c.AdditionalConfiguration {
			if !slices.Contains(features[i].additional, string(a.Name)) {
				return rejected(invalidInput, "The request is rejected because the additional configuration %s is not valid for the feature %s.", a.Name, name)
			}
			if a.Status != "" {
				d.turn(name+"/"+string(a.Name), a.Status == guarddutyapi.FeatureStatus_ENABLED, now)
			}
		}
	}
	if d.Features[runtime].On && d.Features[eksRuntime].On {
		return rejected(invalidInput, "The request is rejected because EKS_RUNTIME_MONITORING and RUNTIME_MONITORING cannot be enabled at the same time.")
	}
	d.configureSources(sources, now)
	return nil
}

func (d *detector) configureSources(in *guarddutyapi.DataSourceConfigurations, now time.Time) {
	if in == nil {
		return
	}
	if in.S3Logs != nil {
		d.turn("S3_DATA_EVENTS", in.S3Logs.Enable, now)
	}
	if in.Kubernetes != nil && in.Kubernetes.AuditLogs != nil {
		d.turn("EKS_AUDIT_LOGS", in.Kubernetes.AuditLogs.Enable, now)
	}
	if m := in.MalwareProtection; m != nil && m.ScanEc2InstanceWithFindings != nil && m.ScanEc2InstanceWithFindings.EbsVolumes != nil {
		d.turn("EBS_MALWARE_PROTECTION", *m.ScanEc2InstanceWithFindings.EbsVolumes, now)
	}
}

func (d *detector) turn(name string, on bool, now time.Time) {
	if d.Features == nil {
		d.Features = map[string]setting{}
	}
	if old, ok := d.Features[name]; !ok || old.On != on {
		d.Features[name] = setting{on, now}
	}
}

// has says whether findings of a feature are raised; those of the foundational
// sources always are.
func (d *detector) has(feature string) bool {
	return feature == "" || slices.Contains(foundational, feature) || d.Features[feature].On
}

func status(on bool) guarddutyapi.FeatureStatus {
	if on {
		return guarddutyapi.FeatureStatus_ENABLED
	}
	return guarddutyapi.FeatureStatus_DISABLED
}

func sourceStatus(on bool) guarddutyapi.DataSourceStatus {
	return guarddutyapi.DataSourceStatus(status(on))
}

// results are the detector's features as GetDetector shows them.
func (d *detector) results() []guarddutyapi.DetectorFeatureConfigurationResult {
	var out []guarddutyapi.DetectorFeatureConfigurationResult
	for _, name := range foundational {
		out = append(out, guarddutyapi.DetectorFeatureConfigurationResult{Name: guarddutyapi.DetectorFeatureResult(name), Status: status(true), UpdatedAt: d.Created})
	}
	for _, f := range features {
		v := d.Features[f.name]
		r := guarddutyapi.DetectorFeatureConfigurationResult{Name: guarddutyapi.DetectorFeatureResult(f.name), Status: status(v.On), UpdatedAt: v.Updated}
		for _, a := range f.additional {
			v := d.Features[f.name+"/"+a]
			r.AdditionalConfiguration = append(r.AdditionalConfiguration, guarddutyapi.DetectorAdditionalConfigurationResult{
				Name: guarddutyapi.FeatureAdditionalConfiguration(a), Status: status(v.On), UpdatedAt: v.Updated,
			})
		}
		out = append(out, r)
	}
	return out
}

// sources are the same as data sources.
func (d *detector) sources() *guarddutyapi.DataSourceConfigurationsResult {
	return &guarddutyapi.DataSourceConfigurationsResult{
		CloudTrail: &guarddutyapi.CloudTrailConfigurationResult{Status: sourceStatus(true)},
		DNSLogs:    &guarddutyapi.DNSLogsConfigurationResult{Status: sourceStatus(true)},
		FlowLogs:   &guarddutyapi.FlowLogsConfigurationResult{Status: sourceStatus(true)},
		S3Logs:     &guarddutyapi.S3LogsConfigurationResult{Status: sourceStatus(d.Features["S3_DATA_EVENTS"].On)},
		Kubernetes: &guarddutyapi.KubernetesConfigurationResult{AuditLogs: &guarddutyapi.KubernetesAuditLogsConfigurationResult{Status: sourceStatus(d.Features["EKS_AUDIT_LOGS"].On)}},
		MalwareProtection: &guarddutyapi.MalwareProtectionConfigurationResult{
			ScanEc2InstanceWithFindings: &guarddutyapi.ScanEc2InstanceWithFindingsResult{EbsVolumes: &guarddutyapi.EbsVolumesResult{Status: sourceStatus(d.Features["EBS_MALWARE_PROTECTION"].On)}},
			ServiceRole:                 new(serviceRole(d.Place.Account, "AWSServiceRoleForAmazonGuardDutyMalwareProtection", "malware-protection.guardduty.amazonaws.com")),
		},
	}
}

func serviceRole(account, name, principal string) string {
	return "arn:aws:iam::" + account + ":role/aws-service-role/" + principal + "/" + name
}
