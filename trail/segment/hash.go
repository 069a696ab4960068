package segment

import (
	"math/bits"

	"bartizan.dev/trail"
)

// Index keys are 32-bit hashes of account, Region, attribute and value. Two
// values may share one: what the index finds is compared with the query once
// the record is read. The hash is seeded with a random number kept in the
// trail, so that nobody can choose names that fall on another's key.
const (
	k0 = 0x9e3779b97f4a7c15
	k1 = 0xd6e8feb86659fd93
)

func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

func hashString(h uint64, s string) uint64 {
	h ^= uint64(len(s)) * k0
	for len(s) >= 8 {
		w := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
			uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
		h = mix(h^w, k1^h>>32)
		s = s[8:]
	}
	var w uint64
	for i := 0; i < len(s); i++ {
		w |= uint64(s[i]) << (8 * i)
	}
	return mix(h^w^k0, k1)
}

// scope is what all keys of one account and Region begin with.
func scope(seed uint64, account, region string) uint64 {
	return hashString(hashString(seed, account), region)
}

func key(scope uint64, a trail.Attribute, value string) uint32 {
	h := hashString(mix(scope^uint64(a+1)*k0, k1), value)
	return uint32(h ^ h>>32)
}

// appendKeys appends the keys that e is to be found by.
func appendKeys(keys []uint32, seed uint64, e *trail.Event) []uint32 {
	s := scope(seed, e.Account, e.Region)
	keys = append(keys, key(s, trail.Any, ""))
	readOnly := "false"
	if e.ReadOnly {
		readOnly = "true"
	}
	add := func(a trail.Attribute, v string) {
		if v != "" {
			keys = append(keys, key(s, a, v))
		}
	}
	add(trail.ReadOnly, readOnly)
	add(trail.EventID, e.ID)
	add(trail.EventName, e.Name)
	add(trail.EventSource, e.Source)
	add(trail.Username, e.Username)
	add(trail.AccessKeyID, e.AccessKeyID)
	for i := range e.Resources {
		add(trail.ResourceType, e.Resources[i].Type)
		add(trail.ResourceName, e.Resources[i].Name)
	}
	return keys
}
