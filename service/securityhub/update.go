package securityhub

import (
	"context"
	"errors"
	"slices"

	api "bartizan.dev/api/securityhub"
	"bartizan.dev/caller"
	"bartizan.dev/store"
)

// edit is what customers and automation rules change.
type edit struct {
	Note                    *api.NoteUpdate
	Severity                *api.SeverityUpdate
	VerificationState       api.VerificationState
	Confidence, Criticality *int32
	Types                   []string
	UserDefinedFields       map[string]string
	Workflow                *api.WorkflowUpdate
	RelatedFindings         []api.RelatedFinding
}

// check refuses what the Finding Format does not allow.
func (e *edit) check() error {
	c := new(checker)
	c.types("Types", anyStrings(e.Types))
	if e.Note != nil {
		c.length("Note.Text", e.Note.Text, 1, 512)
		c.length("Note.UpdatedBy", e.Note.UpdatedBy, 1, 512)
	}
	if len(e.RelatedFindings) > 10 {
		c.say("data.RelatedFindings should NOT have more than 10 items")
	}
	c.entries("UserDefinedFields", anyMap(e.UserDefinedFields), 50, 128, 1024)
	if len(c.problems) > 0 {
		return invalid("Invalid parameter. %s", c.problems[0])
	}
	return nil
}

func anyStrings(list []string) any {
	if list == nil {
		return nil
	}
	return strings2any(list)
}

func anyMap(m map[string]string) map[string]any {
	if m == nil {
		return nil
	}
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}

// apply changes a finding, and returns those of the shared fields that it set.
func (e *edit) apply(a ASFF, now string) (held []string) {
	set := func(name string, v any) {
		a[name] = v
		if slices.Contains(shared, name) {
			held = append(held, name)
		}
	}
	if e.Note != nil {
		set("Note", map[string]any{"Text": e.Note.Text, "UpdatedBy": e.Note.UpdatedBy, "UpdatedAt": now})
	}
	if v := e.Severity; v != nil {
		m := map[string]any{}
		if old, ok := a["Severity"].(map[string]any); ok {
			m = pick(old, "Product", "Original")
		}
		if v.Product != nil {
			m["Product"] = *v.Product
		}
		if v.Normalized != nil {
			m["Normalized"] = float64(*v.Normalized)
		}
		if v.Label != "" {
			m["Label"] = string(v.Label)
		}
		gradeSeverity(m)
		set("Severity", m)
	}
	if e.VerificationState != "" {
		set("VerificationState", string(e.VerificationState))
	}
	if e.Confidence != nil {
		set("Confidence", float64(*e.Confidence))
	}
	if e.Criticality != nil {
		set("Criticality", float64(*e.Criticality))
	}
	if e.Types != nil {
		set("Types", strings2any(e.Types))
	}
	if e.UserDefinedFields != nil {
		set("UserDefinedFields", anyMap(e.UserDefinedFields))
	}
	if e.Workflow != nil {
		a.setWorkflow(string(e.Workflow.Status))
	}
	if e.RelatedFindings != nil {
		var list []any
		for _, r := range e.RelatedFindings {
			list = append(list, map[string]any{"ProductArn": r.ProductArn, "Id": r.Id})
		}
		set("RelatedFindings", list)
	}
	return held
}

// setWorkflow also sets the older WorkflowState, as AWS does.
func (a ASFF) setWorkflow(status string) {
	a["Workflow"] = map[string]any{"Status": status}
	a["WorkflowState"] = map[string]string{"NOTIFIED": "ASSIGNED", "RESOLVED": "RESOLVED", "SUPPRESSED": "RESOLVED"}[status]
	if a["WorkflowState"] == "" {
		a["WorkflowState"] = "NEW"
	}
}

// BatchUpdateFindings changes what customers work with; UpdatedAt stays.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_BatchUpdateFindings.html
func (s *Service) BatchUpdateFindings(ctx context.Context, in *api.BatchUpdateFindingsRequest) (*api.BatchUpdateFindingsResponse, error) {
	if n := len(in.FindingIdentifiers); n == 0 || n > 100 {
		return nil, invalid("Invalid parameter 'FindingIdentifiers'. data should have 1 to 100 items")
	}
	e := &edit{
		Note: in.Note, Severity: in.Severity, VerificationState: in.VerificationState, Confidence: in.Confidence, Criticality: in.Criticality,
		Types: in.Types, UserDefinedFields: in.UserDefinedFields, Workflow: in.Workflow, RelatedFindings: in.RelatedFindings,
	}
	if err := e.check(); err != nil {
		return nil, err
	}
	var out *api.BatchUpdateFindingsResponse
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		out = &api.BatchUpdateFindingsResponse{ProcessedFindings: []api.AwsSecurityFindingIdentifier{}, UnprocessedFindings: []api.BatchUpdateFindingsUnprocessedFinding{}}
		if _, err := s.hub(ctx, tx); err != nil {
			return err
		}
		homes, err := s.visible(ctx, tx)
		if err != nil {
			return err
		}
		events, seen := new(outgoing), map[api.AwsSecurityFindingIdentifier]bool{}
		for _, id := range in.FindingIdentifiers {
			code, message := "", ""
			if seen[id] {
				code, message = "DuplicatedFindingIdentifier", "Duplicated Finding Identifier"
			} else if code, message, err = s.change(ctx, tx, homes, id, e, events); err != nil {
				return err
			}
			seen[id] = true
			if code == "" {
				out.ProcessedFindings = append(out.ProcessedFindings, id)
			} else {
				out.UnprocessedFindings = append(out.UnprocessedFindings, api.BatchUpdateFindingsUnprocessedFinding{FindingIdentifier: &id, ErrorCode: code, ErrorMessage: message})
			}
		}
		return s.post(ctx, tx, events)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// locate finds a finding by its product and id among those the caller sees.
func (s *Service) locate(ctx context.Context, r store.Reader, homes []place, product, id string) (place, *finding, error) {
	for _, p := range homes {
		f, err := s.findings.Get(ctx, r, p.findingKey(product, id))
		if err == nil || !errors.Is(err, store.ErrNotFound) {
			return p, f, err
		}
	}
	return place{}, nil, store.ErrNotFound
}

// change applies an edit to one finding, or tells why not.
func (s *Service) change(ctx context.Context, tx store.Tx, homes []place, id api.AwsSecurityFindingIdentifier, e *edit, events *outgoing) (code, message string, err error) {
	p, f, err := s.locate(ctx, tx, homes, id.ProductArn, id.Id)
	if errors.Is(err, store.ErrNotFound) {
		return "FindingNotFound", "Finding Not Found", nil
	} else if err != nil {
		return "", "", err
	}
	ok, err := s.rewrite(ctx, tx, p, f, caller.From(ctx).Identity.ARN, events, func(a ASFF, now string) []string { return e.apply(a, now) })
	if err == nil && !ok {
		return "FindingSizeExceeded", "Finding Size Exceeded", nil
	}
	return "", "", err
}

// rewrite changes a stored finding, with its history and event. ok is false for
// one that would be too large.
func (s *Service) rewrite(ctx context.Context, tx store.Tx, p place, f *finding, by string, events *outgoing, edit func(a ASFF, now string) (held []string)) (ok bool, err error) {
	before, err := f.read()
	if err != nil {
		return false, err
	}
	a := before.clone()
	f.Touched = s.now()
	for _, name := range edit(a, stamp(f.Touched)) {
		if !slices.Contains(f.Held, name) {
			f.Held = append(f.Held, name)
		}
	}
	if f.Body, err = a.fit(); err != nil || f.Body == nil {
		return false, err
	}
	key := p.findingKey(a.str("ProductArn"), a.str("Id"))
	if err := s.findings.Put(ctx, tx, key, f); err != nil {
		return false, err
	}
	if err := s.note(ctx, tx, key, &change{Time: f.Touched, Type: string(api.FindingHistoryUpdateSourceType_BATCH_UPDATE_FINDINGS), By: by, Updates: differences(before, a)}); err != nil {
		return false, err
	}
	return true, s.imported(ctx, tx, events, p, a, f.Body)
}

// UpdateFindings is the older form of BatchUpdateFindings: a note and the record
// state for all findings that filters want.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_UpdateFindings.html
func (s *Service) UpdateFindings(ctx context.Context, in *api.UpdateFindingsRequest) (*api.UpdateFindingsResponse, error) {
	wants, err := compile(in.Filters, forSearch, s.now())
	if err != nil {
		return nil, err
	}
	e := &edit{Note: in.Note}
	if err := e.check(); err != nil {
		return nil, err
	}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		if _, err := s.hub(ctx, tx); err != nil {
			return err
		}
		homes, err := s.visible(ctx, tx)
		if err != nil {
			return err
		}
		var hits []api.AwsSecurityFindingIdentifier
		if err := s.each(ctx, tx, homes, "", wants, func(f *found) bool {
			hits = append(hits, api.AwsSecurityFindingIdentifier{ProductArn: f.asff.str("ProductArn"), Id: f.asff.str("Id")})
			return true
		}); err != nil {
			return err
		}
		events := new(outgoing)
		for _, id := range hits {
			p, f, err := s.locate(ctx, tx, homes, id.ProductArn, id.Id)
			if err != nil {
				return err
			}
			if _, err := s.rewrite(ctx, tx, p, f, caller.From(ctx).Identity.ARN, events, func(a ASFF, now string) []string {
				if in.RecordState != "" {
					a["RecordState"] = string(in.RecordState)
				}
				return e.apply(a, now)
			}); err != nil {
				return err
			}
		}
		return s.post(ctx, tx, events)
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdateFindingsResponse{}, nil
}
