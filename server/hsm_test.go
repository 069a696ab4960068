package server

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bartizan.dev/keys/pkcs11"
	"bartizan.dev/keys/pkcs11/pkcs11test"
)

func TestMain(m *testing.M) { os.Exit(pkcs11test.Main(m)) }

// TestRootKeyInHSM: the store opens again with the token and its PIN, and with
// nothing else.
func TestRootKeyInHSM(t *testing.T) {
	env := pkcs11test.Env(t)
	_, socket := pkcs11test.Start(t, pkcs11test.SoftHSM(t), env)
	c := pkcs11test.Dial(t, socket)
	officer := []byte("officer-12345")
	for _, label := range []string{"root", "other"} {
		serial, err := c.InitToken(t.Context(), "", label, officer)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.SetPIN(t.Context(), serial, officer, []byte("user-67890")); err != nil {
			t.Fatal(err)
		}
	}
	data := filepath.Join(t.TempDir(), "data")
	open := func(h HSM, data string) (*Server, error) { return Open(t.Context(), Options{Data: data, HSM: h}) }
	good := HSM{Socket: socket, RootToken: "root", RootPIN: "user-67890"}
	s, err := open(good, data)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.RotateKeys(t.Context()); err != nil {
		t.Error(err)
	}
	if d := s.custodian.Describe(); !strings.Contains(d, "HSM token root") || !strings.Contains(d, "version 2") {
		t.Error(d)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(data, RootKeyFile)); err == nil {
		t.Error("there is a key file as well")
	}
	for what, test := range map[string]struct {
		h    HSM
		want string
	}{
		"a wrong PIN":   {HSM{Socket: socket, RootToken: "root", RootPIN: "user-67891"}, pkcs11.ErrPIN.Error()},
		"no such token": {HSM{Socket: socket, RootToken: "none", RootPIN: "user-67890"}, pkcs11.ErrNoToken.Error()},
		"another token": {HSM{Socket: socket, RootToken: "other", RootPIN: "user-67890"}, "cannot unseal"},
		"no HSM":        {HSM{RootToken: "root", RootPIN: "user-67890"}, "--hsm-module"},
		"no helper":     {HSM{Socket: socket + "x", RootToken: "root", RootPIN: "user-67890"}, "does not answer"},
		"two HSMs":      {HSM{Socket: socket, Module: "x"}, "one of them"},
	} {
		if s, err := open(test.h, data); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", what, err)
			if s != nil {
				s.Close()
			}
		}
	}
	if _, err := open(HSM{}, data); err == nil || !strings.Contains(err.Error(), "cannot unseal") {
		t.Errorf("without an HSM: %v", err)
	}
	// That made a key file, which does not stand in the way.
	if s, err = open(good, data); err != nil {
		t.Fatal(err)
	}
	s.Close()
	plain := filepath.Join(t.TempDir(), "plain")
	if s, err = open(HSM{}, plain); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if _, err := open(good, plain); err == nil || !strings.Contains(err.Error(), "if it was made with a key file") {
		t.Errorf("a data directory with a key file: %v", err)
	}
}

// TestHelperChild: a server runs its own helper.
func TestHelperChild(t *testing.T) {
	dir, err := os.MkdirTemp("", "hsm") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	h := HSM{Module: pkcs11test.SoftHSM(t), Helper: pkcs11test.Helper(t), HelperEnv: pkcs11test.Env(t)}
	s, err := Open(t.Context(), Options{Data: dir, Dev: true, Store: "memory", HSM: h})
	if err != nil {
		t.Fatal(err)
	}
	if tokens, err := s.hsm.client.Tokens(t.Context()); err != nil || len(tokens) != 1 {
		t.Errorf("Tokens: %v, %v", tokens, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	h.Helper = filepath.Join(dir, "none")
	if _, err := Open(t.Context(), Options{Data: dir, Dev: true, Store: "memory", HSM: h}); err == nil {
		t.Error("opened without its helper")
	}
}

// FuzzDatabaseKey: what is read of a body fits into it.
func FuzzDatabaseKey(f *testing.F) {
	f.Add([]byte(`{"wrapped":"AAAA"}`))
	f.Add([]byte(``))
	f.Add([]byte(`{} {}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		in, err := readDatabaseKey(bytes.NewReader(body))
		if err == nil && len(in.Wrapped)+len(in.Plaintext) > len(body) {
			t.Errorf("%q: %d bytes", body, len(in.Wrapped))
		}
	})
}
