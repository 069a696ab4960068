package securityhub

import (
	"maps"
	"slices"
	"strings"
)

// ocsf is a finding in the Open Cybersecurity Schema Framework, as Security Hub
// V2 shows it: a Detection Finding, a Compliance Finding or a Vulnerability
// Finding. Its tree is read as that of ASFF is.
// https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-ocsf-findings.html
// https://schema.ocsf.io/1.6.0/categories/findings
func (a ASFF) ocsf() ASFF {
	class, name := 2004.0, "Detection Finding"
	switch {
	case a["Compliance"] != nil:
		class, name = 2003, "Compliance Finding"
	case a["Vulnerabilities"] != nil:
		class, name = 2002, "Vulnerability Finding"
	}
	activity, activityName := 2.0, "Update"
	switch {
	case a.str("RecordState") == "ARCHIVED":
		activity, activityName = 3, "Close"
	case a.str("CreatedAt") == a.str("UpdatedAt"):
		activity, activityName = 1, "Create"
	}
	severityID, severity := ocsfSeverity(a.str("Severity", "Label"))
	vendorID, vendor := ocsfSeverity(a.str("FindingProviderFields", "Severity", "Label"))
	statusID, status := a.ocsfStatus()
	out := ASFF{
		"activity_id": activity, "activity_name": activityName, "category_uid": 2.0, "category_name": "Findings", "class_uid": class, "class_name": name,
		"type_uid": class*100 + activity, "type_name": name + ": " + activityName,
		"cloud":    map[string]any{"account": map[string]any{"uid": a.str("AwsAccountId"), "type": "AWS Account", "type_id": 10.0}, "provider": "AWS", "region": a.str("Region")},
		"severity": severity, "severity_id": severityID, "status": status, "status_id": statusID,
		"metadata": map[string]any{"uid": a.uid(), "version": "1.6.0", "profiles": []any{"cloud", "datetime"},
			"product": map[string]any{"name": a.str("ProductName"), "uid": a.str("ProductArn"), "vendor_name": a.str("CompanyName")}},
		"vendor_attributes": map[string]any{"severity": vendor, "severity_id": vendorID},
		"finding_info":      a.ocsfInfo(), "resources": a.ocsfResources(),
	}
	out.moment("time", a.str("UpdatedAt"))
	copyTo(out, a, "comment", "Note", "Text")
	copyTo(out, a, "confidence_score", "Confidence")
	if r := a.at("Remediation", "Recommendation"); r != nil {
		remediation := ASFF{}
		copyTo(remediation, a, "desc", "Remediation", "Recommendation", "Text")
		if u := a.str("Remediation", "Recommendation", "Url"); u != "" {
			remediation["references"] = []any{u}
		}
		out["remediation"] = map[string]any(remediation)
	}
	if name, ok := a.at("AwsAccountName").(string); ok {
		out.set(name, "cloud", "account", "name")
	}
	a.ocsfParts(out)
	return out
}

// uid is the finding's own name in V2: product and id, and the account.
func (a ASFF) uid() string { return hash(a.str("ProductArn"), a.str("Id")) + a.str("AwsAccountId") }

func copyTo(out, a ASFF, name string, path ...string) {
	if v := a.at(path...); v != nil {
		out[name] = v
	}
}

// moment writes a time as OCSF has it, in milliseconds and as text.
func (a ASFF) moment(name, text string) {
	if t, err := parseTime(text); err == nil {
		a[name], a[name+"_dt"] = float64(t.UnixMilli()), stamp(t)
	}
}

var severities = []string{"", "INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL"}

func ocsfSeverity(label string) (float64, string) {
	for id, v := range severities {
		if v == label && id > 0 {
			return float64(id), label[:1] + strings.ToLower(label[1:])
		}
	}
	return 0, "Unknown"
}

// workflows are the statuses of ASFF's workflow by OCSF's status_id.
var workflows = []string{"", "NEW", "NOTIFIED", "SUPPRESSED", "RESOLVED"}

func (a ASFF) ocsfStatus() (float64, string) {
	if a.str("RecordState") == "ARCHIVED" {
		return 5, "Archived"
	}
	switch a.str("Workflow", "Status") {
	case "NOTIFIED":
		return 2, "In Progress"
	case "SUPPRESSED":
		return 3, "Suppressed"
	case "RESOLVED":
		return 4, "Resolved"
	}
	return 1, "New"
}

func (a ASFF) ocsfInfo() map[string]any {
	info := ASFF{"uid": a.str("Id"), "title": a.str("Title"), "desc": a.str("Description"), "analytic": map[string]any{"uid": a.str("GeneratorId"), "name": a.str("GeneratorId"), "type": "Rule", "type_id": 1.0}}
	copyTo(info, a, "types", "Types")
	copyTo(info, a, "src_url", "SourceUrl")
	for name, field := range map[string]string{"created_time": "CreatedAt", "modified_time": "UpdatedAt", "first_seen_time": "FirstObservedAt", "last_seen_time": "LastObservedAt"} {
		info.moment(name, a.str(field))
	}
	var related []any
	list, _ := a["RelatedFindings"].([]any)
	for _, r := range list {
		if m, ok := r.(map[string]any); ok {
			related = append(related, map[string]any{"uid": m["Id"], "product": map[string]any{"uid": m["ProductArn"]}})
		}
	}
	if related != nil {
		info["related_events"], info["related_events_count"] = related, float64(len(related))
	}
	return info
}

func (a ASFF) ocsfResources() []any {
	out := []any{}
	list, _ := a["Resources"].([]any)
	for _, v := range list {
		m, _ := v.(map[string]any)
		r := ASFF(m)
		one := map[string]any{"uid": r.str("Id"), "type": r.str("Type"), "region": r.str("Region"), "cloud_partition": r.str("Partition"), "provider": "AWS",
			"owner": map[string]any{"account": map[string]any{"uid": a.str("AwsAccountId")}}}
		if id := r.str("Id"); id != "" {
			one["name"] = id[strings.LastIndexAny(id, ":/")+1:]
		}
		if tags := pairs(r["Tags"]); tags != nil {
			one["tags"] = tags
		}
		if d := r.at("Details"); d != nil {
			one["data"] = d
		}
		if v := r.str("Details", "AwsEc2Instance", "VpcId"); v != "" {
			one["vpc_uid"] = v
		}
		if v := r.str("Details", "AwsEc2Instance", "SubnetId"); v != "" {
			one["subnet_info"] = map[string]any{"uid": v}
		}
		out = append(out, one)
	}
	return out
}

// pairs are a map as OCSF has tags: names and values.
func pairs(v any) []any {
	m, _ := v.(map[string]any)
	var out []any
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, map[string]any{"name": k, "value": m[k]})
	}
	return out
}

// ocsfParts are what only some findings have.
func (a ASFF) ocsfParts(out ASFF) {
	if a["Compliance"] != nil {
		id, status := 0.0, "Unknown"
		switch a.str("Compliance", "Status") {
		case "PASSED":
			id, status = 1, "Pass"
		case "WARNING":
			id, status = 2, "Warning"
		case "FAILED":
			id, status = 3, "Fail"
		}
		c := map[string]any{"status": status, "status_id": id}
		if v := a.str("Compliance", "SecurityControlId"); v != "" {
			c["control"] = v
		}
		if list := spread(nil, map[string]any(a), []string{"Compliance", "AssociatedStandards", "StandardsId"}); list != nil {
			c["standards"] = list
		}
		if list := spread(nil, map[string]any(a), []string{"Compliance", "RelatedRequirements"}); list != nil {
			c["requirements"] = list
		}
		var params []any
		list, _ := a.at("Compliance", "SecurityControlParameters").([]any)
		for _, p := range list {
			if m, ok := p.(map[string]any); ok {
				params = append(params, map[string]any{"name": m["Name"], "values": m["Value"]})
			}
		}
		if params != nil {
			c["control_parameters"] = params
		}
		out["compliance"] = c
	}
	var vulnerabilities, malware []any
	list, _ := a["Vulnerabilities"].([]any)
	for _, v := range list {
		m, _ := v.(map[string]any)
		one := map[string]any{"cve": map[string]any{"uid": m["Id"]}}
		if v, ok := m["FixAvailable"].(string); ok {
			one["is_fix_available"], one["fix_coverage"] = v != "NO", strings.ToLower(v)
		}
		if v, ok := m["ExploitAvailable"].(string); ok {
			one["is_exploit_available"] = v == "YES"
		}
		var packages []any
		affected, _ := m["VulnerablePackages"].([]any)
		for _, p := range affected {
			if m, ok := p.(map[string]any); ok {
				packages = append(packages, map[string]any{"name": m["Name"], "version": m["Version"]})
			}
		}
		if packages != nil {
			one["affected_packages"] = packages
		}
		vulnerabilities = append(vulnerabilities, one)
	}
	list, _ = a["Malware"].([]any)
	for _, v := range list {
		if m, ok := v.(map[string]any); ok {
			malware = append(malware, map[string]any{"name": m["Name"]})
		}
	}
	if vulnerabilities != nil {
		out["vulnerabilities"] = vulnerabilities
	}
	if malware != nil {
		out["malware"] = malware
	}
	if e := a.ocsfEvidence(); len(e) > 0 {
		out["evidences"] = []any{e}
	}
}

// ocsfEvidence is what was seen: the call or connection.
func (a ASFF) ocsfEvidence() map[string]any {
	e := ASFF{}
	if c := a.at("Action", "AwsApiCallAction"); c != nil {
		e.set(a.at("Action", "AwsApiCallAction", "Api"), "api", "operation")
		e.set(a.at("Action", "AwsApiCallAction", "ServiceName"), "api", "service", "name")
		endpoint(e, "src_endpoint", a.at("Action", "AwsApiCallAction", "RemoteIpDetails"), nil)
	}
	if c, ok := a.at("Action", "NetworkConnectionAction").(map[string]any); ok {
		e.set(c["Protocol"], "connection_info", "protocol_name")
		direction, _ := c["ConnectionDirection"].(string)
		remote := "src_endpoint"
		if direction == "OUTBOUND" {
			remote = "dst_endpoint"
		}
		e.set(strings.ToLower(direction), "connection_info", "direction")
		endpoint(e, remote, c["RemoteIpDetails"], ASFF(c).at("RemotePortDetails", "Port"))
	}
	if n, ok := a["Network"].(map[string]any); ok {
		for end, prefix := range map[string]string{"src_endpoint": "Source", "dst_endpoint": "Destination"} {
			for _, field := range []string{"IpV4", "IpV6"} {
				if v := n[prefix+field]; v != nil {
					e.set(v, end, "ip")
				}
			}
			if v := n[prefix+"Port"]; v != nil {
				e.set(v, end, "port")
			}
		}
	}
	return e
}

func endpoint(e ASFF, name string, details, port any) {
	m, _ := details.(map[string]any)
	d := ASFF(m)
	for _, p := range []struct {
		v    any
		path []string
	}{
		{d["IpAddressV4"], []string{"ip"}}, {port, []string{"port"}}, {d.at("Country", "CountryName"), []string{"location", "country"}}, {d.at("City", "CityName"), []string{"location", "city"}},
		{d.at("Organization", "AsnOrg"), []string{"autonomous_system", "name"}}, {d.at("Organization", "Asn"), []string{"autonomous_system", "number"}},
	} {
		if p.v != nil {
			e.set(p.v, append([]string{name}, p.path...)...)
		}
	}
}
