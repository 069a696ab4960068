package kms

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"bartizan.dev/arn"
	"bartizan.dev/caller"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

const (
	multiPrefix = "mrk-"
	aliasPrefix = "alias/"
	awsAliases  = "alias/aws/"
)

// A ref is what a KeyId means: a key of an account in the Region of the call,
// named by its id or ARN, or by an alias.
// https://docs.aws.amazon.com/kms/latest/developerguide/find-cmk-id-arn.html
type ref struct {
	account, region string
	id              string // of the key; empty for an alias until it is looked up
	alias           string // alias/NAME, if it was named so
}

func (r *ref) path() string { return keyPath(r.account, r.region, r.id) }

func (r *ref) arn() string {
	if r.id == "" {
		return arn.New("kms", r.region, r.account, r.alias)
	}
	return arn.New("kms", r.region, r.account, "key/"+r.id)
}

// parseRef reads a KeyId. Where aliases is false, the operation takes none.
func parseRef(call *caller.Call, keyID string, aliases bool) (ref, error) {
	r := ref{account: call.Identity.Account, region: call.Region}
	name := keyID
	if strings.HasPrefix(keyID, "arn:") {
		a, err := arn.Parse(keyID)
		if err != nil || a.Partition != arn.Partition || a.Service != "kms" || !arn.IsAccount(a.Account) {
			return r, wire.Errorf("InvalidArnException", "Invalid arn %s", keyID)
		}
		if a.Region != call.Region {
			return r, notFound("Invalid arn %s", a.Region)
		}
		r.account = a.Account
		rest, ok := strings.CutPrefix(a.Resource, "key/")
		switch {
		case ok:
			name = rest
		case strings.HasPrefix(a.Resource, aliasPrefix) && aliases:
			name = a.Resource
		default:
			return r, wire.Errorf("InvalidArnException", "Invalid arn %s", keyID)
		}
		if ok && strings.HasPrefix(name, aliasPrefix) {
			return r, notFound("Invalid keyId '%s'", name)
		}
	}
	if strings.HasPrefix(name, aliasPrefix) && aliases {
		r.alias = name
		return r, nil
	}
	if _, err := parseKeyID(name); err != nil {
		return r, notFound("Invalid keyId '%s'", name)
	}
	r.id = name
	return r, nil
}

// resolve finds the key that a KeyId means. One named by id need not exist.
func (s *Service) resolve(ctx context.Context, keyID string, aliases bool) (ref, error) {
	r, err := parseRef(caller.From(ctx), keyID, aliases)
	if err != nil || r.alias == "" {
		return r, err
	}
	path, err := s.aliases_.Get(ctx, r.account+"/"+r.region+"/"+r.alias)
	if err != nil {
		return r, err
	}
	if path == "" && strings.HasPrefix(r.alias, awsAliases) {
		if path, err = s.managed(ctx, &r); err != nil {
			return r, err
		}
	}
	if path == "" {
		if r.account != caller.From(ctx).Identity.Account {
			return r, nil // whether it exists is not for strangers: they are denied
		}
		return r, noAlias(r.arn())
	}
	_, _, r.id = splitPath(path)
	return r, nil
}

func noAlias(arn string) *wire.Error { return notFound("Alias %s is not found.", arn) }

// loadAlias finds the path of the key behind account/Region/alias/NAME, or "".
func (s *Service) loadAlias(ctx context.Context, r store.Reader, name string) (string, error) {
	a, err := s.aliases.Get(ctx, r, name)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	} else if err != nil {
		return "", err
	}
	return a.Target, nil
}

// newKeyID makes the id of a key: a random UUID (RFC 9562, version 4), of a
// multi-Region key mrk- and 32 digits.
// https://docs.aws.amazon.com/kms/latest/developerguide/multi-region-keys-overview.html
func newKeyID(multi bool) string {
	var id [16]byte
	rand.Read(id[:])
	if multi {
		return multiPrefix + hex.EncodeToString(id[:])
	}
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return formatUUID(id)
}

func formatUUID(id [16]byte) string {
	var out [36]byte
	hex.Encode(out[0:8], id[0:4])
	hex.Encode(out[9:13], id[4:6])
	hex.Encode(out[14:18], id[6:8])
	hex.Encode(out[19:23], id[8:10])
	hex.Encode(out[24:36], id[10:16])
	out[8], out[13], out[18], out[23] = '-', '-', '-', '-'
	return string(out[:])
}

var errKeyID = errors.New("kms: not a key id")

// parseKeyID reads a key id in the form that newKeyID writes.
func parseKeyID(s string) (id [16]byte, err error) {
	digits, multi := strings.CutPrefix(s, multiPrefix)
	if !multi {
		if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
			return id, errKeyID
		}
		digits = s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:]
	}
	if len(digits) != 32 || strings.ToLower(digits) != digits {
		return id, errKeyID
	}
	if _, err := hex.Decode(id[:], []byte(digits)); err != nil {
		return id, fmt.Errorf("%w: %w", errKeyID, err)
	}
	return id, nil
}
