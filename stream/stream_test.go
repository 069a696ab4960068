package stream

import (
	"fmt"
	"strings"
	"testing"
)

func TestPlaces(t *testing.T) {
	for text, want := range map[string]string{
		"nats://a/LOGS": "false false [a:4222] LOGS 0 1 ", "tls://u:p@a:1,b/LOGS?partitions=3": "false true [a:1 b:4222] LOGS 3 1 ",
		"kafka://a,b:9,[::1]/x-y_1?replicas=3": "true false [a:9092 b:9 [::1]:9092] x-y_1 0 3 ", "kafkas://u:p@a/x?sasl=plain": "true true [a:9092] x 0 1 plain",
	} {
		p, err := ParsePlace(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := fmt.Sprintf("%v %v %v %s %d %d %s", p.Kafka, p.TLS, p.Hosts, p.Name, p.Partitions, p.Replicas, p.SASL); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
		if strings.Contains(text, "u:p") != (p.User == "u" && p.Pass == "p") {
			t.Errorf("%s: user %s", text, p.User)
		}
	}
	for text, want := range map[string]string{
		"http://a/b": "want nats://", "nats://a": "name", "nats:///x": "host", "nats://a,/x": "host", "nats://a/x.y": "name", "nats://a/x?partitions=0": "above 0", "nats://a/x?partitions=9999": "too many",
		"nats://a/x?retain=1": "want partitions", "kafka://u:secret@a/b?sasl=plain": "kafkas", "kafka://a/b?sasl=gssapi": "want plain", "nats://u:secret@a b/x": "not a host", "nats://u:%zz@a/x": "not a URL",
	} {
		if _, err := ParsePlace(text); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

func TestKeysSpread(t *testing.T) {
	var n [16]int
	for a := range 16000 {
		n[PartitionOf(Key(fmt.Sprintf("%012d", a*7919), "eu-west-1"), 16)]++
	}
	for p, k := range n {
		if k < 800 || k > 1200 {
			t.Errorf("partition %d has %d of 16,000 keys", p, k)
		}
	}
	if Key("", "") != "-/-" || Key("1", "x") != "1/x" {
		t.Error(Key("", ""))
	}
}

func FuzzParsePlace(f *testing.F) {
	f.Add("tls://u:p@a:1,b/LOGS?partitions=3")
	f.Add("kafka://[::1]/x?sasl=plain")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePlace(text)
		if err == nil && (len(p.Hosts) == 0 || !validName(p.Name) || p.Partitions > MaxPartitions) {
			t.Errorf("%q: %+v", text, p)
		}
	})
}
