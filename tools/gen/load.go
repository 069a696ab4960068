package main

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// load reads models/<name>.json.gz and, where there is one, the overlay
// models/<name>.overlay.json with operations and shapes newer than botocore's.
func load(dir, name string) (*model, error) {
	f, err := os.Open(filepath.Join(dir, name+".json.gz"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name(), err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name(), err)
	}
	var m model
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name(), err)
	}
	overlay, err := os.ReadFile(filepath.Join(dir, name+".overlay.json"))
	if errors.Is(err, fs.ErrNotExist) {
		m.tidy()
		return &m, nil
	} else if err != nil {
		return nil, err
	}
	var over model
	if err := json.Unmarshal(overlay, &over); err != nil {
		return nil, fmt.Errorf("%s overlay: %w", name, err)
	}
	merge(&m.Operations, &over.Operations)
	merge(&m.Shapes, &over.Shapes)
	slices.Sort(m.Operations.keys)
	m.tidy()
	return &m, nil
}

func merge[T any](into, from *ordered[T]) {
	for _, key := range from.keys {
		if into.values[key] == nil {
			into.keys = append(into.keys, key)
		}
		into.values[key] = from.values[key]
	}
}
