package ssm

import (
	"context"
	"strconv"
	"strings"

	ssmapi "bartizan.dev/api/ssm"
	"bartizan.dev/wire"
)

// GetParameterHistory lists the versions of a parameter that are kept, the
// oldest first.
// https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameterHistory.html
func (s *Service) GetParameterHistory(ctx context.Context, in *ssmapi.GetParameterHistoryRequest) (*ssmapi.GetParameterHistoryResult, error) {
	pg, err := newPage(in.MaxResults, in.NextToken, 50)
	if err != nil {
		return nil, err
	}
	x, err := selectName(placeOf(ctx), in.Name)
	if err != nil {
		return nil, err
	}
	p, err := s.lookup(ctx, s.Store, x)
	if err != nil {
		return nil, err
	}
	if p == nil || x.selector != "" {
		return nil, notFound()
	}
	after := p.Oldest - 1
	if pg.after != "" {
		n, err := strconv.ParseInt(strings.TrimPrefix(pg.after, "#"), 10, 64)
		if err != nil || n < 0 {
			return nil, wire.Errorf("InvalidNextToken", "The specified token isn't valid.")
		}
		after = max(after, n)
	}
	out := &ssmapi.GetParameterHistoryResult{Parameters: []ssmapi.ParameterHistory{}}
	for n := after + 1; n <= p.Number; n++ {
		if len(out.Parameters) == pg.limit {
			out.NextToken = tokenAfter("#" + strconv.FormatInt(n-1, 10))
			break
		}
		v, err := s.versionOf(ctx, s.Store, p, n)
		if err != nil {
			return nil, err
		}
		if v == nil { // forgotten since
			continue
		}
		shown, err := s.shown(ctx, p, v, given(in.WithDecryption))
		if err != nil {
			return nil, err
		}
		out.Parameters = append(out.Parameters, ssmapi.ParameterHistory{
			Name: &p.Name, Type: shown.Type, KeyId: text(v.KeyID), LastModifiedDate: v.Modified, LastModifiedUser: &v.User, Description: text(v.Description),
			Value: shown.Value, AllowedPattern: text(v.Pattern), Version: &v.Number, Labels: p.labelsOf(n), Tier: ssmapi.ParameterTier(v.Tier),
			Policies: inline(v.Rules), DataType: &v.DataType,
		})
	}
	return out, nil
}
