package logs_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"bartizan.dev/logs"
	"bartizan.dev/logs/logstest"
)

// texts reads everything and returns the records as they stand, by what they are
// of.
func texts(t *testing.T, d *logs.Decoder) (out []logs.Text) {
	t.Helper()
	d.OnText = func(x logs.Text) { out = append(out, x) }
	b := logs.NewBatch()
	for {
		if err := d.Next(b); errors.Is(err, io.EOF) {
			return out
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// TestTextsAreTheRecords: the records handed out as text are a file of their own
// with the same records, from memory as from a stream.
func TestTextsAreTheRecords(t *testing.T) {
	columns := []string{"version", "account-id", "region", "interface-id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets", "bytes", "start", "end", "action", "log-status"}
	standard := []string{"version", "account-id", "interface-id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets", "bytes", "start", "end", "action", "log-status"}
	for name, file := range map[string][]byte{
		"records": logstest.Records(logstest.Events(700)...), "lines": logstest.Lines(logstest.Events(700)...), "flows": logstest.FlowLog(true, columns, logstest.Flows(700)...),
		"no header": logstest.FlowLog(false, standard, logstest.Flows(700)...), "queries": logstest.ResolverLog(logstest.Queries(700)...),
	} {
		d, err := logs.NewDecoder(name, bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		all := texts(t, d)
		m, err := logs.NewTextDecoder(name, string(file))
		if err != nil {
			t.Fatal(err)
		}
		if again := texts(t, m); fmt.Sprint(again) != fmt.Sprint(all) || m.Format != d.Format || m.Records != d.Records || m.Bad != 0 {
			t.Errorf("%s: from memory: %d of %d, %d bad", name, len(again), len(all), m.Bad)
		}
		if len(all) != 700 || all[0].Account != logstest.Account || (all[0].Header != "") != (name == "flows") {
			t.Fatalf("%s: %d texts, the first of %q %q, header %q", name, len(all), all[0].Account, all[0].Region, all[0].Header)
		}
		var file2 strings.Builder
		if all[0].Header != "" {
			file2.WriteString(all[0].Header + "\n")
		}
		for _, x := range all {
			file2.WriteString(x.Text + "\n")
		}
		if d, err = logs.NewTextDecoder(name, file2.String()); err != nil {
			t.Fatal(err)
		}
		if again := texts(t, d); fmt.Sprint(again) != fmt.Sprint(all) {
			t.Errorf("%s: %d texts of the texts", name, len(again))
		}
	}
}

func TestTextOfNothing(t *testing.T) {
	for _, text := range []string{"", " \n", "\ufeff"} {
		d, err := logs.NewTextDecoder("x", text)
		if err != nil {
			t.Fatal(err)
		}
		if got := texts(t, d); len(got) != 0 || d.Bad != 0 {
			t.Errorf("%q: %v", text, got)
		}
	}
	if _, err := logs.NewTextDecoder("x", "hello"); !errors.Is(err, logs.ErrFormat) {
		t.Error(err)
	}
	d, err := logs.NewTextDecoder("x", `{"eventVersion":"1.11","eventID":"cut`)
	if err != nil {
		t.Fatal(err)
	}
	if got := texts(t, d); len(got) != 0 || d.Bad != 1 {
		t.Errorf("%v, %d bad", got, d.Bad)
	}
}
