package rolesanywhere

import "bartizan.dev/wire"

func invalid(format string, args ...any) *wire.Error {
	return wire.Errorf("ValidationException", format, args...)
}

func notFound(what string) *wire.Error {
	return wire.Errorf("ResourceNotFoundException", "%s not found", what).WithStatus(404)
}

func denied(format string, args ...any) *wire.Error {
	return wire.Errorf("AccessDeniedException", format, args...).WithStatus(403)
}
