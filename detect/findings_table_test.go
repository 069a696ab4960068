package detect

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write spec/findings.tsv anew; tests that are named in it stay")

const findingsTable = "../spec/findings.tsv"

const findingsHead = "# Finding types: the Custom Detection Rule, where the type comes from one; the detector that raises it; the test that shows it.\n" +
	"# go test ./detect -run TestFindingsTable -update\n# type\trule\tdetector\ttest\n"

// raisers are rows of type, rule and detector, of all detectors there are.
func raisers() (out []string) {
	rules := map[string][]string{} // of a type
	for _, r := range slices.Concat(customIAM(newJudge()), customCompute(), customData(newJudge())) {
		if !contains(rules[r.Type], r.Signal) {
			rules[r.Type] = append(rules[r.Type], r.Signal)
		}
	}
	for _, d := range All() {
		for _, kind := range d.Types {
			names := []string{""}
			if strings.HasPrefix(d.Name, "custom rules") {
				names = rules[kind]
			}
			for _, rule := range names {
				if rule == "" {
					rule = "-"
				}
				if row := kind + "\t" + rule + "\t" + d.Name; mine(d, rule) && !contains(out, row) {
					out = append(out, row)
				}
			}
		}
	}
	slices.Sort(out)
	return out
}

// mine says whether a rule is one of this table of rules.
func mine(d *Detector, rule string) bool {
	tables := map[string][]Rule{"custom rules: IAM": customIAM(newJudge()), "custom rules: compute": customCompute(), "custom rules: data": customData(newJudge())}
	if rules, ok := tables[d.Name]; ok && rule != "-" {
		return slices.ContainsFunc(rules, func(r Rule) bool { return r.Signal == rule })
	}
	return true
}

func tableRows(t *testing.T) map[string]string {
	data, err := os.ReadFile(findingsTable)
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "#") {
			continue
		}
		i := strings.LastIndexByte(line, '\t')
		if i < 0 || strings.Count(line, "\t") != 3 || rows[line[:i]] != "" {
			t.Fatalf("a line that is no row or comes twice: %q", line)
		}
		rows[line[:i]] = line[i+1:]
	}
	return rows
}

// testsHere are the tests of this package, by name.
func testsHere(t *testing.T) map[string]bool {
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllStringSubmatch(string(text), -1) {
			found[m[1]] = true
		}
	}
	return found
}

// TestFindingsTable: spec/findings.tsv names every type, rule and detector there
// is, and tests that exist.
func TestFindingsTable(t *testing.T) {
	rows, want, tests := tableRows(t), raisers(), testsHere(t)
	if *update {
		text := findingsHead
		for _, row := range want {
			test := rows[row]
			if test == "" {
				test = "-"
			}
			text += row + "\t" + test + "\n"
		}
		if err := os.WriteFile(findingsTable, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		rows = tableRows(t)
	}
	for _, row := range want {
		switch test, ok := rows[row]; {
		case !ok:
			t.Errorf("%s does not have %q", findingsTable, row)
		case !tests[test]:
			t.Errorf("%q: there is no test %s", row, test)
		}
		delete(rows, row)
	}
	for row := range rows {
		t.Errorf("nothing raises %q", row)
	}
}

// TestEveryCloudTrailType: the 31 types of CloudTrail's management events and the
// attack sequence over them have a detector.
// https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_finding-types-active.html
func TestEveryCloudTrailType(t *testing.T) {
	all := strings.Fields(`PenTest:IAMUser/KaliLinux PenTest:IAMUser/ParrotLinux PenTest:IAMUser/PentooLinux Policy:IAMUser/RootCredentialUsage Policy:IAMUser/ShortTermRootCredentialUsage
		Recon:IAMUser/MaliciousIPCaller Recon:IAMUser/MaliciousIPCaller.Custom Recon:IAMUser/TorIPCaller Stealth:IAMUser/CloudTrailLoggingDisabled Stealth:IAMUser/PasswordPolicyChange
		UnauthorizedAccess:IAMUser/ConsoleLoginSuccess.B UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.InsideAWS UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS
		UnauthorizedAccess:IAMUser/MaliciousIPCaller UnauthorizedAccess:IAMUser/MaliciousIPCaller.Custom UnauthorizedAccess:IAMUser/ResourceCredentialExfiltration.OutsideAWS UnauthorizedAccess:IAMUser/TorIPCaller
		Policy:S3/AccountBlockPublicAccessDisabled Policy:S3/BucketAnonymousAccessGranted Policy:S3/BucketBlockPublicAccessDisabled Policy:S3/BucketPublicAccessGranted Stealth:S3/ServerAccessLoggingDisabled
		DefenseEvasion:IAMUser/BedrockLoggingDisabled AttackSequence:IAM/CompromisedCredentials`)
	for _, tactic := range strings.Fields("CredentialAccess DefenseEvasion Discovery Exfiltration Impact InitialAccess Persistence PrivilegeEscalation") {
		all = append(all, tactic+":IAMUser/AnomalousBehavior")
	}
	have := fmt.Sprint(raisers())
	for _, kind := range all {
		if !strings.Contains(have, kind+"\t") {
			t.Errorf("no detector raises %s", kind)
		}
	}
	if len(all) != 32 {
		t.Errorf("%d types", len(all))
	}
}
