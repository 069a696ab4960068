package main

import (
	"testing"

	"bartizan.dev/detect"
)

func TestTechniquesAreFound(t *testing.T) {
	results, err := play(techniques())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		if len(r.found) == 0 {
			t.Logf("not found: %s; instead %v", r.name, r.other)
		}
	}
	if n := found(results); !enough(n, len(results)) {
		t.Errorf("%d of %d techniques found, 33 of 35 wanted", n, len(results))
	}
}

func TestWorkIsNoAttack(t *testing.T) {
	e, err := run(ordinaryHour())
	if err != nil {
		t.Fatal(err)
	}
	all := e.Findings()
	if len(all) > mostFalse {
		t.Errorf("%d findings in an ordinary hour, at most %d wanted", len(all), mostFalse)
	}
	for _, f := range all {
		t.Logf("%s: %s %.1f", f.Resource.AccessKey.UserName, f.Type, f.Severity)
		if f.Severity >= detect.Critical {
			t.Errorf("%s is Critical", f.Type)
		}
	}
	if n := len(ordinaryHour()); n < 1000 {
		t.Errorf("%d events are no hour", n)
	}
}
