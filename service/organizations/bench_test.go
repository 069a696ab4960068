package organizations

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	api "bartizan.dev/api/organizations"
	"bartizan.dev/store"
)

// filled is an organization of AWS's larger kind: OUs below OUs, accounts spread
// over them, written as the handlers write them.
func filled(b testing.TB, accounts, units int) (*fixture, []string) {
	b.Helper()
	f := withOrg(b)
	f.enable(scp)
	f.enable(rcp)
	f.attach(f.policy(scp, "p", denyIAM), f.root)
	f.Quotas.Units = units
	var ous []string
	for i := range units {
		parent := f.root
		if i >= 10 {
			parent = ous[i/10-1]
		}
		if u, err := f.CreateOrganizationalUnit(f.boss, &api.CreateOrganizationalUnitRequest{ParentId: parent, Name: fmt.Sprint(i)}); err == nil {
			ous = append(ous, *u.OrganizationalUnit.Id)
		}
	}
	ids := make([]string, accounts)
	const step = 500
	for from := 0; from < accounts; from += step {
		_, err := f.Store.Update(b.Context(), func(tx store.Tx) error {
			for i := from; i < min(from+step, accounts); i++ {
				ids[i] = fmt.Sprintf("5%011d", i)
				a := &account{
					ID: ids[i], Email: ids[i] + "@example.com", Name: ids[i], Org: *f.org.Id, Parent: ous[i%len(ous)],
					State: api.AccountState_ACTIVE, Method: api.AccountJoinedMethod_CREATED, Joined: f.now(), Created: f.now(),
				}
				if err := f.accounts.Put(b.Context(), tx, a.ID, a); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return f, ids
}

// TestScale: 5,000 accounts in 1,000 OUs. What is listed comes in pages that cost
// the same whatever there is; enabling a policy type writes one record.
func TestScale(t *testing.T) {
	if testing.Short() {
		t.Skip("5,000 accounts")
	}
	f, ids := filled(t, 5000, 1000)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	begin := time.Now()
	for _, id := range ids {
		if b := must(f.Bounds(t.Context(), id))(t); len(b.SCP) < 3 {
			t.Fatalf("%+v", b)
		}
	}
	t.Logf("bounds of 5,000 accounts, first asked: %v each", time.Since(begin)/5000)
	runtime.GC()
	runtime.ReadMemStats(&after)
	t.Logf("%d bytes for each account in the cache; %d compiled levels", (int64(after.HeapAlloc)-int64(before.HeapAlloc))/5000, f.levels.Len())
	if n := f.levels.Len(); n > 3 {
		t.Errorf("%d levels are compiled", n)
	}
	begin = time.Now()
	n := 0
	for _, err := range f.Accounts(t.Context(), *f.org.Id) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	t.Logf("a walk over %d accounts: %v", n, time.Since(begin))
	if n != 5001 {
		t.Errorf("%d accounts", n)
	}
	var token *string
	for n = 0; ; {
		out := must(f.ListTargetsForPolicy(f.boss, &api.ListTargetsForPolicyRequest{PolicyId: fullAccess, NextToken: token}))(t)
		n += len(out.Targets)
		if token = out.NextToken; token == nil {
			break
		}
	}
	if units := len(must(f.units.List(t.Context(), f.Store, *f.org.Id+"/", "", 0))(t)); n != 5001+units+1 {
		t.Errorf("FullAWSAccess has %d targets, with %d OUs", n, units)
	}
}

func BenchmarkBounds(b *testing.B) {
	f, ids := filled(b, 1000, 100)
	ctx := b.Context()
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if _, err := f.Bounds(ctx, ids[i%len(ids)]); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

func BenchmarkListAccounts(b *testing.B) {
	f, _ := filled(b, 5000, 100)
	b.ReportAllocs()
	for b.Loop() {
		must(f.ListAccounts(f.boss, &api.ListAccountsRequest{}))(b)
	}
}

func BenchmarkMerge(b *testing.B) {
	levels := levelsOf(b, inheritance[2].levels)
	b.ReportAllocs()
	for b.Loop() {
		merge(levels)
	}
}
