package server

import (
	"context"
	"time"

	kmsapi "bartizan.dev/api/kms"
	snsapi "bartizan.dev/api/sns"
	sqsapi "bartizan.dev/api/sqs"
	"bartizan.dev/gateway"
	"bartizan.dev/service/sns"
	"bartizan.dev/service/sns/mail"
	"bartizan.dev/store"
)

// SMTP is the server that SNS sends e-mail by. An empty Server means none.
type SMTP struct {
	Server         string // host and port
	From           string // address that messages come from
	User, Password string
}

// openSNS builds SNS. An endpoint has 15 seconds to answer.
// https://docs.aws.amazon.com/sns/latest/dg/SendMessageToHttp.prepare.html
func (s *Server) openSNS(ctx context.Context) (gateway.Service, error) {
	d := sns.Deps{
		Store: store.View(s.store, "sns/"), Clock: s.clock, Log: s.log, Bind: s.iam.BindPrincipals, Show: s.iam.ShowPrincipals, Quotas: s.opt.Quotas.SNS,
		KMS: kmsapi.Client{Door: inner{s, "sns.amazonaws.com"}}, HTTP: outside(15*time.Second, s.opt.Dev), URL: s.endpoint,
		Queues: sqsapi.Client{Door: inner{s, ""}},
	}
	if m := s.opt.SMTP; m.Server != "" {
		d.Mail = &mail.Sender{Server: m.Server, Address: m.From, User: m.User, Password: m.Password}
	}
	n, err := sns.New(ctx, d)
	if err != nil {
		return gateway.Service{}, err
	}
	s.sns = n
	s.workers = append(s.workers, n)
	return gateway.Service{Model: snsapi.Model(), Operations: snsapi.Operations(n), Rules: n.Rules(), Resource: sns.Resource}, nil
}
