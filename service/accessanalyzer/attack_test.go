package accessanalyzer

import (
	"strings"
	"testing"

	api "bartizan.dev/api/accessanalyzer"
)

// TestPreviewOfStrangersResource: a preview that gives no policy looks at the
// resource itself, which must not be another account's.
func TestPreviewOfStrangersResource(t *testing.T) {
	f := newFixture(t)
	const stranger = "arn:aws:iam::999988887777:role/vault"
	f.roles = append(f.roles, Resource{ARN: stranger, Account: "999988887777", Document: trust(`{"AWS":"arn:aws:iam::444455556666:root"}`)})
	arn := f.analyzer(api.Type_ACCOUNT)
	preview := func(name string) error {
		_, err := f.CreateAccessPreview(f.ctx, &api.CreateAccessPreviewRequest{AnalyzerArn: arn, Configurations: map[string]api.Configuration{
			name: {IamRole: &api.IamRoleConfiguration{}},
		}})
		return err
	}
	there, absent := preview(stranger), preview(stranger+"x")
	if code(there) != "ValidationException" || code(absent) != "ValidationException" || strings.Replace(absent.Error(), "vaultx", "vault", 1) != there.Error() {
		t.Errorf("a stranger's role: %v; one that does not exist: %v", there, absent)
	}
	if err := preview(roleARN("r")); err != nil {
		t.Errorf("our own: %v", err)
	}
}

// TestGenerationReadsRegionsOnly: what the trail keeps beside the events, under a
// name that is no Region's, is not read by naming it.
func TestGenerationReadsRegionsOnly(t *testing.T) {
	f := newFixture(t)
	for _, name := range []string{"/authorization", "", "us-east-1/../x"} {
		_, err := f.StartPolicyGeneration(f.ctx, &api.StartPolicyGenerationRequest{
			PolicyGenerationDetails: &api.PolicyGenerationDetails{PrincipalArn: roleARN("app")},
			CloudTrailDetails: &api.CloudTrailDetails{
				Trails:     []api.Trail{{CloudTrailArn: "arn:aws:cloudtrail:us-east-1:" + account + ":trail/t", Regions: []string{"us-east-1", name}}},
				AccessRole: roleARN("reader"), StartTime: f.Clock.Now().Add(-day),
			},
		})
		if code(err) != "ValidationException" {
			t.Errorf("the Region %q: %v", name, err)
		}
	}
}
