package guardduty

import (
	"fmt"
	"strings"
	"testing"
	"time"

	guarddutyapi "bartizan.dev/api/guardduty"
	"bartizan.dev/logs/logstest"
)

const listed = "UnauthorizedAccess:IAMUser/MaliciousIPCaller.Custom"

// from records a call from an address.
func (r *rig) from(address string) {
	r.record(logstest.Account, region, logstest.Event{Source: "iam.amazonaws.com", Name: "CreateUser", IP: address, Identity: logstest.Role("ops", address)})
}

// TestLists: what is on a threat list raises a finding unless it is trusted, from
// when the list is active until it is not.
func TestLists(t *testing.T) {
	r := newRig(t)
	ctx := r.ctx()
	id := r.create(ctx)
	r.put("lists/bad.txt", "198.51.100.0/24\n")
	r.put("https://lists.example/good", "198.51.100.7\n")
	bad, err := r.CreateThreatIntelSet(ctx, &guarddutyapi.CreateThreatIntelSetRequest{DetectorId: id, Name: "bad", Format: "TXT", Location: "https://s3.amazonaws.com/lists/bad.txt", Activate: true, Tags: map[string]string{"k": "v"}})
	if err != nil {
		t.Fatal(err)
	}
	good, err := r.CreateIPSet(ctx, &guarddutyapi.CreateIPSetRequest{DetectorId: id, Name: "good", Format: "TXT", Location: "https://lists.example/good"})
	if err != nil {
		t.Fatal(err)
	}
	status := func() string {
		t.Helper()
		a, err := r.GetThreatIntelSet(ctx, &guarddutyapi.GetThreatIntelSetRequest{DetectorId: id, ThreatIntelSetId: bad.ThreatIntelSetId})
		if err != nil {
			t.Fatal(err)
		}
		b, err := r.GetIPSet(ctx, &guarddutyapi.GetIPSetRequest{DetectorId: id, IpSetId: good.IpSetId})
		if err != nil {
			t.Fatal(err)
		}
		return string(a.Status) + " " + string(b.Status)
	}
	want := func(s string, count int32) {
		t.Helper()
		if got := status(); got != s {
			t.Errorf("%s, want %s", got, s)
		}
		got := int32(0)
		if f, ok := r.found(ctx, id)[listed]; ok {
			got = *f.Service.Count
		}
		if got != count {
			t.Errorf("seen %d times, want %d", got, count)
		}
	}
	r.pass(time.Second)
	r.from("198.51.100.7")
	r.pass(every)
	want("ACTIVE INACTIVE", 1)
	f := r.found(ctx, id)[listed]
	if f.Service == nil || *f.Service.Evidence.ThreatIntelligenceDetails[0].ThreatListName != "bad" {
		t.Errorf("%+v", f.Service)
	}
	activate := func(on bool) {
		t.Helper()
		if _, err := r.UpdateIPSet(ctx, &guarddutyapi.UpdateIPSetRequest{DetectorId: id, IpSetId: good.IpSetId, Activate: &on}); err != nil {
			t.Fatal(err)
		}
		r.pass(time.Second)
	}
	activate(true)
	r.from("198.51.100.7")
	r.pass(every)
	want("ACTIVE ACTIVE", 1)
	r.restart()
	r.from("198.51.100.7")
	r.pass(every)
	want("ACTIVE ACTIVE", 1)
	// A refresh that fails leaves what was there.
	r.put("https://lists.example/good", "")
	r.pass(refresh)
	r.from("198.51.100.7")
	r.pass(every)
	want("ACTIVE ACTIVE", 1)
	activate(false)
	r.from("198.51.100.7")
	r.pass(every)
	want("ACTIVE INACTIVE", 2)
	activate(true)
	want("ACTIVE ERROR", 2)
	// One that goes well is used.
	r.put("lists/bad.txt", "203.0.113.1\n")
	r.pass(refresh)
	r.from("198.51.100.7")
	r.pass(every)
	want("ACTIVE ERROR", 2)
	if _, err := r.DeleteThreatIntelSet(ctx, &guarddutyapi.DeleteThreatIntelSetRequest{DetectorId: id, ThreatIntelSetId: bad.ThreatIntelSetId}); err != nil {
		t.Error(err)
	}
	_, err = r.GetThreatIntelSet(ctx, &guarddutyapi.GetThreatIntelSetRequest{DetectorId: id, ThreatIntelSetId: bad.ThreatIntelSetId})
	wantError(t, err, "no such resource")
	if left, err := r.chunks.List(ctx, r.store, "list/", "", 0); err != nil || len(left) != 0 {
		t.Errorf("%d pieces are left: %v", len(left), err)
	}
}

// TestListsThatAreWrong say so.
func TestListsThatAreWrong(t *testing.T) {
	r := newRig(t)
	ctx := r.ctx()
	id := r.create(ctx)
	create := func(name, format, location, owner string) (string, error) {
		in := &guarddutyapi.CreateThreatEntitySetRequest{DetectorId: id, Name: name, Format: guarddutyapi.ThreatEntitySetFormat(format), Location: location, Activate: true, ExpectedBucketOwner: orNil(owner)}
		out, err := r.CreateThreatEntitySet(ctx, in)
		return out.ThreatEntitySetId, err
	}
	for _, at := range []string{"http://lists.example/x", "ftp://x/y", "bucket/key", "https://s3.amazonaws.com/bucket", "https://sts.amazonaws.com/x", "https://a:b@lists.example/x", "s3://bucket"} {
		_, err := create("x", "TXT", at, "")
		wantError(t, err, "location")
	}
	r.put("lists/some.txt", "evil.example\n203.0.113.0/24\n")
	r.put("lists/empty.txt", "# nothing\n")
	for i, c := range []struct{ format, key, owner, status, why string }{
		{"TXT", "some.txt", "", "ACTIVE", ""},
		{"TXT", "some.txt", logstest.Account, "ACTIVE", ""},
		{"TXT", "some.txt", "999988887777", "ERROR", "does not belong to the expected account"},
		{"STIX", "some.txt", "", "ERROR", "not in the format"},
		{"TXT", "empty.txt", "", "ERROR", "no entry"},
		{"TXT", "absent.txt", "", "ERROR", "cannot be read"},
	} {
		set, err := create(fmt.Sprint("list", i), c.format, "s3://lists/"+c.key, c.owner)
		if err != nil {
			t.Fatal(err)
		}
		r.pass(time.Second)
		got, err := r.GetThreatEntitySet(ctx, &guarddutyapi.GetThreatEntitySetRequest{DetectorId: id, ThreatEntitySetId: set})
		if err != nil || string(got.Status) != c.status || !strings.Contains(text(got.ErrorDetails), c.why) || (c.why == "") != (got.ErrorDetails == nil) {
			t.Errorf("%d: %+v %s %v", i, got, text(got.ErrorDetails), err)
		}
	}
	_, err := create("seventh", "TXT", "s3://lists/some.txt", "")
	wantError(t, err, "the limit of 6")
	all, err := r.ListThreatEntitySets(ctx, &guarddutyapi.ListThreatEntitySetsRequest{DetectorId: id, MaxResults: new(int32(4))})
	if err != nil || len(all.ThreatEntitySetIds) != 4 || all.NextToken == nil {
		t.Errorf("%v %v", all, err)
	}
}

func TestLocations(t *testing.T) {
	for _, at := range []string{"s3://b.x/k/l.txt", "https://s3.amazonaws.com/b.x/k/l.txt", "https://s3.eu-west-1.amazonaws.com/b.x/k/l.txt", "https://s3-eu-west-1.amazonaws.com/b.x/k/l.txt",
		"https://b.x.s3.amazonaws.com/k/l.txt", "https://b.x.s3.eu-west-1.amazonaws.com/k/l.txt", "https://b.x.s3-eu-west-1.amazonaws.com/k/l.txt"} {
		if got, err := ParseLocation(at); err != nil || got != (Source{Bucket: "b.x", Key: "k/l.txt"}) {
			t.Errorf("%s: %+v %v", at, got, err)
		}
	}
}

func FuzzLocation(f *testing.F) {
	f.Add("https://b.s3.amazonaws.com/k")
	f.Add("s3://b/k")
	f.Fuzz(func(t *testing.T, at string) {
		got, err := ParseLocation(at)
		if err == nil && (got.Bucket == "") == (got.URL == "") || err == nil && got.Bucket != "" && got.Key == "" {
			t.Errorf("%q: %+v", at, got)
		}
	})
}
