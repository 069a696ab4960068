package server

import (
	"context"
	"fmt"

	cloudtrailapi "bartizan.dev/api/cloudtrail"
	logsapi "bartizan.dev/api/logs"
	"bartizan.dev/gateway"
	"bartizan.dev/service/cloudtrail"
	"bartizan.dev/service/cloudtrail/folder"
	"bartizan.dev/store"
	"bartizan.dev/trail"
)

// record is a trail that can be looked up and read on.
type record interface {
	trail.Trail
	trail.Log
}

// openCloudTrail builds the service that reads the trail and delivers it.
func (s *Server) openCloudTrail(ctx context.Context, dir *directory) (gateway.Service, error) {
	buckets := map[string]cloudtrail.Bucket{}
	for name, dir := range s.opt.TrailBuckets {
		b, err := folder.Open(dir)
		if err != nil {
			return gateway.Service{}, fmt.Errorf("--trail-bucket %s: %w", name, err)
		}
		buckets[name] = b
	}
	c, err := cloudtrail.New(ctx, cloudtrail.Deps{
		Trail: s.trail, Log: s.trail, Store: store.View(s.store, "cloudtrail/"), Clock: s.clock, Logger: s.log, Record: s.record, Bind: s.iam.BindPrincipals, Show: s.iam.ShowPrincipals,
		Assume: s.sessions(dir, "cloudtrail.amazonaws.com", "CloudTrail"), Logs: logsapi.Client{Door: inner{s, ""}}, Organization: s.trailOrganization,
		Bucket: func(name string) cloudtrail.Bucket {
			if b, ok := buckets[name]; ok {
				return b
			}
			return nil
		},
	})
	if err != nil {
		return gateway.Service{}, err
	}
	s.cloudtrail = c
	s.workers = append(s.workers, s.cloudtrail)
	return gateway.Service{
		Model: cloudtrailapi.Model(), Operations: cloudtrailapi.Operations(s.cloudtrail), Rules: s.cloudtrail.Rules(), Resource: cloudtrail.Resource,
	}, nil
}

// trailOrganization tells CloudTrail of an account's organization.
func (s *Server) trailOrganization(ctx context.Context, account string) (id string, manages, access bool, err error) {
	if id, err = s.organizations.OrganizationOf(ctx, account); err != nil || id == "" {
		return "", false, false, err
	}
	if manages, err = s.organizations.IsManagement(ctx, account); err != nil || !manages {
		return id, false, false, err
	}
	access, err = s.organizations.ServiceAccess(ctx, id, "cloudtrail.amazonaws.com")
	return id, manages, access, err
}
