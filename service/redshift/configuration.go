package redshift

import (
	"context"

	redshiftapi "bartizan.dev/api/redshift"
)

// maxText bounds each text of a configuration, in bytes.
const maxText = 16 << 10

// CreateHsmConfiguration says how clusters use an HSM: which partition, with
// which password. It does not connect to it, as AWS does not.
// https://docs.aws.amazon.com/redshift/latest/APIReference/API_CreateHsmConfiguration.html
func (s *Service) CreateHsmConfiguration(ctx context.Context, in *redshiftapi.CreateHsmConfigurationMessage) (*redshiftapi.CreateHsmConfigurationResult, error) {
	at := placeOf(ctx)
	c := &configuration{
		head:        head{ID: in.HsmConfigurationIdentifier, Account: at.account, Region: at.region},
		Description: in.Description, Address: in.HsmIpAddress, Partition: in.HsmPartitionName,
		Password: in.HsmPartitionPassword, ServerCertificate: in.HsmServerPublicCertificate,
	}
	if err := s.configurations.checkIdentifier(c.ID); err != nil {
		return nil, err
	}
	for _, f := range []struct{ name, value string }{
		{"Description", c.Description}, {"HsmIpAddress", c.Address}, {"HsmPartitionName", c.Partition},
		{"HsmPartitionPassword", c.Password}, {"HsmServerPublicCertificate", c.ServerCertificate},
	} {
		if f.value == "" || len(f.value) > maxText {
			return nil, invalid("The parameter %s must have between 1 and %d characters.", f.name, maxText)
		}
	}
	var err error
	if c.Tags, err = setTags(nil, in.Tags); err != nil {
		return nil, err
	}
	if err := s.configurations.insert(ctx, s.Store, c, s.Quotas.Configurations); err != nil {
		return nil, err
	}
	return &redshiftapi.CreateHsmConfigurationResult{HsmConfiguration: c.show()}, nil
}

// show leaves out password and certificate, as AWS does.
func (c *configuration) show() *redshiftapi.HsmConfiguration {
	return &redshiftapi.HsmConfiguration{HsmConfigurationIdentifier: &c.ID, Description: &c.Description, HsmIpAddress: &c.Address,
		HsmPartitionName: &c.Partition, Tags: showTags(c.Tags)}
}

// DescribeHsmConfigurations lists configurations.
// https://docs.aws.amazon.com/redshift/latest/APIReference/API_DescribeHsmConfigurations.html
func (s *Service) DescribeHsmConfigurations(ctx context.Context, in *redshiftapi.DescribeHsmConfigurationsMessage) (*redshiftapi.HsmConfigurationMessage, error) {
	list, next, err := s.configurations.describe(ctx, s.Store, query{in.HsmConfigurationIdentifier, in.MaxRecords, in.Marker, in.TagKeys, in.TagValues})
	if err != nil {
		return nil, err
	}
	out := &redshiftapi.HsmConfigurationMessage{Marker: next, HsmConfigurations: []redshiftapi.HsmConfiguration{}}
	for _, c := range list {
		out.HsmConfigurations = append(out.HsmConfigurations, *c.show())
	}
	return out, nil
}

// DeleteHsmConfiguration deletes a configuration: its partition can no longer be
// used through it.
// https://docs.aws.amazon.com/redshift/latest/APIReference/API_DeleteHsmConfiguration.html
func (s *Service) DeleteHsmConfiguration(ctx context.Context, in *redshiftapi.DeleteHsmConfigurationMessage) (*redshiftapi.DeleteHsmConfigurationOutput, error) {
	if err := s.configurations.remove(ctx, s.Store, in.HsmConfigurationIdentifier); err != nil {
		return nil, err
	}
	return &redshiftapi.DeleteHsmConfigurationOutput{}, nil
}
