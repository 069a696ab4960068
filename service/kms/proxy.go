package kms

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"time"

	api "bartizan.dev/api/kms"
	"bartizan.dev/arn"
	"bartizan.dev/caller"
	"bartizan.dev/service/kms/xks"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// Bartizan as an XKS proxy: a KMS elsewhere, Amazon's own, uses keys that are
// held here. Each proxy has a path, a credential, and the IAM user as whom what
// comes in by it is decided and recorded: the user needs kms:DescribeKey,
// kms:Encrypt and kms:Decrypt on the keys, whose ids are the ids of external
// keys.
// https://docs.aws.amazon.com/kms/latest/developerguide/keystore-external.html

// keyProxy is one of them.
type keyProxy struct {
	Name      string    `json:"name"`
	Account   string    `json:"account"`
	Region    string    `json:"region"`
	User      string    `json:"user"` // unique id
	AccessKey string    `json:"accessKey"`
	Secret    []byte    `json:"secret"` // under a key of KMS itself
	Created   time.Time `json:"created"`
}

// Proxy is what an administrator is told of one.
type Proxy struct {
	Name, Account, Region, User, AccessKeyID, Path string
	Created                                        time.Time
}

const proxyKeys = "proxy"

var proxyName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

func proxyPath(name string) string { return "/xks/" + name + "/kms/xks/v1" }

func proxySecretName(name string) string { return "xks proxy/" + name }

// AddProxy makes a proxy with a new credential, which is shown this once. Made
// again under its name it gets another credential.
func (s *Service) AddProxy(ctx context.Context, name, region, user string) (*Proxy, xks.Credential, error) {
	none := xks.Credential{}
	a, err := arn.Parse(user)
	kind, short := a.Type()
	if err != nil || a.Service != "iam" || kind != "user" || short == "" {
		return nil, none, fmt.Errorf("%q is not the ARN of an IAM user", user)
	}
	if !proxyName.MatchString(name) || !regionPattern.MatchString(region) {
		return nil, none, errors.New("a proxy's name is of a-z, 0-9 and -, and its Region is one such as eu-central-1")
	}
	bound, err := s.BindPrincipal(ctx, user)
	if err != nil {
		return nil, none, err
	}
	if bound == "" || bound == user {
		return nil, none, fmt.Errorf("there is no user %s here", user)
	}
	credential := xks.NewCredential()
	p := &keyProxy{Name: name, Account: a.Account, Region: region, User: bound, AccessKey: credential.AccessKeyID, Created: s.now()}
	if p.Secret, err = s.sealOwn(ctx, region, proxySecretName(name), []byte(credential.Secret)); err != nil {
		return nil, none, err
	}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error { return s.proxies.Put(ctx, tx, name, p) })
	if err != nil {
		return nil, none, err
	}
	shown, err := s.shownProxy(ctx, p)
	return shown, credential, err
}

// RemoveProxy ends a proxy: its credential is good for nothing any more.
func (s *Service) RemoveProxy(ctx context.Context, name string) error {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		if _, err := s.proxies.Get(ctx, tx, name); errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrNUL) {
			return fmt.Errorf("there is no proxy %q", name)
		} else if err != nil {
			return err
		}
		return s.proxies.Delete(ctx, tx, name)
	})
	return err
}

// Proxies lists them.
func (s *Service) Proxies(ctx context.Context) ([]Proxy, error) {
	all, err := s.proxies.List(ctx, s.Store, "", "", 0)
	out := make([]Proxy, 0, len(all))
	for _, e := range all {
		shown, err := s.shownProxy(ctx, e.Value)
		if err != nil {
			return nil, err
		}
		out = append(out, *shown)
	}
	return out, err
}

func (s *Service) shownProxy(ctx context.Context, p *keyProxy) (*Proxy, error) {
	user, err := s.ShowPrincipal(ctx, p.User)
	return &Proxy{Name: p.Name, Account: p.Account, Region: p.Region, User: user, AccessKeyID: p.AccessKey, Path: proxyPath(p.Name), Created: p.Created}, err
}

// proxyServer answers for all proxies.
type proxyServer struct {
	*Service
	door wire.Door
}

// ProxyHandler serves the XKS API below /xks/. door is the inner door of whoever
// acts for people: what comes in is decided as if the proxy's user called.
func (s *Service) ProxyHandler(door wire.Door) *xks.Server {
	p := &proxyServer{s, door}
	return &xks.Server{Credentials: p, Keys: p}
}

// at finds the proxy of a path's prefix.
func (p *proxyServer) at(ctx context.Context, prefix string) (*keyProxy, error) {
	if len(prefix) > len("/xks/") && prefix[:len("/xks/")] == "/xks/" {
		one, err := p.proxies.Get(ctx, p.Store, prefix[len("/xks/"):])
		if !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrNUL) {
			return one, err
		}
	}
	return nil, &xks.Fault{Name: xks.InvalidURIPathException, Message: "There is no key store at this path."}
}

func (p *proxyServer) Secret(ctx context.Context, prefix, accessKeyID string) (string, error) {
	one, err := p.at(ctx, prefix)
	if err != nil || one.AccessKey != accessKeyID {
		return "", err
	}
	secret, err := p.openOwn(ctx, one.Region, proxySecretName(one.Name), one.Secret)
	return string(secret), err
}

// as returns a context in which the proxy's user calls.
func (p *proxyServer) as(ctx context.Context, call *xks.Call) (context.Context, error) {
	one, err := p.at(ctx, call.Prefix)
	if err != nil {
		return nil, err
	}
	user, err := p.ShowPrincipal(ctx, one.User)
	if err != nil {
		return nil, err
	}
	if user == one.User { // an id still: the user is gone
		return nil, &xks.Fault{Name: xks.AccessDeniedException, Message: "The user of this key store no longer exists."}
	}
	return caller.With(ctx, &caller.Call{
		Identity:  caller.Identity{Kind: caller.User, Account: one.Account, ID: one.User, ARN: user, Name: user[1+lastSlash(user):]},
		RequestID: newKeyID(false), Time: p.Clock.Now(), Region: one.Region, UserAgent: "kms-xks-proxy " + call.Metadata.PrincipalARN, TLS: "TLS",
	}), nil
}

func lastSlash(s string) int {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] == '/' {
			return i
		}
	}
	return -1
}

// client calls KMS by the inner door.
func (p *proxyServer) client() api.Client { return api.Client{Door: p.door} }

// fault is what a proxy says of an error of KMS.
func fault(err error) error {
	e := wire.AsError(err)
	name := xks.InternalException
	switch e.Code {
	case "AccessDeniedException":
		name = xks.AccessDeniedException
	case "NotFoundException":
		name = xks.KeyNotFoundException
	case "DisabledException", "KMSInvalidStateException":
		name = xks.InvalidStateException
	case "InvalidKeyUsageException", "UnsupportedOperationException":
		name = xks.InvalidKeyUsageException
	case "InvalidCiphertextException":
		name = xks.InvalidCiphertextException
	case "ValidationException":
		name = xks.ValidationException
	}
	return &xks.Fault{Name: name, Message: e.Message, Cause: err}
}

// Health encrypts something: that says more than that we are here.
func (p *proxyServer) Health(ctx context.Context, call *xks.Call) (*xks.Health, error) {
	one, err := p.at(ctx, call.Prefix)
	if err != nil {
		return nil, err
	}
	status := xks.Active
	if _, err := p.sealOwn(ctx, one.Region, "health", []byte("x")); err != nil {
		p.Log.Error("the XKS proxy cannot encrypt", "cause", err)
		status = xks.Unavailable
	}
	return &xks.Health{
		FleetSize: 1, ProxyVendor: "Bartizan", ProxyModel: "Bartizan", Vendor: "Bartizan",
		Managers: []xks.Manager{{ID: one.Name, Model: "Bartizan KMS", Status: status}},
	}, nil
}

func (p *proxyServer) Metadata(ctx context.Context, call *xks.Call) (*xks.KeyMetadata, error) {
	ctx, err := p.as(ctx, call)
	if err != nil {
		return nil, err
	}
	out, err := p.client().DescribeKey(ctx, &api.DescribeKeyRequest{KeyId: call.KeyID})
	if err != nil {
		return nil, fault(err)
	}
	m := out.KeyMetadata
	meta := &xks.KeyMetadata{Spec: string(m.KeySpec), Usage: []string{string(m.KeyUsage)}, Status: "DISABLED"}
	if m.KeySpec == api.KeySpec_SYMMETRIC_DEFAULT {
		meta.Spec, meta.Usage = "AES_256", []string{"ENCRYPT", "DECRYPT"}
	}
	if m.KeyState == api.KeyState_Enabled {
		meta.Status = "ENABLED"
	}
	return meta, nil
}

// foreign stands in the context of a call that a proxy makes: Encrypt and Decrypt
// do what the XKS API wants then, with all their checks.
type foreign struct {
	plaintext, aad []byte
	ciphertext     *xks.Ciphertext
}

type foreignKey struct{}

func foreignOf(ctx context.Context) *foreign {
	f, _ := ctx.Value(foreignKey{}).(*foreign)
	return f
}

func (p *proxyServer) Encrypt(ctx context.Context, call *xks.Call, plaintext, aad []byte) (*xks.Ciphertext, error) {
	ctx, err := p.as(ctx, call)
	if err != nil {
		return nil, err
	}
	f := &foreign{plaintext: plaintext, aad: aad}
	if _, err := p.client().Encrypt(context.WithValue(ctx, foreignKey{}, f), &api.EncryptRequest{KeyId: call.KeyID}); err != nil {
		return nil, fault(err)
	}
	return f.ciphertext, nil
}

func (p *proxyServer) Decrypt(ctx context.Context, call *xks.Call, c *xks.Ciphertext, aad []byte) ([]byte, error) {
	ctx, err := p.as(ctx, call)
	if err != nil {
		return nil, err
	}
	f := &foreign{ciphertext: c, aad: aad}
	in := &api.DecryptRequest{KeyId: &call.KeyID, CiphertextBlob: c.Data}
	if _, err := p.client().Decrypt(context.WithValue(ctx, foreignKey{}, f), in); err != nil {
		return nil, fault(err)
	}
	return f.plaintext, nil
}

// What a key held here encrypts for a KMS elsewhere carries in its metadata: 1
// byte 1, 8 bytes of the id of the material, 11 bytes of salt. The key of the
// message is derived from material and salt, so a key is good for more than the
// 2^32 messages of a random nonce.
const (
	foreignLabel    = "bartizan kms xks 1\x00"
	foreignMaterial = 8
	foreignSalt     = xks.MaxMetadata - 1 - foreignMaterial
)

// sealForeign seals for a KMS elsewhere.
func (c *cipherMaterial) sealForeign(f *foreign, salt []byte) error {
	id, err := hex.DecodeString(c.id)
	if err != nil {
		return err
	}
	meta := append(append([]byte{1}, id[:foreignMaterial]...), salt...)
	key := c.mix(foreignLabel, salt)
	defer clear(key)
	f.ciphertext, err = xks.Seal(key, f.plaintext, f.aad, meta)
	return err
}

// openForeign opens what sealForeign made.
func (s *Service) openForeign(ctx context.Context, t *target, f *foreign) error {
	meta := f.ciphertext.Metadata
	if len(meta) != xks.MaxMetadata || meta[0] != 1 {
		return badCiphertext()
	}
	m := t.byPrefix(meta[1 : 1+foreignMaterial])
	if m == nil {
		return badCiphertext()
	}
	c, err := m.cipher(ctx)
	if err != nil {
		return err
	}
	key := c.mix(foreignLabel, meta[1+foreignMaterial:])
	defer clear(key)
	if f.plaintext, err = xks.Open(key, f.ciphertext, f.aad); err != nil {
		return badCiphertext().With(err)
	}
	return nil
}
