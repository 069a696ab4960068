package cli

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"

	"bartizan.dev/server"
)

// rotatorFlags say who rotates secrets, under the name of a Lambda function.
type rotatorFlags struct {
	Rotator    map[string]string `help:"Who rotates secrets whose RotationLambdaARN ends with :function:NAME: an HTTPS endpoint, or exec: and the path of a program." placeholder:"NAME=URL|exec:PATH"`
	RotatorKey map[string]string `help:"File with the key that signs what is sent to a rotator's endpoint; at least 32 bytes." placeholder:"NAME=FILE"`
}

// maxRotatorKey bounds what is read of a key file, in bytes.
const maxRotatorKey = 4096

func (f *rotatorFlags) apply(opt *server.Options) error {
	for name, target := range f.Rotator {
		var r server.Rotator
		if path, ok := strings.CutPrefix(target, "exec:"); ok {
			r.Command = path
		} else {
			r.URL = target
		}
		if opt.Rotators == nil {
			opt.Rotators = map[string]server.Rotator{}
		}
		opt.Rotators[name] = r
	}
	for name, file := range f.RotatorKey {
		r, ok := opt.Rotators[name]
		if !ok || r.URL == "" {
			return fmt.Errorf("--rotator-key %s: there is no --rotator %s with an address", name, name)
		}
		key, err := readRotatorKey(file)
		if err != nil {
			return fmt.Errorf("--rotator-key %s: %w", name, err)
		}
		r.Key = key
		opt.Rotators[name] = r
	}
	return nil
}

func readRotatorKey(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	key, err := io.ReadAll(io.LimitReader(f, maxRotatorKey))
	return bytes.TrimRight(key, "\r\n"), err
}
