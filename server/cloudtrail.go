package server

import (
	"fmt"

	cloudtrailapi "bartizan.dev/api/cloudtrail"
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
func (s *Server) openCloudTrail() (gateway.Service, error) {
	buckets := map[string]cloudtrail.Bucket{}
	for name, dir := range s.opt.TrailBuckets {
		b, err := folder.Open(dir)
		if err != nil {
			return gateway.Service{}, fmt.Errorf("--trail-bucket %s: %w", name, err)
		}
		buckets[name] = b
	}
	c, err := cloudtrail.New(cloudtrail.Deps{
		Trail: s.trail, Log: s.trail, Store: store.View(s.store, "cloudtrail/"), Clock: s.clock, Logger: s.log,
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
