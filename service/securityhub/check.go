package securityhub

import (
	"context"
	"errors"
	"strings"
	"time"

	api "bartizan.dev/api/securityhub"
	"bartizan.dev/arn"
	"bartizan.dev/store"
	"bartizan.dev/work"
)

// jobCheck judges the enabled controls of a hub; the id is account/region.
const jobCheck = "check"

// Controls are judged every 12 hours, and soon after what they are about has
// changed.
// https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-standards-schedule.html
const (
	checkEvery = 12 * time.Hour
	checkSoon  = time.Minute
)

// checked are the findings that a control has: the resources, with the ids of
// their findings and what they say.
type checked struct{ Findings map[string]result }

type result struct {
	ID, Status string
	Created    time.Time
}

// Changed tells that a resource was changed: the controls of its account are
// judged soon.
func (s *Service) Changed(ctx context.Context, resource string) error {
	a, err := arn.Parse(resource)
	if err != nil || s.Read == nil || a.Account == "" {
		return nil
	}
	switch a.Service {
	case "iam", "kms", "secretsmanager", "cloudtrail":
	default:
		return nil
	}
	hubs, err := s.hubs.List(ctx, s.Store, a.Account+"/"+a.Region, "", 0)
	if err != nil || len(hubs) == 0 {
		return err
	}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		for _, h := range hubs {
			if err := s.checkSoon(ctx, tx, h.ID); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

// checkSoon puts the next run forward, unless it comes as soon anyway.
func (s *Service) checkSoon(ctx context.Context, tx store.Tx, home string) error {
	list, err := s.enabled.List(ctx, tx, home+"/", "", 1)
	if err != nil || len(list) == 0 {
		return err
	}
	now := s.now()
	due := now.Add(checkSoon)
	next, err := s.queue.Jobs(ctx, jobCheck, home[:len(home)-1], 10)
	if err != nil {
		return err
	}
	for _, j := range next {
		// One that is at work may have read what has changed since.
		if j.ID == home && j.Due.After(now) && !j.Due.After(due) {
			return nil
		}
	}
	return s.queue.Add(ctx, tx, work.Job{Kind: jobCheck, ID: home, Due: due})
}

// doCheck judges all controls that an enabled standard of the hub has enabled.
func (s *Service) doCheck(ctx context.Context, j work.Job) (func(store.Tx) error, error) {
	account, region, _ := strings.Cut(j.ID, "/")
	p := place{account, region}
	if s.Read == nil {
		return nil, nil
	}
	active, err := s.active(ctx, s.Store, p)
	if err != nil || len(active) == 0 {
		return nil, err
	}
	as, err := s.Read.As(ctx, account, region)
	if err != nil {
		return nil, err
	}
	f := &facts{Reader: s.Read, at: p, now: s.now()}
	// The credential report takes its time: the job comes again for it.
	if _, err := f.getUsers(as); hasCode(err, "ReportInProgress") || hasCode(err, "ReportNotPresent") {
		return nil, err
	}
	for i := range controls {
		c := &controls[i]
		if c.judge == nil {
			continue
		}
		set, err := s.setting(ctx, s.Store, p, c)
		if err != nil {
			return nil, err
		}
		var verdicts []verdict
		if len(active[c.ID]) > 0 {
			f.control, f.set = c, set
			if verdicts, err = c.judge(as, f); err != nil {
				// What can't be read can't be judged; the other controls can.
				s.Log.Warn("a control cannot be judged", "control", c.ID, "account", account, "region", region, "cause", err)
				kind, id := f.account()
				verdicts = []verdict{{kind, id, "WARNING", "CONFIG_EVALUATIONS_EMPTY"}}
			}
		}
		if err := s.record(ctx, p, c, set, active[c.ID], verdicts); err != nil {
			return nil, err
		}
	}
	return func(tx store.Tx) error {
		return s.queue.Add(ctx, tx, work.Job{Kind: jobCheck, ID: j.ID, Due: s.now().Add(checkEvery)})
	}, nil
}

// record makes findings of what a control says, and archives those of resources
// that are gone or that it no longer speaks of.
func (s *Service) record(ctx context.Context, p place, c *control, set *setting, of []*standard, verdicts []verdict) error {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		if _, err := s.hubs.Get(ctx, tx, p.home()); errors.Is(err, store.ErrNotFound) {
			return nil
		} else if err != nil {
			return err
		}
		key := p.home() + "/" + c.ID
		old, err := s.checked.Get(ctx, tx, key)
		if errors.Is(err, store.ErrNotFound) {
			old = &checked{}
		} else if err != nil {
			return err
		}
		in := &intake{Service: s, tx: tx, at: p, by: "securityhub.amazonaws.com"}
		now := &checked{Findings: map[string]result{}}
		for _, v := range verdicts {
			r := old.Findings[v.ID]
			if r.ID == "" {
				r = result{ID: p.arn("security-control/" + c.ID + "/finding/" + newID()), Created: s.now()}
			}
			r.Status = v.Status
			now.Findings[v.ID] = r
			if err := in.put(ctx, c.finding(p, set, of, &v, r, s.now())); err != nil {
				return err
			}
		}
		for id, r := range old.Findings {
			if _, still := now.Findings[id]; !still {
				if err := in.archive(ctx, r.ID); err != nil {
					return err
				}
			}
		}
		if len(now.Findings) == 0 {
			if err := s.checked.Delete(ctx, tx, key); err != nil {
				return err
			}
		} else if err := s.checked.Put(ctx, tx, key, now); err != nil {
			return err
		}
		return in.send(ctx)
	})
	return err
}

// archive ends a control's finding.
func (in *intake) archive(ctx context.Context, id string) error {
	product := products.of("arn:aws:securityhub:::product/aws/securityhub").arn(in.at.region)
	f, err := in.findings.Get(ctx, in.tx, in.at.findingKey(product, id))
	if errors.Is(err, store.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	a, err := f.read()
	if err != nil {
		return err
	}
	a["RecordState"], a["UpdatedAt"] = "ARCHIVED", stamp(in.now())
	return in.put(ctx, a)
}

// finding is a consolidated control finding.
// https://docs.aws.amazon.com/securityhub/latest/userguide/controls-findings-create-update.html
func (c *control) finding(p place, set *setting, of []*standard, v *verdict, r result, now time.Time) ASFF {
	compliance := map[string]any{"Status": v.Status, "SecurityControlId": c.ID}
	var names, requirements []any
	for _, d := range of {
		names = append(names, map[string]any{"StandardsId": d.path})
		requirements = append(requirements, strings2any(d.requirements(c))...)
	}
	compliance["AssociatedStandards"] = names
	if len(requirements) > 0 {
		compliance["RelatedRequirements"] = requirements
	}
	if v.Reason != "" {
		compliance["StatusReasons"] = []any{map[string]any{"ReasonCode": v.Reason, "Description": "The resource could not be judged."}}
	}
	if params := set.values(c); len(params) > 0 {
		compliance["SecurityControlParameters"] = params
	}
	label := string(c.Severity)
	workflow := "NEW"
	if v.Status == "PASSED" {
		label, workflow = string(api.SeverityLabel_INFORMATIONAL), "RESOLVED"
	}
	return ASFF{
		"SchemaVersion": "2018-10-08", "Id": r.ID, "ProductArn": products.of("arn:aws:securityhub:::product/aws/securityhub").arn(p.region),
		"ProductName": "Security Hub", "CompanyName": "AWS", "Region": p.region, "GeneratorId": "security-control/" + c.ID, "AwsAccountId": p.account,
		"Types":           []any{"Software and Configuration Checks/Industry and Regulatory Standards"},
		"FirstObservedAt": stamp(r.Created), "LastObservedAt": stamp(now), "CreatedAt": stamp(r.Created), "UpdatedAt": stamp(now),
		"Severity": map[string]any{"Label": label, "Original": label}, "Title": cut(c.Title, 256), "Description": c.text(),
		"Remediation":   map[string]any{"Recommendation": map[string]any{"Text": "For information on how to correct this issue, consult the AWS Security Hub controls documentation.", "Url": c.remediation()}},
		"ProductFields": map[string]any{"Resources:0/Id": v.ID},
		"Resources":     []any{map[string]any{"Type": v.Type, "Id": v.ID, "Partition": "aws", "Region": p.region}},
		"Compliance":    compliance, "RecordState": "ACTIVE", "Workflow": map[string]any{"Status": workflow}, "WorkflowState": "NEW",
		"FindingProviderFields": map[string]any{"Severity": map[string]any{"Label": label, "Original": label}, "Types": []any{"Software and Configuration Checks/Industry and Regulatory Standards"}},
	}
}

// Score is how many of the controls of a standard pass, of those that were
// judged: a control passes when all its findings do.
// https://docs.aws.amazon.com/securityhub/latest/userguide/standards-security-score.html
func (s *Service) Score(ctx context.Context, account, region, standardsARN string) (passed, judged int, err error) {
	p := place{account, region}
	d := standardOf(standardsARN, region)
	if d == nil {
		return 0, 0, notFound("Standard %s not found", clip(standardsARN))
	}
	for i := range controls {
		c := &controls[i]
		if !d.has(c) {
			continue
		}
		now, err := s.checked.Get(ctx, s.Store, p.home()+"/"+c.ID)
		if errors.Is(err, store.ErrNotFound) {
			continue
		} else if err != nil {
			return 0, 0, err
		}
		good, known := true, false
		for _, r := range now.Findings {
			known = known || r.Status == "PASSED" || r.Status == "FAILED"
			good = good && r.Status == "PASSED"
		}
		if known {
			judged++
			if good {
				passed++
			}
		}
	}
	return passed, judged, nil
}
