// Package node is a detection node: it takes partitions of a log, runs one
// detect.Engine over each, and hands on what is found. Any number of nodes share a
// log; they meet in a store alone.
//
// # Nothing lost, nothing doubled
//
// An engine's state and the place in the partition that it stands for are saved in
// one transaction. When a node dies, another one takes the partition, loads both
// and reads on from there: what the dead node had read after it last saved is read
// again by an engine that has not seen it. Nothing else than the place decides
// what is read, so the log's own acknowledgements are not needed.
//
// Findings are handed on after they were saved, and that they were is noted
// afterwards. A node that dies in between makes its successor hand on the same
// findings once more, with the same ids, counts and times: who keeps the newest of
// each id has each once. A state that nobody saved is never handed on.
//
// # Who has a partition
//
// Each node raises a number in its own record all the time (its beat). A node whose
// beat has stood still for Options.Patience, by the clock of whoever looks, is
// dead, and its partitions are free; no clocks are compared. Who takes a
// partition raises its epoch, and nothing is written about a partition but in a
// transaction that has found its own epoch there. So a node that was only slow, and
// comes back, cannot undo what its successor did.
package node
