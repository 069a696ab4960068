package kms

import (
	"strings"
	"time"

	api "bartizan.dev/api/kms"
	"bartizan.dev/arn"
	"bartizan.dev/store"
)

// What is stored. A key's path is account/Region/key id:
//
//	key/PATH                 what a key is; no material
//	material/PATH/MATERIAL   one of its materials, wrapped under the domain key
//	alias/ACCOUNT/REGION/alias/NAME
//	grant/PATH/GRANT
//	custom/ACCOUNT/REGION/STORE   a custom key store
//	proxy/NAME               an XKS proxy that this server is
//	owned/REGION/SERVICE     the key of a service for itself
//	domain/REGION/VERSION    a domain key, wrapped by the custodian
//	usage/PATH               when and for what a key was used last
//	work/…                   see package work
type records struct {
	keys      store.Collection[key]
	materials store.Collection[keyMaterial]
	aliases   store.Collection[alias]
	grants    store.Collection[grant]
	stores    store.Collection[customStore]
	proxies   store.Collection[keyProxy]
}

// key is a KMS key. A multi-Region key has a record in each of its Regions; the
// primary's says where the replicas are.
type key struct {
	Account     string             `json:"account"`
	Region      string             `json:"region"`
	ID          string             `json:"id"`
	Description string             `json:"description,omitempty"`
	Policy      string             `json:"policy"` // with unique ids for users and roles
	Spec        api.KeySpec        `json:"spec"`
	Usage       api.KeyUsageType   `json:"usage"`
	Origin      api.OriginType     `json:"origin"`
	Manager     api.KeyManagerType `json:"manager"`
	Created     time.Time          `json:"created"`
	Disabled    bool               `json:"disabled,omitempty"`
	Deletion    *time.Time         `json:"deletion,omitempty"`
	Window      int32              `json:"window,omitempty"`  // days of waiting, while Deletion is set or replicas are waited for
	Waiting     bool               `json:"waiting,omitempty"` // PendingReplicaDeletion
	Tags        []tag              `json:"tags,omitempty"`
	Current     string             `json:"current,omitempty"` // id of the material that encrypts; empty: none was imported, or it is not kept here
	Rotation    int32              `json:"rotation,omitempty"`
	Next        *time.Time         `json:"next,omitempty"`     // automatic rotation
	OnDemand    int                `json:"onDemand,omitempty"` // rotations on demand so far
	MultiRegion bool               `json:"multiRegion,omitempty"`
	Primary     string             `json:"primary,omitempty"`  // its Region
	Replicas    []string           `json:"replicas,omitempty"` // their Regions, in the primary's record
	Store       string             `json:"store,omitempty"`    // custom key store
	External    string             `json:"external,omitempty"` // id of the key at the XKS proxy, or label in the HSM
}

type tag struct {
	Key   string `json:"k"`
	Value string `json:"v"`
}

func (k *key) path() string { return keyPath(k.Account, k.Region, k.ID) }

func (k *key) arn() string { return arn.New("kms", k.Region, k.Account, "key/"+k.ID) }

func (k *key) symmetric() bool { return k.Spec == api.KeySpec_SYMMETRIC_DEFAULT }

func keyPath(account, region, id string) string { return account + "/" + region + "/" + id }

// splitPath is the inverse of keyPath.
func splitPath(path string) (account, region, id string) {
	account, rest, _ := strings.Cut(path, "/")
	region, id, _ = strings.Cut(rest, "/")
	return account, region, id
}

// keyMaterial is one material of a key.
type keyMaterial struct {
	ID          string                  `json:"id"`
	Wrapped     []byte                  `json:"wrapped,omitempty"` // under the domain key; empty while it is to be imported again
	Created     time.Time               `json:"created"`
	Rotated     *time.Time              `json:"rotated,omitempty"` // when it became current by rotation
	Kind        api.RotationType        `json:"kind,omitempty"`
	State       api.KeyMaterialState    `json:"state"`
	Expiration  api.ExpirationModelType `json:"expiration,omitempty"` // imported
	ValidTo     *time.Time              `json:"validTo,omitempty"`
	Description string                  `json:"description,omitempty"`
}

// alias is a name of a key.
type alias struct {
	Target  string    `json:"target"` // path of a key
	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`
}

// grant lets a principal use a key.
type grant struct {
	ID              string               `json:"id"`
	Key             string               `json:"key"` // path
	Name            string               `json:"name,omitempty"`
	Created         time.Time            `json:"created"`
	Grantee         string               `json:"grantee,omitempty"`  // unique id or ARN
	Retiring        string               `json:"retiring,omitempty"` // unique id or ARN
	GranteeService  string               `json:"granteeService,omitempty"`
	RetiringService string               `json:"retiringService,omitempty"`
	Issuer          string               `json:"issuer"` // ARN of the account that made it
	Operations      []api.GrantOperation `json:"operations"`
	Equals          map[string]string    `json:"equals,omitzero"` // empty is not nil: it admits only an empty context
	Subset          map[string]string    `json:"subset,omitzero"`
	SourceARN       string               `json:"sourceArn,omitempty"`
}

func (g *grant) id() string { return g.Key + "/" + g.ID }

// grantee is the value of the index by which a call finds its grants.
func (g *grant) grantee() string {
	if g.GranteeService != "" {
		return g.GranteeService
	}
	return g.Grantee
}

// retiring are the values of the index by which a retiring principal finds its
// grants: a user or role those of all accounts in a Region, a service those of
// the account for which it calls.
func (g *grant) retiring() []string {
	var out []string
	account, region, _ := splitPath(g.Key)
	if g.Retiring != "" {
		out = append(out, retiringIn("", region, g.Retiring))
	}
	if g.RetiringService != "" {
		out = append(out, retiringIn(account, region, g.RetiringService))
	}
	return out
}

func retiringIn(account, region, name string) string { return account + "/" + region + "/" + name }

func newRecords() records {
	return records{
		keys: store.Collection[key]{Name: "key", Indexes: []store.Index[key]{
			{Name: "store", Keys: func(k *key) []string {
				if k.Store == "" {
					return nil
				}
				return []string{k.storePath()}
			}},
		}},
		stores:    store.Collection[customStore]{Name: "custom"},
		proxies:   store.Collection[keyProxy]{Name: proxyKeys},
		materials: store.Collection[keyMaterial]{Name: "material"},
		aliases: store.Collection[alias]{Name: "alias", Indexes: []store.Index[alias]{
			{Name: "key", Keys: func(a *alias) []string { return []string{a.Target} }},
		}},
		grants: store.Collection[grant]{Name: "grant", Indexes: []store.Index[grant]{
			{Name: "grantee", Keys: func(g *grant) []string { return []string{g.Key + "|" + g.grantee()} }},
			{Name: "retiring", Keys: (*grant).retiring},
		}},
	}
}
