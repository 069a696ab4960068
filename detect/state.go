package detect

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"bartizan.dev/logs"
)

// A saved state is a magic word with a version, then sections: name, version,
// length, bytes. Sections of detectors that are not there, and of other versions,
// are passed over, so a program can read what an older one wrote.
const magic = "bartizan-detect-1\n"

const maxState = 4 << 30

type savedFinding struct {
	Finding              *Finding
	First, Last, Updated logs.Time
	Count                int
	Fresh                bool
	Changed              bool
}

// Save writes everything the engine remembers, its findings included. What waits for
// its explanation is raised before.
func (e *Engine) Save(w io.Writer) error {
	e.settle(math.MaxInt64)
	if _, err := io.WriteString(w, magic); err != nil {
		return err
	}
	engine := make([]byte, 8)
	binary.LittleEndian.PutUint64(engine, uint64(e.now))
	if err := section(w, "engine", 1, engine); err != nil {
		return err
	}
	ids := make([]findingID, 0, len(e.findings))
	for id := range e.findings {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b findingID) int { return bytes.Compare(a[:], b[:]) })
	saved := make([]savedFinding, 0, len(ids))
	for _, id := range ids {
		k := e.findings[id]
		saved = append(saved, savedFinding{k.finding(), k.first, k.last, k.updated, k.count, k.fresh, k.changed})
	}
	text, err := json.Marshal(saved)
	if err != nil {
		return err
	}
	if err := section(w, "findings", 1, text); err != nil {
		return err
	}
	if err := section(w, "seen", 1, e.seen.save()); err != nil {
		return err
	}
	for _, d := range e.detectors {
		if d.State == nil {
			continue
		}
		data, err := d.State.Save()
		if err != nil {
			return fmt.Errorf("saving %s: %w", d.Name, err)
		}
		if err := section(w, "detector "+d.Name, d.State.Version(), data); err != nil {
			return err
		}
	}
	return nil
}

func section(w io.Writer, name string, version int, data []byte) error {
	head := binary.LittleEndian.AppendUint16(nil, uint16(len(name)))
	head = append(head, name...)
	head = binary.LittleEndian.AppendUint32(head, uint32(version))
	head = binary.LittleEndian.AppendUint64(head, uint64(len(data)))
	if _, err := w.Write(head); err != nil {
		return err
	}
	_, err := w.Write(data)
	return err
}

// Load replaces what the engine remembers by what Save wrote. An error leaves it
// as it was or with what could be read; it can go on either way.
func (e *Engine) Load(r io.Reader) error {
	head := make([]byte, len(magic))
	if _, err := io.ReadFull(r, head); err != nil || string(head) != magic {
		return errors.New("detect: not a saved state, or one of another version")
	}
	for {
		name, version, data, err := readSection(r)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("detect: a saved state is damaged: %w", err)
		}
		if err := e.loadSection(name, version, data); err != nil {
			return fmt.Errorf("detect: loading %s: %w", name, err)
		}
	}
}

func readSection(r io.Reader) (name string, version int, data []byte, err error) {
	var n [2]byte
	if _, err := io.ReadFull(r, n[:]); err != nil {
		return "", 0, nil, err
	}
	head := make([]byte, int(binary.LittleEndian.Uint16(n[:]))+12)
	if _, err := io.ReadFull(r, head); err != nil {
		return "", 0, nil, io.ErrUnexpectedEOF
	}
	rest := head[len(head)-12:]
	size := binary.LittleEndian.Uint64(rest[4:])
	if size > maxState {
		return "", 0, nil, errors.New("a section is too long")
	}
	var b bytes.Buffer // grows as bytes come, not as the file says
	if got, err := io.CopyN(&b, r, int64(size)); err != nil || got != int64(size) {
		return "", 0, nil, io.ErrUnexpectedEOF
	}
	return string(head[:len(head)-12]), int(binary.LittleEndian.Uint32(rest)), b.Bytes(), nil
}

func (e *Engine) loadSection(name string, version int, data []byte) error {
	switch name {
	case "engine":
		if version != 1 || len(data) != 8 {
			return errors.New("another version")
		}
		e.now = logs.Time(binary.LittleEndian.Uint64(data))
	case "findings":
		return e.loadFindings(version, data)
	case "seen":
		return e.seen.load(version, data)
	}
	for _, d := range e.detectors {
		if d.State != nil && name == "detector "+d.Name && version == d.State.Version() {
			return d.State.Load(data)
		}
	}
	return nil
}

func (e *Engine) loadFindings(version int, data []byte) error {
	if version != 1 {
		return errors.New("another version")
	}
	var saved []savedFinding
	if err := json.Unmarshal(data, &saved); err != nil {
		return err
	}
	e.findings, e.changed = map[findingID]*kept{}, nil
	for _, s := range saved {
		var id findingID
		if s.Finding == nil || hex.DecodedLen(len(s.Finding.ID)) != len(id) {
			return errors.New("a finding without an id")
		}
		if _, err := hex.Decode(id[:], []byte(s.Finding.ID)); err != nil {
			return err
		}
		e.findings[id] = &kept{f: s.Finding, first: s.First, last: s.Last, updated: s.Updated, count: s.Count, fresh: s.Fresh, changed: s.Changed}
		if s.Changed {
			e.changed = append(e.changed, id)
		}
	}
	return nil
}

func (s *seen) save() []byte {
	hours := make([]int64, 0, len(s.hours))
	for h := range s.hours {
		hours = append(hours, h)
	}
	slices.Sort(hours)
	var out []byte
	for _, h := range hours {
		set := s.hours[h]
		out = binary.LittleEndian.AppendUint64(out, uint64(h))
		out = binary.LittleEndian.AppendUint64(out, uint64(set.n))
		for _, x := range set.slots {
			if x != 0 {
				out = binary.LittleEndian.AppendUint64(out, x)
			}
		}
	}
	return out
}

func (s *seen) load(version int, data []byte) error {
	if version != 1 {
		return errors.New("another version")
	}
	s.hours, s.set, s.count = map[int64]*idSet{}, nil, 0
	for len(data) >= 16 {
		h, n := int64(binary.LittleEndian.Uint64(data)), binary.LittleEndian.Uint64(data[8:])
		data = data[16:]
		if n > uint64(len(data))/8 {
			return io.ErrUnexpectedEOF
		}
		set := &idSet{}
		for range n {
			if x := binary.LittleEndian.Uint64(data); x != 0 {
				set.add(x)
			}
			data = data[8:]
		}
		s.hours[h] = set
		s.count += set.n
	}
	if s.count > s.most {
		s.drop()
	}
	return nil
}
