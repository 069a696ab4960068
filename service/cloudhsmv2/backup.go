package cloudhsmv2

import (
	"context"
	"strings"

	hsmapi "bartizan.dev/api/cloudhsmv2"
	"bartizan.dev/arn"
)

// There are no backups here: PKCS#11 lets nobody copy a token whose keys cannot
// be extracted, so only the HSM vendor's own tools back it up. Every id of a
// backup therefore names none.

func noBackup(id string) error { return notFound("Backup %s was not found.", id) }

// DescribeBackups lists the backups there are: none.
// https://docs.aws.amazon.com/cloudhsm/latest/APIReference/API_DescribeBackups.html
func (s *Service) DescribeBackups(_ context.Context, in *hsmapi.DescribeBackupsRequest) (*hsmapi.DescribeBackupsResponse, error) {
	for name := range in.Filters {
		switch name {
		case "backupIds", "sourceBackupIds", "clusterIds", "states", "neverExpires":
		default:
			return nil, invalid("The filter %s is not supported. Use backupIds, sourceBackupIds, clusterIds, states or neverExpires.", name)
		}
	}
	if _, _, _, err := window(nil, in.NextToken, in.MaxResults, 50); err != nil {
		return nil, err
	}
	return &hsmapi.DescribeBackupsResponse{Backups: []hsmapi.Backup{}}, nil
}

// CopyBackupToRegion finds no backup.
// https://docs.aws.amazon.com/cloudhsm/latest/APIReference/API_CopyBackupToRegion.html
func (s *Service) CopyBackupToRegion(ctx context.Context, in *hsmapi.CopyBackupToRegionRequest) (*hsmapi.CopyBackupToRegionResponse, error) {
	if in.DestinationRegion == placeOf(ctx).region {
		return nil, invalid("The destination Region must differ from the Region of the backup.")
	}
	if _, err := setTags(nil, in.TagList); err != nil {
		return nil, err
	}
	return nil, noBackup(in.BackupId)
}

// DeleteBackup finds no backup.
// https://docs.aws.amazon.com/cloudhsm/latest/APIReference/API_DeleteBackup.html
func (s *Service) DeleteBackup(_ context.Context, in *hsmapi.DeleteBackupRequest) (*hsmapi.DeleteBackupResponse, error) {
	return nil, noBackup(in.BackupId)
}

// ModifyBackupAttributes finds no backup.
// https://docs.aws.amazon.com/cloudhsm/latest/APIReference/API_ModifyBackupAttributes.html
func (s *Service) ModifyBackupAttributes(_ context.Context, in *hsmapi.ModifyBackupAttributesRequest) (*hsmapi.ModifyBackupAttributesResponse, error) {
	return nil, noBackup(in.BackupId)
}

// RestoreBackup finds no backup.
// https://docs.aws.amazon.com/cloudhsm/latest/APIReference/API_RestoreBackup.html
func (s *Service) RestoreBackup(_ context.Context, in *hsmapi.RestoreBackupRequest) (*hsmapi.RestoreBackupResponse, error) {
	return nil, noBackup(in.BackupId)
}

// policyOn says why there is no resource policy: only backups have one.
func policyOn(name *string) error {
	if name == nil {
		return invalid("ResourceArn is required.")
	}
	a, err := arn.Parse(*name)
	if err != nil {
		return invalid("The resource %s is not an ARN.", *name)
	}
	id, ok := strings.CutPrefix(a.Resource, "backup/")
	if !ok {
		return invalid("Resource policies are supported for backups only.")
	}
	return noBackup(id)
}

// PutResourcePolicy finds no backup.
// https://docs.aws.amazon.com/cloudhsm/latest/APIReference/API_PutResourcePolicy.html
func (s *Service) PutResourcePolicy(_ context.Context, in *hsmapi.PutResourcePolicyRequest) (*hsmapi.PutResourcePolicyResponse, error) {
	if in.Policy == nil {
		return nil, invalid("Policy is required.")
	}
	return nil, policyOn(in.ResourceArn)
}

// GetResourcePolicy finds no backup.
// https://docs.aws.amazon.com/cloudhsm/latest/APIReference/API_GetResourcePolicy.html
func (s *Service) GetResourcePolicy(_ context.Context, in *hsmapi.GetResourcePolicyRequest) (*hsmapi.GetResourcePolicyResponse, error) {
	return nil, policyOn(in.ResourceArn)
}

// DeleteResourcePolicy finds no backup.
// https://docs.aws.amazon.com/cloudhsm/latest/APIReference/API_DeleteResourcePolicy.html
func (s *Service) DeleteResourcePolicy(_ context.Context, in *hsmapi.DeleteResourcePolicyRequest) (*hsmapi.DeleteResourcePolicyResponse, error) {
	return nil, policyOn(in.ResourceArn)
}
