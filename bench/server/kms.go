package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"bartizan.dev/server"
	"bartizan.dev/sigv4"
)

// The bars that KMS is held to: its rate as a part of the bare handler's, which
// takes requests and gives answers of the same sizes, and as a multiple of
// moto's.
var kmsBars = map[string]float64{"Encrypt 32 B": 0.60, "Encrypt 4 KB": 0.40}

const motoBar = 20

// A kmsCase is one call that is repeated.
type kmsCase struct {
	title, operation string
	// input makes the request for the keys of a server.
	input func(k *kmsKeys) map[string]any
}

// kmsKeys are the keys that a server has made, and a ciphertext of its own.
type kmsKeys struct {
	credentials       sigv4.Credentials
	symmetric, signer string
	ciphertext        string
}

func text(n int) string { return base64.StdEncoding.EncodeToString(make([]byte, n)) }

var kmsCases = []kmsCase{
	{"Encrypt 32 B", "Encrypt", func(k *kmsKeys) map[string]any { return map[string]any{"KeyId": k.symmetric, "Plaintext": text(32)} }},
	{"Encrypt 4 KB", "Encrypt", func(k *kmsKeys) map[string]any { return map[string]any{"KeyId": k.symmetric, "Plaintext": text(4096)} }},
	{"Decrypt", "Decrypt", func(k *kmsKeys) map[string]any { return map[string]any{"CiphertextBlob": k.ciphertext} }},
	{"GenerateDataKey", "GenerateDataKey", func(k *kmsKeys) map[string]any {
		return map[string]any{"KeyId": k.symmetric, "KeySpec": "AES_256"}
	}},
	{"Sign P-256", "Sign", func(k *kmsKeys) map[string]any {
		return map[string]any{"KeyId": k.signer, "Message": text(32), "MessageType": "DIGEST", "SigningAlgorithm": "ECDSA_SHA_256"}
	}},
}

// kmsCall makes a signed call of KMS.
func kmsCall(addr, operation string, input map[string]any, keys sigv4.Credentials) *http.Request {
	body, err := json.Marshal(input)
	if err != nil {
		panic(err) // the input is ours
	}
	req, err := http.NewRequest("POST", "http://"+addr+"/", bytes.NewReader(body))
	if err != nil {
		panic(err) // so is the URL
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", "TrentService."+operation)
	if err := sigv4.Sign(req, keys, "us-east-1", "kms", sigv4.HashPayload(body), time.Now()); err != nil {
		panic(err) // and the request
	}
	return req
}

func kmsDo(addr, operation string, input map[string]any, keys sigv4.Credentials) (out struct {
	KeyMetadata    struct{ KeyId string }
	CiphertextBlob string
}, err error) {
	answer, err := outside(kmsCall(addr, operation, input, keys))
	if err != nil {
		return out, fmt.Errorf("%s: %w", operation, err)
	}
	return out, json.Unmarshal(answer, &out)
}

// prepare makes the keys of a server.
func prepareKMS(addr string, keys sigv4.Credentials) (k kmsKeys, err error) {
	k.credentials = keys
	out, err := kmsDo(addr, "CreateKey", map[string]any{}, keys)
	if err != nil {
		return k, err
	}
	k.symmetric = out.KeyMetadata.KeyId
	if out, err = kmsDo(addr, "CreateKey", map[string]any{"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}, keys); err != nil {
		return k, err
	}
	k.signer = out.KeyMetadata.KeyId
	out, err = kmsDo(addr, "Encrypt", map[string]any{"KeyId": k.symmetric, "Plaintext": text(32)}, keys)
	k.ciphertext = out.CiphertextBlob
	return k, err
}

// grantedUser makes the caller of the measured calls: a user whose own policy
// allows them, on keys that have grants for it and for others.
func grantedUser(addr string, root sigv4.Credentials, k *kmsKeys) error {
	const users = 10
	for i := range users {
		name := fmt.Sprint("user-", i)
		if _, err := outside(call("http://"+addr+"/", "iam", "Action=CreateUser&Version=2010-05-08&UserName="+name, root)); err != nil {
			return err
		}
		for _, key := range []string{k.symmetric, k.signer} {
			operations := []string{"Encrypt", "Decrypt", "GenerateDataKey"}
			if key == k.signer {
				operations = []string{"Sign"}
			}
			if _, err := kmsDo(addr, "CreateGrant", map[string]any{
				"KeyId": key, "Operations": operations, "GranteePrincipal": "arn:aws:iam::" + server.DefaultAccount + ":user/" + name,
			}, root); err != nil {
				return err
			}
		}
	}
	const document = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%5B%22kms%3AEncrypt%22%2C%22kms%3ADecrypt%22%2C%22kms%3AGenerateDataKey%22%2C%22kms%3ASign%22%5D%2C%22Resource%22%3A%22%2A%22%7D%7D"
	if _, err := outside(call("http://"+addr+"/", "iam", "Action=PutUserPolicy&Version=2010-05-08&UserName=user-0&PolicyName=use&PolicyDocument="+document, root)); err != nil {
		return err
	}
	var err error
	k.credentials, err = accessKey(addr, root, "user-0")
	return err
}

// measureKMS compares the KMS calls that applications make all day with a bare
// handler of the same sizes and with moto.
func measureKMS(ctx context.Context, tmp string) error {
	bartizan := peer{name: "bartizan serve", addr: "127.0.0.1:14580", args: []string{*binary, "serve", "--listen", "127.0.0.1:14580", "--data", filepath.Join(tmp, "kms")}}
	if err := bartizan.start(ctx); err != nil {
		return err
	}
	defer bartizan.stop()
	root, err := credentials(filepath.Join(tmp, "kms", "credentials"))
	if err != nil {
		return err
	}
	keys, err := prepareKMS(bartizan.addr, root)
	if err != nil {
		return err
	}
	if err := grantedUser(bartizan.addr, root, &keys); err != nil {
		return err
	}
	var other *peer
	var others kmsKeys
	if _, err := os.Stat(*moto); err == nil {
		other = &peer{name: "moto server", addr: "127.0.0.1:14581", args: []string{*moto, "-H", "127.0.0.1", "-p", "14581"}}
		if err := other.start(ctx); err != nil {
			return err
		}
		defer other.stop()
		if others, err = prepareKMS(other.addr, devKeys); err != nil {
			return err
		}
	} else {
		fmt.Println("moto is not installed (scripts/setup bench): left out")
	}
	fmt.Printf("\nKMS by a user with a policy and grants, median of %d runs of %d s; CPU is the server's, user and system, for each call\n", kmsRounds, *kmsSeconds)
	for _, c := range kmsCases {
		if *kmsOnly != "" && !strings.Contains(c.title, *kmsOnly) {
			continue
		}
		answer, err := outside(kmsCall(bartizan.addr, c.operation, c.input(&keys), keys.credentials))
		if err != nil {
			return fmt.Errorf("%s: %w", c.title, err)
		}
		if err := kmsTable(ctx, c, len(answer), &bartizan, &keys, other, &others); err != nil {
			return fmt.Errorf("%s: %w", c.title, err)
		}
	}
	return nil
}

const kmsRounds = 3

// kmsTable measures one case at 8 and at 64 connections.
func kmsTable(ctx context.Context, c kmsCase, answer int, bartizan *peer, keys *kmsKeys, other *peer, others *kmsKeys) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	const addr = "127.0.0.1:14579"
	base := peer{name: "bare net/http handler", addr: addr, args: []string{self, "-bare", addr, "-answer", strconv.Itoa(answer)}}
	if err := base.start(ctx); err != nil {
		return err
	}
	defer base.stop()
	for _, connections := range []int{8, 64} {
		peers := []*peer{&base, bartizan}
		if other != nil {
			peers = append(peers, other)
		}
		runs := make([][]load, len(peers))
		for range kmsRounds {
			for i, p := range peers {
				k := keys
				if p == other {
					k = others
				}
				// Signed anew for each run: a signature is good for five minutes.
				l, err := p.load(ctx, kmsCall(p.addr, c.operation, c.input(k), k.credentials), connections, *kmsSeconds)
				if err != nil {
					return fmt.Errorf("%s: %w", p.name, err)
				}
				runs[i] = append(runs[i], l)
			}
		}
		fmt.Printf("\n%s, answer of %d B, %d connections\n", c.title, answer, connections)
		bareRate, ours := middle(runs[0]).rate, middle(runs[1]).rate
		for i, p := range peers {
			l := middle(runs[i])
			fmt.Printf("  %-24s %8.0f req/s  %5.1f %% of bare  p50 %-8s p99 %-8s CPU %6.1f µs", p.name, l.rate, 100*l.rate/bareRate, l.p50, l.p99, l.cpu*1e6)
			switch bar := kmsBars[c.title]; {
			case p == bartizan && bar > 0:
				fmt.Printf("  (bar %.0f %%%s)", 100*bar, missed(ours/bareRate >= bar))
			case p == other:
				fmt.Printf("  (Bartizan %.0f times, bar %d%s)", ours/l.rate, motoBar, missed(ours/l.rate >= motoBar))
			}
			fmt.Println()
		}
	}
	return nil
}

func missed(reached bool) string {
	if reached {
		return ""
	}
	return ", MISSED"
}
