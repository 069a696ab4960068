package kms

// Quotas are the numbers that KMS bounds and that AWS raises on request.
// https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html
type Quotas struct {
	Keys         int // customer managed, of an account in a Region
	Aliases      int // of a key
	Grants       int // of a key
	CustomStores int // of an account in a Region
}

func (q Quotas) orDefault() Quotas {
	for _, f := range []struct {
		field *int
		value int
	}{{&q.Keys, 100_000}, {&q.Aliases, 50}, {&q.Grants, 50_000}, {&q.CustomStores, 10}} {
		if *f.field == 0 {
			*f.field = f.value
		}
	}
	return q
}

const (
	maxTags     = 50
	maxPolicy   = 32 << 10 // bytes
	maxOnDemand = 25       // rotations of a key
	maxContext  = 8192     // bytes of an encryption context
	// Of an encryption context constraint of a grant.
	// https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateGrant.html#KMS-CreateGrant-request-Constraints
	maxConstraint      = 8
	maxConstraintValue = 384
	defaultName        = "default"
	defaultDays        = 365
	defaultWait        = 30 // days before a key is deleted
)
