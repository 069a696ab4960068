package pattern

import "flag"

var (
	cases = flag.Int("cases", 20_000, "how many rules to try on events in TestAgainstNaive (a million takes a minute)")
	seed  = flag.Uint64("seed", 1, "of the random patterns and events")
)
