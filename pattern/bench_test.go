package pattern

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// Rules and events as a bus of an account has them: CloudTrail calls wrapped in
// EventBridge's envelope, of 1 to 4 KB, and rules with the operators mixed as
// Event Ruler's own benchmarks mix them.

var benchNames = []string{"GetSecretValue", "PutObject", "CreateUser", "AssumeRole", "RunInstances", "DeleteTrail", "Decrypt", "ListBuckets"}

func benchEvent(r *rand.Rand, size int) []byte {
	pick := func(prefix string, n int) string { return fmt.Sprintf("%s%d", prefix, r.IntN(n)) }
	detail := map[string]any{
		"eventVersion": "1.11",
		"userIdentity": map[string]any{
			"type": "AssumedRole", "principalId": pick("AROA", 1000) + ":session", "accountId": "123456789012",
			"arn":            "arn:aws:sts::123456789012:assumed-role/" + pick("role-", 1000) + "/session",
			"sessionContext": map[string]any{"attributes": map[string]any{"mfaAuthenticated": "false", "creationDate": "2026-11-30T10:00:00Z"}},
		},
		"eventTime": "2026-11-30T10:01:02Z", "eventSource": pick("service-", 40) + ".amazonaws.com",
		"eventName": benchNames[r.IntN(len(benchNames))] + pick("", 200), "awsRegion": "eu-central-1",
		"sourceIPAddress":   fmt.Sprintf("10.%d.%d.%d", r.IntN(256), r.IntN(256), r.IntN(256)),
		"userAgent":         "aws-cli/2.31.0 md/awscrt#0.28 " + pick("exec-env/", 300),
		"requestParameters": map[string]any{"bucketName": pick("bucket-", 1000), "key": "logs/2026/" + pick("file-", 1000) + ".json", "count": r.IntN(20000), "items": []any{map[string]any{"id": pick("i-", 1000), "kind": pick("k", 9)}, map[string]any{"id": pick("i-", 1000), "kind": pick("k", 9)}}},
		"readOnly":          r.IntN(2) == 0, "managementEvent": true, "recipientAccountId": "123456789012",
	}
	event := map[string]any{
		"version": "0", "id": "9f2d6d7c-0000-4000-8000-" + fmt.Sprintf("%012d", r.IntN(1e9)), "detail-type": "AWS API Call via CloudTrail",
		"source": pick("aws.service-", 40), "account": "123456789012", "time": "2026-11-30T10:01:02Z", "region": "eu-central-1", "resources": []any{}, "detail": detail,
	}
	for n := 0; ; n++ {
		b, err := json.Marshal(event)
		if err != nil {
			panic(err)
		}
		if len(b) >= size {
			return b
		}
		detail[fmt.Sprint("additional", n)] = map[string]any{"text": strings.Repeat("lorem ipsum ", 1+r.IntN(8)), "n": r.IntN(1000), "list": []any{1, 2, "three", nil, true}}
	}
}

func benchRule(r *rand.Rand, kind int) string {
	n := r.IntN(1000)
	base := fmt.Sprintf(`"source":["aws.service-%d"],"detail-type":["AWS API Call via CloudTrail"]`, r.IntN(40))
	name := benchNames[r.IntN(len(benchNames))]
	detail := [...]string{
		fmt.Sprintf(`"eventName":["%s%d","%s%d"]`, name, n%200, name, (n+1)%200),
		fmt.Sprintf(`"requestParameters":{"bucketName":[{"prefix":"bucket-%d"}]}`, n),
		fmt.Sprintf(`"userAgent":[{"suffix":"env/%d"}]`, n%300),
		fmt.Sprintf(`"userIdentity":{"arn":[{"wildcard":"arn:aws:sts::*:assumed-role/role-%d/*"}]}`, n),
		fmt.Sprintf(`"requestParameters":{"count":[{"numeric":[">",%d,"<=",%d]}]}`, n, n+50),
		fmt.Sprintf(`"sourceIPAddress":[{"cidr":"10.%d.%d.0/24"}]`, n%256, n/20),
		fmt.Sprintf(`"eventName":[{"anything-but":["%s%d","X"]}],"requestParameters":{"bucketName":["bucket-%d"]}`, name, n%200, n),
		fmt.Sprintf(`"eventSource":[{"equals-ignore-case":"SERVICE-%d.amazonaws.com"}],"requestParameters":{"key":[{"anything-but":{"prefix":"logs/%d"}}],"count":[%d]}`, n%40, n, n),
		fmt.Sprintf(`"errorCode":[{"exists":false}],"requestParameters":{"items":{"id":["i-%d"],"kind":["k%d"]}}`, n, n%9),
		fmt.Sprintf(`"$or":[{"eventName":["%s%d"]},{"requestParameters":{"key":[{"wildcard":"*/file-%d.json"}]}}]`, name, n%200, n),
	}
	return "{" + base + `,"detail":{` + detail[kind%len(detail)] + "}}"
}

type benchRules struct {
	set   *Set[int]
	naive []map[string]any
}

func benchSet(tb testing.TB, rules, kind int) benchRules {
	r := rand.New(rand.NewPCG(1, 2))
	b := benchRules{set: NewSet[int]()}
	changes := map[int]*Pattern{}
	for i := range rules {
		k := kind
		if k < 0 {
			k = i
		}
		src := benchRule(r, k)
		p, err := Parse(src)
		if err != nil {
			tb.Fatal(src, err)
		}
		changes[i] = p
		b.naive = append(b.naive, decodeNumbers(tb, []byte(src)).(map[string]any))
	}
	b.set.Update(changes)
	return b
}

func decodeNumbers(tb testing.TB, raw []byte) (v any) {
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		tb.Fatal(err)
	}
	return v
}

func benchEvents() (events [][]byte) {
	r := rand.New(rand.NewPCG(3, 4))
	for i := range 256 {
		events = append(events, benchEvent(r, 1000+12*i))
	}
	return events
}

func report(b *testing.B, events [][]byte, began time.Duration) {
	n := 0
	for _, e := range events {
		n += len(e)
	}
	b.SetBytes(int64(n / len(events)))
	used := cpu(b) - began
	b.ReportMetric(float64(b.N)/used.Seconds(), "events/cpu-s")
	b.ReportMetric(float64(used)/float64(b.N), "cpu-ns/op")
	b.ReportAllocs()
}

func BenchmarkMatch(b *testing.B) {
	events := benchEvents()
	for _, n := range []int{10, 100, 1_000, 10_000} {
		b.Run(fmt.Sprint("rules=", n), func(b *testing.B) {
			set, dst, hits := benchSet(b, n, -1).set, make([]int, 0, 1024), 0
			b.ResetTimer()
			began := cpu(b)
			for i := range b.N {
				var err error
				if dst, err = set.Match(dst[:0], events[i%len(events)]); err != nil {
					b.Fatal(err)
				}
				hits += len(dst)
			}
			report(b, events, began)
			b.ReportMetric(float64(hits)/float64(b.N), "hits/event")
		})
	}
}

// BenchmarkKind has 1,000 rules of one operator each.
func BenchmarkKind(b *testing.B) {
	events := benchEvents()
	for k, name := range []string{"exact", "prefix", "suffix", "wildcard", "numeric", "cidr", "anything-but", "ignore-case", "array", "or"} {
		b.Run(name, func(b *testing.B) {
			set, dst := benchSet(b, 1000, k).set, make([]int, 0, 1024)
			b.ResetTimer()
			began := cpu(b)
			for i := range b.N {
				dst, _ = set.Match(dst[:0], events[i%len(events)])
			}
			report(b, events, began)
		})
	}
}

func BenchmarkPeers(b *testing.B) {
	events := benchEvents()
	b.Run("encoding-json", func(b *testing.B) {
		began := cpu(b)
		for i := range b.N {
			var v map[string]any
			if err := json.Unmarshal(events[i%len(events)], &v); err != nil {
				b.Fatal(err)
			}
		}
		report(b, events, began)
	})
	for _, n := range []int{10, 1000} {
		b.Run(fmt.Sprint("naive-rules=", n), func(b *testing.B) {
			rules := benchSet(b, n, -1).naive
			decoded := make([]any, len(events))
			for i := range events {
				decoded[i] = decodeNumbers(b, events[i])
			}
			b.ResetTimer()
			began := cpu(b)
			for i := range b.N {
				for _, p := range rules {
					naiveMatch(p, decoded[i%len(events)])
				}
			}
			report(b, events, began)
		})
	}
}

// BenchmarkPut changes one of 10,000 rules.
func BenchmarkPut(b *testing.B) {
	set := benchSet(b, 10_000, -1).set
	r := rand.New(rand.NewPCG(5, 6))
	b.ResetTimer()
	for i := range b.N {
		p, err := Parse(benchRule(r, i))
		if err != nil {
			b.Fatal(err)
		}
		set.Put(r.IntN(10_000), p)
	}
}
