package securityhub

import (
	"context"
	"errors"

	api "bartizan.dev/api/securityhub"
	"bartizan.dev/store"
)

// EnableSecurityHub enables Security Hub in the caller's account and Region.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_EnableSecurityHub.html
func (s *Service) EnableSecurityHub(ctx context.Context, in *api.EnableSecurityHubRequest) (*api.EnableSecurityHubResponse, error) {
	p := placeOf(ctx)
	if err := onlyConsolidated(in.ControlFindingGenerator); err != nil {
		return nil, err
	}
	if s.Read != nil {
		if err := s.Read.Link(ctx, p.account); err != nil {
			return nil, err
		}
	}
	h := &hub{Account: p.account, Region: p.region, Since: s.now(), Generator: string(api.ControlFindingGenerator_SECURITY_CONTROL), Tags: in.Tags}
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		err := s.hubs.Insert(ctx, tx, p.home(), h)
		if errors.Is(err, store.ErrExists) {
			return conflict("Account is already subscribed to Security Hub")
		} else if err != nil {
			return err
		}
		return s.opened(ctx, tx, h, in.EnableDefaultStandards == nil || *in.EnableDefaultStandards)
	})
	if err != nil {
		return nil, err
	}
	return &api.EnableSecurityHubResponse{}, nil
}

// onlyConsolidated: a control has one finding for a resource, whatever standards
// it belongs to.
func onlyConsolidated(g api.ControlFindingGenerator) error {
	if g == api.ControlFindingGenerator_STANDARD_CONTROL {
		return fault("ValidationException", "Bartizan makes consolidated control findings only: ControlFindingGenerator must be SECURITY_CONTROL.")
	}
	return nil
}

// DescribeHub tells when Security Hub was enabled and how it is set up.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_DescribeHub.html
func (s *Service) DescribeHub(ctx context.Context, in *api.DescribeHubRequest) (*api.DescribeHubResponse, error) {
	h, err := s.hub(ctx, s.Store)
	if err != nil {
		return nil, err
	}
	name := placeOf(ctx).arn("hub/default")
	if in.HubArn != nil && *in.HubArn != name {
		return nil, notFound("Hub %s not found", *in.HubArn)
	}
	return &api.DescribeHubResponse{
		HubArn: &name, SubscribedAt: new(stamp(h.Since)), AutoEnableControls: new(!h.NoNewControls), ControlFindingGenerator: api.ControlFindingGenerator(h.Generator),
	}, nil
}

// UpdateSecurityHubConfiguration changes how the hub is set up.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_UpdateSecurityHubConfiguration.html
func (s *Service) UpdateSecurityHubConfiguration(ctx context.Context, in *api.UpdateSecurityHubConfigurationRequest) (*api.UpdateSecurityHubConfigurationResponse, error) {
	if err := onlyConsolidated(in.ControlFindingGenerator); err != nil {
		return nil, err
	}
	err := s.changeHub(ctx, func(h *hub) error {
		if in.AutoEnableControls != nil {
			h.NoNewControls = !*in.AutoEnableControls
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdateSecurityHubConfigurationResponse{}, nil
}

func (s *Service) changeHub(ctx context.Context, edit func(*hub) error) error {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		h, err := s.hub(ctx, tx)
		if err != nil {
			return err
		}
		if err := edit(h); err != nil {
			return err
		}
		return s.hubs.Put(ctx, tx, placeOf(ctx).home(), h)
	})
	return err
}

// DisableSecurityHub ends Security Hub in the account and Region.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_DisableSecurityHub.html
func (s *Service) DisableSecurityHub(ctx context.Context, _ *api.DisableSecurityHubRequest) (*api.DisableSecurityHubResponse, error) {
	p := placeOf(ctx)
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		if _, err := s.hub(ctx, tx); err != nil {
			return err
		}
		if err := s.mayClose(ctx, tx, p); err != nil {
			return err
		}
		if err := s.closed(ctx, tx, p); err != nil {
			return err
		}
		return s.hubs.Delete(ctx, tx, p.home())
	})
	if err != nil {
		return nil, err
	}
	return &api.DisableSecurityHubResponse{}, nil
}
