package accessanalyzer

import (
	"context"
	"strconv"

	accessanalyzerapi "bartizan.dev/api/accessanalyzer"
	"bartizan.dev/policy/lint"
)

// ValidatePolicy tells what is wrong with a policy or could be better. Findings
// are in English, whatever the locale.
// https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_ValidatePolicy.html
func (s *Service) ValidatePolicy(_ context.Context, in *accessanalyzerapi.ValidatePolicyRequest) (*accessanalyzerapi.ValidatePolicyResponse, error) {
	if in.Locale != "" && in.Locale != accessanalyzerapi.Locale_EN {
		return nil, invalid("Findings are written in English: locale %s is not supported", in.Locale)
	}
	if in.ValidatePolicyResourceType != "" && in.PolicyType != accessanalyzerapi.PolicyType_RESOURCE_POLICY {
		return nil, invalid("validatePolicyResourceType is for policies of type RESOURCE_POLICY")
	}
	n, err := limit(in.MaxResults, 100)
	if err != nil {
		return nil, err
	}
	first := 0
	if last, err := after(in.NextToken); err != nil {
		return nil, err
	} else if last != "" {
		if first, err = strconv.Atoi(last); err != nil || first < 0 {
			return nil, invalid("Invalid nextToken")
		}
	}
	all := lint.Validate([]byte(in.PolicyDocument), lint.Options{
		Type: lint.PolicyType(in.PolicyType), ResourceType: string(in.ValidatePolicyResourceType), Reference: s.Reference,
	})
	out := &accessanalyzerapi.ValidatePolicyResponse{Findings: []accessanalyzerapi.ValidatePolicyFinding{}}
	for i := first; i < min(first+n, len(all)); i++ {
		out.Findings = append(out.Findings, validation(&all[i]))
	}
	if first+n < len(all) {
		out.NextToken = token(strconv.Itoa(first + n))
	}
	return out, nil
}

func validation(f *lint.Finding) accessanalyzerapi.ValidatePolicyFinding {
	out := accessanalyzerapi.ValidatePolicyFinding{
		FindingDetails: f.Details, FindingType: accessanalyzerapi.ValidatePolicyFindingType(f.Type), IssueCode: f.Code, LearnMoreLink: f.LearnMore,
		Locations: []accessanalyzerapi.Location{},
	}
	for _, l := range f.Locations {
		one := accessanalyzerapi.Location{Path: []accessanalyzerapi.PathElement{}, Span: &accessanalyzerapi.Span{Start: place(l.Span.Start), End: place(l.Span.End)}}
		for _, p := range l.Path {
			e := accessanalyzerapi.PathElement{Key: p.Key, Value: p.Value}
			if p.Index != nil {
				e.Index = new(int32(*p.Index))
			}
			if p.Substring != nil {
				e.Substring = &accessanalyzerapi.Substring{Start: int32(p.Substring.Start), Length: int32(p.Substring.Length)}
			}
			one.Path = append(one.Path, e)
		}
		out.Locations = append(out.Locations, one)
	}
	return out
}

func place(p lint.Position) *accessanalyzerapi.Position {
	return &accessanalyzerapi.Position{Line: int32(p.Line), Column: int32(p.Column), Offset: int32(p.Offset)}
}
