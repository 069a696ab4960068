package iam

import (
	"slices"
	"strings"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/arn"
)

// exclude leaves out the policies that the list names, to tell what would be
// if they were removed. What names no policy of src is ignored, as AWS says.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_PolicyIdentifier.html
func (src *source) exclude(list []iamapi.PolicyIdentifier) error {
	for i := range list {
		leave, err := exclusion(&list[i])
		if err != nil {
			return err
		}
		src.policies = slices.DeleteFunc(src.policies, leave)
		if list[i].PolicyType == iamapi.PolicyIdentifierPolicyType_permission_boundary {
			src.boundedBy = nil
		}
	}
	return nil
}

// exclusion reports by its result which policies an identifier names.
func exclusion(id *iamapi.PolicyIdentifier) (func(sourcePolicy) bool, error) {
	switch {
	case id.PolicyType != "" && id.PolicyArn == nil && id.InlinePolicyIdentifier == nil:
		return func(p sourcePolicy) bool { return p.is(id.PolicyType) }, nil
	case id.PolicyArn != nil && id.PolicyType == "" && id.InlinePolicyIdentifier == nil:
		if err := checkExcludedARN(*id.PolicyArn); err != nil {
			return nil, err
		}
		return func(p sourcePolicy) bool { return p.arn != "" && fits(*id.PolicyArn, p.arn) }, nil
	case id.InlinePolicyIdentifier != nil && id.PolicyType == "" && id.PolicyArn == nil:
		in := id.InlinePolicyIdentifier
		if strings.Count(in.AttachmentName, "*") > 1 {
			return nil, invalidInput("AttachmentName %s has more than one *.", in.AttachmentName)
		}
		return func(p sourcePolicy) bool {
			return p.arn == "" && p.inline == in.PolicyName && string(p.kind) == string(in.AttachmentType) && fits(fold(in.AttachmentName), fold(p.owner))
		}, nil
	}
	return nil, invalidInput("A policy identifier must have exactly one of PolicyType, PolicyArn and InlinePolicyIdentifier.")
}

// is reports whether p is one of the attached policies of the type. Boundaries
// and the organization's policies are not among them.
func (p *sourcePolicy) is(t iamapi.PolicyIdentifierPolicyType) bool {
	switch t {
	case iamapi.PolicyIdentifierPolicyType_inline:
		return p.arn == ""
	case iamapi.PolicyIdentifierPolicyType_aws_managed:
		return p.arn != "" && ofAWS(p.arn)
	case iamapi.PolicyIdentifierPolicyType_user_managed:
		return p.arn != "" && !ofAWS(p.arn)
	}
	return false
}

func ofAWS(name string) bool {
	a, err := arn.Parse(name)
	return err == nil && a.Account == "aws"
}

// checkExcludedARN: wildcards may stand in the resource name alone, and one *
// at most.
func checkExcludedARN(name string) error {
	if err := checkPolicyARN(name); err != nil {
		return invalidInput("ARN %s is not valid.", name)
	}
	a, err := arn.Parse(name)
	head := strings.TrimSuffix(name, a.Resource)
	if err != nil || strings.ContainsAny(head, "*?") || strings.Count(a.Resource, "*") > 1 {
		return invalidInput("ARN %s is not valid.", name)
	}
	return nil
}

// fits reports whether name matches a pattern in which ? stands for any one
// character and * , at most once, for any number of them.
func fits(pattern, name string) bool {
	head, tail, star := strings.Cut(pattern, "*")
	if !star {
		return len(head) == len(name) && like(head, name)
	}
	return len(head)+len(tail) <= len(name) && like(head, name[:len(head)]) && like(tail, name[len(name)-len(tail):])
}

// like compares two strings of the same length.
func like(pattern, name string) bool {
	for i := range len(pattern) {
		if pattern[i] != '?' && pattern[i] != name[i] {
			return false
		}
	}
	return true
}
