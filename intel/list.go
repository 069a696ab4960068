package intel

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/netip"
	"strings"
)

// List is a list that has been read.
type List struct {
	Source
	SHA256   string // of the file, in hex; findings name it
	Entries  int
	Bad      int    // entries that could not be used
	BadLines []Line // the first of them
	Other    int    // indicators of kinds that are not used: URLs, file hashes …

	prefixes []prefix
	domains  []domain
	threats  []string // names, each once
	index    map[string]uint32
}

type prefix struct {
	netip.Prefix
	threat uint32 // index into threats
}

type domain struct {
	name   string // lower case, no dot at the end
	below  bool   // written as *.name
	threat uint32
}

// Parse reads a list. An error means that the list as a whole cannot be used.
func Parse(src Source, r io.Reader) (*List, error) {
	data, err := io.ReadAll(io.LimitReader(r, src.Limits.Bytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading list %q: %w", src.Name, err)
	}
	if int64(len(data)) > src.Limits.Bytes {
		return nil, &LimitError{What: "bytes", Max: src.Limits.Bytes}
	}
	sum := sha256.Sum256(data)
	l := &List{Source: src, SHA256: hex.EncodeToString(sum[:]), threats: []string{""}, index: map[string]uint32{"": 0}}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	switch src.Format {
	case TXT:
		err = l.text(data)
	case STIX:
		err = l.stix(data)
	case OTXCSV:
		err = l.otx(data)
	case AlienVault:
		err = l.alienVault(data)
	case ProofPoint:
		err = l.proofPoint(data)
	case FireEye:
		err = l.fireEye(data)
	default:
		err = fmt.Errorf("%w: unknown format %q", ErrFormat, src.Format)
	}
	if err != nil {
		return nil, err
	}
	if l.Entries == 0 {
		return nil, ErrEmpty
	}
	l.index = nil
	return l, nil
}

// bad counts an entry that cannot be used.
func (l *List) bad(line int, reason string) {
	l.Bad++
	if len(l.BadLines) < maxLines {
		l.BadLines = append(l.BadLines, Line{line, reason})
	}
}

// name returns the index of a threat's name.
func (l *List) name(threat string) uint32 {
	if i, ok := l.index[threat]; ok {
		return i
	}
	if len(threat) > 256 {
		threat = threat[:256]
	}
	threat = strings.Clone(threat)
	i := uint32(len(l.threats))
	l.threats = append(l.threats, threat)
	l.index[threat] = i
	return i
}

// full says whether another entry would be too many.
func (l *List) full() error {
	if l.Entries >= l.Limits.Entries {
		return &LimitError{What: "entries", Max: int64(l.Limits.Entries)}
	}
	l.Entries++
	return nil
}

// add takes one entry: an address, a prefix or a domain.
func (l *List) add(line int, entry, threat string) error {
	if p, ok := parsePrefix(entry); ok {
		return l.addPrefix(line, p, threat)
	}
	if looksLikeAddress(entry) {
		l.bad(line, "not an IP address or CIDR range")
		return nil
	}
	name, below, reason := parseDomain(entry)
	if reason != "" {
		l.bad(line, reason)
		return nil
	}
	if !l.Limits.Domains {
		l.bad(line, "an IP address list takes no domains")
		return nil
	}
	if err := l.full(); err != nil {
		return err
	}
	l.domains = append(l.domains, domain{name, below, l.name(threat)})
	return nil
}

func (l *List) addPrefix(line int, p netip.Prefix, threat string) error {
	if p.Bits() == 0 {
		l.bad(line, "the range is the whole Internet")
		return nil
	}
	if err := l.full(); err != nil {
		return err
	}
	l.prefixes = append(l.prefixes, prefix{p, l.name(threat)})
	return nil
}
