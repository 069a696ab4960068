package lint

import "strings"

// family is the type of value an operator compares, by AWS's word for it.
type family string

const (
	stringOp  family = "String"
	numericOp family = "Numeric"
	dateOp    family = "Date"
	boolOp    family = "Boolean"
	binaryOp  family = "Binary"
	ipOp      family = "IP Address"
	arnOp     family = "ARN"
	nullOp    family = "Null"
)

// operator is the name of a condition operator taken apart.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
type operator struct {
	family
	negated, like, ifExists bool
	less, greater           bool // of the ordering operators
	forAll, forAny          bool
}

// operators by lower-case name, without qualifier and suffix.
var operators = map[string]operator{
	"stringequals":              {family: stringOp},
	"stringnotequals":           {family: stringOp, negated: true},
	"stringequalsignorecase":    {family: stringOp},
	"stringnotequalsignorecase": {family: stringOp, negated: true},
	"stringlike":                {family: stringOp, like: true},
	"stringnotlike":             {family: stringOp, negated: true, like: true},
	"numericequals":             {family: numericOp},
	"numericnotequals":          {family: numericOp, negated: true},
	"numericlessthan":           {family: numericOp, less: true},
	"numericlessthanequals":     {family: numericOp, less: true},
	"numericgreaterthan":        {family: numericOp, greater: true},
	"numericgreaterthanequals":  {family: numericOp, greater: true},
	"dateequals":                {family: dateOp},
	"datenotequals":             {family: dateOp, negated: true},
	"datelessthan":              {family: dateOp, less: true},
	"datelessthanequals":        {family: dateOp, less: true},
	"dategreaterthan":           {family: dateOp, greater: true},
	"dategreaterthanequals":     {family: dateOp, greater: true},
	"bool":                      {family: boolOp},
	"binaryequals":              {family: binaryOp},
	"ipaddress":                 {family: ipOp},
	"notipaddress":              {family: ipOp, negated: true},
	"arnequals":                 {family: arnOp, like: true},
	"arnlike":                   {family: arnOp, like: true},
	"arnnotequals":              {family: arnOp, negated: true, like: true},
	"arnnotlike":                {family: arnOp, negated: true, like: true},
	"null":                      {family: nullOp},
}

// parseOperator reads a name in any case. NullIfExists is read although it
// does not exist.
func parseOperator(name string) (operator, bool) {
	rest := lower(name)
	rest, forAll := strings.CutPrefix(rest, "forallvalues:")
	rest, forAny := strings.CutPrefix(rest, "foranyvalue:")
	rest, ifExists := strings.CutSuffix(rest, "ifexists")
	op, ok := operators[rest]
	op.forAll, op.forAny, op.ifExists = forAll, forAny, ifExists
	return op, ok && !(forAll && forAny)
}
