package organizations

import (
	"context"
	"time"

	"bartizan.dev/store"
	"bartizan.dev/work"
)

// What happens later. The id of a job is the id of the record it is about.
const (
	jobCreate = "create" // an account is made
	jobClose  = "close"  // an account is closed
	jobClean  = "clean"  // a closed account is gone for good
	jobExpire = "expire" // a handshake was not answered
	jobForget = "forget" // an answered handshake is shown no longer
	jobLink   = "link"   // an account gets the service-linked role of Organizations
	jobRecord = "record" // an event is written to the trail
)

// How long AWS takes or waits.
// https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html
// https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-closing.html#post-closure-period
const (
	inviteLife   = 15 * 24 * time.Hour
	featuresLife = 90 * 24 * time.Hour
	answeredLife = 30 * 24 * time.Hour
	closedLife   = 90 * 24 * time.Hour
	createdWait  = 4 * 24 * time.Hour // before an account that was made here may leave
	closingSpan  = 30 * 24 * time.Hour
)

func (s *Service) handlers() map[string]work.Handler {
	return map[string]work.Handler{
		jobCreate: s.doCreate,
		jobClose:  s.doClose,
		jobClean:  s.doClean,
		jobExpire: work.InTx(s.doExpire),
		jobForget: work.InTx(s.doForget),
		jobLink:   s.doLink,
		jobRecord: s.doRecord,
	}
}

// link has the service-linked role AWSServiceRoleForOrganizations made in an
// account. An organization with all features has it in each.
// https://docs.aws.amazon.com/organizations/latest/userguide/orgs_integrate_services.html#orgs_integrate_services-using_slrs
func (s *Service) link(ctx context.Context, tx store.Tx, o *organization, account string) error {
	if s.LinkRole == nil || !o.all() {
		return nil
	}
	return s.later(ctx, tx, jobLink, account, s.now())
}

func (s *Service) doLink(ctx context.Context, j work.Job) (func(store.Tx) error, error) {
	return nil, s.LinkRole(ctx, j.ID, eventSource)
}

// later adds a job to the caller's transaction.
func (s *Service) later(ctx context.Context, tx store.Tx, kind, id string, due time.Time) error {
	return s.queue.Add(ctx, tx, work.Job{Kind: kind, ID: id, Due: due})
}
