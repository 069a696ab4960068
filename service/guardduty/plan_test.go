package guardduty

import (
	"testing"

	guarddutyapi "bartizan.dev/api/guardduty"
)

// TestPlans: plans are kept, one for each bucket, and say that nothing scans.
func TestPlans(t *testing.T) {
	r := newRig(t)
	ctx := r.ctx()
	role := "arn:aws:iam::111122223333:role/scanner"
	create := func(bucket, role string) (string, error) {
		out, err := r.CreateMalwareProtectionPlan(ctx, &guarddutyapi.CreateMalwareProtectionPlanRequest{Role: role, ClientToken: &bucket, Tags: map[string]string{"k": "v"},
			ProtectedResource: &guarddutyapi.CreateProtectedResource{S3Bucket: &guarddutyapi.CreateS3BucketResource{BucketName: &bucket, ObjectPrefixes: []string{"in/"}}}})
		if err != nil {
			return "", err
		}
		return *out.MalwareProtectionPlanId, nil
	}
	_, err := create("", role)
	wantError(t, err, "protectedResource")
	_, err = create("b", "arn:aws:iam::999988887777:role/scanner")
	wantError(t, err, "role")
	id, err := create("b", role)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := create("b", role); err != nil || again != id {
		t.Error("the same call again:", again, err)
	}
	_, err = r.CreateMalwareProtectionPlan(ctx, &guarddutyapi.CreateMalwareProtectionPlanRequest{Role: role,
		ProtectedResource: &guarddutyapi.CreateProtectedResource{S3Bucket: &guarddutyapi.CreateS3BucketResource{BucketName: new("b")}}})
	wantError(t, err, "already exists")
	if _, err := r.UpdateMalwareProtectionPlan(ctx, &guarddutyapi.UpdateMalwareProtectionPlanRequest{MalwareProtectionPlanId: id,
		Actions: &guarddutyapi.MalwareProtectionPlanActions{Tagging: &guarddutyapi.MalwareProtectionPlanTaggingAction{Status: guarddutyapi.MalwareProtectionPlanTaggingActionStatus_ENABLED}}}); err != nil {
		t.Fatal(err)
	}
	p, err := r.GetMalwareProtectionPlan(ctx, &guarddutyapi.GetMalwareProtectionPlanRequest{MalwareProtectionPlanId: id})
	if err != nil || *p.Role != role || p.Actions.Tagging.Status != "ENABLED" || p.Status != "WARNING" || len(p.StatusReasons) != 1 || p.ProtectedResource.S3Bucket.ObjectPrefixes[0] != "in/" {
		t.Errorf("%+v %v", p, err)
	}
	if _, err := r.TagResource(ctx, &guarddutyapi.TagResourceRequest{ResourceArn: *p.Arn, Tags: map[string]string{"x": "y"}}); err != nil {
		t.Error(err)
	}
	for i := range 60 {
		if _, err := create("bucket"+string(rune('0'+i/10))+string(rune('0'+i%10)), role); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	for token := (*string)(nil); ; {
		out, err := r.ListMalwareProtectionPlans(ctx, &guarddutyapi.ListMalwareProtectionPlansRequest{NextToken: token})
		if err != nil {
			t.Fatal(err)
		}
		n += len(out.MalwareProtectionPlans)
		if token = out.NextToken; token == nil {
			break
		}
	}
	if n != 61 {
		t.Errorf("%d plans in pages", n)
	}
	if _, err := r.DeleteMalwareProtectionPlan(ctx, &guarddutyapi.DeleteMalwareProtectionPlanRequest{MalwareProtectionPlanId: id}); err != nil {
		t.Error(err)
	}
	_, err = r.GetMalwareProtectionPlan(ctx, &guarddutyapi.GetMalwareProtectionPlanRequest{MalwareProtectionPlanId: id})
	if err == nil {
		t.Error("a deleted plan is there")
	}
}
