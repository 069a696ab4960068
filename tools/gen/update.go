package main

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

// botocore is the pinned release the models come from. To move on: change it,
// run `go run ./tools/gen update && go generate ./...`, and read the diff.
const botocore = "1.44.5"

// update downloads the wheel with pip and writes one trimmed model a service.
func update(models string) error {
	tmp, err := os.MkdirTemp("", "botocore")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	cmd := exec.Command("python3", "-m", "pip", "download", "--no-deps", "--dest", tmp, "botocore=="+botocore)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("pip download botocore==%s: %w", botocore, err)
	}
	z, err := zip.OpenReader(filepath.Join(tmp, "botocore-"+botocore+"-py3-none-any.whl"))
	if err != nil {
		return err
	}
	defer z.Close()
	newest := map[string]*zip.File{} // service -> its newest model
	for _, f := range z.File {
		p := strings.Split(f.Name, "/")
		if len(p) == 5 && p[1] == "data" && p[4] == "service-2.json.gz" {
			if old := newest[p[2]]; old == nil || path.Dir(old.Name) < path.Dir(f.Name) {
				newest[p[2]] = f
			}
		}
	}
	if err := os.MkdirAll(models, 0o755); err != nil {
		return err
	}
	for _, s := range services {
		f := newest[s.Name]
		if f == nil {
			return fmt.Errorf("botocore %s has no service %s", botocore, s.Name)
		}
		if err := trim(f, filepath.Join(models, s.Name+".json.gz")); err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
	}
	return nil
}

// trim copies a model without its documentation.
func trim(f *zip.File, to string) error {
	r, err := f.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	z, err := gzip.NewReader(r)
	if err != nil {
		return err
	}
	var in, out bytes.Buffer
	if _, err := io.Copy(&in, z); err != nil {
		return err
	}
	dec := json.NewDecoder(&in)
	dec.UseNumber()
	if err := copyValue(dec, &out); err != nil {
		return err
	}
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := w.Write(out.Bytes()); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return os.WriteFile(to, packed.Bytes(), 0o644)
}

// copyValue copies the next JSON value, keeping the order of keys, and leaves
// out what is prose for people or advice for clients.
func copyValue(dec *json.Decoder, out *bytes.Buffer) error {
	t, err := dec.Token()
	if err != nil {
		return err
	}
	d, ok := t.(json.Delim)
	if !ok {
		b, err := json.Marshal(t)
		out.Write(b)
		return err
	}
	out.WriteByte(byte(d))
	for first := true; dec.More(); {
		if d == '[' {
			if !first {
				out.WriteByte(',')
			}
			first = false
			if err := copyValue(dec, out); err != nil {
				return err
			}
			continue
		}
		key, err := dec.Token()
		if err != nil {
			return err
		}
		var value bytes.Buffer
		if err := copyValue(dec, &value); err != nil {
			return err
		}
		if prose(key.(string), value.Bytes()) {
			continue
		}
		if !first {
			out.WriteByte(',')
		}
		first = false
		k, err := json.Marshal(key)
		if err != nil {
			return err
		}
		out.Write(k)
		out.WriteByte(':')
		out.Write(value.Bytes())
	}
	end, err := dec.Token()
	if err != nil {
		return err
	}
	out.WriteByte(byte(end.(json.Delim)))
	return nil
}

// prose says whether a key is documentation; a member or shape that happens to
// be named so is an object and stays.
func prose(key string, value []byte) bool {
	switch key {
	case "documentation", "deprecatedMessage", "deprecatedSince":
		return value[0] == '"'
	}
	return false
}
