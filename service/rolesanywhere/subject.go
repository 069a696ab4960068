package rolesanywhere

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"maps"
	"slices"
	"time"

	rolesapi "bartizan.dev/api/rolesanywhere"
	"bartizan.dev/store"
)

// maxSeen is how many certificates and sets of instance properties a subject
// keeps: "the most recent".
const maxSeen = 20

// subjectKey is a subject's value in the index; the subject itself may be long.
func subjectKey(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:])
}

// note records that a trusted certificate asked for a session, and returns its
// subject.
// https://docs.aws.amazon.com/rolesanywhere/latest/userguide/monitoring-subjects.html
func (s *Service) note(ctx context.Context, at place, leaf *x509.Certificate, properties map[string]string, failed bool) (out *subject, err error) {
	now, name := s.Now().UTC(), leaf.Subject.String()
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		e, err := s.subjects.OneBy(ctx, tx, "name", at.id(subjectKey(name)))
		if out = e.Value; errors.Is(err, store.ErrNotFound) {
			out = &subject{Subject: name, head: head{ID: newID(), Account: at.account, Region: at.region, Enabled: true, Created: now}}
		} else if err != nil {
			return err
		}
		out.LastSeen, out.Updated = now, now
		out.see(now, leaf, failed)
		if properties != nil {
			out.Properties = slices.DeleteFunc(out.Properties, func(i instance) bool { return maps.Equal(i.Properties, properties) })
			out.Properties = slices.Insert(out.Properties, 0, instance{now, properties, failed})
			out.Properties = out.Properties[:min(len(out.Properties), maxSeen)]
		}
		return s.subjects.Put(ctx, tx, at.id(out.ID), out)
	})
	return out, err
}

func (s *subject) see(now time.Time, leaf *x509.Certificate, failed bool) {
	c := seen{
		At: now, Serial: leaf.SerialNumber.String(), Issuer: leaf.Issuer.String(), Failed: failed,
		Certificate: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw})),
	}
	s.Credentials = slices.DeleteFunc(s.Credentials, func(o seen) bool { return o.Certificate == c.Certificate })
	s.Credentials = slices.Insert(s.Credentials, 0, c)
	s.Credentials = s.Credentials[:min(len(s.Credentials), maxSeen)]
}

// GetSubject tells what certificates of a subject were seen.
// https://docs.aws.amazon.com/rolesanywhere/latest/APIReference/API_GetSubject.html
func (s *Service) GetSubject(ctx context.Context, in *rolesapi.ScalarSubjectRequest) (*rolesapi.SubjectDetailResponse, error) {
	v, err := s.subjects.find(ctx, s.Store, placeOf(ctx), in.SubjectId)
	if err != nil {
		return nil, err
	}
	out := &rolesapi.SubjectDetail{
		SubjectArn: s.subjects.arn(&v.head), SubjectId: new(v.ID), Enabled: new(v.Enabled), X509Subject: new(v.Subject),
		LastSeenAt: v.LastSeen, CreatedAt: v.Created, UpdatedAt: v.Updated,
		Credentials: []rolesapi.CredentialSummary{}, InstanceProperties: []rolesapi.InstanceProperty{},
	}
	for _, c := range v.Credentials {
		out.Credentials = append(out.Credentials, rolesapi.CredentialSummary{
			SeenAt: c.At, SerialNumber: new(c.Serial), Issuer: new(c.Issuer), Enabled: new(true),
			X509CertificateData: new(c.Certificate), Failed: new(c.Failed),
		})
	}
	for _, i := range v.Properties {
		out.InstanceProperties = append(out.InstanceProperties, rolesapi.InstanceProperty{SeenAt: i.At, Properties: i.Properties, Failed: new(i.Failed)})
	}
	return &rolesapi.SubjectDetailResponse{Subject: out}, nil
}

// ListSubjects lists the subjects that were seen in the Region.
// https://docs.aws.amazon.com/rolesanywhere/latest/APIReference/API_ListSubjects.html
func (s *Service) ListSubjects(ctx context.Context, in *rolesapi.ListRequest) (*rolesapi.ListSubjectsResponse, error) {
	list, next, err := s.subjects.page(ctx, s, in.NextToken, in.PageSize)
	if err != nil {
		return nil, err
	}
	out := &rolesapi.ListSubjectsResponse{NextToken: next, Subjects: []rolesapi.SubjectSummary{}}
	for _, v := range list {
		out.Subjects = append(out.Subjects, rolesapi.SubjectSummary{
			SubjectArn: s.subjects.arn(&v.head), SubjectId: new(v.ID), Enabled: new(v.Enabled), X509Subject: new(v.Subject),
			LastSeenAt: v.LastSeen, CreatedAt: v.Created, UpdatedAt: v.Updated,
		})
	}
	return out, nil
}
