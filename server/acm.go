package server

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"net"
	"strings"

	acmapi "bartizan.dev/api/acm"
	"bartizan.dev/gateway"
	"bartizan.dev/pki"
	"bartizan.dev/service/acm"
	"bartizan.dev/service/events"
	"bartizan.dev/store"

	"github.com/miekg/dns"
)

// openACM builds Certificate Manager. Its private keys are encrypted under a key
// of its own in KMS, and its authority's keys are KMS's.
func (s *Server) openACM() gateway.Service {
	a := acm.New(acm.Deps{
		Store: store.View(s.store, "acm/"), Clock: s.clock, Log: s.log, Quotas: s.opt.Quotas.ACM,
		Seal: func(ctx context.Context, region string) (acm.Sealer, error) { return s.kms.Own(ctx, region, "acm") },
		Sign: func(ctx context.Context, region, name string) (crypto.Signer, error) {
			return s.kms.OwnSigner(ctx, region, "acm", name)
		},
		CNAME: s.cname, URL: s.endpoint, Profile: s.profile(),
		Event: func(ctx context.Context, account, region, detailType string, resources []string, detail []byte) error {
			return s.happenings.Happened(ctx, &events.Happening{Account: account, Region: region, Source: "aws.acm", DetailType: detailType, Resources: resources, Detail: detail})
		},
	})
	s.workers = append(s.workers, a)
	s.authors = a.Handler()
	return gateway.Service{Model: acmapi.Model(), Operations: acmapi.Operations(a), Rules: a.Rules(), Resource: acm.Resource}
}

func (s *Server) profile() func() *pki.Profile {
	if s.opt.PublicProfile {
		return pki.Public
	}
	return pki.Private
}

// cname tells what a name is an alias of: the server's own hosted zones are asked
// first, unless a resolver is named. A name that is none, or not there, gives "".
func (s *Server) cname(ctx context.Context, name string) (string, error) {
	q := new(dns.Msg).SetQuestion(dns.Fqdn(name), dns.TypeCNAME)
	q.SetEdns0(1232, false)
	at := s.opt.Resolver
	if own := s.DNS(); at == "" && own != "" {
		r, err := ask(ctx, q, own)
		if err != nil {
			return "", err
		}
		if r.Rcode != dns.RcodeRefused { // the name is in a zone of ours
			return alias(r, own)
		}
	}
	if at == "" {
		c, err := dns.ClientConfigFromFile("/etc/resolv.conf")
		if err != nil || len(c.Servers) == 0 {
			return "", errors.Join(errors.New("no resolver is configured: name one by --resolver"), err)
		}
		at = net.JoinHostPort(c.Servers[0], c.Port)
	}
	r, err := ask(ctx, q, at)
	if err != nil {
		return "", err
	}
	return alias(r, at)
}

func ask(ctx context.Context, q *dns.Msg, at string) (*dns.Msg, error) {
	r, _, err := new(dns.Client).ExchangeContext(ctx, q, at)
	if err == nil && r.Truncated {
		r, _, err = (&dns.Client{Net: "tcp"}).ExchangeContext(ctx, q, at)
	}
	return r, err
}

// alias is the target in an answer about a CNAME.
func alias(r *dns.Msg, at string) (string, error) {
	if r.Rcode != dns.RcodeSuccess && r.Rcode != dns.RcodeNameError {
		return "", fmt.Errorf("the resolver at %s answers %s", at, dns.RcodeToString[r.Rcode])
	}
	for _, rr := range r.Answer {
		if c, ok := rr.(*dns.CNAME); ok && strings.EqualFold(c.Hdr.Name, r.Question[0].Name) {
			return strings.TrimSuffix(c.Target, "."), nil
		}
	}
	return "", nil
}
