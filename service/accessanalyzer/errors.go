package accessanalyzer

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"

	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// Errors as the API reference has them.
// https://docs.aws.amazon.com/access-analyzer/latest/APIReference/CommonErrors.html

func notFound(kind, id string) *wire.Error {
	e := wire.Errorf("ResourceNotFoundException", "%s with id %s not found", kind, id).WithStatus(404)
	e.Fields = []wire.Field{{Name: "resourceId", Value: id}, {Name: "resourceType", Value: kind}}
	return e
}

// unlisted is ValidationException for what is not found, where the reference
// lists no ResourceNotFoundException.
func unlisted(err error) error {
	if e, ok := errors.AsType[*wire.Error](err); ok && e.Code == "ResourceNotFoundException" {
		return invalid("%s", e.Message)
	}
	return err
}

func conflict(kind, id string) *wire.Error {
	e := wire.Errorf("ConflictException", "%s with id %s already exists", kind, id).WithStatus(409)
	e.Fields = []wire.Field{{Name: "resourceId", Value: id}, {Name: "resourceType", Value: kind}}
	return e
}

func invalid(format string, args ...any) *wire.Error {
	e := wire.Errorf("ValidationException", format, args...)
	e.Fields = []wire.Field{{Name: "reason", Value: "other"}}
	return e
}

func exceeded(kind, id string, limit int) *wire.Error {
	e := wire.Errorf("ServiceQuotaExceededException", "Quota of %d for %s exceeded", limit, kind).WithStatus(402)
	e.Fields = []wire.Field{{Name: "resourceId", Value: id}, {Name: "resourceType", Value: kind}}
	return e
}

func ignoreNotFound(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// newID is a random UUID (RFC 9562, version 4).
func newID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return uuid(b)
}

func uuid(b [16]byte) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// A page token is the id of the last record of the page before. Nothing in it is
// secret, and a forged one can only begin elsewhere in the same list.

func token(id string) *string {
	return new(base64.RawURLEncoding.EncodeToString([]byte(id)))
}

func after(token *string) (string, error) {
	if token == nil {
		return "", nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(*token)
	if err != nil || len(raw) == 0 {
		return "", invalid("Invalid nextToken")
	}
	return string(raw), nil
}

// limit is the size of a page: 100 unless asked for less.
func limit(asked *int32, most int) (int, error) {
	switch {
	case asked == nil:
		return most, nil
	case *asked < 1:
		return 0, invalid("maxResults must be at least 1")
	}
	return min(int(*asked), most), nil
}
