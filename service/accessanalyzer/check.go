package accessanalyzer

import (
	"context"
	"errors"

	accessanalyzerapi "bartizan.dev/api/accessanalyzer"
	"bartizan.dev/arn"
	"bartizan.dev/policy"
	"bartizan.dev/policy/analysis"
	"bartizan.dev/wire"
)

func accountOf(name string) string {
	a, err := arn.Parse(name)
	if err != nil {
		return ""
	}
	return a.Account
}

// document reads a policy that a check is asked about.
func document(text string) (*policy.Document, error) {
	doc, err := policy.Parse([]byte(text))
	if err != nil {
		return nil, invalidDocument(err)
	}
	return doc, nil
}

func invalidDocument(err error) *wire.Error {
	return wire.Errorf("InvalidParameterException", "The policy document is invalid: %s", err.Error()).With(err)
}

func policyType(t accessanalyzerapi.AccessCheckPolicyType) policy.Type {
	if t == accessanalyzerapi.AccessCheckPolicyType_RESOURCE_POLICY {
		return policy.Resource
	}
	return policy.Identity
}

// undecided is the answer to a question that cannot be decided exactly.
func undecided(err error) error {
	if _, ok := errors.AsType[*analysis.UnsupportedError](err); ok || errors.Is(err, analysis.ErrTooComplex) {
		return wire.Errorf("UnprocessableEntityException", "The specified entity could not be processed: %s", err.Error()).WithStatus(422)
	}
	if _, ok := errors.AsType[*policy.Error](err); ok {
		return invalidDocument(err)
	}
	return err
}

// CheckNoNewAccess decides whether a new policy grants anything that the
// existing one does not.
// https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_CheckNoNewAccess.html
func (s *Service) CheckNoNewAccess(_ context.Context, in *accessanalyzerapi.CheckNoNewAccessRequest) (*accessanalyzerapi.CheckNoNewAccessResponse, error) {
	updated, err := document(in.NewPolicyDocument)
	if err != nil {
		return nil, err
	}
	existing, err := document(in.ExistingPolicyDocument)
	if err != nil {
		return nil, err
	}
	r, err := s.exact.NoNewAccess([]*policy.Document{existing}, []*policy.Document{updated}, policyType(in.PolicyType))
	if err != nil {
		return nil, undecided(err)
	}
	out := &accessanalyzerapi.CheckNoNewAccessResponse{Result: accessanalyzerapi.CheckNoNewAccessResult_PASS, Message: &r.Message, Reasons: reasons(r)}
	if !r.Pass {
		out.Result = accessanalyzerapi.CheckNoNewAccessResult_FAIL
	}
	return out, nil
}

// CheckAccessNotGranted decides whether a policy grants none of the given
// access: any of the actions on any of the resources, for each element.
// https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_CheckAccessNotGranted.html
func (s *Service) CheckAccessNotGranted(_ context.Context, in *accessanalyzerapi.CheckAccessNotGrantedRequest) (*accessanalyzerapi.CheckAccessNotGrantedResponse, error) {
	doc, err := document(in.PolicyDocument)
	if err != nil {
		return nil, err
	}
	out := &accessanalyzerapi.CheckAccessNotGrantedResponse{Result: accessanalyzerapi.CheckAccessNotGrantedResult_PASS}
	for _, a := range in.Access {
		if len(a.Actions) == 0 && len(a.Resources) == 0 {
			return nil, wire.Errorf("InvalidParameterException", "Each access must have actions or resources")
		}
		r, err := s.exact.NotGranted(doc, policyType(in.PolicyType), a.Actions, a.Resources)
		if err != nil {
			return nil, undecided(err)
		}
		if out.Message == nil || !r.Pass {
			out.Message = &r.Message
		}
		if !r.Pass {
			out.Result = accessanalyzerapi.CheckAccessNotGrantedResult_FAIL
			out.Reasons = append(out.Reasons, reasons(r)...)
		}
	}
	return out, nil
}

// CheckNoPublicAccess decides whether the policy of a resource grants public
// access.
// https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_CheckNoPublicAccess.html
func (s *Service) CheckNoPublicAccess(_ context.Context, in *accessanalyzerapi.CheckNoPublicAccessRequest) (*accessanalyzerapi.CheckNoPublicAccessResponse, error) {
	doc, err := document(in.PolicyDocument)
	if err != nil {
		return nil, err
	}
	r, err := s.exact.Public(doc, string(in.ResourceType))
	if err != nil {
		return nil, undecided(err)
	}
	out := &accessanalyzerapi.CheckNoPublicAccessResponse{Result: accessanalyzerapi.CheckNoPublicAccessResult_PASS, Message: &r.Message, Reasons: reasons(r)}
	if !r.Pass {
		out.Result = accessanalyzerapi.CheckNoPublicAccessResult_FAIL
	}
	return out, nil
}

func reasons(r *analysis.Result) (out []accessanalyzerapi.ReasonSummary) {
	for i := range r.Reasons {
		one := &r.Reasons[i]
		out = append(out, accessanalyzerapi.ReasonSummary{
			Description: &one.Description, StatementIndex: new(int32(one.Statement)), StatementId: nonempty(one.Sid),
		})
	}
	return out
}
