package events

import "bartizan.dev/wire"

func notFound(format string, args ...any) *wire.Error {
	return wire.Errorf("ResourceNotFoundException", format, args...)
}

func invalid(format string, args ...any) *wire.Error {
	return wire.Errorf("ValidationException", format, args...)
}

func notValid(parameter, reason string) *wire.Error {
	return invalid("Parameter %s is not valid. Reason: %s", parameter, reason)
}

var (
	errLimit = wire.Errorf("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
	errToken = invalid("Parameter NextToken is not valid.")
	errSize  = invalid("Total size of the entries in the request is over the limit.")
)

func alreadyExists(format string, args ...any) *wire.Error {
	return wire.Errorf("ResourceAlreadyExistsException", format, args...)
}
