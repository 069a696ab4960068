package send

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bartizan.dev/logs"
	"bartizan.dev/logs/logstest"
	"bartizan.dev/stream"
)

// taker is a log that only takes messages.
type taker struct {
	stream.Log
	got  []stream.Message
	most int
	fail error
}

func (k *taker) MaxMessage() int { return k.most }

func (k *taker) Publish(_ context.Context, m ...stream.Message) error {
	k.got = append(k.got, m...)
	return k.fail
}

// ids are the events of a log, in order, by account.
func ids(t *testing.T, out map[string][]string, r io.Reader) {
	t.Helper()
	d, err := logs.NewDecoder("x", r)
	if err != nil {
		t.Fatal(err)
	}
	d.OnText = func(x logs.Text) {
		key := stream.Key(x.Account, x.Region)
		out[key] = append(out[key], string(d.Format)+strings.Clone(x.Text))
	}
	for b := logs.NewBatch(); d.Next(b) == nil; {
	}
	if d.Bad != 0 {
		t.Errorf("%d bad records: %v", d.Bad, d.BadList)
	}
}

// TestEverythingArrives: the records of an account and Region, of whatever format,
// arrive in the order of the files, with messages that are logs of one format.
func TestEverythingArrives(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	var events [][]byte
	for i := range 900 {
		events = append(events, logstest.Event{Source: "ec2.amazonaws.com", Name: "DescribeInstances", Time: logstest.Start.Add(time.Duration(i) * time.Second), Account: fmt.Sprintf("%012d", i%5), Region: []string{"eu-west-1", "us-east-1"}[i/5%2]}.JSON())
	}
	columns := []string{"version", "account-id", "srcaddr", "dstaddr", "start", "end", "bytes"}
	columns2 := []string{"version", "account-id", "region", "srcaddr", "dstaddr", "start", "end"}
	paths := []string{
		write("1.json.gz", logstest.Gzip(logstest.Records(events[:500]...))), write("2.json", logstest.Lines(events[500:]...)), write("3.log", logstest.ResolverLog(logstest.Queries(300)...)),
		write("4.log", logstest.FlowLog(true, columns, logstest.Flows(300)...)), write("5.log", logstest.FlowLog(true, columns2, logstest.Flows(300)...)), write("6.json", logstest.Lines(events[:3]...)),
	}
	want := map[string][]string{}
	var inputs []logs.Input
	for _, p := range paths {
		inputs = append(inputs, logs.Input{Path: p})
		f, err := os.Open(p)
		if err != nil {
			t.Fatal(err)
		}
		ids(t, want, f)
		f.Close()
	}
	for _, most := range []int{1 << 20, 4 << 10} {
		k := &taker{most: most}
		r, err := Files(t.Context(), k, inputs, nil)
		if err != nil || r.Records != 900+300+600+3 || r.Bad+r.TooLarge != 0 || len(r.Files) != 0 || int(r.Messages) != len(k.got) {
			t.Fatalf("%+v, %v", r, err)
		}
		got, seen := map[string][]string{}, map[string]bool{}
		for _, m := range k.got {
			if len(m.Body) > most || seen[m.ID] {
				t.Errorf("%d bytes, id %s", len(m.Body), m.ID)
			}
			seen[m.ID] = true
			one := map[string][]string{}
			ids(t, one, bytes.NewReader(m.Body))
			if len(one) != 1 || len(one[m.Key]) == 0 {
				t.Errorf("a message of %s has records of %d keys", m.Key, len(one))
			}
			got[m.Key] = append(got[m.Key], one[m.Key]...)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Error("other records, or another order")
		}
		if most == 1<<20 && len(k.got) > 60 {
			t.Errorf("%d messages", len(k.got))
		}
	}
}

func TestWhatIsNotSent(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, data []byte) logs.Input {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return logs.Input{Path: path}
	}
	big := logstest.Event{Source: "s3.amazonaws.com", Name: "PutObject", Params: strings.Repeat("x", 9000)}.JSON()
	good := logstest.Event{Source: "s3.amazonaws.com", Name: "GetObject"}.JSON()
	var cut bytes.Buffer
	z := gzip.NewWriter(&cut)
	z.Write(logstest.Lines(logstest.Events(50)...))
	z.Close()
	k := &taker{most: 8000}
	r, err := Files(t.Context(), k, []logs.Input{
		write("zeek", logstest.ZeekConn(logstest.Flows(2)...)), write("dns", logstest.ZeekDNS(true, logstest.Queries(2)...)), write("parquet", logstest.FlowParquet(logstest.Flows(2)...)), write("words", []byte("hello")),
		write("mixed", logstest.Lines(big, good, []byte("{nonsense"))), write("cut.gz", cut.Bytes()[:cut.Len()/2]), {Path: filepath.Join(dir, "none")}, {Path: "-"},
	}, strings.NewReader(string(good)))
	if err != nil {
		t.Fatal(err)
	}
	var why []string
	for _, f := range r.Files {
		why = append(why, filepath.Base(f.Path)+": "+f.Err.Error())
	}
	all := strings.Join(why, "\n")
	for _, want := range []string{"zeek: logs of Zeek", "dns: logs of Zeek", "parquet: files in Parquet", "words: ", "cut.gz: the file is cut off", "none: "} {
		if !strings.Contains(all, want) {
			t.Errorf("%s is not in\n%s", want, all)
		}
	}
	if len(why) != 6 || r.TooLarge != 1 || r.Bad < 1 || r.Records < 3 {
		t.Errorf("%+v\n%s", r, all)
	}
	k.fail = errors.New("away")
	if _, err := Files(t.Context(), k, []logs.Input{{Path: "-"}}, bytes.NewReader(good)); !errors.Is(err, k.fail) {
		t.Error(err)
	}
}
