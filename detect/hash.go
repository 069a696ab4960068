package detect

import (
	"math/bits"
	"net/netip"
)

// nameHash is a hash of names in flows and queries, 16 bytes a step: every one of
// them is hashed. It is stable: tables with it in their keys are saved.
func nameHash(s string) uint64 {
	h := uint64(len(s)) ^ 0x9e3779b97f4a7c15
	for len(s) > 16 {
		h = fold(word(s, 0)^h, word(s, 8)^0xa0761d6478bd642f)
		s = s[16:]
	}
	switch n := len(s); {
	case n >= 8:
		h = fold(word(s, 0)^h, word(s, n-8)^0xe7037ed1a0b428db)
	case n >= 4:
		h = fold(half(s, 0)<<32|half(s, n-4)^h, 0xe7037ed1a0b428db)
	case n > 0:
		h = fold(uint64(s[0])<<16|uint64(s[n/2])<<8|uint64(s[n-1])^h, 0xe7037ed1a0b428db)
	}
	return h
}

func fold(a, b uint64) uint64 {
	high, low := bits.Mul64(a, b)
	return high ^ low
}

func word(s string, i int) uint64 {
	_ = s[i+7]
	return uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
		uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
}

func half(s string, i int) uint64 {
	_ = s[i+3]
	return uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24
}

// addrHash is stable like nameHash.
func addrHash(a netip.Addr) uint64 {
	if a.Is4() {
		b := a.As4()
		return mix(uint64(b[0])<<24 | uint64(b[1])<<16 | uint64(b[2])<<8 | uint64(b[3]) | 4<<32)
	}
	if !a.IsValid() {
		return 1
	}
	b := a.As16()
	var high, low uint64
	for i := range 8 {
		high, low = high<<8|uint64(b[i]), low<<8|uint64(b[i+8])
	}
	return mix(mix(high+2) ^ low)
}

// hostKey is the key of the host of a flow or a query, made once for each event.
func (ev *Event) hostKey() uint64 {
	if ev.host != 0 {
		return ev.host
	}
	var account string
	var h uint64
	if f := ev.Flow; f != nil {
		account = f.Account
		switch {
		case f.Instance != "":
			h = nameHash(f.Instance)
		case f.Interface != "" && !f.Zeek:
			h = nameHash(f.Interface)
		default:
			h = addrHash(ev.Peer.Local)
		}
	} else {
		account = ev.Query.Account
		if h = 0; ev.Query.Instance != "" {
			h = nameHash(ev.Query.Instance)
		}
		h ^= addrHash(ev.Query.Src)
	}
	if h = fold(h^nameHash(account), 0xa0761d6478bd642f); h == 0 {
		h = 1
	}
	ev.host = h
	return h
}

// flowKey is the key of a flow's host and one or two things more.
func (ev *Event) flowKey(a netip.Addr, n uint64) uint64 {
	return mix(ev.hostKey() ^ addrHash(a)*31 ^ n)
}

// again says whether the very same flow or query has gone through the part that
// asks before: the same log may be read twice. It costs a place among the ids of
// events, so detectors ask only about what would count.
func (ev *Event) again(part uint64) bool {
	return ev.engine.seen.note(mix(ev.digest()^part), ev.Time)
}

// digest is a hash of all that tells a flow or a query from others.
func (ev *Event) digest() uint64 {
	h := ev.hostKey()
	if f := ev.Flow; f != nil {
		h = fold(h^addrHash(f.Src), addrHash(f.Dst)|1)
		h = fold(h^uint64(f.SrcPort)<<48^uint64(f.DstPort)<<32^uint64(f.Protocol)<<24^uint64(f.TCPFlags)<<8^uint64(f.Egress), 0xe7037ed1a0b428db)
		h = fold(h^f.Packets, f.Bytes^0xa0761d6478bd642f)
		return fold(h^uint64(f.Start), uint64(f.End)^0xe7037ed1a0b428db) ^ nameHash(f.Interface)
	}
	q := ev.Query
	h = fold(h^nameHash(q.Name), nameHash(q.Type)|1)
	return fold(h^uint64(q.Time)^uint64(q.SrcPort)<<48, nameHash(q.ID)|1)
}
