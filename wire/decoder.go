package wire

import (
	"fmt"
	"strconv"
	"strings"
)

// What one message may cost, whatever its length: 4 MiB of hostile input must
// be refused or read in 200 ms and 64 MiB.
const (
	maxDepth   = 64      // nesting of any message
	maxShared  = 4 << 10 // longer messages are not kept alive by the strings read from them
	maxMemory  = 8 << 20 // bytes of lists and maps that one message may fill
	maxNumber  = 400     // digits of a number
	maxMessage = 4 << 10 // bytes of constraint violations reported in one answer
)

// A decoder carries what all formats share while they fill an input: where it
// is, and which of the model's constraints failed.
type decoder struct {
	lenient  bool // a client reading an answer: nothing is checked
	loose    bool // booleans in any case, as the query protocols take them
	manner   manner
	path     []step
	steps    [16]step // the usual room of path
	problems strings.Builder
	count    int    // of problems
	own      *Error // an error in the service's own words, instead of problems
	inner    bool   // an element of the open list or map violates a constraint
	memory   int    // filled so far
}

// A manner is how a service words a violated constraint. Most list all of them,
// with the values.
type manner uint8

const (
	valued manner = iota
	silent        // IAM: without the values, and in a sentence of its own for names and paths
	terse         // EC2: the first one alone
)

func (s *Service) manner() manner {
	switch {
	case s.Name == "iam":
		return silent
	case s.Protocol == EC2:
		return terse
	}
	return valued
}

// A step is a member, an entry of a map, or the n-th element of a list.
type step struct {
	name  string
	n     int
	entry bool
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
	if d.manner == terse { // recorded: RunInstances without ImageId
		d.say("MissingParameter", "The request must contain the parameter %s", d.where())
	} else {
		d.problem(" null", "Member must not be null")
	}
	d.pop()
}

// say keeps the first error in the service's own words.
func (d *decoder) say(code, format string, args ...any) {
	if d.own == nil {
		d.own = Errorf(code, format, args...)
	}
}

// within says that a violation belongs to an element of a list or map, which
// AWS reports once for all of them; it is noted.
func (d *decoder) within() bool {
	if n := len(d.path); n == 0 || d.path[n-1].n == 0 && !d.path[n-1].entry {
		return false
	}
	d.inner = true
	return true
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
	switch d.manner {
	case terse: // recorded: "Value () for parameter groupId is invalid. The value cannot be empty"
		d.say("InvalidParameterValue", "Value (%s) for parameter %s is invalid. %s", strings.Trim(shown, " '"), d.where(), constraint)
		return
	case silent:
		shown = ""
	}
	if d.count++; d.count > 1 {
		d.problems.WriteString("; ")
	}
	fmt.Fprintf(&d.problems, "Value%s at '%s' failed to satisfy constraint: %s", shown, d.where(), constraint)
}

// err returns the constraint violations as one error, with the code of the
// protocol, as recorded from EventBridge, STS, IAM and Route 53.
func (d *decoder) err(s *Service) error {
	if d.count == 0 {
		if d.own == nil {
			return nil
		}
		return d.own
	}
	noun := "errors"
	if d.count == 1 {
		noun = "error"
	}
	code := "ValidationException"
	switch {
	case s.Protocol == Query:
		code = "ValidationError"
	case s.Name == "s3":
		code = "InvalidArgument"
	case s.Protocol == RESTXML:
		code = "InvalidInput"
	}
	return Errorf(code, "%d validation %s detected: %s", d.count, noun, d.problems.String())
}
