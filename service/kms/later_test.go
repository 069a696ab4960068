package kms

import (
	"slices"
	"testing"

	api "bartizan.dev/api/kms"
	"bartizan.dev/store"
)

// TestDeletion: after its days a key is gone, with its aliases, grants and
// material, and what it has encrypted is lost; before, it can be had back.
func TestDeletion(t *testing.T) {
	f := newFixture(t)
	me := root(account)
	m := f.newKey(me, nil)
	do[api.CreateAliasOutput](f, me, &api.CreateAliasRequest{AliasName: "alias/a", TargetKeyId: m.KeyId})
	do[api.CreateGrantResponse](f, me, grantTo(m.KeyId, rootARN(other), opDecrypt))
	do[api.EnableKeyRotationOutput](f, me, &api.EnableKeyRotationRequest{KeyId: m.KeyId})
	do[api.RotateKeyOnDemandResponse](f, me, &api.RotateKeyOnDemandRequest{KeyId: m.KeyId})
	blob := f.encrypt(me, m.KeyId, "text", nil)
	if err := f.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	out := do[api.ScheduleKeyDeletionResponse](f, me, &api.ScheduleKeyDeletionRequest{KeyId: m.KeyId, PendingWindowInDays: new(int32(7))})
	if out.KeyState != api.KeyState_PendingDeletion || *out.PendingWindowInDays != 7 || out.DeletionDate.Sub(f.clock.Now()).Round(day) != 7*day {
		t.Errorf("%+v", out)
	}
	if s := do[api.GetKeyRotationStatusResponse](f, me, &api.GetKeyRotationStatusRequest{KeyId: m.KeyId}); *s.KeyRotationEnabled {
		t.Error("rotation is enabled while the key waits")
	}
	f.advance(6 * day)
	do[api.CancelKeyDeletionResponse](f, me, &api.CancelKeyDeletionRequest{KeyId: m.KeyId})
	if d := do[api.DescribeKeyResponse](f, me, &api.DescribeKeyRequest{KeyId: m.KeyId}).KeyMetadata; d.KeyState != api.KeyState_Disabled || !d.DeletionDate.IsZero() {
		t.Errorf("%+v", d)
	}
	if s := do[api.GetKeyRotationStatusResponse](f, me, &api.GetKeyRotationStatusRequest{KeyId: m.KeyId}); !*s.KeyRotationEnabled {
		t.Error("rotation does not come back")
	}
	f.advance(10 * day)
	do[api.EnableKeyOutput](f, me, &api.EnableKeyRequest{KeyId: m.KeyId})
	if f.decrypt(me, blob, nil) != "text" {
		t.Error("a key that was taken back does not decrypt")
	}
	do[api.ScheduleKeyDeletionResponse](f, me, &api.ScheduleKeyDeletionRequest{KeyId: m.KeyId})
	f.advance(29 * day)
	do[api.DescribeKeyResponse](f, me, &api.DescribeKeyRequest{KeyId: m.KeyId})
	f.advance(2 * day)
	f.refused(me, &api.DescribeKeyRequest{KeyId: m.KeyId}, "NotFoundException", "Key '"+*m.Arn+"' does not exist")
	f.refused(me, &api.DescribeKeyRequest{KeyId: "alias/a"}, "NotFoundException")
	f.refused(me, &api.DecryptRequest{CiphertextBlob: blob}, "AccessDeniedException", hiddenKey().Message)
	f.refused(me, &api.CancelKeyDeletionRequest{KeyId: m.KeyId}, "NotFoundException")
	items, err := f.kv.List(t.Context(), store.Range{})
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range items {
		switch {
		case item.Key == "domain/"+region+"/1", item.Key == "count/"+account+"/"+region:
		default:
			t.Errorf("%s is left", item.Key)
		}
	}
}

func (f *fixture) materialsOf(a as, id string) []api.RotationsListEntry {
	f.t.Helper()
	return do[api.ListKeyRotationsResponse](f, a, &api.ListKeyRotationsRequest{KeyId: id, IncludeKeyMaterial: api.IncludeKeyMaterial_ALL_KEY_MATERIAL}).Rotations
}

// TestAutomaticRotation: after its period a key has a new material, once however
// many periods have passed; a disabled key is rotated when it is enabled again.
func TestAutomaticRotation(t *testing.T) {
	f := newFixture(t)
	me := root(account)
	id := f.newKey(me, nil).KeyId
	status := func() *api.GetKeyRotationStatusResponse {
		t.Helper()
		return do[api.GetKeyRotationStatusResponse](f, me, &api.GetKeyRotationStatusRequest{KeyId: id})
	}
	want := func(n int) {
		t.Helper()
		all := f.materialsOf(me, id)
		rotations := do[api.ListKeyRotationsResponse](f, me, &api.ListKeyRotationsRequest{KeyId: id}).Rotations
		current := do[api.DescribeKeyResponse](f, me, &api.DescribeKeyRequest{KeyId: id}).KeyMetadata.CurrentKeyMaterialId
		if len(all) != n || len(rotations) != n-1 || all[n-1].KeyMaterialState != api.KeyMaterialState_CURRENT || *all[n-1].KeyMaterialId != *current {
			t.Errorf("%d materials, %d rotations, want %d: %+v", len(all), len(rotations), n, all)
		}
	}
	var blobs [][]byte
	keep := func() { t.Helper(); blobs = append(blobs, f.encrypt(me, id, "text", nil)) }
	keep()
	if status().RotationPeriodInDays != nil {
		t.Errorf("%+v", status())
	}
	do[api.EnableKeyRotationOutput](f, me, &api.EnableKeyRotationRequest{KeyId: id, RotationPeriodInDays: new(int32(90))})
	if s := status(); !*s.KeyRotationEnabled || *s.RotationPeriodInDays != 90 || s.NextRotationDate.Sub(f.clock.Now()).Round(day) != 90*day {
		t.Errorf("%+v", s)
	}
	f.advance(89 * day)
	want(1)
	f.advance(2 * day)
	want(2)
	keep()
	f.advance(400 * day) // four periods at once
	want(3)
	keep()
	if next := status().NextRotationDate; !next.After(f.clock.Now()) {
		t.Errorf("the next rotation is at %v, now it is %v", next, f.clock.Now())
	}
	do[api.DisableKeyOutput](f, me, &api.DisableKeyRequest{KeyId: id})
	f.advance(200 * day)
	want(3)
	do[api.EnableKeyOutput](f, me, &api.EnableKeyRequest{KeyId: id})
	f.advance(0)
	want(4)
	keep()
	f.advance(day)
	// On demand rotations leave the schedule alone.
	before := status().NextRotationDate
	do[api.RotateKeyOnDemandResponse](f, me, &api.RotateKeyOnDemandRequest{KeyId: id})
	want(5)
	if !status().NextRotationDate.Equal(before) {
		t.Error("the schedule has moved")
	}
	do[api.DisableKeyRotationOutput](f, me, &api.DisableKeyRotationRequest{KeyId: id})
	f.advance(1000 * day)
	want(5)
	kinds := []api.RotationType{}
	for _, r := range do[api.ListKeyRotationsResponse](f, me, &api.ListKeyRotationsRequest{KeyId: id}).Rotations {
		kinds = append(kinds, r.RotationType)
	}
	if auto := api.RotationType_AUTOMATIC; !slices.Equal(kinds, []api.RotationType{auto, auto, auto, api.RotationType_ON_DEMAND}) {
		t.Errorf("kinds %v", kinds)
	}
	for i, blob := range blobs {
		if f.decrypt(me, blob, nil) != "text" {
			t.Errorf("material %d", i)
		}
	}
	for range 24 {
		do[api.RotateKeyOnDemandResponse](f, me, &api.RotateKeyOnDemandRequest{KeyId: id})
	}
	f.refused(me, &api.RotateKeyOnDemandRequest{KeyId: id}, "LimitExceededException")
	if f.decrypt(me, blobs[0], nil) != "text" {
		t.Error("the first material is gone")
	}
}

// TestLastUsage: the last use is told, and after Flush a restart does not forget
// it.
func TestLastUsage(t *testing.T) {
	f := newFixture(t)
	me := root(account)
	id := f.newKey(me, nil).KeyId
	in := &api.GetKeyLastUsageRequest{KeyId: id}
	if out := do[api.GetKeyLastUsageResponse](f, me, in); out.KeyLastUsage == nil || out.KeyLastUsage.Operation != "" || out.TrackingStartDate.IsZero() {
		t.Errorf("%+v", out)
	}
	f.encrypt(me, id, "x", nil)
	f.refused(me, &api.EncryptRequest{KeyId: id, Plaintext: []byte("x"), DryRun: new(true)}, "DryRunOperationException")
	out := do[api.GetKeyLastUsageResponse](f, me, in)
	if out.KeyLastUsage.Operation != api.KeyLastUsageTrackingOperation_Encrypt || *out.KeyLastUsage.CloudTrailEventId != "event" {
		t.Errorf("%+v", out)
	}
	if err := f.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	again := serve(t, f.Deps)
	if got := do[api.GetKeyLastUsageResponse](again, me, in); !got.KeyLastUsage.Timestamp.Equal(out.KeyLastUsage.Timestamp) {
		t.Errorf("%+v", got)
	}
}

// TestLists: pages of keys and aliases have each once, in order.
func TestLists(t *testing.T) {
	f := newFixture(t)
	me := root(account)
	var want []string
	for i := range 5 {
		id := f.newKey(me, nil).KeyId
		want = append(want, id)
		do[api.CreateAliasOutput](f, me, &api.CreateAliasRequest{AliasName: "alias/" + string(rune('a'+i)), TargetKeyId: id})
	}
	f.newKey(root(other), nil)
	f.newKey(me.in("eu-west-1"), nil)
	slices.Sort(want)
	var got, names []string
	for in := (&api.ListKeysRequest{Limit: new(int32(2))}); ; {
		out := do[api.ListKeysResponse](f, me, in)
		for _, k := range out.Keys {
			got = append(got, *k.KeyId)
		}
		if in.Marker = out.NextMarker; in.Marker == nil {
			break
		}
	}
	for in := (&api.ListAliasesRequest{Limit: new(int32(2))}); ; {
		out := do[api.ListAliasesResponse](f, me, in)
		for _, a := range out.Aliases {
			names = append(names, *a.AliasName)
		}
		if in.Marker = out.NextMarker; in.Marker == nil {
			break
		}
	}
	if !slices.Equal(got, want) || !slices.Equal(names, []string{"alias/a", "alias/b", "alias/c", "alias/d", "alias/e"}) {
		t.Errorf("keys %v, aliases %v", got, names)
	}
	tags := &api.TagResourceRequest{KeyId: want[0]}
	for i := range 50 {
		tags.Tags = append(tags.Tags, api.Tag{TagKey: string(rune('A' + i))})
	}
	do[api.TagResourceOutput](f, me, tags)
	f.refused(me, &api.TagResourceRequest{KeyId: want[0], Tags: []api.Tag{{TagKey: "one more"}}}, "TagException", "Too many tags")
	do[api.UntagResourceOutput](f, me, &api.UntagResourceRequest{KeyId: want[0], TagKeys: []string{"A", "not there"}})
	if out := do[api.ListResourceTagsResponse](f, me, &api.ListResourceTagsRequest{KeyId: want[0], Limit: new(int32(49))}); len(out.Tags) != 49 || *out.Truncated {
		t.Errorf("%d tags", len(out.Tags))
	}
}

// TestQuotas: what is too many is refused, and what is deleted makes room.
func TestQuotas(t *testing.T) {
	f := newFixture(t, func(d *Deps) { d.Quotas = Quotas{Keys: 2, Aliases: 2} })
	me := root(account)
	a, b := f.newKey(me, nil).KeyId, f.newKey(me, nil).KeyId
	f.refused(me, &api.CreateKeyRequest{}, "LimitExceededException")
	f.newKey(root(other), nil)
	for _, name := range []string{"alias/a", "alias/b"} {
		do[api.CreateAliasOutput](f, me, &api.CreateAliasRequest{AliasName: name, TargetKeyId: a})
	}
	f.refused(me, &api.CreateAliasRequest{AliasName: "alias/c", TargetKeyId: a}, "LimitExceededException")
	do[api.UpdateAliasOutput](f, me, &api.UpdateAliasRequest{AliasName: "alias/a", TargetKeyId: a}) // is there already
	do[api.CreateAliasOutput](f, me, &api.CreateAliasRequest{AliasName: "alias/c", TargetKeyId: b})
	f.refused(me, &api.UpdateAliasRequest{AliasName: "alias/c", TargetKeyId: a}, "LimitExceededException")
	do[api.ScheduleKeyDeletionResponse](f, me, &api.ScheduleKeyDeletionRequest{KeyId: a, PendingWindowInDays: new(int32(7))})
	f.refused(me, &api.CreateKeyRequest{}, "LimitExceededException") // it still counts
	f.advance(8 * day)
	f.newKey(me, nil)
}
