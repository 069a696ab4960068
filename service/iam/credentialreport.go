package iam

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
	"bartizan.dev/work"
)

// reportAge is how long a credential report is served before there may be
// another. https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_getting-report.html
const reportAge = 4 * time.Hour

const (
	jobReport = "report" // writes an account's credential report
	// reportChunk is about how much of a report is kept in one record, in bytes:
	// the report is written chunk by chunk and never in memory as a whole. The
	// embedded store copies a long value whenever a search passes it, so chunks are
	// short.
	reportChunk = 32 << 10
)

// report is the newest credential report of an account. Its text is in chunks
// below its own id: an account's old report stays whole until a new one is.
type report struct {
	Account string
	Running bool      // another is being written
	ID      string    `json:",omitzero"` // of the finished one; empty: there is none yet
	Done    time.Time `json:",omitzero"` // when it was
	Chunks  int       `json:",omitzero"`
}

func (r *report) expired(now time.Time) bool { return r.ID == "" || now.Sub(r.Done) >= reportAge }

func (s *Service) credentialReportRules() policy.Rules {
	return policy.Rules{
		"GenerateCredentialReport": policy.OnAny(policy.Touch{Action: "iam:GenerateCredentialReport"}),
		"GetCredentialReport":      policy.OnAny(policy.Touch{Action: "iam:GetCredentialReport"}),
	}
}

// GenerateCredentialReport has the account's credential report written, unless
// there is one that is less than four hours old.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_GenerateCredentialReport.html
func (s *Service) GenerateCredentialReport(ctx context.Context, _ *iamapi.GenerateCredentialReportInput) (*iamapi.GenerateCredentialReportResponse, error) {
	var out *iamapi.GenerateCredentialReportResponse
	account := accountOf(ctx)
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		r, err := s.reports.Get(ctx, tx, account)
		switch {
		case errors.Is(err, store.ErrNotFound):
			r = &report{Account: account}
		case err != nil:
			return err
		case r.Running:
			out = &iamapi.GenerateCredentialReportResponse{State: iamapi.ReportStateType_INPROGRESS}
			return nil
		case !r.expired(s.Now()):
			out = &iamapi.GenerateCredentialReportResponse{State: iamapi.ReportStateType_COMPLETE}
			return nil
		}
		description := "No report exists. Starting a new report generation task"
		out = &iamapi.GenerateCredentialReportResponse{State: iamapi.ReportStateType_STARTED, Description: &description}
		r.Running = true
		if err := s.reports.Put(ctx, tx, account, r); err != nil {
			return err
		}
		return s.later(ctx, tx, jobReport, account, 0)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// GetCredentialReport returns the newest report, if it is less than four hours
// old.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetCredentialReport.html
func (s *Service) GetCredentialReport(ctx context.Context, _ *iamapi.GetCredentialReportInput) (*iamapi.GetCredentialReportResponse, error) {
	account := accountOf(ctx)
	r, err := s.reports.Get(ctx, s.Store, account)
	absent := wire.Errorf("ReportNotPresent", "The request was rejected because the credential report does not exist. To generate a credential report, use GenerateCredentialReport.").WithStatus(410)
	if r, err = found(r, err, absent); err != nil {
		return nil, err
	}
	switch {
	case !r.expired(s.Now()):
	case r.Running:
		return nil, wire.Errorf("ReportInProgress", "The request was rejected because the credential report is still being generated.").WithStatus(404)
	default:
		return nil, wire.Errorf("ReportExpired", "The request was rejected because the most recent credential report has expired. To generate a new credential report, use GenerateCredentialReport.").WithStatus(410)
	}
	content := make([]byte, 0, r.Chunks*reportChunk)
	for n := range r.Chunks {
		item, err := s.Store.Get(ctx, chunkKey(account, r.ID, n))
		if err != nil {
			return nil, fmt.Errorf("iam: credential report of %s: %w", account, err)
		}
		content = append(content, item.Value...)
	}
	return &iamapi.GetCredentialReportResponse{Content: content, GeneratedTime: r.Done, ReportFormat: iamapi.ReportFormatType_text_csv}, nil
}

// Chunks of reports are no records of a collection: they are text.
const chunkPrefix = "reporttext/"

func chunkKey(account, id string, n int) string {
	return fmt.Sprintf("%s%s/%s/%06d", chunkPrefix, account, id, n)
}

// writeCredentialReport writes the report that GenerateCredentialReport asked
// for: the chunks first, each on its own, then the record that names them. What
// an attempt before it left behind goes.
func (s *Service) writeCredentialReport(ctx context.Context, j work.Job) (func(store.Tx) error, error) {
	account := j.ID
	old, err := s.reports.Get(ctx, s.Store, account)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	if err := s.dropChunks(ctx, account, old.ID); err != nil {
		return nil, err
	}
	id, chunks := newUUID(), 0
	var text bytes.Buffer
	save := func() error {
		if text.Len() == 0 {
			return nil
		}
		chunk := bytes.Clone(text.Bytes())
		text.Reset()
		_, err := s.Store.Update(ctx, func(tx store.Tx) error { return tx.Put(ctx, chunkKey(account, id, chunks), chunk) })
		chunks++
		return err
	}
	err = s.credentialRows(ctx, account, func(row []string) error {
		if chunks > 0 || text.Len() > 0 {
			text.WriteByte('\n')
		}
		writeRow(&text, row)
		if text.Len() < reportChunk {
			return nil
		}
		return save()
	})
	if err == nil {
		err = save()
	}
	if err != nil {
		return nil, err
	}
	return func(tx store.Tx) error {
		if old.ID != "" {
			for n := range old.Chunks {
				if err := tx.Delete(ctx, chunkKey(account, old.ID, n)); err != nil {
					return err
				}
			}
		}
		return s.reports.Put(ctx, tx, account, &report{Account: account, ID: id, Done: s.now(), Chunks: chunks})
	}, nil
}

// dropChunks deletes the chunks of an account that do not belong to the report.
func (s *Service) dropChunks(ctx context.Context, account, id string) error {
	items, err := s.Store.List(ctx, store.Range{Prefix: chunkPrefix + account + "/", Limit: 1})
	if err != nil || len(items) == 0 {
		return err
	}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		for after := ""; ; {
			items, err := tx.List(ctx, store.Range{Prefix: chunkPrefix + account + "/", After: after, Limit: 1})
			if err != nil || len(items) == 0 {
				return err
			}
			after = items[0].Key
			if id != "" && strings.HasPrefix(after, chunkPrefix+account+"/"+id+"/") {
				continue
			}
			if err := tx.Delete(ctx, after); err != nil {
				return err
			}
		}
	})
	return err
}
