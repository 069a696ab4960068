package guardduty

import (
	"fmt"

	"bartizan.dev/wire"
)

// GuardDuty has one error for what is wrong with a request; the member __type
// says more.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/CommonErrors.html
func rejected(kind, format string, args ...any) *wire.Error {
	return &wire.Error{Code: "BadRequestException", Message: fmt.Sprintf(format, args...), Status: 400, Fields: []wire.Field{{Name: "__type", Value: kind}}}
}

const invalidInput = "InvalidInputException"

var (
	errDetector = rejected(invalidInput, "The request is rejected because the input detectorId is not owned by the current account.")
	errNothing  = rejected(invalidInput, "The request is rejected since no such resource found.")
	errToken    = invalid("nextToken")
)

// invalid is the answer to a parameter with a value that it cannot have.
func invalid(name string) *wire.Error {
	return rejected(invalidInput, "The request is rejected because the parameter %s has an invalid value.", name)
}
