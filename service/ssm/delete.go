package ssm

import (
	"context"
	"slices"
	"strings"

	ssmapi "bartizan.dev/api/ssm"
	"bartizan.dev/store"
)

// DeleteParameter deletes a parameter with all its versions.
// https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DeleteParameter.html
func (s *Service) DeleteParameter(ctx context.Context, in *ssmapi.DeleteParameterRequest) (*ssmapi.DeleteParameterResult, error) {
	gone, err := s.remove(ctx, []string{in.Name})
	if err != nil {
		return nil, err
	}
	if len(gone) == 0 {
		return nil, notFound()
	}
	return &ssmapi.DeleteParameterResult{}, nil
}

// DeleteParameters deletes up to ten parameters. Those that are not there are
// listed, and no error.
// https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DeleteParameters.html
func (s *Service) DeleteParameters(ctx context.Context, in *ssmapi.DeleteParametersRequest) (*ssmapi.DeleteParametersResult, error) {
	gone, err := s.remove(ctx, in.Names)
	if err != nil {
		return nil, err
	}
	out := &ssmapi.DeleteParametersResult{DeletedParameters: gone, InvalidParameters: []string{}}
	for _, name := range in.Names {
		if !slices.Contains(gone, name) && !slices.Contains(out.InvalidParameters, name) {
			out.InvalidParameters = append(out.InvalidParameters, name)
		}
	}
	return out, nil
}

func (s *Service) remove(ctx context.Context, names []string) (gone []string, err error) {
	at := placeOf(ctx)
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		gone = []string{}
		for _, name := range names {
			p, err := s.find(ctx, tx, at, strings.TrimSpace(name))
			if err != nil {
				return err
			}
			if p == nil {
				continue
			}
			if err := s.drop(ctx, tx, p); err != nil {
				return err
			}
			gone = append(gone, name)
		}
		return nil
	})
	return gone, err
}
