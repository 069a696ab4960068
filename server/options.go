package server

import (
	"log/slog"
	"net/netip"

	"bartizan.dev/service/accessanalyzer"
	"bartizan.dev/service/acm"
	"bartizan.dev/service/cloudhsmv2"
	"bartizan.dev/service/events"
	"bartizan.dev/service/iam"
	"bartizan.dev/service/kms"
	"bartizan.dev/service/organizations"
	"bartizan.dev/service/redshift"
	"bartizan.dev/service/rolesanywhere"
	"bartizan.dev/service/secretsmanager"
	"bartizan.dev/service/securityhub"
	"bartizan.dev/service/sns"
	"bartizan.dev/service/ssm"
)

// Options say how a server runs. The command line fills them in; nothing below
// it reads flags or the environment.
type Options struct {
	// Data is the data directory. It is made with mode 0700 if it is missing.
	Data string
	// Existing refuses a data directory that holds no data yet.
	Existing bool
	// Listen is the TCP address of the endpoint.
	Listen string
	// Store is "" for the embedded store in the data directory, "memory", or a
	// postgres:// URL.
	Store string
	// PublicURL, if set, is the endpoint as clients name it, without a slash at the
	// end: behind a proxy it is not the address that is listened on.
	PublicURL string
	// Proxies are the networks of proxies whose X-Forwarded-For and
	// X-Forwarded-Proto are believed.
	Proxies []netip.Prefix
	// PlainIssuers lets accounts have OpenID providers at http:// addresses of this
	// machine, as development always does.
	PlainIssuers bool
	// TLS serves HTTPS with certificates of the server's own small authority.
	TLS bool
	// Dev starts with the root keys test/test and lets time be moved.
	Dev bool
	// Passphrase, if set, protects the root key instead of a key file.
	Passphrase string
	// Credential, if set, is the file that holds the root key: a systemd
	// credential.
	Credential string
	// HSM is where keys are that never leave hardware.
	HSM HSM
	// SyncAlways makes every call wait until its event is on disk.
	SyncAlways bool
	// Metrics, if set, is a TCP address that serves Prometheus metrics.
	Metrics string
	// EKSIssuers name, by the name or the ARN of a Kubernetes cluster, the key set
	// of its service account tokens: a file, or the URL of an issuer.
	EKSIssuers map[string]string
	// Metadata opens endpoints for credentials on the server's own host.
	Metadata Metadata
	// TrailBuckets are the buckets that CloudTrail delivers log files to: the
	// directory by the bucket's name.
	TrailBuckets map[string]string
	// Resolver is the DNS resolver that is asked for the records that prove the names
	// of certificates: HOST:PORT. Without it, it is the system's.
	Resolver string
	// PublicProfile has ACM's authority issue certificates that keep to the
	// requirements for the public's: they last 198 days or less, instead of 395.
	PublicProfile bool
	// Rotators are who rotates secrets, by the name in the ARN of a Lambda function.
	// The built-in rotators are there without it.
	Rotators map[string]Rotator
	// Quotas replace AWS's default quotas where they are not zero.
	Quotas Quotas
	// XKS says how external key store proxies are reached.
	XKS XKS
	// SMTP is how SNS sends e-mail.
	SMTP SMTP
	Log  *slog.Logger
}

// Rotator is an endpoint or a program that rotates secrets; one of URL and
// Command is set.
type Rotator struct {
	URL     string // https, or http on this machine's own addresses
	Key     []byte // that signs events sent to URL; at least 32 bytes
	Command string // path of a program
}

// Quotas are the quotas of all services.
type Quotas struct {
	IAM           iam.Quotas
	RolesAnywhere rolesanywhere.Quotas
	Organizations organizations.Quotas

	AccessAnalyzer accessanalyzer.Quotas
	KMS            kms.Quotas
	SecretsManager secretsmanager.Quotas
	CloudHSM       cloudhsmv2.Quotas
	SSM            ssm.Quotas
	ACM            acm.Quotas
	Events         events.Quotas
	Redshift       redshift.Quotas
	SecurityHub    securityhub.Quotas
	SNS            sns.Quotas
}

const (
	// DefaultAccount is the account that the first start makes.
	DefaultAccount = "000000000000"
	// DefaultListen is where former LocalStack users expect the endpoint.
	DefaultListen = "127.0.0.1:4566"
)
