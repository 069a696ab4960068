package iam

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"bartizan.dev/saml"
	"bartizan.dev/store"
)

const (
	// samlPartSize is how much of a packed metadata document one record holds: the
	// document may be larger than a record.
	samlPartSize = 1 << 20
	// maxMetadata bounds the document, 10,000,000 characters, in bytes.
	maxMetadata = 40_000_000
)

// samlPart is a piece of the metadata document, which is packed by gzip.
type samlPart struct{ Packed []byte }

// validFor is how long metadata counts that does not say it itself.
const validFor = 100 // years

func (p *samlProvider) validUntil(t time.Time) {
	if p.ValidUntil = t; t.IsZero() {
		p.ValidUntil = p.Created.AddDate(validFor, 0, 0)
	}
}

// packMetadata checks a document and returns it in the parts that are stored.
func packMetadata(doc string) (until time.Time, parts []samlPart, err error) {
	m, err := saml.ParseMetadata([]byte(doc))
	if err != nil {
		return until, nil, invalidInput("Could not parse metadata").With(err)
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := io.WriteString(w, doc); err != nil {
		return until, nil, err
	}
	if err := w.Close(); err != nil {
		return until, nil, err
	}
	for part := range slices.Chunk(packed.Bytes(), samlPartSize) {
		parts = append(parts, samlPart{Packed: part})
	}
	return m.ValidUntil, parts, nil
}

func (p *samlProvider) partID(n int) string {
	return fmt.Sprintf("%s/%d", recordID(p.Account, p.Name), n)
}

// putMetadata replaces the parts of the document; nil removes them.
func (s *Service) putMetadata(ctx context.Context, tx store.Tx, p *samlProvider, parts []samlPart) error {
	for n := range p.Parts {
		if err := s.samlDocs.Delete(ctx, tx, p.partID(n)); err != nil {
			return err
		}
	}
	for n := range parts {
		if err := s.samlDocs.Put(ctx, tx, p.partID(n), &parts[n]); err != nil {
			return err
		}
	}
	if p.Parts = len(parts); p.Parts == 0 {
		return nil
	}
	return s.samls.Put(ctx, tx, recordID(p.Account, p.Name), p)
}

// metadata joins the parts of the document.
func (s *Service) metadata(ctx context.Context, r store.Reader, p *samlProvider) (string, error) {
	var packed bytes.Buffer
	for n := range p.Parts {
		part, err := s.samlDocs.Get(ctx, r, p.partID(n))
		if err != nil {
			return "", err
		}
		packed.Write(part.Packed)
	}
	z, err := gzip.NewReader(&packed)
	if err != nil {
		return "", err
	}
	doc, err := io.ReadAll(io.LimitReader(z, maxMetadata))
	if err = errors.Join(err, z.Close()); err != nil {
		return "", err
	}
	return string(doc), nil
}
