package iam

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/policy"
	"bartizan.dev/wire"
)

func (s *Service) versionRules() policy.Rules {
	return policy.Rules{
		"CreatePolicyVersion":     onPolicy(s, "CreatePolicyVersion", func(in *iamapi.CreatePolicyVersionRequest) string { return in.PolicyArn }),
		"DeletePolicyVersion":     onPolicy(s, "DeletePolicyVersion", func(in *iamapi.DeletePolicyVersionRequest) string { return in.PolicyArn }),
		"GetPolicyVersion":        onPolicy(s, "GetPolicyVersion", func(in *iamapi.GetPolicyVersionRequest) string { return in.PolicyArn }),
		"ListPolicyVersions":      onPolicy(s, "ListPolicyVersions", func(in *iamapi.ListPolicyVersionsRequest) string { return in.PolicyArn }),
		"SetDefaultPolicyVersion": onPolicy(s, "SetDefaultPolicyVersion", func(in *iamapi.SetDefaultPolicyVersionRequest) string { return in.PolicyArn }),
	}
}

// CreatePolicyVersion adds a version to a managed policy. Numbers are never
// used twice.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicyVersion.html
func (s *Service) CreatePolicyVersion(ctx context.Context, in *iamapi.CreatePolicyVersionRequest) (*iamapi.CreatePolicyVersionResponse, error) {
	if err := s.checkManagedDocument(in.PolicyDocument); err != nil {
		return nil, err
	}
	var out *iamapi.PolicyVersion
	err := s.changePolicy(ctx, in.PolicyArn, func(p *managedPolicy) error {
		if limit := s.Quotas.VersionsPerPolicy; len(p.Versions) >= limit {
			return wire.Errorf("LimitExceeded", "A managed policy can have up to %d versions. Before you create a new version, you must delete an existing version.", limit).WithStatus(409)
		}
		v := policyVersion{p.Next, s.now(), in.PolicyDocument}
		p.Versions = append(p.Versions, v)
		p.Next++
		p.Updated = v.Created
		if in.SetAsDefault != nil && *in.SetAsDefault {
			p.Default = v.Number
		}
		out = p.apiVersion(v)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.CreatePolicyVersionResponse{PolicyVersion: out}, nil
}

// DeletePolicyVersion deletes a version that is not the default.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeletePolicyVersion.html
func (s *Service) DeletePolicyVersion(ctx context.Context, in *iamapi.DeletePolicyVersionRequest) (*iamapi.DeletePolicyVersionOutput, error) {
	err := s.changePolicy(ctx, in.PolicyArn, func(p *managedPolicy) error {
		i, err := p.version(in.VersionId)
		if err != nil {
			return err
		}
		if p.Versions[i].Number == p.Default {
			return conflict("Cannot delete the default version of a policy.")
		}
		p.Versions = slices.Delete(p.Versions, i, i+1)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.DeletePolicyVersionOutput{}, nil
}

// GetPolicyVersion returns the document of a version. Of AWS's own policies
// there is only the default version.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetPolicyVersion.html
func (s *Service) GetPolicyVersion(ctx context.Context, in *iamapi.GetPolicyVersionRequest) (*iamapi.GetPolicyVersionResponse, error) {
	if err := checkPolicyARN(in.PolicyArn); err != nil {
		return nil, err
	}
	if m, ok := s.Managed.Lookup(in.PolicyArn); ok {
		if in.VersionId != m.DefaultVersionID() {
			return nil, noSuchVersion(in.PolicyArn, in.VersionId)
		}
		_, document, _ := s.Managed.Get(in.PolicyArn)
		return &iamapi.GetPolicyVersionResponse{PolicyVersion: &iamapi.PolicyVersion{
			Document: new(encodeDocument(document)), VersionId: &in.VersionId, IsDefaultVersion: new(true), CreateDate: m.UpdateDate,
		}}, nil
	}
	p, err := s.ownPolicy(ctx, s.Store, in.PolicyArn)
	if err != nil {
		return nil, err
	}
	i, err := p.version(in.VersionId)
	if err != nil {
		return nil, err
	}
	out := p.apiVersion(p.Versions[i])
	out.Document = new(encodeDocument(p.Versions[i].Document))
	return &iamapi.GetPolicyVersionResponse{PolicyVersion: out}, nil
}

// ListPolicyVersions lists the versions, newest first, without documents.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListPolicyVersions.html
func (s *Service) ListPolicyVersions(ctx context.Context, in *iamapi.ListPolicyVersionsRequest) (*iamapi.ListPolicyVersionsResponse, error) {
	if err := checkPolicyARN(in.PolicyArn); err != nil {
		return nil, err
	}
	page, err := newPage(in.MaxItems, in.Marker)
	if err != nil {
		return nil, err
	}
	var versions []iamapi.PolicyVersion
	if m, ok := s.Managed.Lookup(in.PolicyArn); ok {
		versions = []iamapi.PolicyVersion{{VersionId: new(m.DefaultVersionID()), IsDefaultVersion: new(true), CreateDate: m.UpdateDate}}
	} else {
		p, err := s.ownPolicy(ctx, s.Store, in.PolicyArn)
		if err != nil {
			return nil, err
		}
		for _, v := range slices.Backward(p.Versions) {
			versions = append(versions, *p.apiVersion(v))
		}
	}
	out := &iamapi.ListPolicyVersionsResponse{}
	out.Versions, out.IsTruncated, out.Marker = cut(page, versions, func(v iamapi.PolicyVersion) string {
		number, err := strconv.Atoi(strings.TrimPrefix(*v.VersionId, "v"))
		if err != nil {
			number = 0
		}
		return fmt.Sprintf("%09d", 999_999_999-number) // newest first
	})
	return out, nil
}

// SetDefaultPolicyVersion makes another version the one that is in force.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_SetDefaultPolicyVersion.html
func (s *Service) SetDefaultPolicyVersion(ctx context.Context, in *iamapi.SetDefaultPolicyVersionRequest) (*iamapi.SetDefaultPolicyVersionOutput, error) {
	err := s.changePolicy(ctx, in.PolicyArn, func(p *managedPolicy) error {
		i, err := p.version(in.VersionId)
		if err != nil {
			return err
		}
		p.Default = p.Versions[i].Number
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.SetDefaultPolicyVersionOutput{}, nil
}

// version returns the index of a version.
func (p *managedPolicy) version(id string) (int, error) {
	i := slices.IndexFunc(p.Versions, func(v policyVersion) bool { return versionID(v.Number) == id })
	if i < 0 {
		return 0, noSuchVersion(p.ARN(), id)
	}
	return i, nil
}

func noSuchVersion(arn, id string) *wire.Error {
	return wire.Errorf("NoSuchEntity", "Policy %s version %s does not exist or is not attachable.", arn, id).WithStatus(404)
}

func (p *managedPolicy) apiVersion(v policyVersion) *iamapi.PolicyVersion {
	return &iamapi.PolicyVersion{VersionId: new(versionID(v.Number)), IsDefaultVersion: new(v.Number == p.Default), CreateDate: v.Created}
}
