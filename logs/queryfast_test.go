package logs

import (
	"strings"
	"testing"
)

const usualQuery = `{"version":"1.100000","account_id":"111122223333","region":"eu-west-1","vpc_id":"vpc-1","query_timestamp":"2026-11-30T12:00:00Z","query_name":"www.example.com.","query_type":"A","query_class":"IN","rcode":"NOERROR","answers":[{"Rdata":"203.0.113.1","Type":"A","Class":"IN"}],"srcaddr":"10.0.0.7","srcport":"53211","transport":"UDP","srcids":{"instance":"i-1"}}`

var queriesLikeIt = []string{
	usualQuery,
	strings.Replace(usualQuery, `"rcode":"NOERROR"`, `"rcode":"NXDOMAIN"`, 1),
	strings.Replace(usualQuery, `www.example.com.`, `www\u002eexample.com.`, 1),
	strings.Replace(usualQuery, `"srcport":"53211"`, `"srcport":53211`, 1),
	strings.Replace(usualQuery, `"srcport":"53211"`, `"srcport":"x"`, 1),
	strings.Replace(usualQuery, `{"instance":"i-1"}`, `{"instance":"i-1","resolver_endpoint":"rslvr-in-1"}`, 1),
	strings.Replace(usualQuery, `{"instance":"i-1"}`, `{"instance":"i-1","x":"y"}`, 1),
	strings.Replace(usualQuery, `"region"`, `"regiom"`, 1),
	strings.Replace(usualQuery, `,`, ` , `, 3),
	strings.Replace(usualQuery, `"region":"eu-west-1",`, ``, 1),
	strings.Replace(usualQuery, `}}`, `},"region":"us-east-1"}`, 1),
	strings.Replace(usualQuery, `}}`, `},"firewall_rule_action":"BLOCK"}`, 1),
	strings.Replace(usualQuery, `2026-11-30T12:00:00Z`, `yesterday`, 1),
	strings.Replace(usualQuery, `"10.0.0.7"`, `null`, 1),
	strings.Replace(usualQuery, `[{`, `"{`, 1),
	usualQuery[:len(usualQuery)-1], usualQuery[:100], `{}`, `{"version":"1.1"}`,
}

// both reads a record after another, which foresees it or not, and by itself, and
// says how they differ.
func both(before, record string) (string, bool) {
	long := parser{s: record}
	var want Query
	long.queryWhole(&want)
	quick := parser{s: before}
	var got Query
	quick.query(&got)
	if quick.at < 0 {
		return "", true
	}
	quick.s, quick.at = record, 0
	quick.query(&got)
	want.seen, got.seen = 0, 0
	return quick.bad + " or " + long.bad, quick.at == long.at && quick.bad == long.bad && (long.at < 0 || long.bad != "" || got == want)
}

// TestForeseenQueries: what was foreseen changes nothing of what is read.
func TestForeseenQueries(t *testing.T) {
	for _, before := range queriesLikeIt {
		for _, record := range queriesLikeIt {
			if how, same := both(before, record); !same {
				t.Errorf("after %s\n%s is read otherwise: %s", before, record, how)
			}
		}
	}
	p := parser{s: usualQuery}
	var q Query
	p.query(&q)
	if p.at = 0; !p.queryFast(&q) || q.Instance != "i-1" || q.SrcPort != 53211 || q.Name != "www.example.com." {
		t.Errorf("the usual record is not foreseen: %+v", q)
	}
}

func FuzzForeseenQueries(f *testing.F) {
	for _, record := range queriesLikeIt {
		f.Add(usualQuery, record)
	}
	f.Fuzz(func(t *testing.T, before, record string) {
		if !strings.HasPrefix(before, "{") || !strings.HasPrefix(record, "{") {
			return
		}
		if how, same := both(before, record); !same {
			t.Errorf("after %q\n%q is read otherwise: %s", before, record, how)
		}
	})
}

// FuzzFlowFast: fields of the usual form are read as flowField reads them.
func FuzzFlowFast(f *testing.F) {
	f.Add("2 111122223333 eni-1 10.0.0.1 192.0.2.1 443 50000 6 10 5000 1796040000 1796040060 ACCEPT OK")
	f.Add("2 - - 10.0.0.256 1.2.3 0443 65536 256 1 1 1 1 REJECTED NODATA")
	f.Fuzz(func(t *testing.T, line string) {
		i := 0
		for _, c := range defaultColumns {
			end := blankFrom(line, min(i, len(line)))
			if i > len(line) || end == i {
				return
			}
			var fast, slow Flow
			got := flowFast(&fast, c, line, i)
			if ok := line[i:end] == "-" || flowField(&slow, c, line[i:end]); got != 0 && (!ok || got != end || fast != slow) {
				t.Fatalf("%q: %+v, want %+v", line[i:end], fast, slow)
			}
			i = end + 1
		}
	})
}
