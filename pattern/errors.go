package pattern

import "errors"

// Error says why a pattern is not valid, in EventBridge's words. EventBridge
// answers it as InvalidEventPatternException with the text of Error(); where
// the fault has a place in the JSON, the reason ends with that place as
// EventBridge's parser writes it.
type Error struct {
	Reason string
}

func (e *Error) Error() string { return "Event pattern is not valid. Reason: " + e.Reason }

var (
	// ErrEvent: the event is not a JSON object, or is broken where a rule looks.
	ErrEvent = errors.New("the event is not a JSON object")

	// ErrDepth: arrays lie deeper in each other than MaxEventDepth where a rule looks.
	ErrDepth = errors.New("the event is nested too deeply")

	// ErrUndecided: a rule with {"exists": false} below an array of objects could
	// not be decided in a bounded number of steps. The other rules were.
	ErrUndecided = errors.New("a rule could not be decided in bounded time")
)

// Limits bound what Parse accepts. Zero means the default.
type Limits struct {
	Bytes      int // length of the JSON; EventBridge's quota is 2,048, to be raised on request. Default 4,096.
	Depth      int // nesting; default 100
	Branches   int // alternatives that $or multiplies out to; default 1,000
	Complexity int // prefixes of one wildcard that a value can match at once; default 10
}

const (
	DefaultBytes      = 4096
	DefaultDepth      = 100
	DefaultBranches   = 1000
	DefaultComplexity = 10 // EventBridge takes /Users/*/dir/dir/dir/dir/dir/doc.txt (7) and refuses *:*:*:*:*:event-bus/* (11)

	// MaxEventDepth bounds nested containers that a rule makes the scanner enter.
	MaxEventDepth = 1000
)

func (l Limits) withDefaults() Limits {
	for _, x := range []struct {
		v *int
		d int
	}{{&l.Bytes, DefaultBytes}, {&l.Depth, DefaultDepth}, {&l.Branches, DefaultBranches}, {&l.Complexity, DefaultComplexity}} {
		if *x.v <= 0 {
			*x.v = x.d
		}
	}
	return l
}
