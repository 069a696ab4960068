package securityhub

import (
	"context"

	api "bartizan.dev/api/securityhub"
	"bartizan.dev/store"
	"bartizan.dev/work"
)

func (c *control) definition() api.SecurityControlDefinition {
	d := api.SecurityControlDefinition{
		SecurityControlId: c.ID, Title: c.Title, Description: c.text(), RemediationUrl: c.remediation(), SeverityRating: c.Severity,
		CurrentRegionAvailability: api.RegionAvailabilityStatus_AVAILABLE, CustomizableProperties: []api.SecurityControlProperty{}, ParameterDefinitions: map[string]api.ParameterDefinition{},
	}
	if c.judge == nil {
		d.CurrentRegionAvailability = api.RegionAvailabilityStatus_UNAVAILABLE
	}
	for _, p := range c.params {
		d.CustomizableProperties = []api.SecurityControlProperty{"Parameters"}
		d.ParameterDefinitions[p.name] = api.ParameterDefinition{
			Description: p.description, ConfigurationOptions: &api.ConfigurationOptions{Integer: &api.IntegerConfigurationOptions{DefaultValue: new(p.standard), Min: new(p.low), Max: new(p.top)}},
		}
	}
	return d
}

// ListSecurityControlDefinitions lists controls, of a standard or all.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_ListSecurityControlDefinitions.html
func (s *Service) ListSecurityControlDefinitions(ctx context.Context, in *api.ListSecurityControlDefinitionsRequest) (*api.ListSecurityControlDefinitionsResponse, error) {
	pg, err := newPage(in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	var d *standard
	if in.StandardsArn != nil {
		if d = standardOf(*in.StandardsArn, placeOf(ctx).region); d == nil {
			return nil, invalid("Invalid parameter 'StandardsArn'. There is no standard %s.", clip(*in.StandardsArn))
		}
	}
	out := &api.ListSecurityControlDefinitionsResponse{SecurityControlDefinitions: []api.SecurityControlDefinition{}}
	for _, provider := range in.Providers {
		if provider != "AWS" {
			return out, nil
		}
	}
	for i := range controls {
		c := &controls[i]
		if d != nil && !d.has(c) || !pg.after(c.sortKey()) {
			continue
		}
		if pg.full(c.sortKey()) {
			out.NextToken = pg.next()
			break
		}
		out.SecurityControlDefinitions = append(out.SecurityControlDefinitions, c.definition())
	}
	return out, nil
}

// GetSecurityControlDefinition shows a control.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_GetSecurityControlDefinition.html
func (s *Service) GetSecurityControlDefinition(_ context.Context, in *api.GetSecurityControlDefinitionRequest) (*api.GetSecurityControlDefinitionResponse, error) {
	c := controlOf(in.SecurityControlId)
	if c == nil {
		return nil, notFound("Security control %s not found", clip(in.SecurityControlId))
	}
	return &api.GetSecurityControlDefinitionResponse{SecurityControlDefinition: new(c.definition())}, nil
}

func (c *control) arn(p place) string { return p.arn("security-control/" + c.ID) }

// BatchGetSecurityControls shows controls as the account has them.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_BatchGetSecurityControls.html
func (s *Service) BatchGetSecurityControls(ctx context.Context, in *api.BatchGetSecurityControlsRequest) (*api.BatchGetSecurityControlsResponse, error) {
	if _, err := s.hub(ctx, s.Store); err != nil {
		return nil, err
	}
	p := placeOf(ctx)
	active, err := s.active(ctx, s.Store, p)
	if err != nil {
		return nil, err
	}
	out := &api.BatchGetSecurityControlsResponse{SecurityControls: []api.SecurityControl{}, UnprocessedIds: []api.UnprocessedSecurityControl{}}
	for _, id := range in.SecurityControlIds {
		c := controlByName(p, id)
		if c == nil {
			out.UnprocessedIds = append(out.UnprocessedIds, api.UnprocessedSecurityControl{SecurityControlId: id, ErrorCode: api.UnprocessedErrorCode_NOT_FOUND, ErrorReason: new("There is no such security control.")})
			continue
		}
		set, err := s.setting(ctx, s.Store, p, c)
		if err != nil {
			return nil, err
		}
		status := api.ControlStatus_DISABLED
		if len(active[c.ID]) > 0 {
			status = api.ControlStatus_ENABLED
		}
		one := api.SecurityControl{
			SecurityControlId: c.ID, SecurityControlArn: c.arn(p), Title: c.Title, Description: c.text(), RemediationUrl: c.remediation(), SeverityRating: c.Severity,
			SecurityControlStatus: status, UpdateStatus: api.UpdateStatus_READY, Parameters: set.shown(c),
		}
		if set != nil && set.Reason != "" {
			one.LastUpdateReason = &set.Reason
		}
		out.SecurityControls = append(out.SecurityControls, one)
	}
	return out, nil
}

// controlByName takes an id or an ARN.
func controlByName(p place, name string) *control {
	prefix := p.arn("security-control/")
	if len(name) > len(prefix) && name[:len(prefix)] == prefix {
		name = name[len(prefix):]
	}
	return controlOf(name)
}

// UpdateSecurityControl sets the parameters of a control.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_UpdateSecurityControl.html
func (s *Service) UpdateSecurityControl(ctx context.Context, in *api.UpdateSecurityControlRequest) (*api.UpdateSecurityControlResponse, error) {
	p := placeOf(ctx)
	c := controlByName(p, in.SecurityControlId)
	if c == nil {
		return nil, notFound("Security control %s not found", clip(in.SecurityControlId))
	}
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		if _, err := s.hub(ctx, tx); err != nil {
			return err
		}
		set, err := s.setting(ctx, tx, p, c)
		if err != nil {
			return err
		}
		if set == nil {
			set = &setting{}
		}
		if err := set.take(c, in.Parameters); err != nil {
			return err
		}
		if in.LastUpdateReason != nil {
			set.Reason = *in.LastUpdateReason
		}
		if err := s.settings.Put(ctx, tx, p.home()+"/"+c.ID, set); err != nil {
			return err
		}
		return s.queue.Add(ctx, tx, work.Job{Kind: jobCheck, ID: p.home(), Due: s.now()})
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdateSecurityControlResponse{}, nil
}

func (s *setting) take(c *control, params map[string]api.ParameterConfiguration) error {
	for name, v := range params {
		known := false
		for _, p := range c.params {
			if p.name != name {
				continue
			}
			known = true
			if v.ValueType == api.ParameterValueType_DEFAULT {
				delete(s.Params, name)
				continue
			}
			if v.Value == nil || v.Value.Integer == nil || *v.Value.Integer < p.low || *v.Value.Integer > p.top {
				return invalid("Invalid parameter 'Parameters'. %s must be an Integer from %d to %d.", name, p.low, p.top)
			}
			if s.Params == nil {
				s.Params = map[string]int32{}
			}
			s.Params[name] = *v.Value.Integer
		}
		if !known {
			return invalid("Invalid parameter 'Parameters'. %s has no parameter %s.", c.ID, clip(name))
		}
	}
	return nil
}

// detail is a control in a standard as the account has it; nil: the standard has
// it not, or is not enabled.
func (s *Service) detail(ctx context.Context, p place, d *standard, c *control) (*api.StandardsControlAssociationDetail, error) {
	if !d.has(c) {
		return nil, nil
	}
	v, err := s.subscription(ctx, s.Store, p, d)
	if err != nil {
		return nil, err
	}
	out := &api.StandardsControlAssociationDetail{
		StandardsArn: d.arn(p.region), SecurityControlId: c.ID, SecurityControlArn: c.arn(p), AssociationStatus: api.AssociationStatus_DISABLED,
		RelatedRequirements: d.requirements(c), StandardsControlTitle: &c.Title, StandardsControlDescription: new(c.text()), StandardsControlArns: []string{},
	}
	if v == nil {
		return out, nil
	}
	out.UpdatedAt, out.StandardsControlArns = v.at(c), []string{d.controlARN(p, c)}
	if v.on(c) {
		out.AssociationStatus = api.AssociationStatus_ENABLED
	} else {
		out.UpdatedReason = v.why(c)
	}
	return out, nil
}

// ListStandardsControlAssociations tells in which standards a control is enabled.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_ListStandardsControlAssociations.html
func (s *Service) ListStandardsControlAssociations(ctx context.Context, in *api.ListStandardsControlAssociationsRequest) (*api.ListStandardsControlAssociationsResponse, error) {
	if _, err := s.hub(ctx, s.Store); err != nil {
		return nil, err
	}
	p := placeOf(ctx)
	pg, err := newPage(in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	c := controlByName(p, in.SecurityControlId)
	if c == nil {
		return nil, invalid("Invalid parameter 'SecurityControlId'. There is no security control %s.", clip(in.SecurityControlId))
	}
	out := &api.ListStandardsControlAssociationsResponse{StandardsControlAssociationSummaries: []api.StandardsControlAssociationSummary{}}
	for i := range standards {
		d, err := s.detail(ctx, p, &standards[i], c)
		if err != nil {
			return nil, err
		}
		if d == nil || !pg.after(standards[i].path) {
			continue
		}
		if pg.full(standards[i].path) {
			out.NextToken = pg.next()
			break
		}
		out.StandardsControlAssociationSummaries = append(out.StandardsControlAssociationSummaries, api.StandardsControlAssociationSummary{
			StandardsArn: d.StandardsArn, SecurityControlId: d.SecurityControlId, SecurityControlArn: d.SecurityControlArn, AssociationStatus: d.AssociationStatus,
			RelatedRequirements: d.RelatedRequirements, UpdatedAt: d.UpdatedAt, UpdatedReason: d.UpdatedReason, StandardsControlTitle: d.StandardsControlTitle,
			StandardsControlDescription: d.StandardsControlDescription,
		})
	}
	return out, nil
}

// BatchGetStandardsControlAssociations shows controls in standards.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_BatchGetStandardsControlAssociations.html
func (s *Service) BatchGetStandardsControlAssociations(ctx context.Context, in *api.BatchGetStandardsControlAssociationsRequest) (*api.BatchGetStandardsControlAssociationsResponse, error) {
	if _, err := s.hub(ctx, s.Store); err != nil {
		return nil, err
	}
	p := placeOf(ctx)
	out := &api.BatchGetStandardsControlAssociationsResponse{StandardsControlAssociationDetails: []api.StandardsControlAssociationDetail{}, UnprocessedAssociations: []api.UnprocessedStandardsControlAssociation{}}
	for _, id := range in.StandardsControlAssociationIds {
		c, d := controlByName(p, id.SecurityControlId), standardOf(id.StandardsArn, p.region)
		var v *api.StandardsControlAssociationDetail
		if c != nil && d != nil {
			var err error
			if v, err = s.detail(ctx, p, d, c); err != nil {
				return nil, err
			}
		}
		if v == nil {
			out.UnprocessedAssociations = append(out.UnprocessedAssociations, api.UnprocessedStandardsControlAssociation{
				StandardsControlAssociationId: &id, ErrorCode: api.UnprocessedErrorCode_NOT_FOUND, ErrorReason: new("The standard has no such control.")})
			continue
		}
		out.StandardsControlAssociationDetails = append(out.StandardsControlAssociationDetails, *v)
	}
	return out, nil
}

// BatchUpdateStandardsControlAssociations enables and disables controls in
// standards.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_BatchUpdateStandardsControlAssociations.html
func (s *Service) BatchUpdateStandardsControlAssociations(ctx context.Context, in *api.BatchUpdateStandardsControlAssociationsRequest) (*api.BatchUpdateStandardsControlAssociationsResponse, error) {
	p := placeOf(ctx)
	var out *api.BatchUpdateStandardsControlAssociationsResponse
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		out = &api.BatchUpdateStandardsControlAssociationsResponse{UnprocessedAssociationUpdates: []api.UnprocessedStandardsControlAssociationUpdate{}}
		if _, err := s.hub(ctx, tx); err != nil {
			return err
		}
		for _, u := range in.StandardsControlAssociationUpdates {
			c, d := controlByName(p, u.SecurityControlId), standardOf(u.StandardsArn, p.region)
			code, problem := api.UnprocessedErrorCode_NOT_FOUND, "The standard has no such control."
			if c != nil && d != nil && d.has(c) {
				var err error
				code = api.UnprocessedErrorCode_INVALID_INPUT
				if problem, err = s.associate(ctx, tx, p, d, c, string(u.AssociationStatus), text(u.UpdatedReason)); err != nil {
					return err
				}
			}
			if problem != "" {
				out.UnprocessedAssociationUpdates = append(out.UnprocessedAssociationUpdates, api.UnprocessedStandardsControlAssociationUpdate{StandardsControlAssociationUpdate: &u, ErrorCode: code, ErrorReason: &problem})
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
