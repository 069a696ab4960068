package iam

import (
	"context"
	"errors"
	"strings"
	"time"

	"bartizan.dev/arn"
	"bartizan.dev/store"
)

// ServerCertificate is a certificate with its private key, for who serves TLS
// with it.
type ServerCertificate struct {
	ARN, ID          string
	Body, Chain, Key string // PEM; Chain may be empty
	Expires          time.Time
}

// ServerCertificate returns the certificate with exactly this ARN; nil if there
// is none.
func (s *Service) ServerCertificate(ctx context.Context, name string) (*ServerCertificate, error) {
	a, err := arn.Parse(name)
	if err != nil {
		return nil, nil
	}
	c, err := s.serverCerts.Get(ctx, s.Store, recordID(a.Account, name[strings.LastIndexByte(name, '/')+1:]))
	if errors.Is(err, store.ErrNotFound) || err == nil && c.ARN() != name {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return &ServerCertificate{ARN: c.ARN(), ID: c.ID, Body: c.Body, Chain: c.Chain, Key: c.Key, Expires: c.Expires}, nil
}
