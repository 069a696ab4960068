package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"os"
	"path/filepath"
	"time"

	guarddutyapi "bartizan.dev/api/guardduty"
	organizationsapi "bartizan.dev/api/organizations"
	"bartizan.dev/detect"
	"bartizan.dev/gateway"
	"bartizan.dev/service/cloudtrail/folder"
	"bartizan.dev/service/events"
	"bartizan.dev/service/guardduty"
	"bartizan.dev/service/securityhub"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// openGuardDuty builds the service that analyses the trail.
func (s *Server) openGuardDuty(ctx context.Context) (gateway.Service, error) {
	g, err := guardduty.New(ctx, guardduty.Deps{
		Log: s.trail, Store: store.View(s.store, "guardduty/"), Clock: s.clock, Logger: s.log, LinkRole: s.iam.LinkRole,
		Bucket:        s.exportBucket,
		Organizations: delegates{s},
		Fetch:         s.fetchList(outside(time.Minute, false)),
		Publish: func(ctx context.Context, e guardduty.Event) error {
			if err := s.toSecurityHub(ctx, e); err != nil {
				return err
			}
			return s.happenings.Happened(ctx, &events.Happening{Account: e.Account, Region: e.Region, Source: "aws.guardduty", DetailType: e.DetailType, Detail: e.Detail})
		},
	})
	if err != nil {
		return gateway.Service{}, err
	}
	s.workers = append(s.workers, g)
	return gateway.Service{Model: guarddutyapi.Model(), Operations: guarddutyapi.Operations(g), Rules: g.Rules(), Resource: guardduty.Resource}, nil
}

// toSecurityHub hands a finding to Security Hub of the account that is told of it.
// A hub that is not enabled takes none.
func (s *Server) toSecurityHub(ctx context.Context, e guardduty.Event) error {
	var f detect.Finding
	if err := json.Unmarshal(e.Detail, &f); err != nil {
		return err
	}
	if f.AccountID != e.Account {
		return nil // a copy for its administrator, whose hub has the member's findings by itself
	}
	asff, err := securityhub.FromGuardDuty(&f)
	if err != nil {
		return err
	}
	return s.securityhub.Import(ctx, e.Account, e.Region, asff)
}

// delegates is what GuardDuty needs of Organizations.
type delegates struct{ s *Server }

const guardDuty = "guardduty.amazonaws.com"

func (d delegates) Of(ctx context.Context, account string) (org, management string, err error) {
	org, err = d.s.organizations.OrganizationOf(ctx, account)
	if err != nil || org == "" {
		return "", "", err
	}
	management, err = d.s.organizations.ManagementOf(ctx, account)
	return org, management, err
}

func (d delegates) Accounts(ctx context.Context, org string) iter.Seq2[guardduty.Account, error] {
	return func(yield func(guardduty.Account, error) bool) {
		for m, err := range d.s.organizations.Accounts(ctx, org) {
			if m.Suspended && err == nil {
				continue
			}
			if !yield(guardduty.Account{ID: m.ID, Email: m.Email}, err) {
				return
			}
		}
	}
}

// Delegate does what the caller may do: the calls go through the inner door.
func (d delegates) Delegate(ctx context.Context, account string) error {
	door := organizationsapi.Client{Door: inner{d.s, guardDuty}}
	if _, err := door.EnableAWSServiceAccess(ctx, &organizationsapi.EnableAWSServiceAccessRequest{ServicePrincipal: guardDuty}); err != nil {
		return err
	}
	_, err := door.RegisterDelegatedAdministrator(ctx, &organizationsapi.RegisterDelegatedAdministratorRequest{AccountId: account, ServicePrincipal: guardDuty})
	if e, ok := errors.AsType[*wire.Error](err); ok && e.Code == "AccountAlreadyRegisteredException" {
		return nil // for another Region
	}
	return err
}

func (d delegates) Undelegate(ctx context.Context, account string) error {
	door := organizationsapi.Client{Door: inner{d.s, guardDuty}}
	_, err := door.DeregisterDelegatedAdministrator(ctx, &organizationsapi.DeregisterDelegatedAdministratorRequest{AccountId: account, ServicePrincipal: guardDuty})
	if e, ok := errors.AsType[*wire.Error](err); ok && e.Code == "AccountNotRegisteredException" {
		return nil
	}
	return err
}

// exportBucket is a bucket that is a folder.
func (s *Server) exportBucket(name string) guardduty.Bucket {
	dir, ok := s.opt.TrailBuckets[name]
	if !ok {
		return nil
	}
	b, err := folder.Open(dir)
	if err != nil {
		s.log.Error("a bucket's folder cannot be opened", "bucket", name, "cause", err)
		return nil
	}
	return b
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
