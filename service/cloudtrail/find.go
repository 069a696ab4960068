package cloudtrail

import (
	"context"
	"errors"
	"regexp"
	"strings"

	"bartizan.dev/arn"
	"bartizan.dev/caller"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// place is where a trail lives.
type place struct{ account, region string }

func placeOf(ctx context.Context) place {
	c := caller.From(ctx)
	return place{c.Identity.Account, c.Region}
}

// goodName is the form of a trail's name: "Start with a letter or number, and
// end with a letter or number … Have no adjacent periods, underscores or dashes …
// Not be in IP address format".
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_CreateTrail.html
var (
	nameChars = regexp.MustCompile(`^[.\-_0-9a-zA-Z]+$`)
	adjacent  = regexp.MustCompile(`[.\-_]{2}`)
	address   = regexp.MustCompile(`^\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}$`)
)

func badName(format string, args ...any) error {
	return wire.Errorf("InvalidTrailNameException", format, args...)
}

func alphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// checkName refuses what cannot be a trail's name.
func checkName(name string) error {
	switch {
	case len(name) < 3:
		return badName("Trail name too short. Minimum allowed length: 3 characters. Specified name length: %d characters.", len(name))
	case len(name) > 128:
		return badName("Trail name too long. Maximum allowed length: 128 characters. Specified name length: %d characters.", len(name))
	case !alphanumeric(name[0]):
		return badName("Trail name must starts with a letter or number.")
	case !alphanumeric(name[len(name)-1]):
		return badName("Trail name must ends with a letter or number.")
	case !nameChars.MatchString(name):
		return badName("Trail name or ARN can only contain uppercase letters, lowercase letters, numbers, periods (.), hyphens (-), and underscores (_).")
	case adjacent.MatchString(name):
		return badName("Trail name cannot have adjacent periods (.), hyphens (-), or underscores (_).")
	case address.MatchString(name):
		return badName("Trail name cannot be in IP address format.")
	}
	return nil
}

// locate reads the name or the ARN of a trail.
func locate(at place, name string) (account, region, short string, err error) {
	if !strings.HasPrefix(name, "arn:") {
		return at.account, at.region, name, checkName(name)
	}
	a, err := arn.Parse(name)
	short, ok := strings.CutPrefix(a.Resource, "trail/")
	if err != nil || a.Service != "cloudtrail" || a.Partition != arn.Partition || !ok || a.Region == "" || a.Account == "" || checkName(short) != nil {
		return "", "", "", wire.Errorf("CloudTrailARNInvalidException", "The ARN %s is not valid for a trail.", name)
	}
	return a.Account, a.Region, short, nil
}

func noTrail(at place, name string) error {
	return wire.Errorf("TrailNotFoundException", "Unknown trail: %s for the user: %s", name, at.account)
}

// find returns the trail that a name or an ARN means to a caller: one of its
// Region, or, by its ARN, a trail for all Regions that has its home elsewhere.
func (s *Service) find(ctx context.Context, r store.Reader, at place, name string) (*record, error) {
	account, region, short, err := locate(at, name)
	if err != nil {
		return nil, err
	}
	v, err := s.trails.Get(ctx, r, trailID(account, region, short))
	if errors.Is(err, store.ErrNotFound) {
		return nil, noTrail(at, name)
	} else if err != nil {
		return nil, err
	}
	if account != at.account {
		if ok, err := s.ofOrganization(ctx, v, at.account); err != nil {
			return nil, err
		} else if !ok {
			return nil, noTrail(at, name)
		}
	}
	if v.Region != at.region && !v.Multi {
		return nil, noTrail(at, name)
	}
	return v, nil
}

// home is find for what may only be done in the Region a trail was made in.
func (s *Service) home(ctx context.Context, r store.Reader, at place, name string) (*record, error) {
	v, err := s.find(ctx, r, at, name)
	if err != nil {
		return nil, err
	}
	if v.Account != at.account {
		return nil, wire.Errorf("NotOrganizationMasterAccountException", "Only the management account of the organization can change the trail %s.", v.arn())
	}
	if v.Region != at.region {
		return nil, wire.Errorf("InvalidHomeRegionException", "The trail %s was created in %s: this operation must be called there.", v.arn(), v.Region)
	}
	return v, nil
}

// change updates a trail in its home Region.
func (s *Service) change(ctx context.Context, name string, f func(tx store.Tx, r *record) error) (*record, error) {
	var out *record
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		r, err := s.home(ctx, tx, placeOf(ctx), name)
		if err != nil {
			return err
		}
		if err := f(tx, r); err != nil {
			return err
		}
		out = r
		return s.trails.Put(ctx, tx, r.id(), r)
	})
	return out, err
}
