// Package defence is the order of defence as data: which services configure
// each layer, which plane enforces it, and which script proves it. The
// architecture page and `bartizan check` are made from it.
package defence

// Row is one layer. A packet or call passes the rows in order.
type Row struct {
	Layer    string
	Services []string // that configure it, by AWS's names
	Plane    string   // that enforces it
	Script   string   // that proves it, under script/defence
	Planned  bool     // not built yet
}

// Order is the order of defence, from the outside in.
func Order() []Row {
	return []Row{
		{Layer: "Firewall", Services: []string{"network-firewall", "wafv2"}, Plane: "plane/net", Script: "01_firewall.txtar", Planned: true},
		{Layer: "Intrusion detection and prevention", Services: []string{"network-firewall", "guardduty"}, Plane: "plane/ids", Script: "02_ids.txtar", Planned: true},
		{Layer: "DDoS", Services: []string{"shield", "cloudfront", "elbv2"}, Plane: "plane/edge", Script: "03_ddos.txtar", Planned: true},
		{Layer: "Network ACL", Services: []string{"ec2"}, Plane: "plane/net", Script: "04_nacl.txtar", Planned: true},
		{Layer: "Security group, host firewall, malware protection, hardening", Services: []string{"ec2", "inspector2", "guardduty"}, Plane: "plane/host", Script: "05_host.txtar", Planned: true},
		{Layer: "IAM", Services: []string{"iam", "sts"}, Plane: "gateway", Script: "06_iam.txtar"},
		{Layer: "Encryption", Services: []string{"kms", "acm"}, Plane: "plane/edge", Script: "07_encryption.txtar", Planned: true},
	}
}
