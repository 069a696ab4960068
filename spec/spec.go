// Package spec is the index of every AWS operation of the mission's services
// and of what Bartizan makes of it. One file a service, one line an operation:
//
//	CreateUser real
//	SomeOperation partial what is missing, in a few words
//	OtherOperation absent
//
// A test checks the files against the models and against the code, both ways,
// and writes the table of services in README.md. After a change run
//
//	go test ./spec -update
package spec

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// State is what Bartizan makes of an operation.
type State string

const (
	Real    State = "real"    // does what AWS's does
	Partial State = "partial" // does it in part; the rest is a clear error
	Absent  State = "absent"  // answers NotImplemented
)

// Row is one operation.
type Row struct {
	Operation string
	State     State
	Note      string // of a partial one: what is missing
}

// Read parses one file.
func Read(r io.Reader) ([]Row, error) {
	var rows []Row
	for sc, n := bufio.NewScanner(r), 1; sc.Scan(); n++ {
		f := strings.SplitN(sc.Text(), " ", 3)
		row := Row{Operation: f[0]}
		if len(f) > 1 {
			row.State = State(f[1])
		}
		if len(f) > 2 {
			row.Note = f[2]
		}
		switch {
		case row.State != Real && row.State != Partial && row.State != Absent:
			return nil, fmt.Errorf("line %d: want operation and real, partial or absent: %q", n, sc.Text())
		case (row.State == Partial) != (row.Note != ""):
			return nil, fmt.Errorf("line %d: a note belongs to partial, and partial needs one: %q", n, sc.Text())
		}
		rows = append(rows, row)
	}
	return rows, nil
}
