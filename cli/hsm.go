package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"bartizan.dev/server"
)

type hsmFlags struct {
	HsmModule string `name:"hsm-module" help:"PKCS#11 library of an HSM, such as /usr/lib/softhsm/libsofthsm2.so; a helper process loads it." placeholder:"FILE" xor:"hsm"`
	HsmHelper string `name:"hsm-helper" help:"The helper's program; by default bartizan-hsm beside this one." placeholder:"FILE"`
	HsmSocket string `name:"hsm-socket" help:"Socket of a bartizan-hsm that runs already." placeholder:"FILE" xor:"hsm"`

	HsmEndpoint string `name:"hsm-endpoint" help:"Address at which Redshift clusters use their HSM partitions, with mutual TLS; none by default." placeholder:"ADDR"`
}

func (f *hsmFlags) apply(opt *server.Options) {
	opt.HSM.Module, opt.HSM.Helper, opt.HSM.Socket = f.HsmModule, f.HsmHelper, f.HsmSocket
	opt.HSM.Endpoint = f.HsmEndpoint
}

// sayHSM tells where Redshift clusters find their HSM.
func (f *hsmFlags) sayHSM(env Env, s *server.Server) {
	if at := s.HSMEndpoint(); at != "" {
		fmt.Fprintf(env.Out, "HSM endpoint, with mutual TLS: %s\n", at)
	}
}

type hsmRootFlags struct {
	HsmRootToken     string `name:"hsm-root-token" help:"Serial number or label of the HSM's token that holds the root key, instead of a key file." placeholder:"TOKEN" xor:"root"`
	HsmPinFile       string `name:"hsm-pin-file" help:"File with the PIN of that token's user." placeholder:"FILE" xor:"pin"`
	HsmPinCredential string `name:"hsm-pin-credential" help:"Name of a systemd credential that holds the PIN." placeholder:"NAME" xor:"pin"`
}

func (f *hsmRootFlags) apply(env Env, opt *server.Options) error {
	path := f.HsmPinFile
	if f.HsmPinCredential != "" {
		dir := env.Getenv("CREDENTIALS_DIRECTORY")
		if dir == "" {
			return errors.New("--hsm-pin-credential works in a systemd unit with LoadCredential: $CREDENTIALS_DIRECTORY is not set")
		}
		path = filepath.Join(dir, filepath.Base(f.HsmPinCredential))
	}
	switch {
	case f.HsmRootToken == "" && path == "":
		return nil
	case f.HsmRootToken == "":
		return errors.New("a PIN is for --hsm-root-token")
	case path == "":
		return errors.New("--hsm-root-token needs --hsm-pin-file or --hsm-pin-credential")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	opt.HSM.RootToken, opt.HSM.RootPIN = f.HsmRootToken, strings.TrimRight(string(text), "\r\n")
	return nil
}
