package server

import (
	"log/slog"

	"bartizan.dev/service/iam"
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
	// TLS serves HTTPS with certificates of the server's own small authority.
	TLS bool
	// Dev starts with the root keys test/test and lets time be moved.
	Dev bool
	// Passphrase, if set, protects the root key instead of a key file.
	Passphrase string
	// Credential, if set, is the file that holds the root key: a systemd
	// credential.
	Credential string
	// SyncAlways makes every call wait until its event is on disk.
	SyncAlways bool
	// Metrics, if set, is a TCP address that serves Prometheus metrics.
	Metrics string
	// Quotas replace AWS's default quotas where they are not zero.
	Quotas Quotas
	Log    *slog.Logger
}

// Quotas are the quotas of all services.
type Quotas struct {
	IAM iam.Quotas
}

const (
	// DefaultAccount is the account that the first start makes.
	DefaultAccount = "000000000000"
	// DefaultListen is where former LocalStack users expect the endpoint.
	DefaultListen = "127.0.0.1:4566"
)
