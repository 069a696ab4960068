package policy

// key is the name of a condition key with a cheap checksum that ignores case,
// so that most comparisons are of one number.
type key struct {
	name string
	sum  uint64
}

func newKey(name string) key { return key{name, checksum(name)} }

// checksum mixes the length with up to eight bytes from the end of name, where
// keys differ most. The bit that tells the case of letters apart is set in
// every byte.
func checksum(name string) uint64 {
	tail := name
	if len(tail) > 8 {
		tail = tail[len(tail)-8:]
	}
	var sum uint64
	for i := range len(tail) {
		sum = sum<<8 | uint64(tail[i]|0x20)
	}
	return sum ^ uint64(len(name))<<56
}

// after returns what follows prefix in k's name. Prefixes end in / or :.
func (k key) after(prefix key) (string, bool) {
	n := len(prefix.name)
	if len(k.name) <= n || n == 0 || k.name[n-1] != prefix.name[n-1] || !equalFold(k.name[:n], prefix.name) {
		return "", false
	}
	return k.name[n:], true
}
