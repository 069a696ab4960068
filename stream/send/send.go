// Package send puts files of logs on a log's partitions, by account and Region:
// CloudTrail, VPC flow logs as text, Resolver query logs. Many records go into one
// message. What stands in a message is what stood in the file.
package send

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"

	"bartizan.dev/logs"
	"bartizan.dev/stream"
)

const (
	// perMessage is how long messages become at most, unless one record is longer.
	perMessage = 128 << 10
	// held is how much waits for its message to become full.
	held = 8 << 20
)

// Report says what was sent.
type Report struct {
	Records  int64
	Messages int64
	Bad      int64 // records that could not be read
	TooLarge int64 // records that the log does not take
	Files    []FileError
}

// FileError is a file that was not sent, or not as a whole.
type FileError struct {
	Path string
	Err  error
}

var (
	errZeek    = errors.New("logs of Zeek name no account and Region: bartizan analyze reads them")
	errParquet = errors.New("files in Parquet have no lines that could be sent: bartizan analyze reads them")
)

// group is a message that is being filled.
type group struct {
	key, header string
	format      logs.Format
	body        []byte
	records     int64
}

type sender struct {
	ctx    context.Context
	log    stream.Log
	report *Report
	run    string      // begins the ids of this run's messages
	format logs.Format // of the file that is read
	groups map[string]*group
	order  []*group // as they were begun
	held   int
	err    error // of the log; nothing is sent after it
}

// Files sends files in the order of their list. stdin is what "-" is. A file that
// cannot be read is in the report; an error of the log ends everything.
func Files(ctx context.Context, l stream.Log, inputs []logs.Input, stdin io.Reader) (*Report, error) {
	s := &sender{ctx: ctx, log: l, report: new(Report), run: rand.Text(), groups: map[string]*group{}}
	for _, in := range inputs {
		if err := s.file(in.Path, stdin); err != nil {
			s.report.Files = append(s.report.Files, FileError{in.Path, err})
		}
		if s.err == nil {
			s.err = ctx.Err()
		}
		if s.err != nil {
			return s.report, s.err
		}
	}
	s.flush()
	return s.report, s.err
}

func (s *sender) file(path string, stdin io.Reader) error {
	in := stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	d, err := logs.NewDecoder(path, in)
	if err != nil {
		return err
	}
	switch d.Format {
	case logs.ZeekText, logs.ZeekJSON:
		return errZeek
	case logs.VPCParquet:
		return errParquet
	}
	d.OnText, s.format = s.add, d.Format
	b := logs.NewBatch()
	for s.err == nil && d.Next(b) == nil {
	}
	s.report.Bad += d.Bad
	if d.Warning != "" {
		return errors.New(d.Warning)
	}
	return nil
}

// add puts a record into the message of its key.
func (s *sender) add(t logs.Text) {
	if s.err != nil {
		return
	}
	if len(t.Header)+len(t.Text)+2 > s.log.MaxMessage() {
		s.report.TooLarge++
		return
	}
	key := stream.Key(t.Account, t.Region)
	g := s.groups[key]
	if g != nil && (g.header != t.Header || g.format != s.format || len(g.body)+len(t.Text) > min(perMessage, s.log.MaxMessage())) {
		s.flush() // all, so that what was begun first is also sent first
		g = nil
	}
	if g == nil {
		g = &group{key: key, header: t.Header, format: s.format}
		s.groups[key], s.order = g, append(s.order, g)
		if g.header != "" {
			g.body = append(append(g.body, g.header...), '\n')
		}
	}
	g.body = append(append(g.body, t.Text...), '\n')
	g.records++
	if s.held += len(t.Text); s.held > held {
		s.flush()
	}
}

// flush sends what was begun.
func (s *sender) flush() {
	messages := make([]stream.Message, len(s.order))
	var records int64
	for i, g := range s.order {
		messages[i] = stream.Message{Key: g.key, ID: fmt.Sprintf("%s.%d", s.run, s.report.Messages+int64(i)), Body: g.body}
		records += g.records
	}
	if s.err == nil && len(messages) > 0 {
		if s.err = s.log.Publish(s.ctx, messages...); s.err == nil {
			s.report.Messages += int64(len(messages))
			s.report.Records += records
		}
	}
	clear(s.groups)
	s.order, s.held = nil, 0
}
