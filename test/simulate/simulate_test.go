package simulate

import (
	"encoding/json"
	"flag"
	"fmt"
	"slices"
	"testing"

	"bartizan.dev/policy"
)

var (
	seedFlag  = flag.Uint64("seed", 1, "seed of the random cases")
	casesFlag = flag.Int("cases", 10_000, "number of random cases")
	oneFlag   = flag.Int("case", -1, "number of a single case to run")
)

// maxReports is how many disagreements are made small and printed.
const maxReports = 10

// batch is how many cases are put to the oracle at once.
const batch = 500

func TestAgainstOracle(t *testing.T) {
	o := startOracle(t)
	first, count := 0, *casesFlag
	if testing.Short() {
		count = min(count, 1000)
	}
	if *oneFlag >= 0 {
		first, count = *oneFlag, 1
	}
	tally := map[string]int{}
	reports := 0
	for start := first; start < first+count; start += batch {
		var cases []*testCase
		for n := start; n < min(start+batch, first+count); n++ {
			cases = append(cases, generate(*seedFlag, n))
		}
		answers, err := o.ask(cases...)
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range cases {
			number := start + i
			ours, err := c.decide()
			if err != nil || answers[i].Error != "" || len(answers[i].Ignored) > 0 {
				t.Fatalf("seed %d case %d cannot be compared: ours %v, oracle %+v\n%s", *seedFlag, number, err, answers[i], c)
			}
			tally[ours]++
			if ours == answers[i].Result {
				continue
			}
			if reason := argued(o, c, ours, answers[i].Result); reason != "" {
				tally[reason]++
				continue
			}
			tally["unexplained"]++
			if reports++; reports > maxReports {
				continue
			}
			t.Errorf("seed %d case %d: ours %s, oracle %s; the smallest such case:\n%s", *seedFlag, number, ours, answers[i].Result,
				shrink(o, c, ours, answers[i].Result))
		}
	}
	if reports > maxReports {
		t.Errorf("%d more disagreements", reports-maxReports)
	}
	t.Logf("seed %d, %d cases: %v", *seedFlag, count, tally)
	if *oneFlag < 0 && count >= 1000 {
		for _, result := range []string{"Allowed", "ExplicitlyDenied", "ImplicitlyDenied"} {
			if tally[result] < count/20 {
				t.Errorf("only %d of %d cases are %s: the generator tests too little", tally[result], count, result)
			}
		}
	}
}

// decide asks our engine, and answers in the oracle's words. Its
// explanation, which looks at every statement without the index, must agree.
func (c *testCase) decide() (result string, err error) {
	defer func() {
		if p := recover(); p != nil {
			result, err = "", fmt.Errorf("panic: %v", p)
		}
	}()
	r, b, err := c.ask()
	if err != nil {
		return "", err
	}
	d := policy.Decide(r, b)
	if err := explained(d, policy.Explain(r, b)); err != nil {
		return "", err
	}
	switch {
	case d.Allowed:
		return "Allowed", nil
	case d.Explicit:
		return "ExplicitlyDenied", nil
	}
	return "ImplicitlyDenied", nil
}

// explained reports how the explanation contradicts the decision.
func explained(d policy.Decision, e *policy.Explanation) error {
	denied := slices.ContainsFunc(e.Layers, func(l policy.Layer) bool { return l.Result == policy.ExplicitDeny })
	if d.Explicit != denied && !d.Always {
		return fmt.Errorf("Decide says %+v, but Explain finds a denial: %v", d, denied)
	}
	if d.Statement != nil && !slices.ContainsFunc(e.Matched(), func(m policy.Match) bool {
		return m.Statement == d.Statement.Statement && m.Index == d.Statement.Index
	}) {
		return fmt.Errorf("Decide goes by the statement %+v, which does not match by Explain", *d.Statement)
	}
	return nil
}

func (c *testCase) String() string {
	text, err := json.Marshal(c)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
