package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	cloudtrailapi "bartizan.dev/api/cloudtrail"
	iamapi "bartizan.dev/api/iam"
	kmsapi "bartizan.dev/api/kms"
	organizationsapi "bartizan.dev/api/organizations"
	secretsmanagerapi "bartizan.dev/api/secretsmanager"
	securityhubapi "bartizan.dev/api/securityhub"
	stsapi "bartizan.dev/api/sts"
	"bartizan.dev/bus"
	"bartizan.dev/caller"
	"bartizan.dev/gateway"
	"bartizan.dev/service/events"
	"bartizan.dev/service/securityhub"
	"bartizan.dev/store"
)

const (
	securityHub = "securityhub.amazonaws.com"
	awsConfig   = "config.amazonaws.com"
)

// openSecurityHub builds the service. Its events go to the default buses; its
// controls are judged through the inner door, and soon after a change.
func (s *Server) openSecurityHub(ctx context.Context, dir *directory) gateway.Service {
	door := inner{s, awsConfig}
	h := securityhub.New(securityhub.Deps{
		Store: store.View(s.store, "securityhub/"), Clock: s.clock, Log: s.log, Quotas: s.opt.Quotas.SecurityHub,
		Wanted: s.happenings.Listens,
		Publish: func(ctx context.Context, e *securityhub.Event) error {
			return s.happenings.Happened(ctx, &events.Happening{
				Account: e.Account, Region: e.Region, Source: "aws.securityhub", DetailType: e.DetailType, Resources: e.Resources, Detail: e.Detail,
			})
		},
		Organization: s.hubOrganization, Organizations: organizationsapi.Client{Door: inner{s, securityHub}},
		Read: &securityhub.Reader{
			IAM: iamapi.Client{Door: door}, KMS: kmsapi.Client{Door: door}, Secrets: secretsmanagerapi.Client{Door: door}, CloudTrail: cloudtrailapi.Client{Door: door},
			As: s.asConfig(dir),
			Link: func(ctx context.Context, account string) error {
				return errors.Join(s.iam.LinkRole(ctx, account, securityHub), s.iam.LinkRole(ctx, account, awsConfig))
			},
		},
	})
	s.securityhub = h
	s.workers = append(s.workers, h)
	bus.Subscribe(s.bus, "securityhub", 1000, func(c change) {
		if err := h.Changed(ctx, c.resource); err != nil && ctx.Err() == nil {
			s.log.Error("a changed resource was not noted; the next check will see it", "resource", c.resource, "cause", err)
		}
	})
	return gateway.Service{Model: securityhubapi.Model(), Operations: securityhubapi.Operations(h), Rules: h.Rules(), Resource: securityhub.Resource}
}

// asConfig assumes the service-linked role of AWS Config, with which the controls
// of Security Hub are judged.
func (s *Server) asConfig(dir *directory) func(ctx context.Context, account, region string) (context.Context, error) {
	door := stsapi.Client{Door: inner{s, awsConfig}}
	return func(ctx context.Context, account, region string) (context.Context, error) {
		as := caller.AsService(ctx, awsConfig, account, region, s.clock.Now())
		caller.From(as).Identity.Session = &caller.Session{Issued: s.clock.Now().Truncate(time.Second)}
		got, err := door.AssumeRole(as, &stsapi.AssumeRoleRequest{
			RoleArn: "arn:aws:iam::" + account + ":role/aws-service-role/" + awsConfig + "/AWSServiceRoleForConfig", RoleSessionName: "securityhub",
		})
		if err != nil {
			return nil, fmt.Errorf("the service-linked role of AWS Config cannot be assumed: %w", err)
		}
		k := got.Credentials
		id, err := dir.Credential(ctx, k.AccessKeyId, k.SessionToken)
		if err != nil {
			return nil, err
		}
		return caller.With(ctx, &caller.Call{Identity: id.Identity, Time: s.clock.Now(), Region: region, UserAgent: awsConfig, Via: []string{awsConfig}}), nil
	}
}

// hubOrganization is the organization of an account; nil: it has none.
func (s *Server) hubOrganization(ctx context.Context, account string) (*securityhub.Organization, error) {
	b, err := s.organizations.Bounds(ctx, account)
	if err != nil || b == nil {
		return nil, err
	}
	out := &securityhub.Organization{Management: b.Management}
	for a, err := range s.organizations.Accounts(ctx, b.Organization) {
		if err != nil {
			return nil, err
		}
		out.Accounts = append(out.Accounts, a.ID)
	}
	return out, nil
}
