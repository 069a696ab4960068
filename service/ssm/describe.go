package ssm

import (
	"context"
	"strings"

	ssmapi "bartizan.dev/api/ssm"
)

// DescribeParameters lists parameters without their values. Those that other
// accounts share are promoted by Resource Access Manager, which is not here, so
// none are listed for Shared.
// https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DescribeParameters.html
func (s *Service) DescribeParameters(ctx context.Context, in *ssmapi.DescribeParametersRequest) (*ssmapi.DescribeParametersResult, error) {
	p, err := newPage(in.MaxResults, in.NextToken, 50)
	if err != nil {
		return nil, err
	}
	if len(in.Filters) > 0 && len(in.ParameterFilters) > 0 {
		return nil, invalid("You can use either Filters or ParameterFilters in a single request.")
	}
	fs, err := newFilters(in.ParameterFilters, described)
	if err != nil {
		return nil, err
	}
	fs = append(fs, legacyFilters(in.Filters)...)
	out := &ssmapi.DescribeParametersResult{Parameters: []ssmapi.ParameterMetadata{}}
	if given(in.Shared) {
		return out, nil
	}
	found, next, err := s.list(ctx, placeOf(ctx), fs.prefix(), p, fs.match)
	if err != nil {
		return nil, err
	}
	for _, p := range found {
		out.Parameters = append(out.Parameters, metadata(p))
	}
	out.NextToken = next
	return out, nil
}

// prefix is what all names that match begin with.
func (fs filters) prefix() string {
	for i := range fs {
		f := &fs[i]
		switch {
		case len(f.values) != 1:
		case f.key == "Path":
			return strings.TrimSuffix(f.values[0], "/") + "/"
		case f.key == "Name" && f.option != "Contains":
			return f.values[0]
		}
	}
	return ""
}

func metadata(p *parameter) ssmapi.ParameterMetadata {
	return ssmapi.ParameterMetadata{
		Name: &p.Name, ARN: new(p.arn()), Type: ssmapi.ParameterType(p.Type), KeyId: text(p.KeyID), LastModifiedDate: p.Modified, LastModifiedUser: &p.User,
		Description: text(p.Description), AllowedPattern: text(p.Pattern), Version: &p.Number, Tier: ssmapi.ParameterTier(p.Tier),
		Policies: inline(p.Rules), DataType: &p.DataType,
	}
}

// text is nil for what was never given.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
