package stream

import (
	"context"
	"errors"
	"strings"
)

// Position is a place between two messages of a partition. 0 is before the first.
type Position int64

// Message is one message of a log.
type Message struct {
	// Key chooses the partition. Messages with one key keep their order.
	Key string
	// ID tells a message that is sent again from a new one, where the log looks at
	// that (JetStream, within its duplicate window); it may be empty.
	ID string
	// Body belongs to the reader of the message; nobody writes it again.
	Body []byte
	// At is where the message is; Publish does not look at it.
	At Position
}

// Batch is what Next returns.
type Batch struct {
	Messages []Message
	// Next is the place behind them: where to read on. It may be further on without
	// messages, where there are none any more.
	Next Position
	// Gap says that the log has removed messages before these that were not read.
	Gap bool
}

var (
	// ErrTooLarge is the error of a message that the log does not take.
	ErrTooLarge = errors.New("stream: the message is larger than the log takes")
	// ErrMissing is the error of a log that is not there.
	ErrMissing = errors.New("there is no such stream")
)

// MaxBody is the longest body that is looked at. Brokers take about 1 MB unless
// they are told otherwise.
const MaxBody = 8 << 20

// Log is a partitioned log. Its methods may be called concurrently.
type Log interface {
	// Partitions is how many there are: numbers from 0 on.
	Partitions() int
	// MaxMessage is the longest body that Publish takes.
	MaxMessage() int
	// Publish returns when all messages are kept as the log promises. After an error
	// some may be: they are sent again, in the same order and with their IDs.
	Publish(ctx context.Context, messages ...Message) error
	// Open reads a partition from a place on.
	Open(ctx context.Context, partition int, from Position) (Reader, error)
	// End is the place behind the last message of a partition.
	End(ctx context.Context, partition int) (Position, error)
	// Commit notes for people and their tools how far a partition has been worked
	// on. Committed returns it; 0 if there is no note.
	Commit(ctx context.Context, partition int, at Position) error
	Committed(ctx context.Context, partition int) (Position, error)
	Close() error
}

// Reader reads one partition. It belongs to one goroutine.
type Reader interface {
	// Next returns messages that follow what it returned before, in order and
	// without gaps. It waits until there are some, or returns ctx's error.
	Next(ctx context.Context) (Batch, error)
	Close() error
}

// Key is the key of what happened in a Region of an account.
func Key(account, region string) string {
	return orDash(account) + "/" + orDash(region)
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return strings.Clone(s)
}

// PartitionOf spreads keys over n partitions by FNV-1a, the same way everywhere.
func PartitionOf(key string, n int) int {
	h := uint32(2166136261)
	for i := range len(key) {
		h = (h ^ uint32(key[i])) * 16777619
	}
	return int((h ^ h>>16) % uint32(n))
}
