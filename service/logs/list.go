package logs

import (
	"context"
	"slices"
	"strings"

	logsapi "bartizan.dev/api/logs"
	"bartizan.dev/store"
)

// ListLogGroups lists the account's log groups by name: those whose names hold
// one of the pattern's alternatives, or begin with it behind ^, and that have all
// of the tags.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_ListLogGroups.html
func (s *Service) ListLogGroups(ctx context.Context, in *logsapi.ListLogGroupsRequest) (*logsapi.ListLogGroupsResponse, error) {
	switch {
	case len(in.AccountIdentifiers) > 0 || on(in.IncludeLinkedAccounts):
		return nil, invalid("Bartizan has no monitoring accounts: accountIdentifiers and includeLinkedAccounts are not supported.")
	case len(in.DataSources) > 0 || len(in.FieldIndexNames) > 0:
		return nil, invalid("Bartizan has no data sources and no field indexes: dataSources and fieldIndexNames are not supported.")
	}
	pg, err := newPage(in.Limit, in.NextToken)
	if err != nil {
		return nil, err
	}
	home := placeOf(ctx).home()
	out := &logsapi.ListLogGroupsResponse{LogGroups: []logsapi.LogGroupSummary{}}
	for after := pg.from(home); ; {
		found, err := s.groups.List(ctx, s.Store, home, after, 200)
		if err != nil {
			return nil, err
		}
		for _, e := range found {
			g := e.Value
			if in.LogGroupClass != "" && string(in.LogGroupClass) != g.Class || !nameMatches(text(in.LogGroupNamePattern), g.Name) || !g.tagged(in.LogGroupTags) {
				continue
			}
			if len(out.LogGroups) == pg.limit {
				out.NextToken = tokenAfter(*out.LogGroups[pg.limit-1].LogGroupName)
				return out, nil
			}
			out.LogGroups = append(out.LogGroups, logsapi.LogGroupSummary{LogGroupName: &g.Name, LogGroupArn: new(g.arn()), LogGroupClass: logsapi.LogGroupClass(g.Class)})
		}
		if len(found) < 200 {
			return out, nil
		}
		after = found[len(found)-1].ID
	}
}

// nameMatches: the alternatives stand between bars, and the model lets none have
// another character of regular expressions than a dot, which is taken as it is.
func nameMatches(pattern, name string) bool {
	if pattern == "" {
		return true
	}
	for alternative := range strings.SplitSeq(pattern, "|") {
		if start, anchored := strings.CutPrefix(alternative, "^"); anchored && strings.HasPrefix(name, start) || !anchored && strings.Contains(name, alternative) {
			return true
		}
	}
	return false
}

// tagged reports whether a group has all of the tags, with one of the values where
// there are some.
func (g *group) tagged(all []logsapi.TagFilter) bool {
	for _, f := range all {
		if v, ok := g.Tags[f.Key]; !ok || len(f.Values) > 0 && !slices.Contains(f.Values, v) {
			return false
		}
	}
	return true
}

// PutLogGroupDeletionProtection protects a log group from deletion, or no more.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogGroupDeletionProtection.html
func (s *Service) PutLogGroupDeletionProtection(ctx context.Context, in *logsapi.PutLogGroupDeletionProtectionRequest) (*logsapi.PutLogGroupDeletionProtectionOutput, error) {
	name, err := groupName(ctx, nil, &in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	err = s.changeGroup(ctx, name, func(_ store.Tx, g *group) error {
		g.Protected = in.DeletionProtectionEnabled
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &logsapi.PutLogGroupDeletionProtectionOutput{}, nil
}
