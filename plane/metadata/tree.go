package metadata

import (
	"encoding/json"
	"slices"
	"strings"
)

// look returns what lies at a path of the tree: a value, or the list of what is
// below, as EC2 writes it: one name a line, with a slash behind those that have
// more below them.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-metadata.html#instancedata-data-categories
func (a *applied) look(path string) (string, bool) {
	tree := a.tree()
	path = strings.Trim(path, "/")
	if text, ok := tree[path]; ok {
		return text, true
	}
	prefix := path + "/"
	if path == "" {
		prefix = ""
	}
	var names []string
	for name := range tree {
		rest, ok := strings.CutPrefix(name, prefix)
		if !ok {
			continue
		}
		if i := strings.IndexByte(rest, '/'); i >= 0 {
			rest = rest[:i+1]
		}
		if !slices.Contains(names, rest) {
			names = append(names, rest)
		}
	}
	slices.Sort(names)
	return strings.Join(names, "\n"), names != nil
}

// tree is all that is known of the instance. Credentials are served apart; here
// they are a name only.
func (a *applied) tree() map[string]string {
	i := a.Config.Instance
	tree := map[string]string{}
	add := func(path, value string) {
		if value != "" {
			tree["latest/"+path] = value
		}
	}
	add("meta-data/ami-id", i.Image)
	add("meta-data/hostname", i.Hostname)
	add("meta-data/local-hostname", i.Hostname)
	add("meta-data/instance-id", i.ID)
	add("meta-data/instance-type", i.Type)
	if i.Address.IsValid() {
		add("meta-data/local-ipv4", i.Address.String())
	}
	add("meta-data/placement/availability-zone", i.Zone)
	add("meta-data/placement/region", i.Region)
	add("meta-data/services/domain", "amazonaws.com")
	add("meta-data/services/partition", "aws")
	if i.Profile != "" {
		add("meta-data/iam/info", indented(map[string]string{
			"Code": "Success", "LastUpdated": stamp(i.Launched), "InstanceProfileArn": i.Profile, "InstanceProfileId": i.ProfileID,
		}))
	}
	if i.Role != "" {
		tree["latest/meta-data/iam/security-credentials/"+i.Role] = ""
	}
	if i.ID != "" && i.Account != "" {
		add("dynamic/instance-identity/document", i.document())
	}
	return tree
}

// document is the instance identity document. It is not signed: nobody here
// would know the key.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-identity-documents.html
func (i *Instance) document() string {
	optional := func(s string) any {
		if s == "" {
			return nil
		}
		return s
	}
	address := ""
	if i.Address.IsValid() {
		address = i.Address.String()
	}
	return indented(map[string]any{
		"accountId": i.Account, "availabilityZone": optional(i.Zone), "billingProducts": nil, "devpayProductCodes": nil,
		"marketplaceProductCodes": nil, "imageId": optional(i.Image), "instanceId": i.ID, "instanceType": optional(i.Type),
		"kernelId": nil, "pendingTime": stamp(i.Launched), "privateIp": optional(address), "ramdiskId": nil,
		"region": optional(i.Region), "version": "2017-09-30",
	})
}

func indented(v any) string {
	doc, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return ""
	}
	return string(doc)
}
