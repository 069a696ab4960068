package ssm

import (
	"maps"
	"slices"

	"bartizan.dev/wire"
)

func invalid(format string, args ...any) *wire.Error {
	return wire.Errorf("ValidationException", format, args...)
}

// notFound says no more, as AWS's does not.
func notFound() *wire.Error { return wire.Errorf("ParameterNotFound", "") }

func noVersion(what any, name string) *wire.Error {
	return wire.Errorf("ParameterVersionNotFound", "Systems Manager could not find version %v of %s. Verify the version and try again.", what, name)
}

func tooManyUpdates() *wire.Error {
	return wire.Errorf("TooManyUpdates", "There are concurrent updates for a resource that supports one update at a time.")
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
