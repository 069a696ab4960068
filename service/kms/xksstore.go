package kms

import (
	"context"
	"errors"
	"net/http"

	api "bartizan.dev/api/kms"
	"bartizan.dev/caller"
	"bartizan.dev/service/kms/xks"
)

// newXKSStore reads the request for a store behind an XKS proxy, and asks the
// proxy how it is.
func (s *Service) newXKSStore(ctx context.Context, c *customStore, in *api.CreateCustomKeyStoreRequest) (secret string, err error) {
	switch {
	case in.XksProxyUriEndpoint == nil || in.XksProxyUriPath == nil || in.XksProxyAuthenticationCredential == nil || in.XksProxyConnectivity == "":
		return "", invalid("XksProxyConnectivity, XksProxyUriEndpoint, XksProxyUriPath and XksProxyAuthenticationCredential are required for a custom key store of type EXTERNAL_KEY_STORE.")
	case in.CloudHsmClusterId != nil || in.KeyStorePassword != nil || in.TrustAnchorCertificate != nil:
		return "", invalid("The parameters of a CloudHSM cluster are not valid for a custom key store of type EXTERNAL_KEY_STORE.")
	}
	c.Connectivity, c.Endpoint, c.Path = in.XksProxyConnectivity, *in.XksProxyUriEndpoint, *in.XksProxyUriPath
	if in.XksProxyVpcEndpointServiceName != nil {
		c.Service = *in.XksProxyVpcEndpointServiceName
	}
	if in.XksProxyVpcEndpointServiceOwner != nil {
		c.Owner = *in.XksProxyVpcEndpointServiceOwner
	}
	a := in.XksProxyAuthenticationCredential
	c.AccessKey = a.AccessKeyId
	return a.RawSecretAccessKey, s.checkXKS(ctx, c, xks.Credential{AccessKeyID: a.AccessKeyId, Secret: a.RawSecretAccessKey})
}

// checkXKS refuses a proxy that cannot be a key store: its settings must be right
// and it must be well.
// https://docs.aws.amazon.com/kms/latest/developerguide/create-xks-keystore.html
func (s *Service) checkXKS(ctx context.Context, c *customStore, credential xks.Credential) error {
	switch {
	case c.Connectivity == api.XksProxyConnectivityType_VPC_ENDPOINT_SERVICE && c.Service == "":
		return invalid("XksProxyVpcEndpointServiceName is required with connectivity VPC_ENDPOINT_SERVICE.")
	case c.Connectivity == api.XksProxyConnectivityType_PUBLIC_ENDPOINT && (c.Service != "" || c.Owner != ""):
		return invalid("XksProxyVpcEndpointServiceName and XksProxyVpcEndpointServiceOwner are valid with connectivity VPC_ENDPOINT_SERVICE only.")
	case !xks.ValidPath(c.Path):
		return invalid("XksProxyUriPath must end with /kms/xks/v1.")
	case !credential.Valid():
		return invalid("XksProxyAuthenticationCredential is not valid.")
	}
	_, err := s.proxy(c, credential).Health(ctx, s.xksMetadata(ctx, "", "CreateCustomKeyStore"))
	return xksError(err, xks.Managing)
}

// proxy is the client of a store's proxy.
func (s *Service) proxy(c *customStore, credential xks.Credential) *xks.Client {
	return &xks.Client{Endpoint: c.Endpoint, Path: c.Path, Region: c.Region, Credential: credential, HTTP: &http.Client{Transport: s.XKS}}
}

func (s *Service) proxyOf(ctx context.Context, c *customStore) (*xks.Client, error) {
	secret, err := s.storeSecret(ctx, c)
	if err != nil {
		return nil, err
	}
	return s.proxy(c, xks.Credential{AccessKeyID: c.AccessKey, Secret: secret}), nil
}

// xksMetadata is what a proxy is told of a call.
func (s *Service) xksMetadata(ctx context.Context, keyARN, operation string) xks.RequestMetadata {
	call := caller.From(ctx)
	return xks.RequestMetadata{PrincipalARN: call.Identity.ARN, KeyARN: keyARN, Operation: operation, RequestID: call.RequestID, ViaService: viaService(call)}
}

func xksError(err error, during xks.During) error {
	if f, ok := errors.AsType[*xks.Failure](err); ok {
		return f.Wire(during)
	}
	return err
}

func (s *Service) tryXKS(ctx context.Context, c *customStore) (api.ConnectionErrorCodeType, error) {
	client, err := s.proxyOf(ctx, c)
	if err != nil {
		return api.ConnectionErrorCodeType_INTERNAL_ERROR, err
	}
	_, err = client.Health(ctx, s.xksMetadata(ctx, "", "ConnectCustomKeyStore"))
	if f, ok := errors.AsType[*xks.Failure](err); ok {
		return api.ConnectionErrorCodeType(f.ConnectionErrorCode()), err
	} else if err != nil {
		return api.ConnectionErrorCodeType_INTERNAL_ERROR, err
	}
	return "", nil
}

// sealXKS encrypts twice: under the key's own material here, and what comes of
// that under the external key, so that nothing opens without both and the proxy
// sees no plaintext.
// https://docs.aws.amazon.com/kms/latest/developerguide/keystore-external.html#concept-double-encryption
func (s *Service) sealXKS(ctx context.Context, t *target, operation string, plaintext []byte, ec *encryptionContext) ([]byte, error) {
	head, err := headerOf(&t.key, noMaterial, kindXKS)
	if err != nil {
		return nil, err
	}
	inner, err := t.current.cipher(ctx)
	if err != nil {
		return nil, err
	}
	sealed, err := inner.seal(plaintext, ec)
	if err != nil {
		return nil, err
	}
	client, err := s.proxyOf(ctx, t.custom)
	if err != nil {
		return nil, err
	}
	c, err := client.Encrypt(ctx, t.External, s.xksMetadata(ctx, t.arn, operation), sealed, outer(head[:], ec))
	if err != nil {
		return nil, xksError(err, xks.Using)
	}
	return c.AppendBinary(head[:])
}

func (s *Service) openXKS(ctx context.Context, t *target, operation string, ciphertext []byte) ([]byte, error) {
	c, err := xks.ParseCiphertext(ciphertext[blobHeader:])
	if err != nil {
		return nil, badCiphertext()
	}
	client, err := s.proxyOf(ctx, t.custom)
	if err != nil {
		return nil, err
	}
	sealed, err := client.Decrypt(ctx, t.External, s.xksMetadata(ctx, t.arn, operation), c, outer(ciphertext[:blobHeader], &t.context))
	if err != nil {
		return nil, xksError(err, xks.Using)
	}
	inner, err := t.current.cipher(ctx)
	if err != nil {
		return nil, err
	}
	if len(sealed) < blobMin {
		return nil, (&xks.Failure{Name: xks.InnerCiphertext}).Wire(xks.Using)
	}
	plaintext, err := inner.open(sealed, &t.context)
	if err != nil {
		return nil, (&xks.Failure{Name: xks.InnerCiphertext, Cause: err}).Wire(xks.Using)
	}
	return plaintext, nil
}
