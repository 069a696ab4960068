package store

// SpendBarrier leaves n of the values that this node may seal under the newest
// key, and says how many all nodes have reserved.
func (z *Sealed) SpendBarrier(n int64) (version uint32, reserved int64) {
	b := z.ring.Load().newest
	b.left.Store(n)
	return b.version, b.reserved
}

// BarrierLimit and BarrierBlock are the numbers of the count.
const (
	BarrierLimit = barrierLimit
	BarrierBlock = barrierBlock
)

// SealValue seals as a transaction does.
func (z *Sealed) SealValue(key string, value []byte) []byte {
	return z.ring.Load().newest.seal(key, value)
}

// Nodes is how many records and prefixes the cache's entries depend on.
func (c *Cache[T]) Nodes() (keys, prefixes, lengths int) {
	g := c.graph
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.keys), len(g.prefixes), len(g.lengths)
}
