package securityhub

import (
	"context"
	"errors"
	"net/http"

	api "bartizan.dev/api/securityhub"
	"bartizan.dev/caller"
	"bartizan.dev/store"
)

// editV2 is the edit of BatchUpdateFindingsV2.
func editV2(ctx context.Context, in *api.BatchUpdateFindingsV2Request) (*edit, error) {
	e := new(edit)
	if v := in.SeverityId; v != nil {
		if *v < 1 || int(*v) >= len(severities) {
			return nil, unfit("SeverityId must be from 1 to 5.")
		}
		e.Severity = &api.SeverityUpdate{Label: api.SeverityLabel(severities[*v])}
	}
	if v := in.StatusId; v != nil {
		if *v < 1 || int(*v) >= len(workflows) {
			return nil, unfit("StatusId must be from 1 to 4.")
		}
		e.Workflow = &api.WorkflowUpdate{Status: api.WorkflowStatus(workflows[*v])}
	}
	if in.Comment != nil {
		e.Note = &api.NoteUpdate{Text: *in.Comment, UpdatedBy: caller.From(ctx).Identity.ARN}
	}
	return e, asV2(e.check())
}

// BatchUpdateFindingsV2 changes severity, status and comment of findings.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_BatchUpdateFindingsV2.html
func (s *Service) BatchUpdateFindingsV2(ctx context.Context, in *api.BatchUpdateFindingsV2Request) (*api.BatchUpdateFindingsV2Response, error) {
	e, err := editV2(ctx, in)
	if err != nil {
		return nil, err
	}
	n := len(in.MetadataUids) + len(in.FindingIdentifiers)
	if n == 0 || n > 100 || len(in.MetadataUids) > 0 && len(in.FindingIdentifiers) > 0 {
		return nil, unfit("Provide 1 to 100 MetadataUids or FindingIdentifiers, not both.")
	}
	var out *api.BatchUpdateFindingsV2Response
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		out = &api.BatchUpdateFindingsV2Response{ProcessedFindings: []api.BatchUpdateFindingsV2ProcessedFinding{}, UnprocessedFindings: []api.BatchUpdateFindingsV2UnprocessedFinding{}}
		if _, err := s.hubV2(ctx, tx); err != nil {
			return err
		}
		homes, err := s.visible(ctx, tx)
		if err != nil {
			return err
		}
		events := new(outgoing)
		change := func(account, fid string, id *api.OcsfFindingIdentifier, uid *string) error {
			ok, err := s.changeV2(ctx, tx, homes, account, fid, e, events)
			if err == nil && ok {
				out.ProcessedFindings = append(out.ProcessedFindings, api.BatchUpdateFindingsV2ProcessedFinding{FindingIdentifier: id, MetadataUid: uid})
			} else if err == nil {
				out.UnprocessedFindings = append(out.UnprocessedFindings, api.BatchUpdateFindingsV2UnprocessedFinding{FindingIdentifier: id, MetadataUid: uid, ErrorCode: "ResourceNotFoundException", ErrorMessage: new("Finding Not Found")})
			}
			return err
		}
		for _, uid := range in.MetadataUids {
			fid, account := "", ""
			if len(uid) == 44 {
				fid, account = uid[:32], uid[32:]
			}
			if err := change(account, fid, nil, &uid); err != nil {
				return err
			}
		}
		for _, id := range in.FindingIdentifiers {
			if err := change(id.CloudAccountUid, hash(id.MetadataProductUid, id.FindingInfoUid), &id, nil); err != nil {
				return err
			}
		}
		return s.post(ctx, tx, events)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// changeV2 applies an edit to one finding, if the caller sees it.
func (s *Service) changeV2(ctx context.Context, tx store.Tx, homes []place, account, fid string, e *edit, events *outgoing) (bool, error) {
	var f *finding
	var p place
	for _, p = range homes {
		if p.account != account {
			continue
		}
		var err error
		f, err = s.findings.Get(ctx, tx, p.home()+"/"+fid)
		if err == nil {
			break
		} else if !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrNUL) {
			return false, err
		}
	}
	if f == nil {
		return false, nil
	}
	ok, err := s.rewrite(ctx, tx, p, f, caller.From(ctx).Identity.ARN, events, func(a ASFF, now string) []string { return e.apply(a, now) })
	if err == nil && !ok {
		return false, unfit("The finding would be larger than 240 KB.").WithStatus(http.StatusBadRequest)
	}
	return ok, err
}
