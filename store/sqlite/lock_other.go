//go:build !unix

package sqlite

import (
	"errors"
	"os"
)

func lockFile(string) (*os.File, error) {
	return nil, errors.New("store: the embedded store needs a Unix system, to keep two processes from opening one database")
}
