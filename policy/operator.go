package policy

import "strings"

// operator is a condition operator taken apart: ForAnyValue:StringNotLikeIfExists
// is quantifier anyValue, test stringLike, negated, ifExists.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
type operator struct {
	quantifier quantifier
	test       test
	negated    bool
	ifExists   bool
}

type quantifier uint8

const (
	single quantifier = iota
	anyValue
	allValues
)

type test uint8

const (
	stringEquals test = iota
	stringEqualsIgnoreCase
	stringLike
	numericEquals
	numericLess
	numericLessEquals
	numericGreater
	numericGreaterEquals
	dateEquals
	dateLess
	dateLessEquals
	dateGreater
	dateGreaterEquals
	boolean
	binaryEquals
	ipAddress
	arnLike
	null
)

// baseOperators are the names in lower case.
var baseOperators = map[string]operator{
	"stringequals":              {test: stringEquals},
	"stringnotequals":           {test: stringEquals, negated: true},
	"stringequalsignorecase":    {test: stringEqualsIgnoreCase},
	"stringnotequalsignorecase": {test: stringEqualsIgnoreCase, negated: true},
	"stringlike":                {test: stringLike},
	"stringnotlike":             {test: stringLike, negated: true},
	"numericequals":             {test: numericEquals},
	"numericnotequals":          {test: numericEquals, negated: true},
	"numericlessthan":           {test: numericLess},
	"numericlessthanequals":     {test: numericLessEquals},
	"numericgreaterthan":        {test: numericGreater},
	"numericgreaterthanequals":  {test: numericGreaterEquals},
	"dateequals":                {test: dateEquals},
	"datenotequals":             {test: dateEquals, negated: true},
	"datelessthan":              {test: dateLess},
	"datelessthanequals":        {test: dateLessEquals},
	"dategreaterthan":           {test: dateGreater},
	"dategreaterthanequals":     {test: dateGreaterEquals},
	"bool":                      {test: boolean},
	"binaryequals":              {test: binaryEquals},
	"ipaddress":                 {test: ipAddress},
	"notipaddress":              {test: ipAddress, negated: true},
	"arnequals":                 {test: arnLike},
	"arnlike":                   {test: arnLike},
	"arnnotequals":              {test: arnLike, negated: true},
	"arnnotlike":                {test: arnLike, negated: true},
	"null":                      {test: null},
}

// parseOperator reads the name of an operator, in any case.
func parseOperator(name string) (operator, bool) {
	rest := strings.ToLower(name)
	var q quantifier
	if after, ok := strings.CutPrefix(rest, "foranyvalue:"); ok {
		rest, q = after, anyValue
	} else if after, ok := strings.CutPrefix(rest, "forallvalues:"); ok {
		rest, q = after, allValues
	}
	rest, ifExists := strings.CutSuffix(rest, "ifexists")
	op, ok := baseOperators[rest]
	if !ok || op.test == null && ifExists {
		return operator{}, false
	}
	op.quantifier, op.ifExists = q, ifExists
	return op, true
}
