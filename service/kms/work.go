package kms

import (
	"bartizan.dev/work"
)

// What happens later. The id of a job is the path of a key, or the id of a
// material's record.
const (
	jobDelete = "delete" // a key is deleted for good
	jobRotate = "rotate" // a key gets a new material
	jobExpire = "expire" // an imported material is deleted at its end
)

func (s *Service) handlers() map[string]work.Handler {
	return map[string]work.Handler{
		jobDelete: work.InTx(s.doDelete),
		jobRotate: s.doRotate,
		jobExpire: work.InTx(s.doExpire),
	}
}
