package scan

import (
	"io"

	"bartizan.dev/sarif"
)

// SARIF writes findings in SARIF 2.1.0, without the secrets.
func SARIF(w io.Writer, findings []Finding, version string) error {
	run := sarif.New("bartizan scan-secrets", version)
	for i := range findings {
		f := &findings[i]
		text := f.Description
		if !f.InTree && f.Commit != nil {
			text += " It is not in the tree any more, but stays in the history."
		}
		run.Add(f.Description, text, sarifResult(f))
	}
	return run.Write(w)
}

func sarifResult(f *Finding) sarif.Result {
	place := &sarif.Place{Artifact: sarif.Artifact{URI: sarif.FileURI(f.File), Base: "%SRCROOT%"}}
	if f.Line > 0 {
		place.Region = &sarif.Region{Start: f.Line, End: f.EndLine}
	}
	properties := sarifProperties{InTree: f.InTree, Occurrences: f.Times, Account: f.Account}
	if f.Commit != nil {
		properties.Commit = f.Commit.ID
	}
	return sarif.Result{
		RuleID: f.Rule, Level: "error", Locations: []sarif.Location{{Place: place}},
		Fingerprints: map[string]string{"bartizanSecret/v1": f.Fingerprint}, Properties: properties,
	}
}

type sarifProperties struct {
	InTree      bool   `json:"inTree"`
	Occurrences int    `json:"occurrences"`
	Commit      string `json:"commit,omitempty"`
	Account     string `json:"account,omitempty"`
}
