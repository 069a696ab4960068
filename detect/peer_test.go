package detect

import (
	"encoding/json"
	"testing"

	"bartizan.dev/logs/logstest"
)

// BenchmarkCallsJSON is encoding/json decoding the bytes that BenchmarkCalls
// reads, without looking at them: into maps, and into a struct of what detectors
// want to know.
func BenchmarkCallsJSON(b *testing.B) {
	data := logstest.Records(logstest.Events(perRun)...)
	b.Run("map", func(b *testing.B) { decode[map[string]any](b, data) })
	b.Run("struct", func(b *testing.B) {
		decode[struct {
			Records []struct {
				EventVersion, EventTime, EventSource, EventName, AwsRegion, EventID, EventType string
				SourceIPAddress, UserAgent, ErrorCode, ErrorMessage, RecipientAccountId        string
				ReadOnly, ManagementEvent                                                      bool
				UserIdentity                                                                   struct {
					Type, PrincipalId, Arn, AccountId, AccessKeyId, UserName, InvokedBy string
					SessionContext                                                      struct {
						SessionIssuer map[string]string
						Attributes    map[string]string
					}
				}
				RequestParameters, ResponseElements map[string]any
				Resources                           []map[string]string
			}
		}](b, data)
	})
}

func decode[T any](b *testing.B, data []byte) {
	used := cpu()
	for b.Loop() {
		var v T
		if err := json.Unmarshal(data, &v); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*perRun/(cpu()-used).Seconds()/1e3, "k/cpu-s")
}
