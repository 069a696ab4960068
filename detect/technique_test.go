package detect

import (
	"strings"
	"testing"

	"bartizan.dev/logs/logstest"
)

func TestTechniqueRules(t *testing.T) {
	open := func(from, to int, cidr string) logstest.Event {
		return logstest.Event{Source: "ec2.amazonaws.com", Name: "AuthorizeSecurityGroupIngress", Params: object{"groupId": "sg-1", "ipPermissions": object{"items": list{object{"ipProtocol": "tcp", "fromPort": from, "toPort": to, "ipRanges": object{"items": list{object{"cidrIp": cidr}}}}}}}}
	}
	send := func(document string) logstest.Event {
		return logstest.Event{Source: "ssm.amazonaws.com", Name: "SendCommand", Params: object{"documentName": document}}
	}
	const remote = "Persistence:EC2/ExternalRemoteServices 2"
	for _, c := range []struct {
		event logstest.Event
		want  string
	}{
		{open(3389, 3389, "0.0.0.0/0"), remote}, {open(5000, 6000, "0.0.0.0/0"), remote}, {open(5432, 5432, "::/0"), remote},
		{open(3389, 3389, "10.0.0.0/8"), ""}, {open(443, 443, "0.0.0.0/0"), ""}, {open(8080, 8080, "0.0.0.0/0"), ""},
		{open(0, 65535, "0.0.0.0/0"), "EC2SecurityGroupPublicSSH Persistence:EC2/ExternalRemoteServices 5"},
		{send("AWS-RunShellScript"), "LateralMovement:EC2/RemoteServices 2"}, {send("AWS-UpdateSSMAgent"), ""},
	} {
		if got := strings.Join(raised(t, New(Config{}, All()...), c.event), "; "); got != c.want {
			t.Errorf("%v: %q, want %q", c.event.Params, got, c.want)
		}
	}
}
