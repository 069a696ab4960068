package logs

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"
)

// Format is what a file turned out to be.
type Format string

const (
	Unrecognised Format = ""
	CloudTrail   Format = "CloudTrail"
	Digest       Format = "CloudTrail digest" // nothing to read in it
	VPCFlow      Format = "VPC flow log"
	VPCParquet   Format = "VPC flow log (Parquet)"
	Resolver     Format = "Route 53 Resolver query log"
	ZeekText     Format = "Zeek log"
	ZeekJSON     Format = "Zeek log (JSON)"
)

// Bad is a record that could not be read.
type Bad struct {
	File   string
	Offset int64 // in the unpacked data; in Parquet, the number of the row
	Reason string
}

// maxBad is how many bad records a file keeps; all are counted.
const maxBad = 20

// Batch is some records of one file. Decoder.Next fills it.
type Batch struct {
	File    string
	Calls   []Call
	Flows   []Flow
	Queries []Query
}

const batchSize = 256

// NewBatch makes an empty batch, which may be used again and again.
func NewBatch() *Batch { return &Batch{} }

func (b *Batch) full() bool { return len(b.Calls)+len(b.Flows)+len(b.Queries) >= batchSize }

// Reset empties b and lets go of what its records held.
func (b *Batch) Reset() {
	b.Calls, b.Flows, b.Queries = b.Calls[:0], b.Flows[:0], b.Queries[:0]
}

// grow returns the place of one more record, reusing what is there.
func grow[T any](s *[]T) *T {
	if len(*s) < cap(*s) {
		*s = (*s)[:len(*s)+1]
	} else {
		var zero T
		*s = append(*s, zero)
	}
	return &(*s)[len(*s)-1]
}

func drop[T any](s *[]T) { *s = (*s)[:len(*s)-1] }

// Decoder reads one file.
type Decoder struct {
	File    string
	Format  Format
	Records int64  // that were read
	Bad     int64  // that could not be
	Other   int64  // that are of a kind this package does not read: flows without data, insights, other logs of Zeek
	BadList []Bad  // the first bad ones
	Warning string // why reading ended before the file did; empty when it did not
	// OnText, if set, is given each record that was read as it stands in the file.
	// Zeek's and Parquet files have no such records.
	OnText func(Text)

	in    *counter
	s     stream
	p     parser
	next  func(d *Decoder, b *Batch) bool // reads until b is full; false at the end
	state jsonState
	lost  bool // since a record that is not JSON; what is wrong until the next good one is the same fault
	cols  []column
	head  string // the line that names cols; empty when there is none
	zeek  zeekHeader
	rec   zeekRecord
	rows  *parquetRows
}

// ErrFormat is the error of a file that is none of the logs known here.
var ErrFormat = errors.New("not a log that is known here")

// NewDecoder looks at the beginning of r and says what it is. name is for
// messages only. An empty file is a log without records.
func NewDecoder(name string, r io.Reader) (*Decoder, error) {
	return newDecoder(name, r, func(unpacked io.Reader) io.Reader { return unpacked })
}

// newDecoder reads what is unpacked by way of ahead.
func newDecoder(name string, r io.Reader, ahead func(io.Reader) io.Reader) (*Decoder, error) {
	d := &Decoder{File: name, in: &counter{r: r}}
	var source io.Reader = bufio.NewReaderSize(d.in, 64<<10)
	for depth := 0; ; depth++ {
		br := source.(*bufio.Reader)
		head, _ := br.Peek(4)
		if len(head) < 2 || head[0] != 0x1f || head[1] != 0x8b {
			if string(head) == "PAR1" {
				return d, d.openParquet(r, br)
			}
			break
		}
		if depth == 2 {
			return nil, fmt.Errorf("%s: gzip inside gzip inside gzip", name)
		}
		in := d.in
		if depth > 0 {
			in = &counter{r: br}
			br = bufio.NewReader(in)
		}
		z, err := gzip.NewReader(br)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		unpacked := io.Reader(&guard{in: in, out: z})
		if depth == 0 {
			unpacked = ahead(unpacked)
		}
		source = bufio.NewReaderSize(unpacked, 64<<10)
	}
	d.s.r = source
	if !d.s.more() && d.s.err != io.EOF {
		return nil, fmt.Errorf("%s: %w", name, d.s.err)
	}
	d.s.pos = len(d.s.text) - len(strings.TrimPrefix(d.s.text, "\ufeff"))
	return d, d.sniff()
}

// NewTextDecoder reads a file that is in memory and not compressed. Records are
// views of text, which must never change.
func NewTextDecoder(name, text string) (*Decoder, error) {
	d := &Decoder{File: name, in: new(counter)}
	d.in.n.Store(int64(len(text)))
	d.s.text, d.s.err = strings.TrimPrefix(text, "\ufeff"), io.EOF
	return d, d.sniff()
}

// Text is one record as it stands in its file.
type Text struct {
	Account, Region string
	Header          string // the line that names the columns of a flow log, if there is one
	Text            string
}

// Read returns how many bytes of the file, as it is stored, have been read.
func (d *Decoder) Read() int64 { return d.in.n.Load() }

// Next fills b with further records; io.EOF when there are no more. What is
// wrong with the file stands in Bad and Warning.
func (d *Decoder) Next(b *Batch) error {
	b.Reset()
	b.File = d.File
	if d.next == nil {
		return io.EOF
	}
	if !d.next(d, b) {
		d.next = nil
		d.finish()
	}
	n := len(b.Calls) + len(b.Flows) + len(b.Queries)
	d.Records += int64(n)
	if n == 0 && d.next == nil {
		return io.EOF
	}
	return nil
}

func (d *Decoder) finish() {
	switch err := d.s.err; {
	case err == nil, err == io.EOF:
	case errors.Is(err, io.ErrUnexpectedEOF):
		d.warn("the file is cut off; what it holds has been read")
	default:
		d.warn(err.Error())
	}
}

func (d *Decoder) warn(text string) {
	if d.Warning == "" {
		d.Warning = text
	}
}

func (d *Decoder) bad(offset int64, reason string) {
	d.Bad++
	if len(d.BadList) < maxBad {
		d.BadList = append(d.BadList, Bad{d.File, offset, reason})
	}
}
