// Package intel reads threat and trust lists and compiles them into one Set that
// answers in a few dozen nanoseconds whether an address or a domain is on one.
// It is pure: it reads bytes that others have fetched.
//
//	list, err := intel.Parse(intel.Source{Name: "feed", Format: intel.OTXCSV, Limits: intel.ThreatIPs}, r)
//	set := intel.Compile(trusted, threats...)
//	if hit := set.Addr(ip); hit != nil { … hit.List.Name, hit.Threat }
//
// Formats and limits are GuardDuty's:
// https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_upload-lists.html
// https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_limits.html
package intel

import (
	"errors"
	"fmt"
)

// Format is one of AWS's list formats.
type Format string

const (
	TXT        Format = "TXT"
	STIX       Format = "STIX"
	OTXCSV     Format = "OTX_CSV"
	AlienVault Format = "ALIEN_VAULT"
	ProofPoint Format = "PROOF_POINT"
	FireEye    Format = "FIRE_EYE"
)

// Kind says what being on a list means, and so which findings it raises.
type Kind uint8

const (
	Custom            Kind = iota // a threat list of the user
	Malicious                     // known malicious addresses and domains
	Tor                           // Tor's exit nodes
	CommandAndControl             // command and control of botnets
	Bitcoin                       // cryptocurrency activity
	Blackhole                     // black holes
	DropPoint                     // places where stolen data is put
	DriveBy                       // sources of drive-by downloads
	Phishing
	Abused     // domains of public services that are abused
	Suspicious // low reputation
	Coin       // low reputation, and to do with cryptocurrency
	Generated  // domains that malware computes, which somebody has computed before
	Trusted    // raises nothing, and silences the others
)

// Limits bound a list. Addresses and prefixes and domains count as entries.
type Limits struct {
	Bytes   int64
	Entries int
	Domains bool // entity lists take domains too
}

const maxBytes = 35 << 20

// AWS's quotas for one list.
var (
	TrustedIPs      = Limits{Bytes: maxBytes, Entries: 2_000}
	ThreatIPs       = Limits{Bytes: maxBytes, Entries: 250_000}
	TrustedEntities = Limits{Bytes: maxBytes, Entries: 2_000, Domains: true}
	ThreatEntities  = Limits{Bytes: maxBytes, Entries: 250_000, Domains: true}
)

// Errors of a list that cannot be used as a whole. What is wrong with single
// lines is counted in List.Bad.
var (
	ErrFormat = errors.New("the list is not in the format that was stated")
	ErrEmpty  = errors.New("the list has no entry that can be used")
)

// LimitError says which limit a list exceeds.
type LimitError struct {
	What string // "bytes" or "entries"
	Max  int64
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("the list has more than %d %s", e.Max, e.What)
}

// Source describes a list before it is read.
type Source struct {
	Name   string
	Format Format
	Kind   Kind
	Limits Limits
}

// Line is an entry that could not be used, and where it stands.
type Line struct {
	Number int
	Reason string
}

// maxLines is how many bad lines are kept; all are counted.
const maxLines = 100
