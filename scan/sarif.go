package scan

import (
	"encoding/json"
	"io"
	"net/url"
	"strings"
)

// SARIF writes findings in SARIF 2.1.0, without the secrets.
// https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
func SARIF(w io.Writer, findings []Finding, version string) error {
	driver := sarifDriver{Name: "bartizan scan-secrets", Version: version, InformationURI: "https://bartizan.dev", Rules: []sarifRule{}}
	run := sarifRun{Results: []sarifResult{}, ColumnKind: "unicodeCodePoints"}
	index := map[string]int{}
	for i := range findings {
		f := &findings[i]
		at, ok := index[f.Rule]
		if !ok {
			at = len(driver.Rules)
			index[f.Rule] = at
			driver.Rules = append(driver.Rules, sarifRule{f.Rule, sarifText{f.Description}})
		}
		run.Results = append(run.Results, newSARIFResult(f, at))
	}
	run.Tool.Driver = driver
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}})
}

func newSARIFResult(f *Finding, rule int) sarifResult {
	text := f.Description
	if !f.InTree && f.Commit != nil {
		text += " It is not in the tree any more, but stays in the history."
	}
	place := sarifPlace{Artifact: sarifArtifact{fileURI(f.File), "%SRCROOT%"}}
	if f.Line > 0 {
		place.Region = &sarifRegion{f.Line, f.EndLine}
	}
	r := sarifResult{
		RuleID: f.Rule, RuleIndex: rule, Level: "error", Message: sarifText{text},
		Locations: []sarifLocation{{place}}, Fingerprints: map[string]string{"bartizanSecret/v1": f.Fingerprint},
		Properties: sarifProperties{InTree: f.InTree, Occurrences: f.Times, Account: f.Account},
	}
	if f.Commit != nil {
		r.Properties.Commit = f.Commit.ID
	}
	return r
}

// fileURI writes a path as a relative URI reference (RFC 3986 section 4.2): a
// first segment with a colon would pass for a scheme.
func fileURI(path string) string {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		segments[i] = strings.ReplaceAll(url.PathEscape(s), ":", "%3A")
	}
	return strings.Join(segments, "/")
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
		Properties   sarifProperties   `json:"properties"`
	}
	sarifLocation struct {
		Place sarifPlace `json:"physicalLocation"`
	}
	sarifPlace struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI  string `json:"uri"`
		Base string `json:"uriBaseId"`
	}
	sarifRegion struct {
		Start int `json:"startLine"`
		End   int `json:"endLine"`
	}
	sarifProperties struct {
		InTree      bool   `json:"inTree"`
		Occurrences int    `json:"occurrences"`
		Commit      string `json:"commit,omitempty"`
		Account     string `json:"account,omitempty"`
	}
)
