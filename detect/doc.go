// Package detect finds what is wrong in streams of CloudTrail events, flows and
// DNS queries, and reports it as GuardDuty does. It is pure: no I/O, no
// goroutines, no clock. Time is the time of the events, which may come up to 15
// minutes late and out of order.
//
//	e := detect.New(detect.Config{Intel: set}, detect.All()...)
//	e.Call(&call); e.Flow(&flow); e.Query(&query)
//	for f, isNew := range e.Changed() { publish(f, isNew) }
//
// # Detectors
//
// A Detector says which calls it wants (On) and is handed an Event for each. A
// rule that looks at one call alone is a row of a table (Rule, in rules_*.go);
// what needs memory keeps it in a Table, a Window or a Distinct, whose size is
// bounded and stated, and saves it with the engine.
//
// # Findings
//
// The same type, principal or host, and peer are one finding: what comes again
// raises its count and last sighting. An event that was seen before does
// nothing, whatever it is in: the engine remembers the ids of 4 million calls (at
// most 64 MiB), the latest hours first. Flows and queries have no ids; of those that
// would be a sighting, or count towards one, a digest is remembered in their place.
// Ids of findings are made from what they
// are about, so that the same log gives the same findings on every machine.
//
// # Memory
//
// What is known of hosts is bounded by numbers of hosts, and taken as they come: a
// million hosts take 256 MB for their habits; 262,144 hosts that ask for names take
// 84 MB, and as much those that ask for names that are not there. Pairs of hosts and
// peers take at most 75 MB. Beyond the bounds those go that were not seen for longest.
//
// An Engine belongs to one goroutine. Partition by account and Region to use
// several.
package detect
