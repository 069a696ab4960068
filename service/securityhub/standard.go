package securityhub

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	api "bartizan.dev/api/securityhub"
	"bartizan.dev/store"
	"bartizan.dev/work"
)

// subscribedStandard is an enabled standard.
type subscribedStandard struct {
	Since    time.Time
	Disabled map[string]choice `json:",omitzero"` // controls that are off, or were
}

// choice is what was last said of a control in a standard.
type choice struct {
	Off    bool
	Reason string `json:",omitzero"`
	At     time.Time
}

// on tells whether a control is judged for the standard.
func (v *subscribedStandard) on(c *control) bool { return c.judge != nil && !v.Disabled[c.ID].Off }

// why is the reason that a control is off.
func (v *subscribedStandard) why(c *control) *string {
	if c.judge == nil {
		return new(notJudged)
	}
	if r := v.Disabled[c.ID].Reason; r != "" {
		return &r
	}
	return nil
}

func (v *subscribedStandard) at(c *control) time.Time {
	if t := v.Disabled[c.ID].At; !t.IsZero() {
		return t
	}
	return v.Since
}

// enableDefaults enables the standards that a new hub has.
func (s *Service) enableDefaults(ctx context.Context, tx store.Tx, p place) error {
	for i := range standards {
		if standards[i].byDefault {
			if err := s.enabled.Put(ctx, tx, p.home()+"/"+standards[i].slug(), &subscribedStandard{Since: s.now()}); err != nil {
				return err
			}
		}
	}
	return s.queue.Add(ctx, tx, work.Job{Kind: jobCheck, ID: p.home(), Due: s.now()})
}

// subscription reads an enabled standard; nil: it is not enabled.
func (s *Service) subscription(ctx context.Context, r store.Reader, p place, d *standard) (*subscribedStandard, error) {
	v, err := s.enabled.Get(ctx, r, p.home()+"/"+d.slug())
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return v, err
}

func (s *Service) setting(ctx context.Context, r store.Reader, p place, c *control) (*setting, error) {
	v, err := s.settings.Get(ctx, r, p.home()+"/"+c.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return v, err
}

// active are the enabled standards that have a control enabled, by the control.
func (s *Service) active(ctx context.Context, r store.Reader, p place) (map[string][]*standard, error) {
	out := map[string][]*standard{}
	some := false
	for i := range standards {
		d := &standards[i]
		v, err := s.subscription(ctx, r, p, d)
		if err != nil {
			return nil, err
		}
		if v == nil {
			continue
		}
		some = true
		for j := range controls {
			if c := &controls[j]; d.has(c) && v.on(c) {
				out[c.ID] = append(out[c.ID], d)
			}
		}
	}
	// A hub whose last standard was disabled has findings to archive.
	left, err := s.checked.List(ctx, r, p.home()+"/", "", 1)
	if !some && len(left) > 0 {
		out[""] = nil
	}
	return out, err
}

// DescribeStandards lists the standards there are.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_DescribeStandards.html
func (s *Service) DescribeStandards(ctx context.Context, in *api.DescribeStandardsRequest) (*api.DescribeStandardsResponse, error) {
	pg, err := newPage(in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &api.DescribeStandardsResponse{Standards: []api.Standard{}}
	region := placeOf(ctx).region
	if len(in.Providers) > 0 && !slices.Contains(in.Providers, "AWS") {
		return out, nil
	}
	for i := range standards {
		d := &standards[i]
		if !pg.after(d.path) {
			continue
		}
		if pg.full(d.path) {
			out.NextToken = pg.next()
			break
		}
		out.Standards = append(out.Standards, api.Standard{
			StandardsArn: new(d.arn(region)), Name: &d.name, Description: &d.description, EnabledByDefault: &d.byDefault,
			StandardsManagedBy: &api.StandardsManagedBy{Company: new("AWS"), Product: new("Security Hub")},
		})
	}
	return out, nil
}

func (d *standard) shown(p place, status api.StandardsStatus) api.StandardsSubscription {
	return api.StandardsSubscription{
		StandardsSubscriptionArn: d.subscription(p), StandardsArn: d.arn(p.region), StandardsInput: map[string]string{},
		StandardsStatus: status, StandardsControlsUpdatable: api.StandardsControlsUpdatable_READY_FOR_UPDATES,
	}
}

// BatchEnableStandards enables standards.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_BatchEnableStandards.html
func (s *Service) BatchEnableStandards(ctx context.Context, in *api.BatchEnableStandardsRequest) (*api.BatchEnableStandardsResponse, error) {
	p := placeOf(ctx)
	var out *api.BatchEnableStandardsResponse
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		out = &api.BatchEnableStandardsResponse{StandardsSubscriptions: []api.StandardsSubscription{}}
		if _, err := s.hub(ctx, tx); err != nil {
			return err
		}
		for _, r := range in.StandardsSubscriptionRequests {
			d := standardOf(r.StandardsArn, p.region)
			if d == nil || len(r.StandardsInput) > 0 {
				return invalid("Invalid parameter 'StandardsSubscriptionRequests'. There is no standard %s, or it takes no input.", clip(r.StandardsArn))
			}
			old, err := s.subscription(ctx, tx, p, d)
			if err != nil {
				return err
			}
			if old == nil {
				if err := s.enabled.Put(ctx, tx, p.home()+"/"+d.slug(), &subscribedStandard{Since: s.now()}); err != nil {
					return err
				}
			}
			out.StandardsSubscriptions = append(out.StandardsSubscriptions, d.shown(p, api.StandardsStatus_READY))
		}
		return s.queue.Add(ctx, tx, work.Job{Kind: jobCheck, ID: p.home(), Due: s.now()})
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// bySubscription is the standard of a subscription's ARN.
func bySubscription(p place, name string) *standard {
	i := slices.IndexFunc(standards, func(d standard) bool { return d.subscription(p) == name })
	if i < 0 {
		return nil
	}
	return &standards[i]
}

// BatchDisableStandards disables standards.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_BatchDisableStandards.html
func (s *Service) BatchDisableStandards(ctx context.Context, in *api.BatchDisableStandardsRequest) (*api.BatchDisableStandardsResponse, error) {
	p := placeOf(ctx)
	var out *api.BatchDisableStandardsResponse
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		out = &api.BatchDisableStandardsResponse{StandardsSubscriptions: []api.StandardsSubscription{}}
		if _, err := s.hub(ctx, tx); err != nil {
			return err
		}
		for _, name := range in.StandardsSubscriptionArns {
			d := bySubscription(p, name)
			if d == nil {
				return invalid("Invalid parameter 'StandardsSubscriptionArns'. The standard %s is not enabled.", clip(name))
			}
			if err := s.enabled.Delete(ctx, tx, p.home()+"/"+d.slug()); err != nil {
				return err
			}
			out.StandardsSubscriptions = append(out.StandardsSubscriptions, d.shown(p, api.StandardsStatus_DELETING))
		}
		return s.queue.Add(ctx, tx, work.Job{Kind: jobCheck, ID: p.home(), Due: s.now()})
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// GetEnabledStandards lists the enabled standards.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_GetEnabledStandards.html
func (s *Service) GetEnabledStandards(ctx context.Context, in *api.GetEnabledStandardsRequest) (*api.GetEnabledStandardsResponse, error) {
	if _, err := s.hub(ctx, s.Store); err != nil {
		return nil, err
	}
	p := placeOf(ctx)
	pg, err := newPage(in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &api.GetEnabledStandardsResponse{StandardsSubscriptions: []api.StandardsSubscription{}}
	if len(in.Providers) > 0 && !slices.Contains(in.Providers, "AWS") {
		return out, nil
	}
	for i := range standards {
		d := &standards[i]
		v, err := s.subscription(ctx, s.Store, p, d)
		if err != nil {
			return nil, err
		}
		if v == nil || !pg.after(d.path) || len(in.StandardsSubscriptionArns) > 0 && !slices.Contains(in.StandardsSubscriptionArns, d.subscription(p)) {
			continue
		}
		if pg.full(d.path) {
			out.NextToken = pg.next()
			break
		}
		out.StandardsSubscriptions = append(out.StandardsSubscriptions, d.shown(p, api.StandardsStatus_READY))
	}
	return out, nil
}

// DescribeStandardsControls lists the controls of an enabled standard.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_DescribeStandardsControls.html
func (s *Service) DescribeStandardsControls(ctx context.Context, in *api.DescribeStandardsControlsRequest) (*api.DescribeStandardsControlsResponse, error) {
	if _, err := s.hub(ctx, s.Store); err != nil {
		return nil, err
	}
	p := placeOf(ctx)
	pg, err := newPage(in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	d := bySubscription(p, in.StandardsSubscriptionArn)
	var v *subscribedStandard
	if d != nil {
		if v, err = s.subscription(ctx, s.Store, p, d); err != nil {
			return nil, err
		}
	}
	if v == nil {
		return nil, notFound("Standards subscription %s not found", clip(in.StandardsSubscriptionArn))
	}
	out := &api.DescribeStandardsControlsResponse{Controls: []api.StandardsControl{}}
	for i := range controls {
		c := &controls[i]
		if !d.has(c) || !pg.after(c.sortKey()) {
			continue
		}
		if pg.full(c.sortKey()) {
			out.NextToken = pg.next()
			break
		}
		one := api.StandardsControl{
			StandardsControlArn: new(d.controlARN(p, c)), ControlStatus: api.ControlStatus_ENABLED, ControlStatusUpdatedAt: v.at(c), ControlId: &c.ID,
			Title: &c.Title, Description: new(c.text()), RemediationUrl: new(c.remediation()), SeverityRating: c.Severity, RelatedRequirements: d.requirements(c),
		}
		if !v.on(c) {
			one.ControlStatus, one.DisabledReason = api.ControlStatus_DISABLED, v.why(c)
		}
		out.Controls = append(out.Controls, one)
	}
	return out, nil
}

// sortKey puts IAM.9 before IAM.10, as the list does.
func (c *control) sortKey() string {
	service, number, _ := strings.Cut(c.ID, ".")
	return service + "." + strings.Repeat("0", max(0, 4-len(number))) + number
}

func (d *standard) controlARN(p place, c *control) string {
	return p.arn("control/" + d.slug() + "/" + c.ID)
}

// UpdateStandardsControl enables or disables a control in a standard.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_UpdateStandardsControl.html
func (s *Service) UpdateStandardsControl(ctx context.Context, in *api.UpdateStandardsControlRequest) (*api.UpdateStandardsControlResponse, error) {
	p := placeOf(ctx)
	for i := range standards {
		for j := range controls {
			d, c := &standards[i], &controls[j]
			if !d.has(c) || d.controlARN(p, c) != in.StandardsControlArn {
				continue
			}
			_, err := s.Store.Update(ctx, func(tx store.Tx) error {
				if _, err := s.hub(ctx, tx); err != nil {
					return err
				}
				problem, err := s.associate(ctx, tx, p, d, c, string(in.ControlStatus), text(in.DisabledReason))
				if err == nil && problem != "" {
					return invalid("%s", problem)
				}
				return err
			})
			if err != nil {
				return nil, err
			}
			return &api.UpdateStandardsControlResponse{}, nil
		}
	}
	return nil, notFound("Control %s not found", clip(in.StandardsControlArn))
}

// associate turns a control of a standard on or off, or tells why not.
func (s *Service) associate(ctx context.Context, tx store.Tx, p place, d *standard, c *control, status, reason string) (problem string, err error) {
	v, err := s.subscription(ctx, tx, p, d)
	switch {
	case err != nil:
		return "", err
	case v == nil:
		return "The standard is not enabled.", nil
	case status == "ENABLED" && c.judge == nil:
		return notJudged, nil
	case status == "ENABLED" && reason != "":
		return "A reason can be given only for a control that is disabled.", nil
	case status == "":
		return "A status is required.", nil
	}
	if v.Disabled == nil {
		v.Disabled = map[string]choice{}
	}
	v.Disabled[c.ID] = choice{Off: status == "DISABLED", Reason: reason, At: s.now()}
	if err := s.enabled.Put(ctx, tx, p.home()+"/"+d.slug(), v); err != nil {
		return "", err
	}
	return "", s.queue.Add(ctx, tx, work.Job{Kind: jobCheck, ID: p.home(), Due: s.now()})
}
