package scan

import (
	"context"
	"testing"
)

// BenchmarkTree scans this repository's working tree.
func BenchmarkTree(b *testing.B) { bench(b, Options{Path: "..", Tree: true}) }

// BenchmarkHistory scans this repository's history.
func BenchmarkHistory(b *testing.B) { bench(b, Options{Path: "..", History: true}) }

func bench(b *testing.B, opt Options) {
	for b.Loop() {
		r, err := Run(context.Background(), opt)
		if err != nil {
			b.Skip(err)
		}
		b.SetBytes(r.Bytes)
	}
}
