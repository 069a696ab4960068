package server

import (
	"context"

	sqsapi "bartizan.dev/api/sqs"
	"bartizan.dev/gateway"
	"bartizan.dev/service/sqs"
	"bartizan.dev/store"
)

// openSQS builds SQS.
func (s *Server) openSQS(ctx context.Context) (gateway.Service, error) {
	q, err := sqs.New(ctx, sqs.Deps{Store: store.View(s.store, "sqs/"), Clock: s.clock, Log: s.log, URL: s.endpoint, Bind: s.iam.BindPrincipals, Show: s.iam.ShowPrincipals})
	if err != nil {
		return gateway.Service{}, err
	}
	s.workers = append(s.workers, q)
	return gateway.Service{Model: sqsapi.Model(), Operations: sqsapi.Operations(q), Rules: q.Rules(), Resource: sqs.Resource}, nil
}
