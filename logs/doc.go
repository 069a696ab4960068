// Package logs reads what other systems wrote: CloudTrail events as AWS delivers
// them (and as bare arrays, or one event a line), VPC flow logs (text and
// Parquet), Route 53 Resolver query logs, and Zeek's conn.log and dns.log. What a
// file is, is told by its content, never by its name.
//
//	report, err := logs.Read(ctx, inputs, logs.Options{}, func(b *logs.Batch) error {
//		for i := range b.Calls { engine.Call(&b.Calls[i]) }
//		…
//	})
//
// # Ownership
//
// Records are reused: a *Call, *Flow, *Query or Batch is valid until the next one
// is read. The strings in it are views of the file's bytes, and stay valid and
// unchanged for as long as somebody holds them, because buffers are never
// written twice. A held string keeps its whole buffer (64 KiB) alive: who keeps
// strings beyond the event clones them (strings.Clone).
//
// # Bounds
//
// One record is at most MaxRecord long; JSON nests at most 64 deep; gzip inside
// gzip is opened once, and a stream that unpacks to more than 200 times its size
// is refused. Memory does not depend on the size of a file. Records that cannot
// be read are counted, with their offset in the unpacked data, and skipped.
package logs

// MaxRecord is the longest record that is read: CloudTrail's limit is 256 KB, or
// 1 MB in event data stores.
const MaxRecord = 4 << 20

// Flag is a truth value that a record may leave out.
type Flag uint8

const (
	Unknown Flag = iota
	No
	Yes
)

// Time is a moment in milliseconds since 1970, UTC.
type Time int64
