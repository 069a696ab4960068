package kms_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"bartizan.dev/server"
	"bartizan.dev/sigv4"
)

// sink is a ResponseWriter that keeps nothing.
type sink struct {
	header http.Header
	status int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }
func (s *sink) WriteHeader(status int)      { s.status = status }

// prepared is a signed request that can be sent many times.
type prepared struct {
	header http.Header
	body   []byte
}

func prepareEncrypt(b *testing.B, who sigv4.Credentials, id string, size int) prepared {
	body, err := json.Marshal(in{"KeyId": id, "Plaintext": make([]byte, size)})
	if err != nil {
		b.Fatal(err)
	}
	r, err := http.NewRequest("POST", "http://127.0.0.1:4566/", bytes.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "TrentService.Encrypt")
	if err := sigv4.Sign(r, who, "us-east-1", "kms", sigv4.HashPayload(body), time.Now()); err != nil {
		b.Fatal(err)
	}
	return prepared{r.Header, body}
}

func (f *front) replay(b *testing.B, requests []prepared) {
	var n atomic.Int64
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		w := &sink{header: http.Header{}}
		for pb.Next() {
			p := &requests[int(n.Add(7919))%len(requests)]
			r, _ := http.NewRequest("POST", "http://127.0.0.1:4566/", bytes.NewReader(p.body))
			r.Header, r.RemoteAddr = p.header, "127.0.0.1:50000"
			w.status = 0
			f.handler.ServeHTTP(w, r)
			if w.status != 0 && w.status != 200 {
				b.Errorf("status %d", w.status)
				return
			}
		}
	})
}

// BenchmarkEncrypt is the whole way of a call but for net/http's own part:
// signature, decision, grants, encryption, trail, answer. It must not depend on
// how many keys there are and how many grants a key has: less than 10 %.
func BenchmarkEncrypt(b *testing.B) {
	f := newFront(b, func(o *server.Options) { o.Data = b.TempDir() })
	ann := f.user("ann", allow("kms:*"))
	one := f.newKey(in{})
	b.Run("key without grants", func(b *testing.B) { f.replay(b, []prepared{prepareEncrypt(b, ann, one, 32)}) })
	b.Run("4 KB", func(b *testing.B) { f.replay(b, []prepared{prepareEncrypt(b, ann, one, 4096)}) })

	granted := f.newKey(in{})
	bob, carl := f.user("bob", ""), f.user("carl", "")
	grantee := func(name string) in {
		return in{"KeyId": granted, "GranteePrincipal": userARN(name), "Operations": []string{"Encrypt"}}
	}
	f.must(rootKeys, "CreateGrant", grantee("bob"))
	b.Run("by the only grant", func(b *testing.B) { f.replay(b, []prepared{prepareEncrypt(b, bob, granted, 32)}) })
	for range 999 {
		f.must(rootKeys, "CreateGrant", grantee("carl"))
	}
	b.Run("by one of 1,000 grants", func(b *testing.B) { f.replay(b, []prepared{prepareEncrypt(b, bob, granted, 32)}) })
	b.Run("by the first of 999 of one's own", func(b *testing.B) { f.replay(b, []prepared{prepareEncrypt(b, carl, granted, 32)}) })
	b.Run("key with 1,000 grants for others", func(b *testing.B) { f.replay(b, []prepared{prepareEncrypt(b, ann, granted, 32)}) })

	const many = 20_000
	ids := make([]string, many)
	for i := range ids {
		ids[i] = f.newKey(in{"Description": fmt.Sprint(i)})
	}
	b.Run("one of 20,000 keys, always the same", func(b *testing.B) { f.replay(b, []prepared{prepareEncrypt(b, ann, ids[many/2], 32)}) })
	all := make([]prepared, many)
	for i, id := range ids {
		all[i] = prepareEncrypt(b, ann, id, 32)
		f.must(ann, "Encrypt", encrypt(id)) // every key is in use
	}
	same := make([]prepared, many) // as many requests, which no cache of the processor holds
	for i := range same {
		same[i] = prepareEncrypt(b, ann, ids[0], 32)
	}
	b.Run("20,000 requests for one key", func(b *testing.B) { f.replay(b, same) })
	b.Run("20,000 keys in turn", func(b *testing.B) { f.replay(b, all) })
}
