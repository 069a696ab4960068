// Package sarif writes results in SARIF 2.1.0, the form in which code hosts read
// what tools have found: no more of it than our tools need.
// https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
package sarif

import (
	"encoding/json"
	"io"
	"net/url"
	"path/filepath"
	"strings"
)

// Tool is who found it.
type Tool struct {
	Name           string `json:"name"`
	Version        string `json:"version"`
	InformationURI string `json:"informationUri"`
	Rules          []rule `json:"rules"`
}

type rule struct {
	ID    string `json:"id"`
	Short text   `json:"shortDescription"`
}

type text struct {
	Text string `json:"text"`
}

// Result is one thing that was found. Level is error, warning or note (section
// 3.27.10). Properties are the tool's own.
type Result struct {
	RuleID       string            `json:"ruleId"`
	RuleIndex    int               `json:"ruleIndex"` // Run sets it
	Level        string            `json:"level"`
	Message      text              `json:"message"`
	Locations    []Location        `json:"locations"`
	Fingerprints map[string]string `json:"partialFingerprints"`
	Occurrences  int               `json:"occurrenceCount,omitempty"`
	Properties   any               `json:"properties"`
}

// Location is where it was found.
type Location struct {
	Place   *Place    `json:"physicalLocation,omitempty"`
	Logical []Logical `json:"logicalLocations,omitempty"`
}

// Place is a file, and lines of it.
type Place struct {
	Artifact Artifact `json:"artifactLocation"`
	Region   *Region  `json:"region,omitempty"`
}

// Artifact names a file, by a URI of FileURI, below a base if there is one.
type Artifact struct {
	URI  string `json:"uri"`
	Base string `json:"uriBaseId,omitempty"`
}

// Region is a range of lines, from 1.
type Region struct {
	Start int `json:"startLine"`
	End   int `json:"endLine"`
}

// Logical is a place that is no file.
type Logical struct {
	Name string `json:"fullyQualifiedName"`
	Kind string `json:"kind"`
}

// Log is what is written.
type Log struct {
	Schema  string `json:"$schema"`
	Version string `json:"version"`
	Runs    []*Run `json:"runs"`
}

// Run is one run of a tool, which results are added to.
type Run struct {
	Tool struct {
		Driver Tool `json:"driver"`
	} `json:"tool"`
	ColumnKind string   `json:"columnKind"`
	Results    []Result `json:"results"`

	index map[string]int // of rules
}

// New begins a run of a tool.
func New(name, version string) *Run {
	r := &Run{ColumnKind: "unicodeCodePoints", Results: []Result{}, index: map[string]int{}}
	r.Tool.Driver = Tool{Name: name, Version: version, InformationURI: "https://bartizan.dev", Rules: []rule{}}
	return r
}

// Add adds a result with its message; about says what its rule is for.
func (r *Run) Add(about, message string, result Result) {
	at, ok := r.index[result.RuleID]
	if !ok {
		at = len(r.Tool.Driver.Rules)
		r.index[result.RuleID] = at
		r.Tool.Driver.Rules = append(r.Tool.Driver.Rules, rule{result.RuleID, text{about}})
	}
	result.RuleIndex, result.Message = at, text{message}
	r.Results = append(r.Results, result)
}

// Write writes the run as a log of its own.
func (r *Run) Write(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(Log{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []*Run{r}})
}

// FileURI writes a path as a URI reference (RFC 3986 section 4.2): absolute paths
// become file URIs, and a first segment with a colon would pass for a scheme.
func FileURI(path string) string {
	segments := strings.Split(filepath.ToSlash(path), "/")
	for i, s := range segments {
		segments[i] = strings.ReplaceAll(url.PathEscape(s), ":", "%3A")
	}
	uri := strings.Join(segments, "/")
	switch {
	case strings.HasPrefix(uri, "/"):
		return "file://" + uri
	case filepath.IsAbs(path): // of Windows
		return "file:///" + uri
	}
	return uri
}
