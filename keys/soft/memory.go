package soft

import "slices"

// Memory returns a custodian whose root key ends with it.
func Memory() *Custodian {
	c, err := open(&memory{})
	if err != nil {
		panic(err) // AES takes every key of 32 bytes
	}
	return c
}

type memory struct{ keys []rootKey }

func (m *memory) load() ([]rootKey, error) { return m.add() }

func (m *memory) add() ([]rootKey, error) {
	k, err := next(m.keys)
	if err != nil {
		return nil, err
	}
	m.keys = append(slices.Clone(m.keys), k)
	return m.keys, nil
}

func (m *memory) describe() string { return "root key in memory" }
