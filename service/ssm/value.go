package ssm

import (
	"regexp"
	"strings"

	ssmapi "bartizan.dev/api/ssm"
	"bartizan.dev/wire"
)

const (
	typeString, typeList, typeSecure                = "String", "StringList", "SecureString"
	tierStandard, tierAdvanced, tierIntelligent     = "Standard", "Advanced", "Intelligent-Tiering"
	maxStandard, maxAdvanced                    int = 4096, 8192 // bytes
)

const tiersPage = "For more information, see https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html"

// checkValue checks a value; no message holds it.
func checkValue(v *version, name, value string) error {
	if err := checkDataType(name, v.Type, v.DataType, value); err != nil {
		return err
	}
	if i := strings.Index(value, "{{"); i >= 0 && strings.Contains(value[i:], "}}") {
		return invalid(`Parameter value can't nest another parameter. Do not use "{{}}" in the value.`)
	}
	if v.Pattern == "" {
		return nil
	}
	re, err := regexp.Compile(`\A(?:` + v.Pattern + `)\z`)
	if err != nil {
		return wire.Errorf("InvalidAllowedPatternException", "The request does not meet the regular expression requirement: %s", v.Pattern)
	}
	if !re.MatchString(value) {
		return wire.Errorf("ParameterPatternMismatchException", "Parameter value, cannot be validated against allowedPattern: %s", v.Pattern)
	}
	return nil
}

// chooseTier decides in which tier the new version is. full says that there is
// no room for another standard parameter.
// https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html
func chooseTier(in *ssmapi.PutParameterRequest, old *parameter, rules []rule, full bool) (string, error) {
	large := len(in.Value) > maxStandard
	advanced := old != nil && old.Tier == tierAdvanced
	tier := tierStandard
	switch string(in.Tier) {
	case tierAdvanced:
		tier = tierAdvanced
	case tierIntelligent:
		if advanced || large || len(rules) > 0 || full && old == nil {
			tier = tierAdvanced
		}
	case tierStandard:
		if advanced {
			return "", invalid("This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the advanced-parameter tier to the " +
				"standard-parameter tier. If necessary, you can delete the advanced parameter and recreate it as a standard parameter.")
		}
	default:
		if advanced {
			tier = tierAdvanced
		}
	}
	switch {
	case tier == tierStandard && large:
		return "", invalid("Standard tier parameters support a maximum parameter value of %d characters. To create a larger parameter value, "+
			"upgrade the parameter to use the advanced-parameter tier. %s", maxStandard, tiersPage)
	case len(in.Value) > maxAdvanced:
		return "", invalid("Advanced tier parameters support a maximum parameter value of %d characters.", maxAdvanced)
	case tier == tierStandard && len(rules) > 0:
		return "", invalid("Standard tier parameters do not support parameter policies. To use policies, upgrade the parameter to use the advanced-parameter tier. %s", tiersPage)
	}
	return tier, nil
}
