package ssm

import (
	"context"
	"strings"

	ssmapi "bartizan.dev/api/ssm"
)

// GetParametersByPath returns the parameters of a hierarchy: those one level
// below the path, or all below it. Who may read the path gets them all.
// https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParametersByPath.html
func (s *Service) GetParametersByPath(ctx context.Context, in *ssmapi.GetParametersByPathRequest) (*ssmapi.GetParametersByPathResult, error) {
	path := strings.TrimSpace(in.Path)
	if err := checkPath(path); err != nil {
		return nil, err
	}
	p, err := newPage(in.MaxResults, in.NextToken, 10)
	if err != nil {
		return nil, err
	}
	filters, err := newFilters(in.ParameterFilters, byPath)
	if err != nil {
		return nil, err
	}
	below := strings.TrimSuffix(path, "/") + "/"
	if path == "/" { // names without a hierarchy are at its root
		below = ""
	}
	found, next, err := s.list(ctx, placeOf(ctx), below, p, func(p *parameter) bool {
		rest := p.Name[len(below):]
		if below == "" {
			rest = strings.TrimPrefix(rest, "/")
		}
		return (given(in.Recursive) || !strings.Contains(rest, "/")) && filters.match(p)
	})
	if err != nil {
		return nil, err
	}
	out := &ssmapi.GetParametersByPathResult{Parameters: []ssmapi.Parameter{}, NextToken: next}
	for _, p := range found {
		v, err := s.versionOf(ctx, s.Store, p, filters.version(p))
		if err != nil {
			return nil, err
		}
		if v == nil { // deleted since
			continue
		}
		shown, err := s.shown(ctx, p, v, given(in.WithDecryption))
		if err != nil {
			return nil, err
		}
		out.Parameters = append(out.Parameters, *shown)
	}
	return out, nil
}

func checkPath(path string) error {
	if !isName(path) || path[0] != '/' || strings.Contains(path, "//") {
		return invalid(`The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash "/". ` +
			`It can't be prefixed with "aws" or "ssm" (case-insensitive). It must use only letters, numbers, or the following symbols: . (period), - (hyphen), _ (underscore). ` +
			`Special characters are not allowed. All sub-paths, if specified, must use the forward slash symbol "/". Valid example: /get/parameters2-/by1./path0_.`)
	}
	return nil
}
