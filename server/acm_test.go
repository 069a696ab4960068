package server_test

import (
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	acmapi "bartizan.dev/api/acm"
	cloudtrailapi "bartizan.dev/api/cloudtrail"
	route53api "bartizan.dev/api/route53"
	"bartizan.dev/bartizantest"
	"bartizan.dev/server"

	"github.com/miekg/dns"
)

// resolver answers CNAMEs on loopback, and everything else by NXDOMAIN.
type resolver struct {
	mu    sync.Mutex
	names map[string]string
}

func (r *resolver) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	r.mu.Lock()
	target := r.names[q.Question[0].Name]
	r.mu.Unlock()
	m := new(dns.Msg).SetReply(q)
	if target == "" || q.Question[0].Qtype != dns.TypeCNAME {
		m.Rcode = dns.RcodeNameError
	} else {
		m.Answer = []dns.RR{&dns.CNAME{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeCNAME, Class: dns.ClassINET}, Target: target}}
	}
	w.WriteMsg(m) //nolint:errcheck // the test's own asker
}

func newResolver(t *testing.T) (r *resolver, addr string) {
	t.Helper()
	r = &resolver{names: map[string]string{}}
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &dns.Server{PacketConn: conn, Handler: r}
	var running sync.WaitGroup
	running.Go(func() {
		if err := s.ActivateAndServe(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		if err := s.Shutdown(); err != nil {
			t.Error(err)
		}
		running.Wait()
	})
	return r, conn.LocalAddr().String()
}

// TestCertificate: through the front door, a certificate is requested, proved by
// a record that a real resolver answers, and issued by keys of KMS; its private
// key is in no trail.
func TestCertificate(t *testing.T) {
	zone, addr := newResolver(t)
	certificate(t, bartizantest.New(t, bartizantest.Change(func(o *server.Options) { o.Resolver = addr })), func(r *acmapi.ResourceRecord) {
		zone.mu.Lock()
		defer zone.mu.Unlock()
		zone.names[r.Name] = r.Value
	})
}

// TestCertificateOfOwnZone: the record is in a hosted zone of the server, which
// needs no resolver then.
func TestCertificateOfOwnZone(t *testing.T) {
	s := bartizantest.New(t, bartizantest.Change(func(o *server.Options) { o.DNS = "127.0.0.1:0" }))
	names := route53api.Client{Door: s.Door(s.Root(), bartizantest.Region, route53api.Operations(route53api.Unimplemented{}))}
	zone, err := names.CreateHostedZone(t.Context(), &route53api.CreateHostedZoneRequest{Name: "example.com", CallerReference: "one"})
	if err != nil {
		t.Fatal(err)
	}
	certificate(t, s, func(r *acmapi.ResourceRecord) {
		_, err := names.ChangeResourceRecordSets(t.Context(), &route53api.ChangeResourceRecordSetsRequest{
			HostedZoneId: strings.TrimPrefix(zone.HostedZone.Id, "/hostedzone/"),
			ChangeBatch: &route53api.ChangeBatch{Changes: []route53api.Change{{Action: route53api.ChangeAction_CREATE, ResourceRecordSet: &route53api.ResourceRecordSet{
				Name: r.Name, Type: route53api.RRType_CNAME, TTL: new(int64(300)), ResourceRecords: []route53api.ResourceRecord{{Value: r.Value}},
			}}}},
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// certificate requests a certificate, has its record written, and exports it.
func certificate(t *testing.T, s *bartizantest.Server, write func(*acmapi.ResourceRecord)) {
	t.Helper()
	acm := acmapi.Client{Door: s.Door(s.Root(), bartizantest.Region, acmapi.Operations(acmapi.Unimplemented{}))}
	ctx := t.Context()
	made, err := acm.RequestCertificate(ctx, &acmapi.RequestCertificateRequest{
		DomainName: "www.example.com", ValidationMethod: acmapi.ValidationMethod_DNS, KeyAlgorithm: acmapi.KeyAlgorithm_EC_prime256v1,
		Options: &acmapi.CertificateOptions{Export: acmapi.CertificateExport_ENABLED},
	})
	if err != nil {
		t.Fatal(err)
	}
	describe := func() *acmapi.CertificateDetail {
		t.Helper()
		out, err := acm.DescribeCertificate(ctx, &acmapi.DescribeCertificateRequest{CertificateArn: *made.CertificateArn})
		if err != nil {
			t.Fatal(err)
		}
		return out.Certificate
	}
	write(describe().DomainValidationOptions[0].ResourceRecord)
	export := func() (*acmapi.ExportCertificateResponse, error) {
		return acm.ExportCertificate(ctx, &acmapi.ExportCertificateRequest{CertificateArn: *made.CertificateArn, Passphrase: []byte("open sesame")})
	}
	if _, err := export(); err == nil || !strings.Contains(err.Error(), "RequestInProgressException") {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); describe().Status != acmapi.CertificateStatus_ISSUED; {
		if time.Now().After(deadline) {
			t.Fatalf("%+v", describe())
		}
		s.Advance(time.Minute)
	}
	out, err := export()
	if err != nil || !strings.HasPrefix(*out.PrivateKey, "-----BEGIN ENCRYPTED PRIVATE KEY-----") {
		t.Fatal(err, out)
	}
	trail := cloudtrailapi.Client{Door: s.Door(s.Root(), bartizantest.Region, cloudtrailapi.Operations(cloudtrailapi.Unimplemented{}))}
	looked, err := trail.LookupEvents(ctx, &cloudtrailapi.LookupEventsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	var events strings.Builder
	for _, e := range looked.Events {
		events.WriteString(*e.CloudTrailEvent)
	}
	if text := events.String(); !strings.Contains(text, "ExportCertificate") || strings.Contains(text, "ENCRYPTED PRIVATE KEY") || strings.Contains(text, "b3BlbiBzZXNhbWU") {
		t.Error("the trail lacks the export, or has secrets of it")
	}
}
