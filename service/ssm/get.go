package ssm

import (
	"context"
	"errors"
	"slices"
	"strings"

	ssmapi "bartizan.dev/api/ssm"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// GetParameter returns a version of a parameter, the newest without a selector.
// https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html
func (s *Service) GetParameter(ctx context.Context, in *ssmapi.GetParameterRequest) (*ssmapi.GetParameterResult, error) {
	p, err := s.get(ctx, in.Name, given(in.WithDecryption))
	if err != nil {
		return nil, err
	}
	return &ssmapi.GetParameterResult{Parameter: p}, nil
}

// GetParameters returns up to ten parameters. Those that are not there are
// listed, and no error.
// https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameters.html
func (s *Service) GetParameters(ctx context.Context, in *ssmapi.GetParametersRequest) (*ssmapi.GetParametersResult, error) {
	out := &ssmapi.GetParametersResult{Parameters: []ssmapi.Parameter{}, InvalidParameters: []string{}}
	for i, name := range in.Names {
		if slices.Contains(in.Names[:i], name) {
			continue
		}
		p, err := s.get(ctx, name, given(in.WithDecryption))
		switch {
		case err == nil:
			out.Parameters = append(out.Parameters, *p)
		case isMissing(err):
			out.InvalidParameters = append(out.InvalidParameters, name)
		default:
			return nil, err
		}
	}
	return out, nil
}

func isMissing(err error) bool {
	e, ok := errors.AsType[*wire.Error](err)
	return ok && (e.Code == "ParameterNotFound" || e.Code == "ParameterVersionNotFound")
}

func (s *Service) get(ctx context.Context, text string, decrypt bool) (*ssmapi.Parameter, error) {
	if isReference(text) {
		return s.secret(ctx, text, decrypt)
	}
	x, err := selectName(placeOf(ctx), text)
	if err != nil {
		return nil, err
	}
	p, err := s.lookup(ctx, s.Store, x)
	if err != nil {
		return nil, err
	}
	if p == nil {
		return nil, notFound()
	}
	n := x.version(p)
	v, err := s.versionOf(ctx, s.Store, p, n)
	if err != nil {
		return nil, err
	}
	if v == nil {
		return nil, noVersion(x.selector[1:], x.name)
	}
	out, err := s.shown(ctx, p, v, decrypt)
	if err == nil && x.selector != "" {
		out.Selector = &x.selector
	}
	return out, err
}

// lookup finds the parameter that was asked for. An ARN does not tell whether
// the name begins with a slash.
func (s *Service) lookup(ctx context.Context, r store.Reader, x selected) (*parameter, error) {
	p, err := s.find(ctx, r, x.place, x.name)
	if p == nil && err == nil && x.byARN && !strings.HasPrefix(x.name, "/") {
		p, err = s.find(ctx, r, x.place, "/"+x.name)
	}
	return p, err
}

// shown is a version as the Get operations answer it. A SecureString that is
// not decrypted is answered as it is stored.
func (s *Service) shown(ctx context.Context, p *parameter, v *version, decrypt bool) (*ssmapi.Parameter, error) {
	value, arn := v.Value, p.arn()
	if v.Type == typeSecure && decrypt {
		var err error
		if value, err = s.open(ctx, arn, v.Tier, v.Value); err != nil {
			return nil, err
		}
	}
	return &ssmapi.Parameter{
		Name: &p.Name, Type: ssmapi.ParameterType(v.Type), Value: &value, Version: &v.Number, LastModifiedDate: v.Modified, ARN: &arn, DataType: &v.DataType,
	}, nil
}
