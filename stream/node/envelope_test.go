package node

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"bartizan.dev/detect"
	"bartizan.dev/logs"
	"bartizan.dev/logs/logstest"
	"bartizan.dev/stream"
)

var event = logstest.Event{Source: "cloudtrail.amazonaws.com", Name: "StopLogging", Params: map[string]any{"name": "t"}}.JSON()

func cloudWatch(kind string, messages ...string) []byte {
	var events []any
	for i, m := range messages {
		events = append(events, map[string]any{"id": fmt.Sprint(i), "timestamp": 1764504000000, "message": m})
	}
	text, err := json.Marshal(map[string]any{"messageType": kind, "owner": logstest.Account, "logGroup": "trail", "logStream": "s", "subscriptionFilters": []string{"f"}, "logEvents": events})
	if err != nil {
		panic(err)
	}
	return text
}

func TestEnvelopes(t *testing.T) {
	flow := string(logstest.FlowLog(false, []string{"version", "account-id", "interface-id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets", "bytes", "start", "end", "action", "log-status"}, logstest.Flows(1)...))
	for name, c := range map[string]struct {
		body         []byte
		records, bad int64
		err          string
	}{
		"one event":             {event, 1, 0, ""},
		"a file":                {logstest.Records(logstest.Events(300)...), 300, 0, ""},
		"a file, with gzip":     {logstest.Gzip(logstest.Records(logstest.Events(300)...)), 300, 0, ""},
		"a flow":                {[]byte(flow), 1, 0, ""},
		"queries":               {logstest.ResolverLog(logstest.Queries(3)...), 3, 0, ""},
		"CloudWatch Logs":       {cloudWatch("DATA_MESSAGE", string(event), flow, "START RequestId: 1"), 2, 1, ""},
		"CloudWatch Logs, gzip": {logstest.Gzip(cloudWatch("DATA_MESSAGE", string(event))), 1, 0, ""},
		"CloudWatch Logs' own":  {cloudWatch("CONTROL_MESSAGE", "CWL CONTROL MESSAGE: Checking health of destination"), 0, 0, ""},
		"CloudWatch Logs' else": {cloudWatch("OTHER"), 0, 0, "OTHER"},
		"EventBridge":           {[]byte(`{"version":"0","id":"1","detail-type":"AWS API Call via CloudTrail","source":"aws.cloudtrail","detail":` + string(event) + `}`), 1, 0, ""},
		"EventBridge, else":     {[]byte(`{"version":"0","id":"1","detail-type":"EC2 Instance State-change Notification","detail":{"state":"running"}}`), 0, 0, "not a log"},
		"EventBridge, cut":      {[]byte(`{"version":"0","id":"1","detail-type":"AWS API Call via CloudTrail","detail":{`), 0, 0, "not JSON"},
		"nothing":               {nil, 0, 0, ""},
		"words":                 {[]byte("hello"), 0, 0, "not a log"},
		"a cut event":           {event[:len(event)-9], 0, 1, ""},
		"cut gzip":              {logstest.Gzip(event)[:50], 0, 0, "EOF"},
		"too long":              {make([]byte, stream.MaxBody+1), 0, 0, "too long"},
		"a bomb":                {logstest.Gzip(make([]byte, maxUnpacked+1)), 0, 0, "too long"},
	} {
		var records int64
		b := logs.NewBatch()
		bad, err := unwrap(c.body, func(d *logs.Decoder) {
			for d.Next(b) == nil {
			}
			records += d.Records
			c.bad -= d.Bad
		})
		if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %v, want %q", name, err, c.err)
		}
		if records != c.records || bad != c.bad {
			t.Errorf("%s: %d records, %d too many bad", name, records, bad-c.bad)
		}
	}
}

func FuzzUnwrap(f *testing.F) {
	f.Add(event)
	f.Add(cloudWatch("DATA_MESSAGE", string(event), "x"))
	f.Add([]byte(`{"detail-type":"x","detail":` + string(event) + `}`))
	f.Add(logstest.Gzip(event))
	f.Add(logstest.FlowLog(true, []string{"version", "account-id", "srcaddr", "dstaddr", "start", "end"}, logstest.Flows(2)...))
	n := New(Options{Logger: quiet})
	f.Fuzz(func(t *testing.T, body []byte) {
		w := &worker{n: n, engine: detect.New(detect.Config{}, detect.All()...), batch: logs.NewBatch()}
		w.message(body)
		if w.records < 0 || w.bad < 0 {
			t.Error(w.records, w.bad)
		}
	})
}
