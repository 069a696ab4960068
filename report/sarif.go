package report

import (
	"io"
	"strings"

	"bartizan.dev/detect"
	"bartizan.dev/sarif"
)

// SARIF writes findings in SARIF 2.1.0. The place of a finding is the file it was
// first seen in.
func (r *Result) SARIF(w io.Writer, version string) error {
	run := sarif.New("bartizan analyze", version)
	for _, f := range r.Findings {
		run.Add(valid(f.Title), valid(f.Description), r.sarifResult(f))
	}
	return run.Write(w)
}

func (r *Result) sarifResult(f *detect.Finding) sarif.Result {
	name := strings.Join([]string{f.AccountID, f.Region, who(f)}, "/")
	place := sarif.Location{Logical: []sarif.Logical{{Name: valid(name), Kind: "resource"}}}
	if file := r.Files[f.ID]; file != "" && file != "-" {
		place.Place = &sarif.Place{Artifact: sarif.Artifact{URI: sarif.FileURI(file)}}
	}
	return sarif.Result{
		RuleID: f.Type, Level: [...]string{"error", "error", "warning", "note"}[levelOf(f.Severity)], Locations: []sarif.Location{place},
		Fingerprints: map[string]string{"bartizanFinding/v1": f.ID}, Occurrences: f.Service.Count,
		Properties: sarifProperties{f.Severity, f.AccountID, f.Region, who(f), peer(f), f.Service.EventFirstSeen, f.Service.EventLastSeen},
	}
}

func valid(s string) string { return strings.ToValidUTF8(s, "\ufffd") }

type sarifProperties struct {
	Severity  float64 `json:"severity"`
	Account   string  `json:"account,omitempty"`
	Region    string  `json:"region,omitempty"`
	Who       string  `json:"who,omitempty"`
	Peer      string  `json:"peer,omitempty"`
	FirstSeen string  `json:"firstSeen"`
	LastSeen  string  `json:"lastSeen"`
}
