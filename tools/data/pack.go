package main

import (
	"bytes"
	"cmp"
	"compress/flate"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// pack lays out an embedded file: the length of the deflated index in four
// big-endian bytes, the index, then the deflated chunks one after another. The
// index tells the chunks' deflated lengths.
func pack(index string, chunks [][]byte) []byte {
	packed := deflate([]byte(index))
	out := binary.BigEndian.AppendUint32(nil, uint32(len(packed)))
	out = append(out, packed...)
	return append(out, bytes.Join(chunks, nil)...)
}

func deflate(b []byte) []byte {
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestCompression)
	if err != nil {
		panic(err) // the level is a constant
	}
	w.Write(b) // a bytes.Buffer takes everything
	w.Close()
	return out.Bytes()
}

// row makes one line of tab-separated fields, and refuses fields that would
// break the format.
func row(fields ...string) (string, error) {
	for _, f := range fields {
		if strings.ContainsAny(f, "\t\n") {
			return "", fmt.Errorf("a tab or line feed in %q", f)
		}
	}
	return strings.Join(fields, "\t") + "\n", nil
}

func readJSON(path string, v any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
