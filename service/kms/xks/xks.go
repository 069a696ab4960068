// Package xks is AWS's External Key Store Proxy API, both ends. The Client is
// what KMS is to a proxy: it asks for keys held elsewhere. The Server is a
// proxy: it lets a KMS, Amazon's own included, use keys held here. The package
// knows neither the store nor KMS.
//
// Four calls are all there is, each a signed POST of JSON: GetHealthStatus,
// GetKeyMetadata, Encrypt, Decrypt. KMS seals under its own material first
// ("double encryption"), so that a proxy never sees a plaintext of the caller.
//
//   - message.go has what is sent, json.go the strict reader of it.
//   - cipher.go is AES-256-GCM as the specification wants it, and the CDIV.
//   - client.go and answer.go are KMS's end; failure.go says what KMS answers
//     its own caller when a proxy fails.
//   - server.go and serve.go are the proxy's end; fault.go its errors.
//   - credential.go makes the credentials both ends share.
//
// https://github.com/aws/aws-kms-xksproxy-api-spec/blob/main/xks_proxy_api_spec.md
package xks

import (
	"strings"
	"time"
)

// SigningName is the service in the scope of every signature (Appendix A).
const SigningName = "kms-xks-proxy"

// Timeout is how long KMS waits for a proxy.
const Timeout = 250 * time.Millisecond

// Sizes in bytes, before Base64. A proxy must take plaintexts and AAD of the
// first two; ours takes a little more plaintext, since it may.
const (
	MaxPlaintext = 4300
	MaxAAD       = 8192
	MaxMetadata  = 20 // ciphertextMetadata
	TagSize      = 16
	IVSize       = 12 // what we make; 16 is allowed, and read

	serverPlaintext = 8192
	maxBody         = 64 << 10 // of a request and of an answer, in JSON
)

// base is the part of every path that names the API and its version.
const base = "/kms/xks/v1"

// RequestMetadata says which KMS call is behind a request. A proxy logs it and
// may decide by it; it is worth what the signature over it is worth.
type RequestMetadata struct {
	PrincipalARN string // awsPrincipalArn: an ARN, a service principal, or "AWS Internal"
	SourceVPC    string // awsSourceVpc, optional
	SourceVPCE   string // awsSourceVpce, optional
	KeyARN       string // kmsKeyArn; absent when the key is being created
	Operation    string // kmsOperation, such as GenerateDataKey
	RequestID    string // kmsRequestId: opaque, the one in CloudTrail
	ViaService   string // kmsViaService, optional
}

// Health is the answer of GetHealthStatus. All of it is required.
type Health struct {
	FleetSize   int // proxies, at least one
	ProxyVendor string
	ProxyModel  string // product and version
	Vendor      string // of the key manager
	Managers    []Manager
}

// Manager is one external key manager, an entry of ekmFleetDetails: 1 to 10.
type Manager struct {
	ID, Model string
	Status    string // Active, Degraded or Unavailable
}

// The states of a key manager.
const (
	Active      = "ACTIVE"
	Degraded    = "DEGRADED"
	Unavailable = "UNAVAILABLE"
)

// Down reports whether no key manager can serve, in which case KMS makes and
// connects no key store.
// https://docs.aws.amazon.com/kms/latest/developerguide/xks-troubleshooting.html#fix-xks-proxy
func (h *Health) Down() bool {
	for _, m := range h.Managers {
		if m.Status != Unavailable {
			return false
		}
	}
	return true
}

// KeyMetadata is the answer of GetKeyMetadata.
type KeyMetadata struct {
	Spec   string   // AES_256 is the only one KMS takes
	Usage  []string // ENCRYPT and DECRYPT, and up to ten in all
	Status string   // ENABLED or DISABLED
}

// ValidPath reports whether s has the form of an XksProxyUriPath:
// [/prefix]/kms/xks/v1, at most 128 characters of a-z A-Z 0-9 / - _.
func ValidPath(s string) bool {
	prefix, ok := strings.CutSuffix(s, base)
	return ok && len(s) <= 128 && validPrefix(prefix)
}

func validPrefix(s string) bool {
	return s == "" || len(s) > 1 && s[0] == '/' && only(s, "/-_")
}

// ValidKeyID reports whether s can name an external key: 1 to 128 of letters,
// digits, hyphen, period and underscore. A single or double period has the
// form too, but no path can carry it.
func ValidKeyID(s string) bool {
	return len(s) > 0 && len(s) <= 128 && only(s, "-._") && s != "." && s != ".."
}

// only reports whether s is letters, digits and these others.
func only(s, others string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && strings.IndexByte(others, c) < 0 {
			return false
		}
	}
	return true
}
