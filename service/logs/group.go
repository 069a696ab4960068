package logs

import (
	"context"
	"encoding/base64"
	"errors"
	"maps"
	"strings"

	logsapi "bartizan.dev/api/logs"
	"bartizan.dev/store"
	"bartizan.dev/wire"
	"bartizan.dev/work"
)

const maxTags = 50

// CreateLogGroup makes a log group.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html
func (s *Service) CreateLogGroup(ctx context.Context, in *logsapi.CreateLogGroupRequest) (*logsapi.CreateLogGroupOutput, error) {
	if text(in.KmsKeyId) != "" {
		return nil, invalid("Bartizan seals log events with its own keys, and takes no kmsKeyId for a log group.")
	}
	if in.LogGroupClass != "" && in.LogGroupClass != logsapi.LogGroupClass_STANDARD {
		return nil, invalid("Bartizan has log groups of the class STANDARD only.")
	}
	if len(in.Tags) > maxTags {
		return nil, wire.Errorf("TooManyTagsException", "A resource can have at most %d tags.", maxTags)
	}
	at := placeOf(ctx)
	g := &group{
		Account: at.account, Region: at.region, Name: in.LogGroupName, UID: newUID(), Class: string(logsapi.LogGroupClass_STANDARD),
		Tags: maps.Clone(in.Tags), Protected: on(in.DeletionProtectionEnabled), Created: s.now().UnixMilli(),
	}
	_, err := s.Store.Update(ctx, func(tx store.Tx) error { return s.groups.Insert(ctx, tx, g.key(), g) })
	if errors.Is(err, store.ErrExists) {
		return nil, wire.Errorf("ResourceAlreadyExistsException", "The specified log group already exists")
	} else if err != nil {
		return nil, err
	}
	return &logsapi.CreateLogGroupOutput{}, nil
}

// DeleteLogGroup deletes a log group with all that is in it. It is gone at once;
// its events are removed from the store afterwards.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DeleteLogGroup.html
func (s *Service) DeleteLogGroup(ctx context.Context, in *logsapi.DeleteLogGroupRequest) (*logsapi.DeleteLogGroupOutput, error) {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		g, err := s.group(ctx, tx, in.LogGroupName)
		if err != nil {
			return err
		}
		if g.Protected {
			return wire.Errorf("ValidationException", "The log group %s is protected from deletion.", g.Name)
		}
		if err := s.queue.Cancel(ctx, tx, jobRetention, g.UID); err != nil {
			return err
		}
		if err := s.queue.Add(ctx, tx, work.Job{Kind: jobPurge, ID: g.UID, Due: s.now()}); err != nil {
			return err
		}
		return s.groups.Delete(ctx, tx, g.key())
	})
	if err != nil {
		return nil, err
	}
	return &logsapi.DeleteLogGroupOutput{}, nil
}

// page is what the listing operations share. A token is the last name, in base64
// behind a letter.
type page struct {
	after string
	limit int
}

func newPage(limit *int32, token *string) (page, error) {
	p := page{limit: 50}
	if limit != nil {
		p.limit = int(*limit)
	}
	if text(token) != "" {
		raw, err := base64.RawURLEncoding.DecodeString(*token)
		if err != nil || len(raw) < 2 || raw[0] != 'L' || strings.ContainsRune(string(raw), 0) {
			return p, invalid("The specified nextToken is invalid.")
		}
		p.after = string(raw[1:])
	}
	return p, nil
}

func tokenAfter(name string) *string {
	return new(base64.RawURLEncoding.EncodeToString([]byte("L" + name)))
}

func (p page) from(home string) string {
	if p.after == "" {
		return ""
	}
	return home + p.after
}

// DescribeLogGroups lists the account's log groups by name.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeLogGroups.html
func (s *Service) DescribeLogGroups(ctx context.Context, in *logsapi.DescribeLogGroupsRequest) (*logsapi.DescribeLogGroupsResponse, error) {
	switch {
	case len(in.AccountIdentifiers) > 0 || on(in.IncludeLinkedAccounts):
		return nil, invalid("Bartizan has no monitoring accounts: accountIdentifiers and includeLinkedAccounts are not supported.")
	case in.LogGroupNamePrefix != nil && in.LogGroupNamePattern != nil:
		return nil, invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
	case len(in.LogGroupIdentifiers) > 0 && (in.LogGroupNamePrefix != nil || in.LogGroupNamePattern != nil):
		return nil, invalid("LogGroup identifiers can't be combined with a prefix or a pattern.")
	}
	pg, err := newPage(in.Limit, in.NextToken)
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for i := range in.LogGroupIdentifiers {
		name, err := groupName(ctx, nil, &in.LogGroupIdentifiers[i])
		if err != nil {
			return nil, err
		}
		names[name] = true
	}
	home := placeOf(ctx).home()
	out := &logsapi.DescribeLogGroupsResponse{LogGroups: []logsapi.LogGroup{}}
	after := pg.from(home)
	for {
		found, err := s.groups.List(ctx, s.Store, home+text(in.LogGroupNamePrefix), after, 200)
		if err != nil {
			return nil, err
		}
		for _, e := range found {
			g := e.Value
			if len(names) > 0 && !names[g.Name] || in.LogGroupClass != "" && string(in.LogGroupClass) != g.Class ||
				!strings.Contains(strings.ToLower(g.Name), strings.ToLower(text(in.LogGroupNamePattern))) {
				continue
			}
			if len(out.LogGroups) == pg.limit {
				out.NextToken = tokenAfter(*out.LogGroups[pg.limit-1].LogGroupName)
				return out, nil
			}
			out.LogGroups = append(out.LogGroups, g.shown())
		}
		if len(found) < 200 {
			return out, nil
		}
		after = found[len(found)-1].ID
	}
}

func (g *group) shown() logsapi.LogGroup {
	v := logsapi.LogGroup{
		LogGroupName: &g.Name, Arn: new(g.arn() + ":*"), LogGroupArn: new(g.arn()), CreationTime: &g.Created, LogGroupClass: logsapi.LogGroupClass(g.Class),
		MetricFilterCount: new(int32(0)), DeletionProtectionEnabled: &g.Protected,
	}
	if g.Days > 0 {
		v.RetentionInDays = &g.Days
	}
	return v
}

// changeGroup changes a group.
func (s *Service) changeGroup(ctx context.Context, name string, change func(tx store.Tx, g *group) error) error {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		g, err := s.group(ctx, tx, name)
		if err != nil {
			return err
		}
		if err := change(tx, g); err != nil {
			return err
		}
		return s.groups.Put(ctx, tx, g.key(), g)
	})
	return err
}

// PutRetentionPolicy says how long events are kept.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
func (s *Service) PutRetentionPolicy(ctx context.Context, in *logsapi.PutRetentionPolicyRequest) (*logsapi.PutRetentionPolicyOutput, error) {
	switch in.RetentionInDays {
	case 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653:
	default:
		return nil, invalid("1 validation error detected: Value '%d' at 'retentionInDays' failed to satisfy constraint: Member must satisfy enum value set: [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653]", in.RetentionInDays)
	}
	err := s.changeGroup(ctx, in.LogGroupName, func(tx store.Tx, g *group) error {
		g.Days = in.RetentionInDays
		return s.queue.Add(ctx, tx, work.Job{Kind: jobRetention, ID: g.UID, Due: s.now(), Payload: []byte(g.key())})
	})
	if err != nil {
		return nil, err
	}
	return &logsapi.PutRetentionPolicyOutput{}, nil
}

// DeleteRetentionPolicy keeps events for ever.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DeleteRetentionPolicy.html
func (s *Service) DeleteRetentionPolicy(ctx context.Context, in *logsapi.DeleteRetentionPolicyRequest) (*logsapi.DeleteRetentionPolicyOutput, error) {
	err := s.changeGroup(ctx, in.LogGroupName, func(tx store.Tx, g *group) error {
		g.Days = 0
		return s.queue.Cancel(ctx, tx, jobRetention, g.UID)
	})
	if err != nil {
		return nil, err
	}
	return &logsapi.DeleteRetentionPolicyOutput{}, nil
}
