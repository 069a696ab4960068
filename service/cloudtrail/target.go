package cloudtrail

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"time"

	cloudtrailapi "bartizan.dev/api/cloudtrail"
	logsapi "bartizan.dev/api/logs"
	"bartizan.dev/arn"
	"bartizan.dev/caller"
	"bartizan.dev/policy"
	"bartizan.dev/wire"
)

// principal is what CloudTrail calls other services as.
const principal = "cloudtrail.amazonaws.com"

// target are the places besides its bucket that a trail is delivered to.
type target struct {
	Group, Role string `json:",omitzero"` // ARNs: a log group, and the role that writes to it
	Topic       string `json:",omitzero"` // ARN
}

// aim changes targets as a request asks: nil leaves one alone, an empty text
// takes it away.
func (t target) aim(at place, group, role, topic *string) (target, error) {
	if group != nil {
		t.Group = *group
	}
	if role != nil {
		t.Role = *role
	}
	if topic != nil {
		t.Topic = *topic
		if t.Topic != "" && !strings.HasPrefix(t.Topic, "arn:") {
			t.Topic = arn.New("sns", at.region, at.account, t.Topic)
		}
	}
	switch {
	case (t.Group == "") != (t.Role == ""):
		return t, wire.Errorf("InvalidCloudWatchLogsRoleArnException", "You must specify a role ARN as well as a log group.")
	case t.Group != "" && groupName(t.Group) == "":
		return t, wire.Errorf("InvalidCloudWatchLogsLogGroupArnException", "CloudTrail cannot validate the specified log group ARN.")
	case t.Topic != "" && !goodTopic.MatchString(t.Topic):
		return t, wire.Errorf("InvalidSnsTopicNameException", "SNS Topic %s is not valid.", *topic)
	}
	return t, nil
}

// https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html
var goodTopic = regexp.MustCompile(`^arn:aws:sns:[a-z0-9-]+:[0-9]{12}:[a-zA-Z0-9_-]{1,256}(\.fifo)?$`)

// groupName is the name in the ARN of a log group, or "".
func groupName(group string) string {
	a, err := arn.Parse(group)
	name, ok := strings.CutPrefix(a.Resource, "log-group:")
	if err != nil || a.Service != "logs" || a.Region == "" || !ok {
		return ""
	}
	name = strings.TrimSuffix(name, ":*")
	if strings.Contains(name, ":") {
		return ""
	}
	return name
}

// streamName is the log stream of a trail.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-group-log-stream-naming-for-cloudtrail.html
func (r *record) streamName() string { return r.Account + "_CloudTrail_" + r.Region }

// writer is the context of the role that writes to a trail's log group.
func (s *Service) writer(ctx context.Context, r *record, t target) (context.Context, error) {
	a, err := arn.Parse(t.Group)
	if err != nil {
		return nil, err
	}
	return s.Assume(ctx, t.Role, r.arn(), r.Account, a.Region)
}

// checkTargets refuses targets that cannot be delivered to: the role is tried
// once, with the log stream.
func (s *Service) checkTargets(ctx context.Context, r *record, t target) error {
	if t.Topic != "" && t.Topic != r.Topic && s.Notify == nil {
		return wire.Errorf("UnsupportedOperationException", "Notifications to Amazon SNS are not built in Bartizan.")
	}
	if t.Group == "" || t.Group == r.Group && t.Role == r.Role {
		return nil
	}
	if s.Assume == nil {
		return wire.Errorf("UnsupportedOperationException", "Delivery to CloudWatch Logs is not built in Bartizan.")
	}
	w, err := s.writer(ctx, r, t)
	if err != nil {
		return wire.Errorf("InvalidCloudWatchLogsRoleArnException", "Access denied. Check the trust relationships for your role.").With(err)
	}
	_, err = s.Logs.CreateLogStream(w, &logsapi.CreateLogStreamRequest{LogGroupName: groupName(t.Group), LogStreamName: r.streamName()})
	if err == nil {
		return nil
	}
	switch e := wire.AsError(err); {
	case e.Code == "ResourceAlreadyExistsException":
		return nil
	case e.Code == "ResourceNotFoundException":
		return wire.Errorf("InvalidCloudWatchLogsLogGroupArnException", "CloudTrail cannot validate the specified log group ARN.").With(err)
	case strings.HasPrefix(e.Code, "AccessDenied"):
		return wire.Errorf("InvalidCloudWatchLogsLogGroupArnException", "Access denied. Check the permissions for your role.").With(err)
	}
	return wire.Errorf("CloudWatchLogsDeliveryUnavailableException", "Cannot deliver to the CloudWatch Logs log group now.").With(err)
}

// passRole: who makes CloudTrail use a role must be allowed to give it away.
func passRole(t []policy.Touch, role *string) []policy.Touch {
	if text(role) == "" {
		return t
	}
	p := policy.Touch{Action: "iam:PassRole", Resource: *role, Keys: []policy.Pair{{Key: "iam:PassedToService", Values: []string{principal}}}}
	if a, err := arn.Parse(*role); err == nil {
		p.Account = a.Account
	}
	return append(t, p)
}

// notice is what SNS is told of log files.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/configure-sns-notifications-for-cloudtrail.html
type notice struct {
	Bucket string   `json:"s3Bucket"`
	Keys   []string `json:"s3ObjectKey"`
}

// notices are attempts to tell a topic.
type notices struct {
	Attempt, Last time.Time `json:",omitzero"`
	Error         string    `json:",omitzero"`
}

// notify tells a trail's topic of new log files. A topic that cannot be told holds
// up nothing: the trail's status says so.
func (s *Service) notify(ctx context.Context, r *record, files []logFile) (n notices, tried bool) {
	if r.Topic == "" || len(files) == 0 || s.Notify == nil {
		return r.Notices, false
	}
	say := notice{Bucket: r.Bucket}
	for i := range files {
		say.Keys = append(say.Keys, files[i].Key)
	}
	n = r.Notices
	n.Attempt = s.Clock.Now()
	message, err := json.Marshal(say)
	if err == nil {
		as := caller.AsService(ctx, principal, r.Account, r.Region, n.Attempt)
		caller.From(as).SourceARN = r.arn()
		err = s.Notify(as, r.Topic, string(message))
	}
	if n.Error = ""; err != nil {
		n.Error = short(err)
	} else {
		n.Last = n.Attempt
	}
	return n, true
}

// showTargets writes a trail's targets into its description.
func showTargets(r *record, t *cloudtrailapi.Trail) {
	if r.Group != "" {
		t.CloudWatchLogsLogGroupArn, t.CloudWatchLogsRoleArn = &r.Group, &r.Role
	}
	if r.Topic != "" {
		t.SnsTopicARN = &r.Topic
		t.SnsTopicName = new(r.Topic[strings.LastIndexByte(r.Topic, ':')+1:])
	}
}

// codeOf is an error as a trail's status names it.
func codeOf(err error) string {
	var e *wire.Error
	if errors.As(err, &e) && !e.Fault {
		return e.Code + ": " + e.Message
	}
	return short(err)
}
