package secretsmanager

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"time"

	"bartizan.dev/arn"
	"bartizan.dev/caller"
	"bartizan.dev/store"
)

// What is stored, and under which id:
//
//	secret/{account}/{region}/{name}            indexes uid
//	value/{account}/{region}/{uid}/{version}    a sealed value
//	count/{account}/{region}                    how many secrets there are
//
// UID is random and never used again, so neither a value nor a job of a deleted
// secret can pass for one of a new secret with its name. Values lie apart from
// their secret: listing reads none.
type records struct {
	secrets store.Collection[secret]
	values  store.Collection[sealed]
	counts  store.Collection[count]
}

func newRecords() records {
	return records{
		secrets: store.Collection[secret]{Name: "secret", Indexes: []store.Index[secret]{
			{Name: "uid", Keys: func(v *secret) []string { return []string{v.job()} }},
		}},
		values: store.Collection[sealed]{Name: "value"},
		counts: store.Collection[count]{Name: "count"},
	}
}

type count struct{ Secrets int }

// secret is a secret without its values.
type secret struct {
	Account, Region, Name string
	UID                   string
	Suffix                string // six characters at the end of the ARN
	Description           string `json:",omitzero"`
	KMSKey                string `json:",omitzero"` // as the caller named it; empty: aws/secretsmanager
	Type                  string `json:",omitzero"` // of a managed external secret
	Owner                 string `json:",omitzero"` // the service that made it, such as rds
	Tags                  []tag
	Policy                string `json:",omitzero"`
	Versions              []version
	Created, Changed      time.Time
	Accessed              time.Time `json:",omitzero"` // a day
	Deleted               time.Time `json:",omitzero"` // when DeleteSecret was called
	Gone                  time.Time `json:",omitzero"` // the end of the recovery window
	Rotation              rotation
	Primary               string    `json:",omitzero"` // of a replica: its primary's Region
	Origin                string    `json:",omitzero"` // where a replicated secret was made, as PrimaryRegion shows it
	Replicas              []replica `json:",omitzero"`
	Across                *link     `json:",omitzero"` // of a primary: its replica in another account
	From                  *link     `json:",omitzero"` // of such a replica: its primary
}

type tag struct{ Key, Value string }

// version is a version of a secret. One that a rotation has begun has no value
// yet.
type version struct {
	ID       string
	Created  time.Time
	Stages   []string  `json:",omitzero"` // sorted
	Accessed time.Time `json:",omitzero"` // a day
	Key      string    `json:",omitzero"` // ARN of the key that seals the value; empty: aws/secretsmanager
	Empty    bool      `json:",omitzero"`
}

// rotation is how a secret is rotated.
type rotation struct {
	Enabled    bool
	Function   string       `json:",omitzero"` // ARN of the Lambda function, or of who stands for it
	Days       int64        `json:",omitzero"`
	Expression string       `json:",omitzero"`
	Duration   string       `json:",omitzero"`
	Metadata   []tag        `json:",omitzero"` // of a managed external secret
	Role       string       `json:",omitzero"` // likewise
	Last       time.Time    `json:",omitzero"`
	Next       time.Time    `json:",omitzero"` // the end of the next window
	Running    *runningStep `json:",omitzero"`
}

// runningStep is a rotation under way, or one that has failed and will be tried
// again.
type runningStep struct {
	Version string // its id
	Token   string // RotationToken
	Test    bool   // only the configuration is tried
}

// replica is a replica of a secret in another Region, as its primary knows it.
type replica struct {
	Region  string
	KMSKey  string `json:",omitzero"`
	Failed  bool   `json:",omitzero"`
	Message string `json:",omitzero"`
}

// place is where secrets live.
type place struct{ account, region string }

func placeOf(ctx context.Context) place {
	c := caller.From(ctx)
	return place{c.Identity.Account, c.Region}
}

func (p place) id() string { return p.account + "/" + p.region }

func (p place) key(name string) string { return p.id() + "/" + name }

func (v *secret) place() place { return place{v.Account, v.Region} }

func (v *secret) key() string { return v.place().key(v.Name) }

// job is the id of the secret's jobs and the prefix of its values.
func (v *secret) job() string { return v.place().key(v.UID) }

func (v *secret) valueKey(version string) string { return v.job() + "/" + version }

func (v *secret) arn() string { return v.arnIn(v.Region) }

func (v *secret) arnIn(region string) string {
	return arn.New("secretsmanager", region, v.Account, "secret:"+v.Name+"-"+v.Suffix)
}

func (v *secret) version(id string) *version {
	for i := range v.Versions {
		if v.Versions[i].ID == id {
			return &v.Versions[i]
		}
	}
	return nil
}

// clone is a copy that may be changed.
func (v *secret) clone() *secret {
	c := *v
	c.Tags, c.Replicas, c.Versions = slices.Clone(v.Tags), slices.Clone(v.Replicas), slices.Clone(v.Versions)
	for i := range c.Versions {
		c.Versions[i].Stages = slices.Clone(c.Versions[i].Stages)
	}
	return &c
}

const suffixAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// suffixOf makes the six characters at the end of a new secret's ARN. The call's
// event id is random, and both the rule and the handler know it: so policies
// decide about the ARN that the secret will have.
func suffixOf(ctx context.Context, name string) string {
	c := caller.From(ctx)
	if c.EventID == "" {
		return randomSuffix()
	}
	sum := sha256.Sum256([]byte(c.EventID + "\x00" + name))
	return suffixFrom(sum[:])
}

func randomSuffix() string {
	var b [32]byte
	rand.Read(b[:]) // never fails: see crypto/rand
	return suffixFrom(b[:])
}

// suffixFrom takes the bytes that make every character as likely.
func suffixFrom(random []byte) string {
	var out strings.Builder
	for _, b := range random {
		if b < 248 && out.Len() < 6 { // a multiple of 62
			out.WriteByte(suffixAlphabet[b%62])
		}
	}
	if out.Len() < 6 { // one in 10^30
		return randomSuffix()
	}
	return out.String()
}

// same returns the secret within a transaction if it is still the one that was
// read before.
func (s *Service) same(ctx context.Context, tx store.Reader, was *secret) (*secret, error) {
	v, err := s.secrets.Get(ctx, tx, was.key())
	if errors.Is(err, store.ErrNotFound) || err == nil && v.UID != was.UID {
		return nil, errNotFound
	}
	return v, err
}

// counted adds n to the number of secrets of a place and keeps to the quota.
func (s *Service) counted(ctx context.Context, tx store.Tx, at place, n int) error {
	c, err := s.counts.Get(ctx, tx, at.id())
	if errors.Is(err, store.ErrNotFound) {
		c, err = new(count), nil
	}
	if err != nil {
		return err
	}
	c.Secrets += n
	if n > 0 && c.Secrets > s.Quotas.Secrets {
		return limitExceeded("You've reached the quota of %d secrets in this account and Region.", s.Quotas.Secrets)
	}
	return s.counts.Put(ctx, tx, at.id(), c)
}
