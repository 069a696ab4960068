package redshift

import (
	"context"

	"bartizan.dev/arn"
	"bartizan.dev/caller"
	"bartizan.dev/store"
)

// What is stored, and under which id. Every id begins with account and Region,
// so that nothing leaks between them. The store seals all of it.
//
//	hsmclientcertificate/{account}/{region}/{identifier}   index fingerprint
//	hsmconfiguration/{account}/{region}/{identifier}
type records struct {
	certificates   kind[certificate]
	configurations kind[configuration]
}

// kind is a kind of resource: its records, its name in ARNs and in faults.
type kind[T any] struct {
	store.Collection[T]
	name  string
	title string // as faults begin
	words string // as messages say
	head  func(*T) *head
}

// place is where a resource lives.
type place struct{ account, region string }

func placeOf(ctx context.Context) place {
	c := caller.From(ctx)
	return place{c.Identity.Account, c.Region}
}

func (p place) prefix() string        { return p.account + "/" + p.region + "/" }
func (p place) id(text string) string { return p.prefix() + text }

func (p place) arn(kind, id string) string {
	return arn.New("redshift", p.region, p.account, kind+":"+id)
}

// head is what all resources have.
type head struct {
	ID, Account, Region string
	Tags                []tag `json:",omitzero"` // in the order of keys
}

func (h *head) place() place { return place{h.Account, h.Region} }

type tag struct{ Key, Value string }

// certificate is an HSM client certificate: its key stays here until the
// administrator hands it to the cluster.
type certificate struct {
	head
	Certificate string // PEM
	Key         []byte // PKCS #8
	Fingerprint string // SHA-256 of the certificate, in hex
}

// configuration says how a cluster uses an HSM.
type configuration struct {
	head
	Description, Address, Partition, Password, ServerCertificate string
}

func newRecords() records {
	return records{
		certificates: kind[certificate]{name: "hsmclientcertificate", title: "HsmClientCertificate", words: "HSM client certificate",
			head: func(c *certificate) *head { return &c.head },
			Collection: store.Collection[certificate]{Name: "hsmclientcertificate", Indexes: []store.Index[certificate]{
				{Name: "fingerprint", Keys: func(c *certificate) []string { return []string{c.Fingerprint} }},
			}}},
		configurations: kind[configuration]{name: "hsmconfiguration", title: "HsmConfiguration", words: "HSM configuration",
			head:       func(c *configuration) *head { return &c.head },
			Collection: store.Collection[configuration]{Name: "hsmconfiguration"}},
	}
}
