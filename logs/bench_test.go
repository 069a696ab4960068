package logs_test

import (
	"bytes"
	"encoding/json"
	"io"
	"syscall"
	"testing"
	"time"

	"bartizan.dev/logs"
	"bartizan.dev/logs/logstest"
)

// Figures are records per second of CPU time, which a shared machine does not
// spoil as it does wall time. BenchmarkEncodingJSON decodes the same bytes in the
// same run.
func cpu() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func drain(b *testing.B, data []byte, per int) {
	b.Helper()
	batch := logs.NewBatch()
	used := cpu()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		d, err := logs.NewDecoder("bench", bytes.NewReader(data))
		if err != nil {
			b.Fatal(err)
		}
		for d.Next(batch) != io.EOF {
		}
		if d.Records != int64(per) || d.Bad != 0 {
			b.Fatalf("%d records, %d bad: %v", d.Records, d.Bad, d.BadList)
		}
	}
	b.ReportMetric(float64(b.N)*float64(per)/(cpu()-used).Seconds()/1e3, "k/cpu-s")
	b.ReportMetric(float64(len(data)/per), "B/record")
}

const many = 20000

func BenchmarkCloudTrail(b *testing.B)      { drain(b, logstest.Records(logstest.Events(many)...), many) }
func BenchmarkCloudTrailLines(b *testing.B) { drain(b, logstest.Lines(logstest.Events(many)...), many) }
func BenchmarkCloudTrailGzip(b *testing.B) {
	drain(b, logstest.Gzip(logstest.Records(logstest.Events(many)...)), many)
}
func BenchmarkFlowV2(b *testing.B) {
	drain(b, logstest.FlowLog(false, logstest.Version2, logstest.Flows(many)...), many)
}
func BenchmarkFlowV5(b *testing.B) {
	drain(b, logstest.FlowLog(true, logstest.Version5, logstest.Flows(many)...), many)
}
func BenchmarkFlowParquet(b *testing.B) {
	drain(b, logstest.FlowParquet(logstest.Flows(many)...), many)
}
func BenchmarkResolver(b *testing.B) {
	drain(b, logstest.ResolverLog(logstest.Queries(many)...), many)
}
func BenchmarkZeekConn(b *testing.B) { drain(b, logstest.ZeekConn(logstest.Flows(many)...), many) }
func BenchmarkZeekDNS(b *testing.B) {
	drain(b, logstest.ZeekDNS(false, logstest.Queries(many)...), many)
}

// event is what encoding/json fills: the members that detectors always need.
type event struct {
	EventTime, EventSource, EventName, AwsRegion, SourceIPAddress, UserAgent, ErrorCode, EventID, RecipientAccountID string
	UserIdentity                                                                                                     struct{ Type, PrincipalID, ARN, AccountID, AccessKeyID, UserName string }
	RequestParameters                                                                                                json.RawMessage
}

func BenchmarkEncodingJSON(b *testing.B) {
	data := logstest.Lines(logstest.Events(many)...)
	used := cpu()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		d := json.NewDecoder(bytes.NewReader(data))
		for d.More() {
			var e event
			if err := d.Decode(&e); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.N)*many/(cpu()-used).Seconds()/1e3, "k/cpu-s")
}

func BenchmarkGet(b *testing.B) {
	v, ok := logs.ParseValue(`{"instancesSet":{"items":[{"instanceId":"i-1"}]},"attribute":"userData","filterSet":{},"dryRun":false,"disableApiTermination":{"value":true}}`)
	if !ok {
		b.Fatal("not JSON")
	}
	b.ReportAllocs()
	for b.Loop() {
		if v.Get("disableApiTermination", "value").Bool() != logs.Yes {
			b.Fatal("wrong")
		}
	}
}
