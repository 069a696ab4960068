package lint

import "unicode/utf8"

// Quotas in characters.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
// https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/rbac-considerations.html
const (
	maxManaged  = 6144
	maxTrust    = 2048
	maxResource = 20480 // of buckets, access points and tables; other services have other quotas
	maxControl  = 5120
)

// size compares the document's length with its quota. White space counts for
// control policies and for resource policies.
func (l *linter) size(root *node) {
	whole := utf8.RuneCount(l.ruler.in)
	switch {
	case l.Type == ServiceControl && whole > maxControl:
		l.about("POLICY_SIZE_EXCEEDS_SCP_QUOTA", at(root), whole, maxControl)
	case l.Type == ResourceControl && whole > maxControl:
		l.about("POLICY_SIZE_EXCEEDS_RCP_QUOTA", at(root), whole, maxControl)
	case l.Type == Identity:
		if n := compact(l.ruler.in); n > maxManaged {
			l.about("POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA", at(root), n, maxManaged)
		}
	case l.Type == Resource && l.ResourceType == RoleTrust:
		if compact(l.ruler.in) > maxTrust {
			l.about("POLICY_SIZE_EXCEEDS_ROLE_TRUST_POLICY_QUOTA", at(root))
		}
	case l.Type == Resource && l.ResourceType != "" && whole > maxResource:
		l.about("POLICY_SIZE_EXCEEDS_RESOURCE_POLICY_QUOTA", at(root), whole, maxResource)
	}
}

// compact counts characters without white space.
func compact(in []byte) int {
	n := 0
	for _, c := range in {
		if c&0xC0 != 0x80 && c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			n++
		}
	}
	return n
}
