package cloudtrail

import (
	"crypto"
	"crypto/md5"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"strings"
	"testing"
	"time"

	cloudtrailapi "bartizan.dev/api/cloudtrail"
)

// digests are the trail's digests in a Region, the oldest first.
func (g *rig) chain(region string) (out []digestFile) {
	g.t.Helper()
	for _, key := range g.files() {
		if !strings.Contains(key, "/CloudTrail-Digest/"+region+"/") {
			continue
		}
		var d digestFile
		if err := json.Unmarshal(g.read(key), &d); err != nil {
			g.t.Fatal(err)
		}
		if d.Object != key || d.Bucket != "logs" {
			g.t.Errorf("%s calls itself %s/%s", key, d.Bucket, d.Object)
		}
		out = append(out, d)
	}
	return out
}

// TestDigests: one an hour for each Region, each naming the one before and the
// files since; when validation ends the chain does, and another one begins later.
func TestDigests(t *testing.T) {
	g := newRig(t)
	ctx := g.in("us-east-1")
	g.create("us-east-1", cloudtrailapi.CreateTrailRequest{Name: "main", IsMultiRegionTrail: new(true), EnableLogFileValidation: new(true)})
	g.start("us-east-1", "main")
	g.event("us-east-1", "iam.amazonaws.com", "CreateUser", false)
	g.event("eu-central-1", "kms.amazonaws.com", "Encrypt", true)
	g.pass(every)
	g.pass(time.Hour)
	g.event("us-east-1", "iam.amazonaws.com", "DeleteUser", false)
	g.pass(every)
	g.pass(time.Hour)
	list := g.chain("us-east-1")
	if len(list) != 2 || len(list[0].Files) != 1 || len(list[1].Files) != 1 || list[0].Files[0].Object == list[1].Files[0].Object {
		t.Fatalf("digests %+v", list)
	}
	sum := sha256.Sum256(g.read(list[0].Object))
	if list[0].PreviousObject != nil || list[1].PreviousObject == nil || *list[1].PreviousObject != list[0].Object || *list[1].PreviousHash != hex.EncodeToString(sum[:]) {
		t.Errorf("the second digest names %v", list[1].PreviousObject)
	}
	if list[1].Start != list[0].End || *list[0].Oldest != *list[0].Newest {
		t.Errorf("times %+v", list)
	}
	sum = sha256.Sum256(g.read(list[0].Files[0].Object))
	if list[0].Files[0].Hash != hex.EncodeToString(sum[:]) {
		t.Error("the hash of the log file is another")
	}
	if other := g.chain("eu-central-1"); len(other) != 2 || len(other[0].Files) != 1 || len(other[1].Files) != 0 || other[1].Newest != nil {
		t.Errorf("digests of the other Region %+v", other)
	}
	must(g.UpdateTrail(ctx, &cloudtrailapi.UpdateTrailRequest{Name: "main", EnableLogFileValidation: new(false)}))(t)
	for range 3 {
		g.pass(time.Hour)
	}
	n := len(g.chain("us-east-1"))
	if n != 3 {
		t.Errorf("%d digests after the end of validation", n)
	}
	if left := must(g.digests.List(t.Context(), g.store, "", "", 0))(t); len(left) != 0 {
		t.Errorf("chains stay: %+v", left)
	}
	must(g.UpdateTrail(ctx, &cloudtrailapi.UpdateTrailRequest{Name: "main", EnableLogFileValidation: new(true)}))(t)
	g.pass(time.Hour)
	if list = g.chain("us-east-1"); len(list) != n+1 || list[n].PreviousObject != nil {
		t.Errorf("digests after validation began again: %+v", list)
	}
}

// TestKeysAreReplaced: each key pair signs for 30 days, its public half is listed
// for the time in which it was valid, and verifies what it signed.
func TestKeysAreReplaced(t *testing.T) {
	g := newRig(t)
	at := place{account, "us-east-1"}
	ctx := g.in("us-east-1")
	list := func(in cloudtrailapi.ListPublicKeysRequest) []cloudtrailapi.PublicKey {
		t.Helper()
		return must(g.ListPublicKeys(ctx, &in))(t).PublicKeyList
	}
	if n := len(list(cloudtrailapi.ListPublicKeysRequest{})); n != 0 {
		t.Errorf("%d keys before the first digest", n)
	}
	now := g.clock.Now()
	first := must(g.signer(t.Context(), at, now))(t)
	if again := must(g.signer(t.Context(), at, now.Add(time.Hour)))(t); again.Fingerprint != first.Fingerprint {
		t.Error("an hour later another key signs")
	}
	second := must(g.signer(t.Context(), at, now.Add(validity)))(t)
	if second.Fingerprint == first.Fingerprint {
		t.Error("the key is not replaced")
	}
	if other := must(g.signer(t.Context(), place{account, "eu-central-1"}, now))(t); other.Fingerprint == first.Fingerprint {
		t.Error("two Regions have one key")
	}
	keys := list(cloudtrailapi.ListPublicKeysRequest{})
	sum := md5.Sum(keys[0].Value)
	if len(keys) != 1 || *keys[0].Fingerprint != first.Fingerprint || *keys[0].Fingerprint != hex.EncodeToString(sum[:]) {
		t.Fatalf("keys %+v", keys)
	}
	if n := len(list(cloudtrailapi.ListPublicKeysRequest{StartTime: now, EndTime: now.Add(40 * 24 * time.Hour)})); n != 2 {
		t.Errorf("%d keys in 40 days", n)
	}
	if n := len(list(cloudtrailapi.ListPublicKeysRequest{StartTime: now.Add(-48 * time.Hour), EndTime: now.Add(-36 * time.Hour)})); n != 0 {
		t.Errorf("%d keys before", n)
	}
	_, err := g.ListPublicKeys(ctx, &cloudtrailapi.ListPublicKeysRequest{StartTime: now, EndTime: now.Add(-time.Hour)})
	refused(t, err, "InvalidTimeRangeException")
	_, err = g.ListPublicKeys(ctx, &cloudtrailapi.ListPublicKeysRequest{NextToken: new("x")})
	refused(t, err, "InvalidTokenException")
	public, err := x509.ParsePKCS1PublicKey(keys[0].Value)
	if err != nil {
		t.Fatal(err)
	}
	signature, err := hex.DecodeString(must(first.sign("text"))(t))
	if err != nil {
		t.Fatal(err)
	}
	hash := sha256.Sum256([]byte("text"))
	if err := rsa.VerifyPKCS1v15(public, crypto.SHA256, hash[:], signature); err != nil {
		t.Error(err)
	}
}

// FuzzKeys: whatever prefix is let through, and whatever Region a caller signs
// for, the keys are paths below a folder.
func FuzzKeys(f *testing.F) {
	f.Add("audit/logs", "us-east-1")
	f.Add("../x", "../../etc")
	f.Add("a/", "\x00")
	f.Fuzz(func(t *testing.T, prefix, region string) {
		if len(prefix) > 200 || len(region) > 100 || !goodPrefix(prefix) {
			return
		}
		r := &record{Account: account, Region: "us-east-1", Name: "main", Prefix: prefix, Delivery: delivery{Plan: &plan{Time: time.Unix(0, 0)}}}
		for _, key := range []string{r.under(logKey(r, account, region, &r.Delivery)), r.under(digestKey(r, region, time.Unix(0, 0)))} {
			if !fs.ValidPath(key) || strings.HasPrefix(key, ".") || strings.Count(key, "/") < 7 {
				t.Errorf("prefix %q, Region %q: key %q", prefix, region, key)
			}
		}
	})
}
