// Package stream is what Bartizan asks of a log that is there already: NATS
// JetStream (stream/jetstream) or a broker that speaks Kafka's protocol
// (stream/kafka). Logs of AWS come over it to the detection nodes (stream/node),
// and what those find goes on over it. stream/streamtest is the one exerciser
// both pass.
//
// # Order and partitions
//
// A log has a fixed number of partitions. Messages with one key go to one
// partition and keep their order there. The key of logs is account and Region
// (Key), so one node sees all that happens in them.
//
// # Positions
//
// Who reads says where it begins and remembers where it is. Nothing is
// acknowledged to the log: the place in it is saved together with what was made
// of the messages before it, so that both are always of the same moment. Commit
// only tells the log's own tools how far reading has come.
package stream
