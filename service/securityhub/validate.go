package securityhub

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits of a finding and a batch.
// https://docs.aws.amazon.com/securityhub/latest/partnerguide/guidelines-batchimportfindings.html
const (
	maxFinding = 240 << 10 // bytes
	maxBatch   = 6 << 20
)

var typePattern = regexp.MustCompile(`^([^/]+)(/[^/]+){0,2}$`)

// checker collects what is wrong with a finding, in the words of AWS's JSON
// schema validator.
type checker struct{ problems []string }

func (c *checker) say(format string, args ...any) {
	if len(c.problems) < 20 {
		c.problems = append(c.problems, fmt.Sprintf(format, args...))
	}
}

func (c *checker) length(at string, v any, low, high int) {
	s, ok := v.(string)
	if !ok {
		return
	}
	switch n := utf8.RuneCountInString(s); {
	case n < low:
		c.say("data.%s should NOT be shorter than %d characters", at, low)
	case n > high:
		c.say("data.%s should NOT be longer than %d characters", at, high)
	}
}

func (c *checker) items(at string, v any, low, high int) []any {
	list, _ := v.([]any)
	switch {
	case len(list) < low:
		c.say("data.%s should NOT have fewer than %d items", at, low)
	case len(list) > high:
		c.say("data.%s should NOT have more than %d items", at, high)
	}
	return list
}

func (c *checker) entries(at string, v any, most, key, value int) {
	m, _ := v.(map[string]any)
	if len(m) > most {
		c.say("data.%s should NOT have more than %d properties", at, most)
	}
	for k, v := range m {
		c.length(at+" property name", k, 1, key)
		c.length(at+"['"+clip(k)+"']", v, 0, value)
	}
}

func (c *checker) moment(at string, v any) {
	if s, ok := v.(string); ok {
		if _, err := parseTime(s); err != nil {
			c.say("data.%s should match format \"date-time\"", at)
		}
	}
}

func (c *checker) ratio(at string, v any) {
	n, ok := v.(float64)
	switch {
	case !ok:
	case n < 0:
		c.say("data.%s should be >= 0", at)
	case n > 100:
		c.say("data.%s should be <= 100", at)
	}
}

func (c *checker) types(at string, v any) {
	if v == nil {
		return
	}
	for i, t := range c.items(at, v, 0, 50) {
		if s, _ := t.(string); !typePattern.MatchString(s) {
			c.say("data.%s[%d] should match pattern \"%s\"", at, i, typePattern)
		}
	}
}

// parseTime reads a timestamp of ASFF.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/Welcome.html#timestamps
func parseTime(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		t, err = time.Parse("2006-01-02T15:04:05.999999999-0700", s)
	}
	return t, err
}

func clip(s string) string {
	if len(s) > 64 {
		return strings.ToValidUTF8(s[:64], "")
	}
	return s
}

// check tells what of a finding is not as the Finding Format demands, or "".
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_AwsSecurityFinding.html
func (a ASFF) check() string {
	c := new(checker)
	for _, name := range []string{"SchemaVersion", "Id", "ProductArn", "GeneratorId", "AwsAccountId", "CreatedAt", "UpdatedAt", "Title", "Description", "Resources"} {
		if a[name] == nil {
			c.say("data should have required property '%s'", name)
		}
	}
	if v := a.str("SchemaVersion"); v != "" && v != "2018-10-08" {
		c.say("data.SchemaVersion should be equal to one of the allowed values")
	}
	for name, most := range map[string]int{"Id": 512, "GeneratorId": 512, "Title": 256, "Description": 1024, "CompanyName": 128, "ProductName": 128, "Region": 16, "AwsAccountName": 50} {
		c.length(name, a[name], 1, most)
	}
	c.length("ProductArn", a["ProductArn"], 12, 2048)
	if id := a.str("AwsAccountId"); id != "" && !isAccount(id) {
		c.say("data.AwsAccountId should match pattern \"^[0-9]{12}$\"")
	}
	for _, name := range []string{"CreatedAt", "UpdatedAt", "FirstObservedAt", "LastObservedAt"} {
		c.moment(name, a[name])
	}
	a.checkProvided(c)
	a.checkParts(c)
	slices.Sort(c.problems)
	if len(c.problems) == 0 {
		return ""
	}
	return "Finding does not adhere to Amazon Finding Format. " + strings.Join(c.problems, ", ") + "."
}

// checkProvided is about severity and the other fields that are both at the top
// and in FindingProviderFields.
func (a ASFF) checkProvided(c *checker) {
	if a["Severity"] == nil && a.at("FindingProviderFields", "Severity") == nil {
		c.say("data should have required property 'FindingProviderFields', data should match some schema in anyOf")
	}
	if s, ok := a["Severity"].(map[string]any); ok && s["Label"] == nil && s["Normalized"] == nil {
		c.say("data.Severity should have required property 'Label'")
	}
	for _, at := range []string{"", "FindingProviderFields."} {
		get := func(path ...string) any {
			if at != "" {
				path = append([]string{"FindingProviderFields"}, path...)
			}
			return a.at(path...)
		}
		c.types(at+"Types", get("Types"))
		c.ratio(at+"Confidence", get("Confidence"))
		c.ratio(at+"Criticality", get("Criticality"))
		c.ratio(at+"Severity.Normalized", get("Severity", "Normalized"))
		c.length(at+"Severity.Original", get("Severity", "Original"), 1, 64)
		if v := get("RelatedFindings"); v != nil {
			c.items(at+"RelatedFindings", v, 1, 10)
		}
	}
}

func (a ASFF) checkParts(c *checker) {
	if v := a["Resources"]; v != nil {
		for i, r := range c.items("Resources", v, 1, 32) {
			m, _ := r.(map[string]any)
			c.length(fmt.Sprintf("Resources[%d].Type", i), m["Type"], 1, 256)
			c.length(fmt.Sprintf("Resources[%d].Id", i), m["Id"], 1, 512)
			c.entries(fmt.Sprintf("Resources[%d].Tags", i), m["Tags"], 50, 128, 256)
			if d, ok := m["Details"].(map[string]any); ok {
				c.entries(fmt.Sprintf("Resources[%d].Details.Other", i), d["Other"], 50, 128, 1024)
			}
		}
	}
	c.entries("ProductFields", a["ProductFields"], 50, 128, 2048)
	c.entries("UserDefinedFields", a["UserDefinedFields"], 50, 128, 1024)
	c.length("Remediation.Recommendation.Text", a.at("Remediation", "Recommendation", "Text"), 1, 512)
	c.length("Note.Text", a.at("Note", "Text"), 1, 512)
	c.length("Note.UpdatedBy", a.at("Note", "UpdatedBy"), 1, 512)
	c.moment("Note.UpdatedAt", a.at("Note", "UpdatedAt"))
	c.items("Malware", a["Malware"], 0, 5)
	c.items("ThreatIntelIndicators", a["ThreatIntelIndicators"], 0, 5)
	for i, r := range c.items("Compliance.RelatedRequirements", a.at("Compliance", "RelatedRequirements"), 0, 32) {
		c.length(fmt.Sprintf("Compliance.RelatedRequirements[%d]", i), r, 1, 64)
	}
	for _, at := range []string{"Remediation.Recommendation.Url", "SourceUrl"} {
		if s := a.str(strings.Split(at, ".")...); s != "" && !strings.HasPrefix(s, "https://") && !strings.HasPrefix(s, "http://") {
			c.say("data.%s should match format \"HttpsOrHttpUri\"", at)
		}
	}
}

func isAccount(s string) bool {
	return len(s) == 12 && strings.Trim(s, "0123456789") == ""
}

// fit is the finding's JSON: "if the finding size exceeds the maximum of 240 KB,
// then the Details object is removed from the finding"; nil for one that is too
// large even so.
// https://docs.aws.amazon.com/securityhub/latest/userguide/asff-resources-attributes.html
func (a ASFF) fit() (json.RawMessage, error) {
	body, err := json.Marshal(a)
	if err != nil || len(body) <= maxFinding {
		return body, err
	}
	list, _ := a["Resources"].([]any)
	for _, r := range list {
		if m, ok := r.(map[string]any); ok {
			delete(m, "Details")
		}
	}
	if body, err = json.Marshal(a); err != nil || len(body) > maxFinding {
		return nil, err
	}
	return body, nil
}
