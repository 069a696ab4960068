package accessanalyzer

import (
	"fmt"
	"slices"
	"testing"

	api "bartizan.dev/api/accessanalyzer"
)

func TestAccessPreview(t *testing.T) {
	f := newFixture(t)
	f.roles = []Resource{{ARN: roleARN("r"), Account: account, Document: trust(`{"AWS":["999988887777","444455556666"]}`)}}
	arn := f.analyzer(api.Type_ACCOUNT)
	document := trust(`{"AWS":["999988887777","123456789012"]}`)
	p, err := f.CreateAccessPreview(f.ctx, &api.CreateAccessPreviewRequest{AnalyzerArn: arn, Configurations: map[string]api.Configuration{
		roleARN("r"): {IamRole: &api.IamRoleConfiguration{TrustPolicy: &document}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	list, err := f.ListAccessPreviewFindings(f.ctx, &api.ListAccessPreviewFindingsRequest{AnalyzerArn: arn, AccessPreviewId: p.Id})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, x := range list.Findings {
		got = append(got, fmt.Sprintf("%s %s %s %v", x.Principal["AWS"], x.ChangeType, x.Status, x.ExistingFindingId != nil))
	}
	slices.Sort(got)
	f.want(got, "123456789012 NEW ACTIVE false", "444455556666 CHANGED RESOLVED true", "999988887777 UNCHANGED ACTIVE true")
	for name, c := range map[string]api.Configuration{
		"a key of a secret":          {SecretsManagerSecret: &api.SecretsManagerSecretConfiguration{SecretPolicy: &document, KmsKeyId: new("k")}},
		"a key policy without sense": {KmsKey: &api.KmsKeyConfiguration{KeyPolicies: map[string]string{"other": document}}},
		"two types":                  {IamRole: &api.IamRoleConfiguration{TrustPolicy: &document}, SnsTopic: &api.SnsTopicConfiguration{TopicPolicy: &document}},
	} {
		in := &api.CreateAccessPreviewRequest{AnalyzerArn: arn, Configurations: map[string]api.Configuration{roleARN("r"): c}}
		if _, err := f.CreateAccessPreview(f.ctx, in); code(err) != "ValidationException" {
			t.Errorf("%s: %v", name, err)
		}
	}
	back, err := f.GetAccessPreview(f.ctx, &api.GetAccessPreviewRequest{AnalyzerArn: arn, AccessPreviewId: p.Id})
	if err != nil || *back.AccessPreview.Configurations[roleARN("r")].IamRole.TrustPolicy != document {
		t.Errorf("preview %+v, %v", back, err)
	}
}
