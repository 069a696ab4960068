package ssm

import (
	"context"
	"slices"
	"strings"

	ssmapi "bartizan.dev/api/ssm"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

const maxLabels = 10 // of a version

// isLabel tells what a label may be.
// https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-labels.html
func isLabel(s string) bool {
	lower := strings.ToLower(s)
	if s == "" || len(s) > 100 || '0' <= s[0] && s[0] <= '9' || strings.HasPrefix(lower, "aws") || strings.HasPrefix(lower, "ssm") {
		return false
	}
	return isName(s) && !strings.Contains(s, "/")
}

// LabelParameterVersion gives labels to a version; those that another version
// has are moved.
// https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_LabelParameterVersion.html
func (s *Service) LabelParameterVersion(ctx context.Context, in *ssmapi.LabelParameterVersionRequest) (*ssmapi.LabelParameterVersionResult, error) {
	out := &ssmapi.LabelParameterVersionResult{}
	err := s.relabel(ctx, in.Name, in.ParameterVersion, func(p *parameter, n int64) error {
		*out = ssmapi.LabelParameterVersionResult{InvalidLabels: []string{}, ParameterVersion: &n}
		for _, label := range in.Labels {
			if !isLabel(label) {
				out.InvalidLabels = append(out.InvalidLabels, label)
				continue
			}
			if p.Labels == nil {
				p.Labels = map[string]int64{}
			}
			p.Labels[label] = n
		}
		if len(p.labelsOf(n)) > maxLabels {
			return wire.Errorf("ParameterVersionLabelLimitExceeded", "A parameter version can have maximum %d labels. Move one or more labels to another version and try again.", maxLabels)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// UnlabelParameterVersion takes labels from a version.
// https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_UnlabelParameterVersion.html
func (s *Service) UnlabelParameterVersion(ctx context.Context, in *ssmapi.UnlabelParameterVersionRequest) (*ssmapi.UnlabelParameterVersionResult, error) {
	out := &ssmapi.UnlabelParameterVersionResult{}
	err := s.relabel(ctx, in.Name, &in.ParameterVersion, func(p *parameter, n int64) error {
		*out = ssmapi.UnlabelParameterVersionResult{RemovedLabels: []string{}, InvalidLabels: []string{}}
		for _, label := range in.Labels {
			if p.Labels[label] == n {
				delete(p.Labels, label)
				out.RemovedLabels = append(out.RemovedLabels, label)
			} else if !slices.Contains(out.RemovedLabels, label) {
				out.InvalidLabels = append(out.InvalidLabels, label)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// relabel changes the labels of one version, the newest if none is named.
func (s *Service) relabel(ctx context.Context, name string, number *int64, change func(*parameter, int64) error) error {
	at, name := placeOf(ctx), strings.TrimSpace(name)
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		p, err := s.find(ctx, tx, at, name)
		if err != nil {
			return err
		}
		if p == nil {
			return notFound()
		}
		n := p.Number
		if number != nil {
			n = *number
		}
		if n < p.Oldest || n > p.Number {
			return noVersion(n, name)
		}
		if err := change(p, n); err != nil {
			return err
		}
		return s.parameters.Put(ctx, tx, p.id(), p)
	})
	return err
}
