// Package report runs the detectors over logs that other systems wrote and tells
// what they found: as a table, as AWS's JSON, as SARIF, as one HTML page.
//
//	found, err := report.Run(ctx, inputs, report.Options{Intel: set})
//	err = found.Table(os.Stdout)
//
// # Order and parallel work
//
// Files are unpacked and parsed in parallel, and handed on in one order: by the
// times in AWS's file names, those without a time first, by name. The detectors
// run beside that, in engines that each have a share of the accounts: what
// belongs to one account always reaches one engine, in that order. The number of
// engines does not depend on the machine, so neither do the findings. Within an
// account, events may be out of order by what the detectors bear, 15 minutes;
// files that overlap by more than that and have no time in their names are still
// read one after the other.
package report
