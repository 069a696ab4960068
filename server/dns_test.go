package server_test

import (
	"testing"
	"time"

	route53api "bartizan.dev/api/route53"
	"bartizan.dev/bartizantest"
	"bartizan.dev/server"

	"github.com/miekg/dns"
)

// TestHostedZone: through the front door, a zone is made and answered over UDP
// and TCP; a batch is answered within 100 ms of its answer; a deleted zone is
// refused.
func TestHostedZone(t *testing.T) {
	s := bartizantest.New(t, bartizantest.Change(func(o *server.Options) {
		o.DNS, o.NameServers = "127.0.0.1:0", []string{"ns1.example.net", "ns2.example.net"}
	}))
	client := route53api.Client{Door: s.Door(s.Root(), bartizantest.Region, route53api.Operations(route53api.Unimplemented{}))}
	made, err := client.CreateHostedZone(t.Context(), &route53api.CreateHostedZoneRequest{Name: "Example.test", CallerReference: "one"})
	if err != nil {
		t.Fatal(err)
	}
	change := func(action route53api.ChangeAction, value string) error {
		_, err := client.ChangeResourceRecordSets(t.Context(), &route53api.ChangeResourceRecordSetsRequest{
			HostedZoneId: made.HostedZone.Id,
			ChangeBatch: &route53api.ChangeBatch{Changes: []route53api.Change{{Action: action, ResourceRecordSet: &route53api.ResourceRecordSet{
				Name: "www.example.test", Type: route53api.RRType_A, TTL: new(int64(60)), ResourceRecords: []route53api.ResourceRecord{{Value: value}},
			}}}},
		})
		return err
	}
	in := func(network, name string, typ uint16) *dns.Msg {
		t.Helper()
		r, _, err := (&dns.Client{Net: network}).Exchange(new(dns.Msg).SetQuestion(name, typ), s.Server().DNS())
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if err := change(route53api.ChangeAction_CREATE, "192.0.2.1"); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for len(in("udp", "www.example.test.", dns.TypeA).Answer) == 0 {
		if time.Since(began) > 5*time.Second {
			t.Fatal("a change is not answered")
		}
	}
	t.Logf("a change was answered after %v", time.Since(began))
	got, err := client.GetChange(t.Context(), &route53api.GetChangeRequest{Id: made.ChangeInfo.Id})
	if err != nil || got.ChangeInfo.Status != route53api.ChangeStatus_INSYNC {
		t.Error(got, err)
	}
	if r := in("tcp", "example.test.", dns.TypeNS); len(r.Answer) != 2 || r.Answer[0].(*dns.NS).Ns != "ns1.example.net." || r.Answer[0].Header().Ttl != 172800 {
		t.Error(r)
	}
	if r := in("tcp", "none.example.test.", dns.TypeA); r.Rcode != dns.RcodeNameError || r.Ns[0].Header().Ttl != 900 {
		t.Error(r)
	}
	if err := change(route53api.ChangeAction_DELETE, "192.0.2.1"); err != nil {
		t.Fatal(err)
	}
	gone, err := client.DeleteHostedZone(t.Context(), &route53api.DeleteHostedZoneRequest{Id: made.HostedZone.Id})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.GetChange(t.Context(), &route53api.GetChangeRequest{Id: gone.ChangeInfo.Id}); err != nil {
		t.Fatal(err)
	}
	if r := in("udp", "example.test.", dns.TypeSOA); r.Rcode != dns.RcodeRefused {
		t.Error(r)
	}
}
