// Package redshift is what Amazon Redshift has to do with HSMs: the certificates
// with which its clusters connect to an HSM, and the configurations that name a
// partition of it. Clusters themselves are not built.
//
//   - service.go, records.go, find.go: what the service may touch, what it stores,
//     how it finds and lists it.
//   - authorise.go: what the operations touch.
//   - certificate.go, configuration.go, tag.go: the chapters of the API reference.
//   - partition.go: what the holder of a certificate may do at the HSM.
package redshift

import (
	"context"
	"errors"
	"time"

	redshiftapi "bartizan.dev/api/redshift"
	"bartizan.dev/keys"
	"bartizan.dev/store"
)

// ErrPartition is returned by Deps.Partition, and by what a Holder does, for a
// partition that there is not or a password that is wrong: which of the two is
// nobody's business.
var ErrPartition = errors.New("redshift: no such partition, or a wrong password")

// Deps is all the service may touch.
type Deps struct {
	Store store.Store // its own view
	Now   func() time.Time
	// Partition logs in to a partition of the account's HSMs.
	Partition func(ctx context.Context, account, region, name, password string) (keys.Vault, error)
	Quotas    Quotas // zero fields stand for the defaults
}

// Quotas are per account and Region. AWS has such quotas and does not say how
// high they are.
type Quotas struct {
	Certificates, Configurations int
}

// maxTags is AWS's.
// https://docs.aws.amazon.com/redshift/latest/mgmt/amazon-redshift-tagging.html
const maxTags = 50

// Service answers the operations of Redshift that HSMs need.
type Service struct {
	redshiftapi.Unimplemented
	Deps
	records
}

var _ redshiftapi.Server = (*Service)(nil)

// New returns the service.
func New(d Deps) *Service {
	if d.Quotas.Certificates == 0 {
		d.Quotas.Certificates = 100
	}
	if d.Quotas.Configurations == 0 {
		d.Quotas.Configurations = 100
	}
	return &Service{Deps: d, records: newRecords()}
}
