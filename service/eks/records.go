package eks

import (
	"context"
	"crypto/rand"
	"strings"
	"time"

	"bartizan.dev/arn"
	"bartizan.dev/caller"
	"bartizan.dev/store"
)

// What is stored, and under which id:
//
//	association/{account}/{region}/{cluster}/{id}   indexes pods, token
type association struct {
	ID              string
	Account, Region string
	Cluster         string
	Namespace       string
	ServiceAccount  string
	Role            string
	Target          string `json:",omitzero"`
	Policy          string `json:",omitzero"`
	NoTags          bool
	Tags            map[string]string `json:",omitzero"`
	Created         time.Time
	Modified        time.Time
	Token           string `json:",omitzero"` // of the call that made it, with a digest of what it asked
	Asked           string `json:",omitzero"`
}

func (a *association) place() place { return place{a.Account, a.Region} }

func (a *association) key() string { return a.place().cluster(a.Cluster) + a.ID }

func (a *association) arn() string {
	return arn.New("eks", a.Region, a.Account, "podidentityassociation/"+a.Cluster+"/"+a.ID)
}

// externalID tells a target role which association asks for it.
// https://docs.aws.amazon.com/eks/latest/userguide/pod-id-assign-target-role.html
func (a *association) externalID() string {
	if a.Target == "" {
		return ""
	}
	return strings.Join([]string{a.Region, a.Account, a.Cluster, a.Namespace, a.ServiceAccount}, "/")
}

// place is where associations live.
type place struct{ account, region string }

func placeOf(ctx context.Context) place {
	c := caller.From(ctx)
	return place{c.Identity.Account, c.Region}
}

func (p place) cluster(name string) string { return p.account + "/" + p.region + "/" + name + "/" }

func (p place) pods(cluster, namespace, serviceAccount string) string {
	return p.cluster(cluster) + namespace + "/" + serviceAccount
}

func (p place) clusterARN(name string) string {
	return arn.New("eks", p.region, p.account, "cluster/"+name)
}

func newAssociations() store.Collection[association] {
	return store.Collection[association]{Name: "association", Indexes: []store.Index[association]{
		{Name: "pods", Keys: func(a *association) []string {
			return []string{a.place().pods(a.Cluster, a.Namespace, a.ServiceAccount)}
		}},
		{Name: "token", Keys: func(a *association) []string {
			if a.Token == "" {
				return nil
			}
			return []string{a.place().cluster(a.Cluster) + a.Token}
		}},
	}}
}

const idAlphabet = "abcdefghijklmnopqrstuvwxyz0123456789"

// newID makes an id of AWS's form: a- and 17 letters and digits.
func newID() string {
	out := []byte("a-")
	for len(out) < 19 {
		var b [1]byte
		rand.Read(b[:])              // never fails: see crypto/rand
		if n := int(b[0]); n < 252 { // a multiple of 36, so that all are as likely
			out = append(out, idAlphabet[n%36])
		}
	}
	return string(out)
}
