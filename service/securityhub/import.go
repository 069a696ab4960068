package securityhub

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	api "bartizan.dev/api/securityhub"
	"bartizan.dev/caller"
	"bartizan.dev/store"
)

// BatchImportFindings takes findings of a product. They are judged one by one.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_BatchImportFindings.html
func (s *Service) BatchImportFindings(ctx context.Context, in *api.BatchImportFindingsRequest) (*api.BatchImportFindingsResponse, error) {
	all, err := s.codec.parse(in.Findings)
	if err != nil {
		return nil, err
	}
	p := placeOf(ctx)
	if err := sameProduct(all); err != nil {
		return nil, err
	}
	out := &api.BatchImportFindingsResponse{FailedFindings: []api.ImportFindingsError{}}
	fail := func(a ASFF, code, message string) {
		out.FailedFindings = append(out.FailedFindings, api.ImportFindingsError{Id: a.str("Id"), ErrorCode: code, ErrorMessage: message})
	}
	var good []ASFF
	total := 0
	for _, a := range all {
		body, err := a.fit()
		if err != nil {
			return nil, err
		}
		if total += len(body); total > maxBatch {
			return nil, invalid("The findings of a batch can have at most 6 MB.")
		}
		problem := a.check()
		switch {
		case body == nil:
			fail(a, "InvalidInput", "Finding does not adhere to Amazon Finding Format. The finding is larger than 240 KB.")
		case problem != "":
			fail(a, "InvalidInput", problem)
		case a.str("AwsAccountId") != p.account:
			fail(a, "InvalidAccess", "Account "+p.account+" is not allowed to import findings of account "+a.str("AwsAccountId"))
		default:
			good = append(good, a)
		}
	}
	refused, err := s.take(ctx, p, good, caller.From(ctx).Identity.ARN)
	if err != nil {
		return nil, err
	}
	for _, r := range refused {
		fail(r.finding, "InvalidAccess", r.why)
	}
	out.FailedCount = int32(len(out.FailedFindings))
	out.SuccessCount = int32(len(all)) - out.FailedCount
	return out, nil
}

// sameProduct: "all findings in the batch must be of one product".
func sameProduct(all []ASFF) error {
	for _, a := range all {
		if product := a.str("ProductArn"); product != all[0].str("ProductArn") {
			return invalid("All findings of a batch must have the same ProductArn; found %s and %s.", all[0].str("ProductArn"), product)
		}
	}
	return nil
}

type refusal struct {
	finding ASFF
	why     string
}

// Import takes findings of a service of AWS for an account, as
// BatchImportFindings does, if Security Hub and the product's integration are
// enabled there.
func (s *Service) Import(ctx context.Context, account, region string, asff ...ASFF) error {
	for _, a := range asff {
		if problem := a.check(); problem != "" {
			return invalid("%s", problem)
		}
	}
	_, err := s.take(ctx, place{account, region}, asff, "")
	return err
}

// take stores findings of an account, in the order they came.
func (s *Service) take(ctx context.Context, p place, all []ASFF, by string) (refused []refusal, err error) {
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		refused = nil
		h, err := s.hubs.Get(ctx, tx, p.home())
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		in := &intake{Service: s, tx: tx, at: p, by: by}
		for _, a := range all {
			if h == nil {
				refused = append(refused, refusal{a, "Account " + p.account + " is not subscribed to AWS Security Hub"})
				continue
			}
			ok, err := s.subscribed(ctx, tx, p, a.str("ProductArn"))
			if err != nil {
				return err
			}
			if !ok {
				refused = append(refused, refusal{a, "Product " + a.str("ProductArn") + " is not enabled for import in account " + p.account})
				continue
			}
			if err := in.put(ctx, a.clone()); err != nil {
				return err
			}
		}
		return in.send(ctx)
	})
	return refused, err
}

// intake is the import of findings in one transaction.
type intake struct {
	*Service
	tx     store.Tx
	at     place
	by     string // who imports them; empty: the product itself
	events outgoing
	rules  []*rule // that may change findings; read once
	loaded bool
}

// put stores one finding, new or known.
func (in *intake) put(ctx context.Context, a ASFF) error {
	key := in.at.findingKey(a.str("ProductArn"), a.str("Id"))
	old, err := in.findings.Get(ctx, in.tx, key)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	f := &finding{Touched: in.now()}
	var before ASFF
	if old != nil {
		if before, err = old.read(); err != nil {
			return err
		}
		// "If UpdatedAt on the update occurs before UpdatedAt on the existing finding,
		// then the update is ignored."
		if was, _ := parseTime(before.str("UpdatedAt")); isBefore(a, was) {
			return nil
		}
		f.Held = old.Held
		a.follow(before, old.Held)
	}
	a.complete(in.at, stamp(in.now()))
	if err := in.automate(ctx, a, f); err != nil {
		return err
	}
	if f.Body, err = a.fit(); err != nil {
		return err
	}
	if f.Body == nil {
		return invalid("The finding %s is larger than 240 KB.", a.str("Id"))
	}
	if err := in.findings.Put(ctx, in.tx, key, f); err != nil {
		return err
	}
	who := in.by
	if who == "" {
		who = a.str("ProductArn")
	}
	if err := in.note(ctx, in.tx, key, &change{Time: in.now(), Created: old == nil, Type: string(api.FindingHistoryUpdateSourceType_BATCH_IMPORT_FINDINGS), By: who, Updates: differences(before, a)}); err != nil {
		return err
	}
	return in.imported(ctx, in.tx, &in.events, in.at, a, f.Body)
}

func (in *intake) send(ctx context.Context) error { return in.post(ctx, in.tx, &in.events) }

// Fields that customers work with, and those that both may set.
// https://docs.aws.amazon.com/securityhub/latest/userguide/finding-update-batchimportfindings.html
var (
	customers = []string{"Note", "UserDefinedFields", "VerificationState", "Workflow", "WorkflowState"}
	shared    = []string{"Confidence", "Criticality", "RelatedFindings", "Severity", "Types"}
)

// follow keeps what an import must not change: what customers work with, and
// the shared fields that one of them has changed.
func (a ASFF) follow(before ASFF, held []string) {
	a.provide()
	for _, name := range customers {
		a.set(before[name], name)
	}
	for _, name := range held {
		a.set(before[name], name)
	}
	// "Security Hub automatically resets the workflow status from either NOTIFIED or
	// RESOLVED to NEW" when a finding becomes active again or no longer passes.
	// https://docs.aws.amazon.com/securityhub/latest/userguide/findings-workflow-status.html
	status := a.str("Workflow", "Status")
	again := before.str("RecordState") == "ARCHIVED" && a.str("RecordState") != "ARCHIVED" ||
		before.str("Compliance", "Status") == "PASSED" && a.str("Compliance", "Status") != "PASSED" && a["Compliance"] != nil
	if again && (status == "NOTIFIED" || status == "RESOLVED") {
		a.setWorkflow("NEW")
	}
	// "For findings from controls, if Compliance.Status is PASSED, then Security Hub
	// sets the workflow status to RESOLVED."
	if productName(a.str("ProductArn")) == "aws/securityhub" && a.str("Compliance", "Status") == "PASSED" && (status == "NEW" || status == "NOTIFIED") {
		a.setWorkflow("RESOLVED")
	}
}

// provide fills FindingProviderFields and the fields at the top from each other.
func (a ASFF) provide() {
	for _, name := range shared {
		top, given := a[name], a.at("FindingProviderFields", name)
		if name == "Severity" {
			if m, ok := top.(map[string]any); ok {
				gradeSeverity(m)
				top = pick(m, "Label", "Original")
			}
			if m, ok := given.(map[string]any); ok && a[name] == nil {
				full := maps.Clone(m)
				gradeSeverity(full)
				a[name] = full
			}
		}
		switch {
		case given == nil && top != nil:
			a.set(top, "FindingProviderFields", name)
		case given != nil && a[name] == nil:
			a[name] = given
		}
	}
}

// gradeSeverity completes a severity: the label counts, and has its least number.
func gradeSeverity(m map[string]any) {
	label, _ := m["Label"].(string)
	n, given := m["Normalized"].(float64)
	switch {
	case label == "" && given:
		m["Label"] = severityLabel(n)
	case label != "" && !given:
		m["Normalized"] = severityNormalized(label)
	}
}

func pick(m map[string]any, names ...string) map[string]any {
	out := map[string]any{}
	for _, name := range names {
		if v := m[name]; v != nil {
			out[name] = v
		}
	}
	return out
}

// complete adds what Security Hub itself says of a finding.
func (a ASFF) complete(p place, now string) {
	a.provide()
	a.fill("ACTIVE", "RecordState")
	a.fill(map[string]any{"Status": "NEW"}, "Workflow")
	a.fill("NEW", "WorkflowState")
	a.fill(p.region, "Region")
	a.fill([]any{}, "Types")
	company, product := "Personal", "Default"
	if d := products.of(a.str("ProductArn")); d != nil {
		company, product = d.Company, d.Name
	}
	a.fill(company, "CompanyName")
	a.fill(product, "ProductName")
	a.set(a.resource(), "ProductFields", "aws/securityhub/FindingId")
	a.set(a.str("ProductName"), "ProductFields", "aws/securityhub/ProductName")
	a.set(a.str("CompanyName"), "ProductFields", "aws/securityhub/CompanyName")
	for _, r := range a["Resources"].([]any) {
		if m, ok := r.(map[string]any); ok {
			if m["Partition"] == nil {
				m["Partition"] = "aws"
			}
			if m["Region"] == nil {
				m["Region"] = p.region
			}
		}
	}
	a["ProcessedAt"] = now
}

// clone copies what put changes: the transaction may run twice.
func (a ASFF) clone() ASFF { return ASFF(cloneMap(a)) }

func cloneMap(m map[string]any) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[k] = cloneAny(v)
	}
	return out
}

func cloneAny(v any) any {
	switch v := v.(type) {
	case map[string]any:
		return cloneMap(v)
	case []any:
		out := slices.Clone(v)
		for i := range out {
			out[i] = cloneAny(out[i])
		}
		return out
	}
	return v
}

// productName is the part of a product ARN after product/.
func productName(productARN string) string {
	_, name, _ := strings.Cut(productARN, ":product/")
	return name
}

func isBefore(a ASFF, was time.Time) bool {
	at, err := parseTime(a.str("UpdatedAt"))
	return err == nil && at.Before(was)
}
