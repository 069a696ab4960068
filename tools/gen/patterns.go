package main

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strconv"
)

// rewritten holds the patterns of the models that RE2 cannot express, with an
// equal one, or with "" where the service itself must check; the reason stands
// behind each.
var rewritten = map[string]string{
	// Account alias: no two hyphens together; the length is checked by min and max.
	`^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$`: `^[a-z0-9](-?[a-z0-9])*$`,
	// Labels that neither begin nor end with a hyphen.
	`(\*\.)?(((?!-)[A-Za-z0-9-]{0,62}[A-Za-z0-9])\.)+((?!-)[A-Za-z0-9-]{1,62}[A-Za-z0-9])`: `(\*\.)?([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9][A-Za-z0-9-]{0,61}[A-Za-z0-9]`,
	// No dot at the end.
	`^[0-9A-Za-z\.\-_]*(?<!\.)$`: `^([0-9A-Za-z.\-_]*[0-9A-Za-z\-_])?$`,
	// None of these characters.
	`^(?!.*\\|.*"|.*\/|.*\[|.*\]|.*:|.*;|.*\||.*=|.*,|.*\+|.*\*|.*\?|.*<|.*>|.*@).*$`: `^[^\\"/\[\]:;|=,+*?<>@\n]*$`,
	// At least one character that is no space.
	`^(?!\s*$).+`: `.*\S.*`,
	// A leading number needs a letter, hyphen, quote or space somewhere.
	`(?!^[0-9]+$)([a-zA-Z0-9\-_' ']+)`: `[a-zA-Z0-9\-_' ]*[a-zA-Z\-_' ][a-zA-Z0-9\-_' ]*`,
	// No double slash.
	`(?!.*//)([A-Za-z]([A-Za-z0-9_/-]*[A-Za-z0-9_-])?)?`: `([A-Za-z](/?[A-Za-z0-9_-])*)?`,
	// At least one component after P.
	`(-?)P(?=\d|T\d)(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)([DW]))?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?`: `-?P(\d+[YMDWT].*|T\d.*)`,
	// "aws:" is refused by the service, with an error of its own.
	`(?!aws:)[a-zA-Z+-=._:/]+`:   `[a-zA-Z+-=._:/]+`,
	`^(?!aws:)[a-zA-Z+-=._:/]+$`: `^[a-zA-Z+-=._:/]+$`,
	// Password strength, directory names, bucket names: the services check.
	`(?=^.{8,64}$)((?=.*\d)(?=.*[A-Z])(?=.*[a-z])|(?=.*\d)(?=.*[^A-Za-z0-9\s])(?=.*[a-z])|(?=.*[^A-Za-z0-9\s])(?=.*[A-Z])(?=.*[a-z])|(?=.*\d)(?=.*[A-Z])(?=.*[^A-Za-z0-9\s]))^.*`: "",
	`^(?!D-|d-)([\da-zA-Z]+)([-]*[\da-zA-Z])*`:                                                            `^([\da-zA-Z]+)([-]*[\da-zA-Z])*`,
	`^([a-z]|(\d(?!\d{0,2}\.\d{1,3}\.\d{1,3}\.\d{1,3})))([a-z\d]|(\.(?!(\.|-)))|(-(?!\.))){1,61}[a-z\d]$`: "",
	// Java's letters-and-digits and punctuation classes.
	`^(\p{LD}|\p{Punct}| )+$`: `^[\p{L}\p{Nd}[:punct:] ]+$`,
	`\p{ASCII}+`:              `[[:ascii:]]+`,
	// Characters beyond 16 bits.
	`[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\t]*`:                           `[\x{20}-\x{D7FF}\x{E000}-\x{FFFD}\x{10000}-\x{10FFFF}\t]*`,
	`[\u0009\u000A\u000D\u0020-\u007E\u0085\u00A0-\uD7FF\uE000-\uFFFD\u10000-\u10FFFF]+`: `[\x{9}\x{A}\x{D}\x{20}-\x{7E}\x{85}\x{A0}-\x{D7FF}\x{E000}-\x{FFFD}\x{10000}-\x{10FFFF}]+`,
}

var (
	unicodeEscape = regexp.MustCompile(`\\u([0-9A-Fa-f]{4})`)
	repetition    = regexp.MustCompile(`(\\x)?\{(\d+)(,(\d*))?\}`)
)

// re2 translates a pattern of the models, which are Java's, to one that Go's
// regexp accepts. A pattern that allows everything, or that only repeats the
// length, becomes "". Repetition above RE2's limit of 1000 is widened to
// "any number": min and max of the shape still bound the length.
func re2(pattern string) (string, error) {
	out, known := rewritten[pattern]
	if !known {
		out = unicodeEscape.ReplaceAllString(pattern, `\x{$1}`)
	}
	out = repetition.ReplaceAllStringFunc(out, func(s string) string {
		m := repetition.FindStringSubmatch(s)
		low, _ := strconv.Atoi(m[2])
		high, _ := strconv.Atoi(m[4])
		switch {
		case m[1] != "" || low <= 1000 && high <= 1000:
			return s
		case low == 0:
			return "*"
		default:
			return "+"
		}
	})
	switch out {
	case "", ".*", "[\\s\\S]*", "(?s).*", "^[\\s\\S]*$", "^.*$":
		return "", nil
	}
	if _, err := syntax.Parse(out, syntax.Perl); err != nil {
		return "", fmt.Errorf("pattern %q: %w", pattern, err)
	}
	return out, nil
}
