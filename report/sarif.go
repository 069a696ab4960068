package report

import (
	"encoding/json"
	"io"
	"net/url"
	"path/filepath"
	"strings"

	"bartizan.dev/detect"
)

// SARIF writes findings in SARIF 2.1.0. The place of a finding is the file it was
// first seen in.
// https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
func (r *Result) SARIF(w io.Writer, version string) error {
	driver := sarifDriver{Name: "bartizan analyze", Version: version, InformationURI: "https://bartizan.dev", Rules: []sarifRule{}}
	run := sarifRun{Results: []sarifResult{}, ColumnKind: "unicodeCodePoints"}
	index := map[string]int{}
	for _, f := range r.Findings {
		at, ok := index[f.Type]
		if !ok {
			at = len(driver.Rules)
			index[f.Type] = at
			driver.Rules = append(driver.Rules, sarifRule{f.Type, sarifText{valid(f.Title)}})
		}
		run.Results = append(run.Results, r.sarifResult(f, at))
	}
	run.Tool.Driver = driver
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}})
}

func (r *Result) sarifResult(f *detect.Finding, rule int) sarifResult {
	// Section 3.27.10: error, warning, note.
	level := [...]string{"error", "error", "warning", "note"}[levelOf(f.Severity)]
	name := strings.Join([]string{f.AccountID, f.Region, who(f)}, "/")
	place := sarifLocation{Logical: []sarifLogical{{valid(name), "resource"}}}
	if file := r.Files[f.ID]; file != "" && file != "-" {
		place.Place = &sarifPlace{sarifArtifact{fileURI(file)}}
	}
	return sarifResult{
		RuleID: f.Type, RuleIndex: rule, Level: level, Message: sarifText{valid(f.Description)}, Locations: []sarifLocation{place},
		Fingerprints: map[string]string{"bartizanFinding/v1": f.ID}, Occurrences: f.Service.Count,
		Properties: sarifProperties{f.Severity, f.AccountID, f.Region, who(f), peer(f), f.Service.EventFirstSeen, f.Service.EventLastSeen},
	}
}

func valid(s string) string { return strings.ToValidUTF8(s, "\ufffd") }

// fileURI writes a path as a URI reference (RFC 3986 section 4.2): absolute paths
// become file URIs, and a first segment with a colon would pass for a scheme.
func fileURI(path string) string {
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

type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool struct {
			Driver sarifDriver `json:"driver"`
		} `json:"tool"`
		ColumnKind string        `json:"columnKind"`
		Results    []sarifResult `json:"results"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		Version        string      `json:"version"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID    string    `json:"id"`
		Short sarifText `json:"shortDescription"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID       string            `json:"ruleId"`
		RuleIndex    int               `json:"ruleIndex"`
		Level        string            `json:"level"`
		Message      sarifText         `json:"message"`
		Locations    []sarifLocation   `json:"locations"`
		Fingerprints map[string]string `json:"partialFingerprints"`
		Occurrences  int               `json:"occurrenceCount"`
		Properties   sarifProperties   `json:"properties"`
	}
	sarifLocation struct {
		Place   *sarifPlace    `json:"physicalLocation,omitempty"`
		Logical []sarifLogical `json:"logicalLocations"`
	}
	sarifLogical struct {
		Name string `json:"fullyQualifiedName"`
		Kind string `json:"kind"`
	}
	sarifPlace struct {
		Artifact sarifArtifact `json:"artifactLocation"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifProperties struct {
		Severity  float64 `json:"severity"`
		Account   string  `json:"account,omitempty"`
		Region    string  `json:"region,omitempty"`
		Who       string  `json:"who,omitempty"`
		Peer      string  `json:"peer,omitempty"`
		FirstSeen string  `json:"firstSeen"`
		LastSeen  string  `json:"lastSeen"`
	}
)
