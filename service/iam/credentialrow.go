package iam

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// credentialColumns are the columns of a credential report.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_getting-report.html#id_credentials_understanding_the_report_format
var credentialColumns = []string{
	"user", "arn", "user_creation_time",
	"password_enabled", "password_last_used", "password_last_changed", "password_next_rotation", "mfa_active",
	"access_key_1_active", "access_key_1_last_rotated", "access_key_1_last_used_date", "access_key_1_last_used_region", "access_key_1_last_used_service",
	"access_key_2_active", "access_key_2_last_rotated", "access_key_2_last_used_date", "access_key_2_last_used_region", "access_key_2_last_used_service",
	"cert_1_active", "cert_1_last_rotated", "cert_2_active", "cert_2_last_rotated", "additional_credentials_info",
}

const (
	notApplicable = "N/A"
	noInformation = "no_information"
	notSupported  = "not_supported"
	perUser       = 2 // access keys and certificates that have columns
)

// credentialRows calls f with the rows of an account's report: the columns'
// names, the root user, then the users by their names. It reads them a chunk at
// a time.
func (s *Service) credentialRows(ctx context.Context, account string, f func([]string) error) error {
	a, err := s.accountFor(ctx, s.Store, account)
	if err != nil {
		return err
	}
	if err := f(credentialColumns); err != nil {
		return err
	}
	root := []string{"<root_account>", rootARN(account), reportTime(a.Created)}
	root = append(root, passwordColumns(a.Root, a.Password)...)
	root[5], root[6] = notSupported, notSupported
	if root, err = s.deviceColumns(ctx, root, account, account+"/"); err != nil {
		return err
	}
	if err := f(root); err != nil {
		return err
	}
	const chunk = 200
	for after := ""; ; {
		users, err := s.users.List(ctx, s.Store, account+"/", after, chunk)
		if err != nil {
			return err
		}
		for _, e := range users {
			u := e.Value
			after = e.ID
			row := append([]string{u.Name, u.ARN(), reportTime(u.Created)}, passwordColumns(u.Login, a.Password)...)
			if row, err = s.deviceColumns(ctx, row, u.ID, e.ID); err != nil {
				return err
			}
			if err := f(row); err != nil {
				return err
			}
		}
		if len(users) < chunk {
			return nil
		}
	}
}

// passwordColumns are password_enabled to password_next_rotation.
func passwordColumns(l *login, p *passwordPolicy) []string {
	if l.hash() == "" {
		return []string{yesNo(false), notApplicable, notApplicable, notApplicable}
	}
	used, next := noInformation, notApplicable
	if !l.LastUsed.IsZero() {
		used = reportTime(l.LastUsed)
	}
	if p != nil && p.MaxAge > 0 {
		next = reportTime(l.Changed.AddDate(0, 0, int(p.MaxAge)))
	}
	return []string{yesNo(true), used, reportTime(l.Changed), next}
}

// deviceColumns adds mfa_active and what follows. holder is the unique id that
// MFA devices and certificates belong to, owner the id that access keys do.
func (s *Service) deviceColumns(ctx context.Context, row []string, holder, owner string) ([]string, error) {
	mfa, err := has(ctx, s.Store, &s.mfas, holder)
	if err != nil {
		return nil, err
	}
	keys, err := owned(ctx, s.Store, &s.keys, owner)
	if err != nil {
		return nil, err
	}
	row = append(row, yesNo(mfa))
	for n := range perUser {
		if n >= len(keys) {
			row = append(row, yesNo(false), notApplicable, notApplicable, notApplicable, notApplicable)
			continue
		}
		used, region, service := notApplicable, notApplicable, notApplicable
		use, err := s.lastUse(ctx, keys[n].ID)
		if err != nil {
			return nil, err
		}
		if use != nil {
			used, region, service = reportTime(use.Time), cmp.Or(use.Region, notApplicable), use.Service
		}
		row = append(row, yesNo(keys[n].Active), reportTime(keys[n].Created), used, region, service)
	}
	certs, err := owned(ctx, s.Store, &s.signing, holder)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(certs, func(x, y *signingCertificate) int { return x.Uploaded.Compare(y.Uploaded) })
	for n := range perUser {
		if n < len(certs) {
			row = append(row, yesNo(certs[n].Active), reportTime(certs[n].Uploaded))
		} else {
			row = append(row, yesNo(false), notApplicable)
		}
	}
	return append(row, additional(len(keys), len(certs))), nil
}

// additional tells of what has no column. AWS does not publish the words.
func additional(keys, certs int) string {
	var more []string
	if n := keys - perUser; n > 0 {
		more = append(more, fmt.Sprintf("%d additional access keys: use ListAccessKeys", n))
	}
	if n := certs - perUser; n > 0 {
		more = append(more, fmt.Sprintf("%d additional certificates: use ListSigningCertificates", n))
	}
	if more == nil {
		return notApplicable
	}
	return strings.Join(more, "; ")
}

// reportTime is ISO 8601 in UTC.
func reportTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func yesNo(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

// writeRow writes a row without the line's end. Names and paths hold commas
// (RFC 4180, section 2, quotes them) but no line ends.
func writeRow(w *bytes.Buffer, row []string) {
	for i, field := range row {
		if i > 0 {
			w.WriteByte(',')
		}
		if !strings.ContainsAny(field, ",\"\r\n") {
			w.WriteString(field)
			continue
		}
		w.WriteByte('"')
		w.WriteString(strings.ReplaceAll(field, `"`, `""`))
		w.WriteByte('"')
	}
}
