package ssm

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"

	ssmapi "bartizan.dev/api/ssm"
	"bartizan.dev/caller"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// maxVersions is how many versions of a parameter are kept.
const maxVersions = 100

// errMoved ends an attempt: the parameter is not what it was when KMS was asked.
var errMoved = errors.New("ssm: the parameter has changed")

// PutParameter makes a parameter or a new version of one.
// https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
func (s *Service) PutParameter(ctx context.Context, in *ssmapi.PutParameterRequest) (*ssmapi.PutParameterResult, error) {
	at, name := placeOf(ctx), strings.TrimSpace(in.Name)
	if err := checkName(at, name); err != nil {
		return nil, err
	}
	if in.Value == "" {
		return nil, invalid("1 validation error detected: Value '' at 'value' failed to satisfy constraint: Member must have length greater than or equal to 1.")
	}
	if given(in.Overwrite) && len(in.Tags) > 0 {
		return nil, invalid("Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite flag. " +
			"To update tags for an existing parameter, please use AddTagsToResource or RemoveTagsFromResource.")
	}
	// KMS cannot be asked within a transaction, so what it was asked for may have
	// changed meanwhile; then once more.
	for range 3 {
		old, err := s.find(ctx, s.Store, at, name)
		if err != nil {
			return nil, err
		}
		v, err := s.nextVersion(ctx, at, name, in, old)
		if err != nil {
			return nil, err
		}
		if _, err = s.Store.Update(ctx, func(tx store.Tx) error { return s.put(ctx, tx, at, name, in, old, v) }); err == nil {
			return &ssmapi.PutParameterResult{Version: &v.Number, Tier: ssmapi.ParameterTier(v.Tier)}, nil
		} else if !errors.Is(err, errMoved) {
			return nil, err
		}
	}
	return nil, tooManyUpdates()
}

// nextVersion checks everything that needs no transaction and encrypts the value.
func (s *Service) nextVersion(ctx context.Context, at place, name string, in *ssmapi.PutParameterRequest, old *parameter) (*version, error) {
	call := caller.From(ctx)
	v := &version{Number: 1, Type: string(in.Type), DataType: "text", Modified: s.Clock.Now(), User: call.Identity.ARN}
	switch {
	case old != nil && !given(in.Overwrite):
		return nil, wire.Errorf("ParameterAlreadyExists", "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.")
	case old == nil && v.Type == "":
		return nil, invalid("A parameter type is required when you create a parameter.")
	case old != nil && v.Type != "" && v.Type != old.Type:
		return nil, wire.Errorf("HierarchyTypeMismatchException", "The parameter type can't be changed from %s to %s. You must create a new, unique parameter.", old.Type, v.Type)
	}
	if old != nil { // what is not given stays
		v.Number, v.Type, v.DataType, v.Description, v.Pattern, v.Rules = old.Number+1, old.Type, old.DataType, old.Description, old.Pattern, old.Rules
	}
	for _, m := range []struct {
		to   *string
		from *string
	}{{&v.DataType, in.DataType}, {&v.Description, in.Description}, {&v.Pattern, in.AllowedPattern}} {
		if m.from != nil {
			*m.to = *m.from
		}
	}
	if in.Policies != nil {
		rules, err := parseRules(*in.Policies, s.Clock.Now())
		if err != nil {
			return nil, err
		}
		v.Rules = rules
	}
	if err := s.settleTier(ctx, at, in, old, v); err != nil {
		return nil, err
	}
	if err := checkValue(v, name, in.Value); err != nil {
		return nil, err
	}
	return v, s.setValue(ctx, at.arn(name), in, v)
}

func (s *Service) settleTier(ctx context.Context, at place, in *ssmapi.PutParameterRequest, old *parameter, v *version) error {
	full := false
	if in.Tier == tierIntelligent && old == nil {
		c, err := s.counts.Get(ctx, s.Store, at.account+"/"+at.region)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		full = err == nil && c.Standard >= s.Quotas.Standard
	}
	var err error
	v.Tier, err = chooseTier(in, old, v.Rules, full)
	return err
}

func (s *Service) setValue(ctx context.Context, arn string, in *ssmapi.PutParameterRequest, v *version) (err error) {
	if v.Type != typeSecure {
		if in.KeyId != nil {
			return invalid("KeyId is required for SecureString type parameter only.")
		}
		v.Value = in.Value
		return nil
	}
	v.KeyID = defaultKey
	if in.KeyId != nil {
		v.KeyID = *in.KeyId
	}
	v.Value, err = s.seal(ctx, arn, v.Tier, v.KeyID, in.Value)
	return err
}

// put writes a version that was made for old.
func (s *Service) put(ctx context.Context, tx store.Tx, at place, name string, in *ssmapi.PutParameterRequest, old *parameter, v *version) error {
	p, err := s.find(ctx, tx, at, name)
	if err != nil {
		return err
	}
	switch {
	case (p == nil) != (old == nil), p != nil && (p.ID != old.ID || p.Number != old.Number):
		return errMoved
	case p == nil:
		p = &parameter{ID: rand.Text(), Account: at.account, Region: at.region, Name: name, Oldest: 1, Tags: map[string]string{}}
		if err := addTags(p, in.Tags); err != nil {
			return err
		}
		if err := s.occupy(ctx, tx, at, v.Tier); err != nil {
			return err
		}
	case p.Tier != v.Tier:
		if _, err := s.change(ctx, tx, at, p.Tier, -1); err != nil {
			return err
		}
		if err := s.occupy(ctx, tx, at, v.Tier); err != nil {
			return err
		}
	}
	p.version = *v
	if err := s.forgetOldest(ctx, tx, p); err != nil {
		return err
	}
	if err := s.versions.Put(ctx, tx, p.versionID(v.Number), v); err != nil {
		return err
	}
	if err := s.plan(ctx, tx, p); err != nil {
		return err
	}
	return s.parameters.Put(ctx, tx, p.id(), p)
}

// occupy counts one more parameter of a tier.
func (s *Service) occupy(ctx context.Context, tx store.Tx, at place, tier string) error {
	n, err := s.change(ctx, tx, at, tier, 1)
	switch {
	case err != nil:
		return err
	case tier == tierStandard && n > s.Quotas.Standard:
		return wire.Errorf("ParameterLimitExceeded", "You have reached the maximum number of standard parameters for this AWS account and Region (%d). "+
			"To add more parameters, either delete existing parameters or upgrade to the advanced-parameter tier (charges apply).", s.Quotas.Standard)
	case tier == tierAdvanced && n > s.Quotas.Advanced:
		return wire.Errorf("ParameterLimitExceeded", "You have reached the maximum number of advanced parameters for this AWS account and Region (%d).", s.Quotas.Advanced)
	}
	return nil
}

// forgetOldest keeps a hundred versions: the oldest goes, unless a label holds it.
func (s *Service) forgetOldest(ctx context.Context, tx store.Tx, p *parameter) error {
	if p.Number-p.Oldest < maxVersions {
		return nil
	}
	if len(p.labelsOf(p.Oldest)) > 0 {
		return wire.Errorf("ParameterMaxVersionLimitExceeded", "You attempted to create a new version of %s by calling the PutParameter API with the overwrite flag. "+
			"Version %d, the oldest version, can't be deleted because it has a label associated with it. Move the label to another version of the parameter, and try again.", p.Name, p.Oldest)
	}
	if err := s.versions.Delete(ctx, tx, p.versionID(p.Oldest)); err != nil {
		return err
	}
	p.Oldest++
	return nil
}

func given(b *bool) bool { return b != nil && *b }
