package cloudtrail

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	cloudtrailapi "bartizan.dev/api/cloudtrail"
	logsapi "bartizan.dev/api/logs"
	"bartizan.dev/caller"
	"bartizan.dev/trail"
	"bartizan.dev/wire"
)

const (
	logGroup = "arn:aws:logs:" + home + ":" + account + ":log-group:audit:*"
	logRole  = "arn:aws:iam::" + account + ":role/to-logs"
)

// group is CloudWatch Logs behind the inner door, with one group.
type group struct {
	mu   sync.Mutex
	fail error
	sent []string
	made bool
}

func (g *group) Call(_ context.Context, _ *wire.Service, _ *wire.Op, in any) (any, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.fail != nil {
		return nil, g.fail
	}
	switch in := in.(type) {
	case *logsapi.CreateLogStreamRequest:
		if in.LogGroupName != "audit" {
			return nil, wire.Errorf("ResourceNotFoundException", "The specified log group does not exist.")
		}
		if g.made {
			return nil, wire.Errorf("ResourceAlreadyExistsException", "The specified log stream already exists")
		}
		g.made = true
		return &logsapi.CreateLogStreamOutput{}, nil
	case *logsapi.PutLogEventsRequest:
		if in.LogGroupName != "audit" || in.LogStreamName != account+"_CloudTrail_"+home {
			return nil, fmt.Errorf("stream %s of %s", in.LogStreamName, in.LogGroupName)
		}
		if !slices.IsSortedFunc(in.LogEvents, func(a, b logsapi.InputLogEvent) int { return int(a.Timestamp - b.Timestamp) }) ||
			in.LogEvents[len(in.LogEvents)-1].Timestamp-in.LogEvents[0].Timestamp > 86_400_000 {
			return nil, errors.New("not in order, or of more than a day")
		}
		for _, e := range in.LogEvents {
			_, name, _ := strings.Cut(e.Message, `"eventName":"`)
			name, _, _ = strings.Cut(name, `"`)
			g.sent = append(g.sent, name)
		}
		return &logsapi.PutLogEventsResponse{}, nil
	}
	return nil, fmt.Errorf("call with %T", in)
}

func (g *group) got() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return strings.Join(g.sent, " ")
}

func (g *group) failing(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fail = err
}

// withLogs gives a service a group, and the role that may write to it.
func (g *rig) withLogs() *group {
	l := &group{}
	g.Logs = logsapi.Client{Door: l}
	g.Assume = func(ctx context.Context, role, trail, owner, region string) (context.Context, error) {
		if role != logRole || owner != account || region != home || !strings.HasPrefix(trail, "arn:aws:cloudtrail:") {
			return nil, wire.Errorf("AccessDenied", "no")
		}
		return caller.With(ctx, &caller.Call{Region: region}), nil
	}
	return l
}

// TestLogGroup: a trail's events come to its log group, in order, but not the
// calls that this makes; what could not be sent is sent later.
func TestLogGroup(t *testing.T) {
	g := newRig(t)
	l := g.withLogs()
	create := func(group, role *string) error {
		_, err := g.CreateTrail(g.in(home), &cloudtrailapi.CreateTrailRequest{Name: "main", S3BucketName: "logs", CloudWatchLogsLogGroupArn: group, CloudWatchLogsRoleArn: role})
		return err
	}
	refused(t, create(new(logGroup), nil), "InvalidCloudWatchLogsRoleArnException")
	refused(t, create(new("arn:aws:s3:::x"), new(logRole)), "InvalidCloudWatchLogsLogGroupArnException")
	refused(t, create(new(logGroup), new(logRole+"2")), "InvalidCloudWatchLogsRoleArnException")
	refused(t, create(new(strings.Replace(logGroup, "audit", "none", 1)), new(logRole)), "InvalidCloudWatchLogsLogGroupArnException")
	l.failing(wire.Errorf("AccessDeniedException", "no"))
	refused(t, create(new(logGroup), new(logRole)), "InvalidCloudWatchLogsLogGroupArnException")
	l.failing(nil)
	if err := create(new(logGroup), new(logRole)); err != nil {
		t.Fatal(err)
	}
	g.happen(home, "Before", "")
	g.start(home, "main")
	g.happen(home, "First", "")
	g.happen("us-east-1", "Elsewhere", "")
	g.happen(home, "PutLogEvents", `,"userIdentity":{"type":"AssumedRole","invokedBy":"cloudtrail.amazonaws.com"}`)
	g.happen(home, "Huge", `,"x":"`+strings.Repeat("x", 300<<10)+`"`)
	g.pass(time.Minute)
	if got := l.got(); got != "First" {
		t.Errorf("sent %q", got)
	}
	l.failing(wire.Errorf("ResourceNotFoundException", "The specified log group does not exist."))
	g.happen(home, "Second", "")
	g.pass(time.Minute)
	st := must(g.GetTrailStatus(g.in(home), &cloudtrailapi.GetTrailStatusRequest{Name: "main"}))(t)
	if !strings.HasPrefix(text(st.LatestCloudWatchLogsDeliveryError), "ResourceNotFoundException") || st.LatestCloudWatchLogsDeliveryTime.IsZero() {
		t.Errorf("status %+v", st)
	}
	l.failing(nil)
	g.pass(30 * time.Hour)
	g.happen(home, "Third", "")
	must(g.StopLogging(g.in(home), &cloudtrailapi.StopLoggingRequest{Name: "main"}))(t)
	g.pass(time.Minute)
	g.happen(home, "Fourth", "")
	g.pass(5 * time.Minute)
	if got := l.got(); got != "First Second Third" {
		t.Errorf("sent %q", got)
	}
	st = must(g.GetTrailStatus(g.in(home), &cloudtrailapi.GetTrailStatusRequest{Name: "main"}))(t)
	if st.LatestCloudWatchLogsDeliveryError != nil {
		t.Errorf("status %+v", st)
	}
	up := must(g.UpdateTrail(g.in(home), &cloudtrailapi.UpdateTrailRequest{Name: "main", CloudWatchLogsLogGroupArn: new(""), CloudWatchLogsRoleArn: new("")}))(t)
	if up.CloudWatchLogsLogGroupArn != nil {
		t.Errorf("%+v", up)
	}
	g.start(home, "main")
	g.happen(home, "Fifth", "")
	g.pass(5 * time.Minute)
	if got := l.got(); got != "First Second Third" {
		t.Errorf("sent %q", got)
	}
}

// TestNotices: a topic is told of each run's files, and one that cannot be told
// does not hold them up.
func TestNotices(t *testing.T) {
	g := newRig(t)
	var mu sync.Mutex
	var told []string
	var fail error
	g.Notify = func(ctx context.Context, topic, message string) error {
		mu.Lock()
		defer mu.Unlock()
		call := caller.From(ctx)
		if topic != "arn:aws:sns:"+home+":"+account+":files" || call.Identity.Service != "cloudtrail.amazonaws.com" || !strings.HasSuffix(call.SourceARN, ":trail/main") {
			t.Errorf("topic %s, caller %+v", topic, call)
		}
		if fail == nil {
			told = append(told, message)
		}
		return fail
	}
	_, err := g.CreateTrail(g.in(home), &cloudtrailapi.CreateTrailRequest{Name: "main", S3BucketName: "logs", SnsTopicName: new("a b")})
	refused(t, err, "InvalidSnsTopicNameException")
	out := must(g.CreateTrail(g.in(home), &cloudtrailapi.CreateTrailRequest{Name: "main", S3BucketName: "logs", SnsTopicName: new("files")}))(t)
	if text(out.SnsTopicName) != "files" || text(out.SnsTopicARN) != "arn:aws:sns:"+home+":"+account+":files" {
		t.Errorf("%+v", out)
	}
	g.start(home, "main")
	g.happen(home, "First", "")
	g.pass(5 * time.Minute)
	mu.Lock()
	if len(told) != 1 || !strings.HasPrefix(told[0], `{"s3Bucket":"logs","s3ObjectKey":["AWSLogs/`+account+`/CloudTrail/`+home) {
		t.Errorf("told %q", told)
	}
	fail = wire.Errorf("NotFoundException", "Topic does not exist")
	mu.Unlock()
	g.happen(home, "Second", "")
	g.pass(5 * time.Minute)
	st := must(g.GetTrailStatus(g.in(home), &cloudtrailapi.GetTrailStatusRequest{Name: "main"}))(t)
	if text(st.LatestNotificationError) != "NotFoundException: Topic does not exist" || st.LatestNotificationTime.IsZero() || *st.LatestNotificationAttemptTime == *st.LatestNotificationAttemptSucceeded {
		t.Errorf("status %+v", st)
	}
	if got := g.delivered(); len(got) != 2 {
		t.Errorf("delivered %v", got)
	}
}

// TestOrganizationTrail: it has the events of members, below the organization's
// id, is seen by them and changed by none.
func TestOrganizationTrail(t *testing.T) {
	g := newRig(t)
	const member, stranger = "222222222222", "333333333333"
	in := func(who string) context.Context {
		return caller.With(t.Context(), &caller.Call{Identity: caller.Identity{Kind: caller.User, Account: who}, Region: home, Time: g.clock.Now()})
	}
	access := false
	g.Organization = func(_ context.Context, who string) (string, bool, bool, error) {
		switch who {
		case account:
			return "o-1234567890", true, access, nil
		case member:
			return "o-1234567890", false, false, nil
		}
		return "", false, false, nil
	}
	create := func(who string, validate bool) error {
		_, err := g.CreateTrail(in(who), &cloudtrailapi.CreateTrailRequest{
			Name: "all", S3BucketName: "logs", IsOrganizationTrail: new(true), IsMultiRegionTrail: new(true), EnableLogFileValidation: &validate,
		})
		return err
	}
	refused(t, create(stranger, false), "OrganizationsNotInUseException")
	refused(t, create(member, false), "NotOrganizationMasterAccountException")
	refused(t, create(account, false), "CloudTrailAccessNotEnabledException")
	access = true
	refused(t, create(account, true), "UnsupportedOperationException")
	if err := create(account, false); err != nil {
		t.Fatal(err)
	}
	g.start(home, "all")
	at := func(who, region, id string) {
		g.append(&trail.Event{Time: g.clock.Now(), ID: id, Account: who, Region: region, Source: "s", Name: "N", JSON: fmt.Appendf(nil, `{"eventID":%q,"eventCategory":"Management"}`, id)})
	}
	at(account, home, "own")
	at(member, home, "theirs")
	at(member, "us-east-1", "elsewhere")
	at(stranger, home, "strange")
	g.pass(5 * time.Minute)
	g.want("own", "theirs", "elsewhere")
	var dirs []string
	for _, key := range g.files() {
		dirs = append(dirs, key[:strings.Index(key, "/20")])
	}
	want := []string{"AWSLogs/o-1234567890/111122223333/CloudTrail/" + home, "AWSLogs/o-1234567890/222222222222/CloudTrail/" + home, "AWSLogs/o-1234567890/222222222222/CloudTrail/us-east-1"}
	if slices.Sort(dirs); !slices.Equal(dirs, want) {
		t.Errorf("folders %v", dirs)
	}
	const arn = "arn:aws:cloudtrail:" + home + ":" + account + ":trail/all"
	list := must(g.DescribeTrails(in(member), &cloudtrailapi.DescribeTrailsRequest{}))(t)
	if len(list.TrailList) != 1 || *list.TrailList[0].TrailARN != arn || !*list.TrailList[0].IsOrganizationTrail {
		t.Errorf("a member sees %+v", list.TrailList)
	}
	must(g.GetTrailStatus(in(member), &cloudtrailapi.GetTrailStatusRequest{Name: arn}))(t)
	_, err := g.StopLogging(in(member), &cloudtrailapi.StopLoggingRequest{Name: arn})
	refused(t, err, "NotOrganizationMasterAccountException")
	_, err = g.GetTrail(in(stranger), &cloudtrailapi.GetTrailRequest{Name: arn})
	refused(t, err, "TrailNotFoundException")
	if list := must(g.DescribeTrails(in(stranger), &cloudtrailapi.DescribeTrailsRequest{}))(t); len(list.TrailList) != 0 {
		t.Errorf("a stranger sees %+v", list.TrailList)
	}
	touch, err := g.touch(in(member), "GetTrail", arn)
	if err != nil || touch.Account != "" || touch.Resource != arn {
		t.Errorf("touch %+v, %v", touch, err)
	}
	if touch, err = g.touch(in(member), "StopLogging", arn); err != nil || touch.Account != account {
		t.Errorf("touch %+v, %v", touch, err)
	}
	up := must(g.UpdateTrail(in(account), &cloudtrailapi.UpdateTrailRequest{Name: "all", IsOrganizationTrail: new(false)}))(t)
	if *up.IsOrganizationTrail {
		t.Error("it is still the organization's")
	}
	at(member, home, "later")
	g.pass(5 * time.Minute)
	g.want("own", "theirs", "elsewhere")
}
