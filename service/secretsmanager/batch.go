package secretsmanager

import (
	"context"

	secretsmanagerapi "bartizan.dev/api/secretsmanager"
	"bartizan.dev/wire"
)

// maxBatch is how many secrets one call may have.
const maxBatch = 20

// BatchGetSecretValue opens the current values of several secrets. Each is asked
// for through the inner door: it has its own decision and its own event.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_BatchGetSecretValue.html
func (s *Service) BatchGetSecretValue(ctx context.Context, in *secretsmanagerapi.BatchGetSecretValueRequest) (*secretsmanagerapi.BatchGetSecretValueResponse, error) {
	switch {
	case (len(in.SecretIdList) == 0) == (len(in.Filters) == 0):
		return nil, invalidParameter("Either 'SecretIdList' or 'Filters' must be provided, but not both.")
	case in.MaxResults != nil && len(in.Filters) == 0:
		return nil, invalidParameter("'Filters' not specified. 'Filters' must also be specified when 'MaxResults' is provided.")
	case in.NextToken != nil && len(in.Filters) == 0:
		return nil, invalidParameter("'Filters' not specified. 'Filters' must also be specified when 'NextToken' is provided.")
	}
	ids := in.SecretIdList
	out := &secretsmanagerapi.BatchGetSecretValueResponse{SecretValues: []secretsmanagerapi.SecretValueEntry{}, Errors: []secretsmanagerapi.APIErrorType{}}
	if len(in.Filters) > 0 {
		f, err := newFilters(in.Filters)
		if err != nil {
			return nil, err
		}
		p, err := newPage(in.MaxResults, in.NextToken)
		if err != nil {
			return nil, err
		}
		p.limit = min(p.limit, maxBatch)
		list, next, err := s.page(ctx, placeOf(ctx), p, func(v *secret) bool { return v.Deleted.IsZero() && f.match(v) }, order(""), false)
		if err != nil {
			return nil, err
		}
		out.NextToken = next
		for _, v := range list {
			ids = append(ids, v.arn())
		}
	}
	for _, id := range ids {
		got, err := s.Self.GetSecretValue(ctx, &secretsmanagerapi.GetSecretValueRequest{SecretId: id})
		if err != nil {
			e := wire.AsError(err)
			if e.Fault {
				return nil, err
			}
			out.Errors = append(out.Errors, secretsmanagerapi.APIErrorType{SecretId: &id, ErrorCode: &e.Code, Message: &e.Message})
			continue
		}
		out.SecretValues = append(out.SecretValues, secretsmanagerapi.SecretValueEntry(*got))
	}
	return out, nil
}
