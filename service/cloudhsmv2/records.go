package cloudhsmv2

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/hex"
	"strings"
	"time"

	hsmapi "bartizan.dev/api/cloudhsmv2"
	"bartizan.dev/arn"
	"bartizan.dev/caller"
	"bartizan.dev/store"
)

// What is stored, and under which id. A cluster's id begins with account and
// Region, so that nothing leaks between them.
//
//	cluster/{account}/{region}/{cluster id}
//	spare/{serial number}   a token that a deleted cluster has left
type records struct {
	clusters store.Collection[cluster]
	spares   store.Collection[spare]
}

func newRecords() records {
	return records{
		clusters: store.Collection[cluster]{Name: "cluster"},
		spares:   store.Collection[spare]{Name: "spare"},
	}
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
	return arn.New("cloudhsm", p.region, p.account, kind+"/"+id)
}

// cluster is a cluster. The store seals it whole, private key and PIN too.
type cluster struct {
	ID, Account, Region string
	Created             time.Time
	State               hsmapi.ClusterState
	HSMType             string
	Mode                hsmapi.ClusterMode
	Network             hsmapi.NetworkType
	Retention           string   // of backups, in days
	Subnets             []subnet // in the order of their zones
	HSMs                []hsm    `json:",omitzero"`
	Tags                []tag    `json:",omitzero"`

	Key         []byte `json:",omitzero"` // PKCS #8, of the CSR
	CSR         string `json:",omitzero"` // PEM
	Certificate string `json:",omitzero"` // PEM, signed by Anchor's key
	Anchor      string `json:",omitzero"` // PEM

	Token   string `json:",omitzero"` // serial number
	Ready   bool   `json:",omitzero"` // the token is initialised for this cluster
	Officer string // PIN of the token's security officer
	User    string `json:",omitzero"` // name of the crypto user, once there is one
}

func (c *cluster) place() place { return place{c.Account, c.Region} }
func (c *cluster) key() string  { return c.place().id(c.ID) }

type subnet struct{ ID, Zone string }

type hsm struct {
	ID, Zone, Subnet, ENI string
	IP                    string `json:",omitzero"`
	State                 hsmapi.HsmState
	Message               string `json:",omitzero"`
}

type tag struct{ Key, Value string }

type spare struct{ Serial, Officer string }

// newID makes an id of AWS's form: a kind, and 11 letters and digits of base 32.
func newID(kind string) string {
	var b [7]byte
	rand.Read(b[:]) // never fails
	return kind + "-" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:]))[:11]
}

func newENI() string {
	var b [9]byte
	rand.Read(b[:]) // never fails
	return "eni-" + hex.EncodeToString(b[:])[:17]
}

// newPIN makes the PIN of a security officer, whom nobody but the service plays.
func newPIN() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])[:30]
}
