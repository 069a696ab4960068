package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	guarddutyapi "bartizan.dev/api/guardduty"
	"bartizan.dev/gateway"
	"bartizan.dev/service/events"
	"bartizan.dev/service/guardduty"
	"bartizan.dev/store"
)

// openGuardDuty builds the service that analyses the trail.
func (s *Server) openGuardDuty(ctx context.Context) (gateway.Service, error) {
	g, err := guardduty.New(ctx, guardduty.Deps{
		Log: s.trail, Store: store.View(s.store, "guardduty/"), Clock: s.clock, Logger: s.log, LinkRole: s.iam.LinkRole,
		Fetch: s.fetchList(outside(time.Minute, false)),
		Publish: func(ctx context.Context, e guardduty.Event) error {
			return s.happenings.Happened(ctx, &events.Happening{Account: e.Account, Region: e.Region, Source: "aws.guardduty", DetailType: e.DetailType, Detail: e.Detail})
		},
	})
	if err != nil {
		return gateway.Service{}, err
	}
	s.workers = append(s.workers, g)
	return gateway.Service{Model: guarddutyapi.Model(), Operations: guarddutyapi.Operations(g), Rules: g.Rules(), Resource: guardduty.Resource}, nil
}

// fetchList opens a list: an object of a bucket that is a folder, or whatever an
// address of the web answers. Redirects are not followed.
func (s *Server) fetchList(client *http.Client) func(ctx context.Context, at guardduty.Source) (io.ReadCloser, error) {
	return func(ctx context.Context, at guardduty.Source) (io.ReadCloser, error) {
		if at.Bucket != "" {
			dir, ok := s.opt.TrailBuckets[at.Bucket]
			if !ok {
				return nil, errors.New("NoSuchBucket")
			}
			root, err := os.OpenRoot(dir) // no key leads out of it
			if err != nil {
				return nil, err
			}
			f, err := root.Open(filepath.FromSlash(at.Key))
			if err = errors.Join(err, root.Close()); err != nil {
				return nil, err
			}
			return f, nil
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, at.URL, nil)
		if err != nil {
			return nil, err
		}
		res, err := client.Do(r)
		if err != nil {
			return nil, err
		}
		if res.StatusCode != http.StatusOK {
			return nil, errors.Join(fmt.Errorf("the server answered %s", res.Status), res.Body.Close())
		}
		return res.Body, nil
	}
}
