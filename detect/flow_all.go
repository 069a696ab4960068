package detect

import (
	"encoding/binary"
	"errors"

	"bartizan.dev/logs"
)

// Detectors over flows that need memory. A flow log tells only what went over the
// wire, so attempts are recognised by their size: a SYN without an answer is one
// to three packets of 40 to 60 bytes. Zeek says itself what was established.
func flowDetectors() []*Detector {
	return []*Detector{portScan(), portSweep(), bruteForce(), hostTraffic()}
}

// memory makes the state of a detector of its table.
type memory[V any] struct {
	*Table[V]
	version int
}

func (m memory[V]) Version() int { return m.version }

// states makes one state of several, each with its length before it.
type states []State

func (all states) Version() int {
	version := len(all)
	for _, s := range all {
		version = version*31 + s.Version()
	}
	return version
}

func (all states) Save() (out []byte, err error) {
	for _, s := range all {
		data, err := s.Save()
		if err != nil {
			return nil, err
		}
		out = binary.LittleEndian.AppendUint64(out, uint64(len(data)))
		out = append(out, data...)
	}
	return out, nil
}

func (all states) Load(data []byte) error {
	for _, s := range all {
		if len(data) < 8 {
			return errShort
		}
		n := binary.LittleEndian.Uint64(data)
		if data = data[8:]; n > uint64(len(data)) {
			return errShort
		}
		if err := s.Load(data[:n]); err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}

var errShort = errors.New("detect: a state is cut off")

const tcp = 6

// Bits of tcp-flags. AWS sets the one of ACK only with SYN: 18 is a server's answer.
// https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html
const (
	synFlag = 2
	ackFlag = 16
)

// opens says whether a flow may hold the first packet of its sender's own
// connection. Logs without flags do not tell.
func opens(f *logs.Flow) bool {
	return f.TCPFlags == 0 || f.TCPFlags&(synFlag|ackFlag) == synFlag
}

// attempt says whether a flow is a connection that its host tried to open, and
// whether it came to nothing.
func (ev *Event) attempt() (tried, failed bool) {
	f, p := ev.Flow, &ev.Peer
	if f.Protocol != tcp || !p.Out || !p.Client || !p.Remote.IsValid() {
		return false, false
	}
	switch {
	case f.Zeek || f.Reject:
		return true, f.Reject
	case !opens(f):
		return false, false
	}
	return true, f.Packets <= 3 && f.Bytes <= 60*f.Packets
}

// young forgets what was counted more than a day before t. What comes late does
// not.
func young(last *logs.Time, t logs.Time) bool {
	ok := *last != 0 && t < *last+logs.Day
	*last = max(*last, t)
	return ok
}
