// Redshift-hsm plays the part of an Amazon Redshift cluster whose keys are in an
// HSM: it keeps a database key that only the HSM can unwrap, and fetches it over
// mutual TLS with its HSM client certificate each time it starts.
//
// The first run has the HSM make the cluster key, which never leaves it, and a
// database key wrapped under it; the wrapped one is all that stays on disk. Every
// later run sends that to the HSM and gets the same database key back.
//
//	redshift-hsm -endpoint HOST:PORT -ca ca.pem -cert client.pem -partition cluster-… -password-file password -state database.key
package main

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "redshift-hsm:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("redshift-hsm", flag.ContinueOnError)
	endpoint := flags.String("endpoint", "", "address of Bartizan's --hsm-endpoint")
	ca := flags.String("ca", "", "file with the certificate of the authority that the endpoint's certificate is of: tls/ca.pem in the server's data")
	cert := flags.String("cert", "", "file with the HSM client certificate and its private key, from bartizan hsm certificate")
	partition := flags.String("partition", "", "name of the HSM partition, as in the HSM configuration")
	passwordFile := flags.String("password-file", "", "file with the partition's password")
	name := flags.String("key", "examplecluster", "name of the cluster key in the HSM")
	state := flags.String("state", "database.key", "file for the wrapped database key")
	if err := flags.Parse(args); err != nil {
		return err
	}
	client, err := mutualTLS(*ca, *cert)
	if err != nil {
		return err
	}
	password, err := os.ReadFile(*passwordFile)
	if err != nil {
		return err
	}
	h := &hsm{client, "https://" + *endpoint + "/v1/keys/" + *name, *partition, strings.TrimRight(string(password), "\r\n")}
	key, made, err := h.databaseKey(*state)
	if err != nil {
		return err
	}
	// A cluster would now decrypt its blocks with the key. We show that it is the
	// same one each time, without showing it.
	sum := sha256.Sum256(key)
	clear(key)
	what := "unwrapped"
	if made {
		what = "made"
	}
	_, err = fmt.Fprintf(out, "%s the database key, fingerprint %x\n", what, sum[:8])
	return err
}

// mutualTLS returns a client that shows the certificate and trusts the authority
// alone.
func mutualTLS(ca, cert string) (*http.Client, error) {
	text, err := os.ReadFile(ca)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate", ca)
	}
	pair, err := tls.LoadX509KeyPair(cert, cert)
	if err != nil {
		return nil, err
	}
	return &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{
		MinVersion: tls.VersionTLS13, RootCAs: pool, Certificates: []tls.Certificate{pair},
	}}}, nil
}

// hsm is a cluster key in a partition.
type hsm struct {
	client                   *http.Client
	url, partition, password string
}

type message struct {
	Plaintext []byte `json:"plaintext,omitempty"`
	Wrapped   []byte `json:"wrapped,omitempty"`
	Error     string `json:"error,omitempty"`
}

// databaseKey unwraps the key that the state file holds, or has one made.
func (h *hsm) databaseKey(state string) (key []byte, made bool, err error) {
	wrapped, err := os.ReadFile(state)
	if errors.Is(err, fs.ErrNotExist) {
		key, err = h.first(state)
		return key, true, err
	} else if err != nil {
		return nil, false, err
	}
	answer, _, err := h.call("/unwrap", message{Wrapped: wrapped})
	return answer.Plaintext, false, err
}

func (h *hsm) first(state string) ([]byte, error) {
	if _, status, err := h.call("", message{}); err != nil && status != http.StatusConflict { // it exists: good
		return nil, err
	}
	answer, _, err := h.call("/new", message{})
	if err != nil {
		return nil, err
	}
	return answer.Plaintext, os.WriteFile(state, answer.Wrapped, 0o600)
}

func (h *hsm) call(path string, in message) (out message, status int, err error) {
	body, err := json.Marshal(in)
	if err != nil {
		return out, 0, err
	}
	r, err := http.NewRequest("POST", h.url+path, bytes.NewReader(body))
	if err != nil {
		return out, 0, err
	}
	r.SetBasicAuth(h.partition, h.password)
	res, err := h.client.Do(r)
	if err != nil {
		return out, 0, err
	}
	defer func() { err = errors.Join(err, res.Body.Close()) }()
	if err := json.NewDecoder(io.LimitReader(res.Body, 64<<10)).Decode(&out); err != nil {
		return out, res.StatusCode, err
	}
	if res.StatusCode != http.StatusOK {
		return out, res.StatusCode, fmt.Errorf("the HSM says %d: %s", res.StatusCode, out.Error)
	}
	return out, res.StatusCode, nil
}
