// Command accuracy says how well the detectors tell attacks from work:
//
//	go run ./bench/accuracy
//
// It plays techniques of attack on AWS, as they are published (MITRE ATT&CK for
// IaaS, Stratus Red Team, reports of incidents), after an hour of ordinary
// administration with a Terraform apply and destroy in it. The records are
// written here in CloudTrail's form after AWS's documentation of each call; they
// are no recordings. A technique is found when a finding about its principal is
// raised that fits: of one of the types that are named beside it. The exit status
// is 1 if a bar is missed.
//
// https://attack.mitre.org/matrices/enterprise/cloud/iaas/
// https://stratus-red-team.cloud/attack-techniques/AWS/
package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"bartizan.dev/detect"
	"bartizan.dev/logs"
	"bartizan.dev/logs/logstest"
)

// The bars: 33 of 35 techniques must be found, or the same share of more, and an
// ordinary hour may raise at most 10 findings.
const mostFalse = 10

func enough(found, of int) bool { return of >= 35 && found*35 >= 33*of }

// technique is one way to attack.
type technique struct {
	id, name string   // of ATT&CK
	fits     []string // types of findings, or their beginnings
	events   []logstest.Event
}

type result struct {
	technique
	found []*detect.Finding // that fit
	other []string          // types of those that do not
}

func main() {
	ordinary, err := run(ordinaryHour())
	if err != nil {
		fmt.Fprintln(os.Stderr, "accuracy:", err)
		os.Exit(1)
	}
	results, err := play(techniques())
	if err != nil {
		fmt.Fprintln(os.Stderr, "accuracy:", err)
		os.Exit(1)
	}
	if !show(results, ordinary.Findings()) {
		os.Exit(1)
	}
}

// run reads events as a file of AWS's and runs every detector over them.
func run(events []logstest.Event) (*detect.Engine, error) {
	e := detect.New(detect.Config{}, detect.All()...)
	return e, feed(e, events)
}

func feed(e *detect.Engine, events []logstest.Event) error {
	var raw [][]byte
	for _, ev := range events {
		raw = append(raw, ev.JSON())
	}
	d, err := logs.NewDecoder("accuracy", strings.NewReader(string(logstest.Records(raw...))))
	if err != nil {
		return err
	}
	n, b := 0, logs.NewBatch()
	for d.Next(b) == nil {
		for i := range b.Calls {
			e.Call(&b.Calls[i])
			n++
		}
	}
	if n != len(events) {
		return fmt.Errorf("%d of %d events were read: %v", n, len(events), d.BadList)
	}
	return nil
}

// play runs each technique after the ordinary hour, whose state is saved once and
// loaded for each.
func play(all []technique) ([]result, error) {
	before, err := run(ordinaryHour())
	if err != nil {
		return nil, err
	}
	for range before.Changed() { // they are not the technique's
	}
	var state bytes.Buffer
	if err := before.Save(&state); err != nil {
		return nil, err
	}
	var out []result
	for _, t := range all {
		e := detect.New(detect.Config{}, detect.All()...)
		if err := e.Load(bytes.NewReader(state.Bytes())); err != nil {
			return nil, err
		}
		if err := feed(e, t.events); err != nil {
			return nil, fmt.Errorf("%s: %w", t.name, err)
		}
		r := result{technique: t}
		for f := range e.Changed() {
			if t.fit(f.Type) && f.Severity >= 1 {
				r.found = append(r.found, f)
			} else {
				r.other = append(r.other, f.Type)
			}
		}
		out = append(out, r)
	}
	return out, nil
}

func (t *technique) fit(kind string) bool {
	for _, want := range t.fits {
		if strings.HasPrefix(kind, want) {
			return true
		}
	}
	return false
}

func found(results []result) int {
	n := 0
	for _, r := range results {
		if len(r.found) > 0 {
			n++
		}
	}
	return n
}

// show prints the table and says whether the bars are reached.
func show(results []result, ordinary []*detect.Finding) bool {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "TECHNIQUE\tATT&CK\tFOUND AS\tSEVERITY")
	for _, r := range results {
		if len(r.found) == 0 {
			fmt.Fprintf(w, "%s\t%s\tnot found\t\n", r.name, r.id)
		}
		for i, f := range r.found {
			if i == 0 {
				fmt.Fprintf(w, "%s\t%s\t%s\t%.1f\n", r.name, r.id, f.Type, f.Severity)
			} else {
				fmt.Fprintf(w, "\t\t%s\t%.1f\n", f.Type, f.Severity)
			}
		}
	}
	fmt.Fprintf(w, "\nIN %d EVENTS OF AN ORDINARY HOUR\t\t\t\n", len(ordinaryHour()))
	for _, f := range ordinary {
		fmt.Fprintf(w, "%s\t\t%s\t%.1f\n", f.Resource.AccessKey.UserName, f.Type, f.Severity)
	}
	if err := w.Flush(); err != nil {
		return false
	}
	n := found(results)
	fmt.Printf("\n%d of %d techniques found, 33 of 35 wanted; %d findings in an ordinary hour, at most %d wanted\n", n, len(results), len(ordinary), mostFalse)
	return enough(n, len(results)) && len(ordinary) <= mostFalse
}
