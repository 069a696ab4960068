package securityhub

import (
	"testing"

	api "bartizan.dev/api/securityhub"
	"bartizan.dev/caller"
)

// in is a call of the account in another Region.
func (f *fixture) in(region string) (out *fixture) {
	c := *caller.From(f.ctx)
	c.Region = region
	return &fixture{Service: f.Service, t: f.t, ctx: caller.With(f.t.Context(), &c), clock: f.clock}
}

// TestAggregator: findings of linked Regions are seen, changed and told in one.
func TestAggregator(t *testing.T) {
	f := newFixture(t).enable()
	far, other := f.in("us-east-1").enable(), f.in("us-west-2").enable()
	made := ok[*api.CreateFindingAggregatorResponse](t)(f.CreateFindingAggregator(f.ctx, &api.CreateFindingAggregatorRequest{RegionLinkingMode: someRegions, Regions: []string{"us-east-1"}}))
	for _, g := range []*fixture{far, other} {
		region := placeOf(g.ctx).region
		if out := g.send(sample(region, func(v *api.AwsSecurityFinding) {
			v.ProductArn = "arn:aws:securityhub:" + region + ":" + account + ":product/" + account + "/default"
		})); out.SuccessCount != 1 {
			t.Fatalf("%+v", out)
		}
	}
	if got := ids(f.find(&api.GetFindingsRequest{}).Findings); got != "us-east-1" {
		t.Errorf("seen: %s", got)
	}
	if got := ids(far.find(&api.GetFindingsRequest{}).Findings); got != "us-east-1" {
		t.Errorf("seen from afar: %s", got)
	}
	n := 0
	for _, e := range f.told("Security Hub Findings - Imported") {
		if e.Region == region {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d events in the aggregation Region", n)
	}
	up := ok[*api.BatchUpdateFindingsResponse](t)(f.BatchUpdateFindings(f.ctx, &api.BatchUpdateFindingsRequest{Criticality: new(int32(9)), FindingIdentifiers: []api.AwsSecurityFindingIdentifier{{Id: "us-east-1", ProductArn: "arn:aws:securityhub:us-east-1:" + account + ":product/" + account + "/default"}}}))
	if len(up.ProcessedFindings) != 1 || *far.one("us-east-1").Criticality != 9 {
		t.Errorf("%+v", up)
	}
	ok[*api.UpdateFindingAggregatorResponse](t)(f.UpdateFindingAggregator(f.ctx, &api.UpdateFindingAggregatorRequest{FindingAggregatorArn: *made.FindingAggregatorArn, RegionLinkingMode: allBut, Regions: []string{"us-east-1"}}))
	if got := ids(f.find(&api.GetFindingsRequest{}).Findings); got != "us-west-2" {
		t.Errorf("seen: %s", got)
	}
	_, err := far.UpdateFindingAggregator(far.ctx, &api.UpdateFindingAggregatorRequest{FindingAggregatorArn: *made.FindingAggregatorArn, RegionLinkingMode: allRegions})
	refused(t, err, "InvalidInputException", "aggregation Region")
	_, err = f.UpdateFindingAggregator(f.ctx, &api.UpdateFindingAggregatorRequest{FindingAggregatorArn: *made.FindingAggregatorArn, RegionLinkingMode: allRegions, Regions: []string{"x"}})
	refused(t, err, "InvalidInputException", "Regions")
	ok[*api.DeleteFindingAggregatorResponse](t)(f.DeleteFindingAggregator(f.ctx, &api.DeleteFindingAggregatorRequest{FindingAggregatorArn: *made.FindingAggregatorArn}))
	if got := ids(f.find(&api.GetFindingsRequest{}).Findings); got != "" {
		t.Errorf("seen: %s", got)
	}
}
