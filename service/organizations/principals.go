package organizations

import "slices"

// trustable says that AWS lets the service have trusted access.
// https://docs.aws.amazon.com/organizations/latest/userguide/orgs_integrate_services_list.html
func trustable(service string) bool {
	_, ok := slices.BinarySearch(principals[:], service)
	return ok
}

// principals are the services that work with Organizations, in order.
var principals = [...]string{
	"access-analyzer.amazonaws.com",
	"account.amazonaws.com",
	"appstream.application-autoscaling.amazonaws.com",
	"auditmanager.amazonaws.com",
	"aws-artifact-account-sync.amazonaws.com",
	"backup.amazonaws.com",
	"bcm-dashboards.amazonaws.com",
	"bedrock.amazonaws.com",
	"billing.amazonaws.com",
	"cloudtrail.amazonaws.com",
	"compute-optimizer.amazonaws.com",
	"config-multiaccountsetup.amazonaws.com",
	"config.amazonaws.com",
	"controltower.amazonaws.com",
	"cost-optimization-hub.bcm.amazonaws.com",
	"detective.amazonaws.com",
	"devops-guru.amazonaws.com",
	"ds.amazonaws.com",
	"ec2.amazonaws.com",
	"fms.amazonaws.com",
	"guardduty.amazonaws.com",
	"health.amazonaws.com",
	"iam.amazonaws.com",
	"inspector2.amazonaws.com",
	"ipam.amazonaws.com",
	"license-management.marketplace.amazonaws.com",
	"license-manager-linux-subscriptions.amazonaws.com",
	"license-manager-user-subscriptions.amazonaws.com",
	"license-manager.amazonaws.com",
	"license-manager.member-account.amazonaws.com",
	"macie.amazonaws.com",
	"malware-protection.guardduty.amazonaws.com",
	"member.org.stacksets.cloudformation.amazonaws.com",
	"network-security-director.amazonaws.com",
	"networkflowmonitor.amazonaws.com",
	"networkmanager.amazonaws.com",
	"notifications.amazonaws.com",
	"observabilityadmin.amazonaws.com",
	"opsdatasync.ssm.amazonaws.com",
	"ram.amazonaws.com",
	"reachabilityanalyzer.networkinsights.amazonaws.com",
	"reporting.trustedadvisor.amazonaws.com",
	"resource-explorer-2.amazonaws.com",
	"security-ir.amazonaws.com",
	"securityhub.amazonaws.com",
	"securitylake.amazonaws.com",
	"servicecatalog.amazonaws.com",
	"servicequotas.amazonaws.com",
	"ssm-quicksetup.amazonaws.com",
	"ssm.amazonaws.com",
	"sso.amazonaws.com",
	"stacksets.cloudformation.amazonaws.com",
	"storage-lens.s3.amazonaws.com",
	"tagpolicies.tag.amazonaws.com",
	"trustedadvisor.amazonaws.com",
	"user-subscriptions.amazonaws.com",
	"wellarchitected.amazonaws.com",
}

// maxDelegates is how many delegated administrators a service may have, where
// AWS documents a number; there is one for most.
func maxDelegates(service string) int {
	switch service {
	case "config.amazonaws.com", "config-multiaccountsetup.amazonaws.com", "cloudtrail.amazonaws.com":
		return 3
	case "member.org.stacksets.cloudformation.amazonaws.com", "stacksets.cloudformation.amazonaws.com", "health.amazonaws.com", "backup.amazonaws.com":
		return 5
	case "fms.amazonaws.com", "networkmanager.amazonaws.com":
		return 10
	case "servicecatalog.amazonaws.com":
		return 50
	}
	return 1
}
