package logs

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/parquet-go/parquet-go"
)

// maxParquet is the largest Parquet file that is read from where it cannot be
// read at random, such as a pipe.
const maxParquet = 512 << 20

// parquetRows reads VPC flow logs that AWS delivered as Parquet: the same fields
// as in text, with underscores in their names.
// https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3-path.html
type parquetRows struct {
	groups []parquet.RowGroup
	rows   parquet.Rows
	cols   []column // by leaf
	buf    []parquet.Row
	row    int64
	words  []byte // of text in this batch; never written twice
}

func (d *Decoder) openParquet(r, buffered io.Reader) (err error) {
	// The library is not made for hostile files; a panic in it is a bad file.
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%s: not a Parquet file that can be read: %v", d.File, p)
		}
	}()
	at, size, err := randomAccess(r, buffered)
	if err != nil {
		return fmt.Errorf("%s: %w", d.File, err)
	}
	if err := checkFooter(at, size); err != nil {
		return fmt.Errorf("%s: %w", d.File, err)
	}
	f, err := parquet.OpenFile(at, size)
	if err != nil {
		return fmt.Errorf("%s: %w", d.File, err)
	}
	rows := &parquetRows{groups: f.RowGroups(), buf: make([]parquet.Row, 64)}
	known := 0
	for _, path := range f.Schema().Columns() {
		c := flowColumns[strings.ReplaceAll(path[len(path)-1], "_", "-")]
		if c != ignored {
			known++
		}
		rows.cols = append(rows.cols, c)
	}
	if known < 2 {
		return fmt.Errorf("%s: %w", d.File, ErrFormat)
	}
	d.Format, d.rows, d.next = VPCParquet, rows, (*Decoder).parquetRecords
	return nil
}

// maxFooter bounds the description of a Parquet file, which the library reads
// into memory as long as the file says that it is.
const maxFooter = 32 << 20

func checkFooter(at io.ReaderAt, size int64) error {
	var end [8]byte
	if size < 12 {
		return errors.New("not a Parquet file: it is too short")
	}
	if _, err := at.ReadAt(end[:], size-8); err != nil && err != io.EOF {
		return err
	}
	n := int64(binary.LittleEndian.Uint32(end[:]))
	if string(end[4:]) != "PAR1" || n > size-12 || n > maxFooter {
		return errors.New("not a Parquet file: its end is missing")
	}
	return nil
}

func randomAccess(r, buffered io.Reader) (io.ReaderAt, int64, error) {
	if f, ok := r.(interface {
		io.ReaderAt
		io.Seeker
	}); ok {
		if size, err := f.Seek(0, io.SeekEnd); err == nil {
			return f, size, nil
		}
	}
	data, err := io.ReadAll(io.LimitReader(buffered, maxParquet+1))
	if err != nil {
		return nil, 0, err
	}
	if len(data) > maxParquet {
		return nil, 0, fmt.Errorf("a Parquet file of more than %d bytes must be a file", maxParquet)
	}
	return strings.NewReader(string(data)), int64(len(data)), nil
}

func (d *Decoder) parquetRecords(b *Batch) (more bool) {
	defer func() {
		if p := recover(); p != nil {
			d.warn(fmt.Sprintf("a damaged Parquet file: %v", p))
			more = false
		}
	}()
	r := d.rows
	for !b.full() {
		if r.rows == nil {
			if len(r.groups) == 0 {
				return false
			}
			r.rows, r.groups = r.groups[0].Rows(), r.groups[1:]
		}
		n, err := r.rows.ReadRows(r.buf)
		for _, row := range r.buf[:n] {
			d.parquetRow(b, row)
		}
		if err != nil || n == 0 {
			if cerr := r.rows.Close(); err == io.EOF {
				err = cerr
			}
			r.rows = nil
			if err != nil {
				d.warn(err.Error())
				return false
			}
		}
	}
	return true
}

func (d *Decoder) parquetRow(b *Batch, row parquet.Row) {
	r := d.rows
	r.row++
	f := grow(&b.Flows)
	*f = Flow{}
	for _, v := range row {
		i := v.Column()
		if v.IsNull() || i < 0 || i >= len(r.cols) || r.cols[i] == ignored {
			continue
		}
		if !r.field(f, r.cols[i], v) {
			drop(&b.Flows)
			d.bad(r.row-1, "a field has a value that it cannot have")
			return
		}
	}
	if f.Status == "NODATA" || f.Status == "SKIPDATA" {
		drop(&b.Flows)
		d.Other++
	} else if !f.Src.IsValid() && !f.PktSrc.IsValid() {
		drop(&b.Flows)
		d.bad(r.row-1, "no source address")
	}
}

func (r *parquetRows) field(f *Flow, c column, v parquet.Value) bool {
	switch v.Kind() {
	case parquet.Int32, parquet.Int64:
		n := v.Int64()
		if n < 0 {
			return false
		}
		var digits [20]byte
		i := len(digits)
		for {
			i--
			digits[i] = byte('0' + n%10)
			if n /= 10; n == 0 {
				break
			}
		}
		return flowField(f, c, r.word(digits[i:]))
	case parquet.ByteArray, parquet.FixedLenByteArray:
		w := v.ByteArray()
		if len(w) == 0 || string(w) == "-" {
			return true
		}
		return flowField(f, c, r.word(w))
	}
	return false
}

// word copies a value out of the library's buffers, which it writes again.
func (r *parquetRows) word(w []byte) string {
	if cap(r.words)-len(r.words) < len(w) {
		r.words = make([]byte, 0, max(arenaSize, len(w)))
	}
	n := len(r.words)
	r.words = append(r.words, w...)
	return view(r.words[n:])
}
