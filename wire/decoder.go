package wire

import (
	"fmt"
	"strconv"
	"strings"
)

// What one message may cost, whatever its length: 4 MiB of hostile input must
// be refused or read in 200 ms and 64 MiB.
const (
	maxDepth   = 64       // nesting of any message
	maxShared  = 4 << 10  // longer messages are not kept alive by the strings read from them
	maxMemory  = 8 << 20  // bytes of lists and maps that one message may fill
	maxNumber  = 400      // digits of a number
	maxMessage = 4 << 10  // bytes of constraint violations reported in one answer
)

// A decoder carries what all formats share while they fill an input: where it
// is, and which of the model's constraints failed.
type decoder struct {
	lenient  bool // a client reading an answer: nothing is checked
	silent   bool // messages leave out the value that failed, as IAM's do
	path     []step
	steps    [16]step // the usual room of path
	problems strings.Builder
	count    int    // of problems
	words    string // IAM's own sentence for a malformed name or path
	memory   int    // filled so far
}

// A step is a member, a map's key, or the n-th element of a list.
type step struct {
	name string
	n    int
}

// serializationError is returned for a message that does not have the form of
// its protocol at all.
func serializationError(format string, args ...any) *Error {
	return Errorf("SerializationException", format, args...)
}

var (
	errDepth  = serializationError("The request is nested more than %d levels deep.", maxDepth)
	errMemory = serializationError("The request has too many elements.")
)

func (d *decoder) push(s step) error {
	if len(d.path) >= maxDepth {
		return errDepth
	}
	if d.path == nil {
		d.path = d.steps[:0]
	}
	d.path = append(d.path, s)
	return nil
}

func (d *decoder) pop() { d.path = d.path[:len(d.path)-1] }

// spend accounts for n bytes of a list or map.
func (d *decoder) spend(n int) error {
	if d.memory += n; d.memory > maxMemory {
		return errMemory
	}
	return nil
}

// where writes the path as AWS does: members begin in lower case, elements of
// lists are 1.member.
func (d *decoder) where() string {
	var b []byte
	for i, s := range d.path {
		if i > 0 {
			b = append(b, '.')
		}
		if s.n > 0 {
			b = append(strconv.AppendInt(b, int64(s.n), 10), ".member"...)
			continue
		}
		name := clip(s.name)
		b = append(b, strings.ToLower(name[:min(1, len(name))])...)
		b = append(b, name[min(1, len(name)):]...)
	}
	return string(b)
}

// clip shortens what a message quotes from a request.
func clip[T string | []byte](s T) string {
	if len(s) <= 256 {
		return string(s)
	}
	return strings.ToValidUTF8(string(s[:256]), "") + "..."
}

// missing reports a required member that was not sent.
func (d *decoder) missing(name string) {
	if d.lenient || d.push(step{name: name}) != nil {
		return
	}
	d.problem(" null", "not be null")
	d.pop()
}

// full says that no further problem fits in the answer; it is only counted.
func (d *decoder) full() bool {
	if d.problems.Len() < maxMessage {
		return false
	}
	d.count++
	return true
}

// problem adds a violated constraint. shown is the value with a space before
// it, or empty.
func (d *decoder) problem(shown, constraint string) {
	if d.full() {
		return
	}
	if d.count++; d.count > 1 {
		d.problems.WriteString("; ")
	}
	if d.silent {
		shown = ""
	}
	fmt.Fprintf(&d.problems, "Value%s at '%s' failed to satisfy constraint: Member must %s", shown, d.where(), constraint)
}

// err returns the constraint violations as one error, with the code of the
// protocol: recorded from EventBridge, STS, IAM and Route 53; EC2 has words of
// its own for them.
func (d *decoder) err(s *Service) error {
	switch {
	case d.count == 0 && d.words == "":
		return nil
	case d.count == 0:
		return Errorf("ValidationError", "%s", d.words)
	}
	noun := "errors"
	if d.count == 1 {
		noun = "error"
	}
	code := "ValidationException"
	switch s.Protocol {
	case Query:
		code = "ValidationError"
	case EC2:
		code = "InvalidParameterValue"
	case RESTXML:
		code = "InvalidInput"
	}
	return Errorf(code, "%d validation %s detected: %s", d.count, noun, d.problems.String())
}
