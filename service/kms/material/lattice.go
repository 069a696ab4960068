package material

import (
	"bytes"
	"crypto/sha3"
)

// The part of ML-DSA (FIPS 204) that filippo.io/mldsa keeps to itself: verifying
// a signature of μ, which has public inputs only, and writing out the expanded
// private key, to compare one that is imported beside its seed. Numbers of
// algorithms and names of variables are the standard's.

// A lattice is a parameter set: table 1 of section 4.
type lattice struct {
	k, l, eta, tau, omega int
	gamma1Bits            int    // γ1 is 2 to this power
	gamma2                uint32 // half the low-order rounding range
	challenge             int    // λ/4, the length of c̃
}

var (
	lattice44 = lattice{k: 4, l: 4, eta: 2, tau: 39, omega: 80, gamma1Bits: 17, gamma2: (modulus - 1) / 88, challenge: 32}
	lattice65 = lattice{k: 6, l: 5, eta: 4, tau: 49, omega: 55, gamma1Bits: 19, gamma2: (modulus - 1) / 32, challenge: 48}
	lattice87 = lattice{k: 8, l: 7, eta: 2, tau: 60, omega: 75, gamma1Bits: 19, gamma2: (modulus - 1) / 32, challenge: 64}
)

// verify is algorithm 8, ML-DSA.Verify_internal, from step 8 on: μ is given.
func (s *lattice) verify(public, mu, signature []byte) bool {
	zBytes := degree * (s.gamma1Bits + 1) / 8
	if len(signature) != s.challenge+s.l*zBytes+s.omega+s.k || len(public) != 32+s.k*degree*10/8 {
		return false
	}
	challenge, rest := signature[:s.challenge], signature[s.challenge:]
	hints, ok := s.hints(rest[s.l*zBytes:])
	if !ok {
		return false
	}
	z := make([]poly, s.l)
	gamma1 := uint32(1) << s.gamma1Bits
	for i := range z {
		z[i] = unpack(rest[i*zBytes:(i+1)*zBytes], s.gamma1Bits+1)
		for j, v := range z[i] {
			z[i][j] = sub(gamma1, v)
			if magnitude(z[i][j]) >= gamma1-uint32(s.tau*s.eta) {
				return false
			}
		}
		z[i].ntt()
	}

	// w' = A z - c t1 2^d, and from it by the hints w1.
	rho, t1 := public[:32], public[32:]
	c := s.inBall(challenge)
	c.ntt()
	h := sha3.NewSHAKE256()
	h.Write(mu)
	for r := range s.k {
		t := unpack(t1[r*degree*10/8:(r+1)*degree*10/8], 10)
		for j := range t {
			t[j] <<= dropped
		}
		t.ntt()
		w := s.row(rho, r, z)
		for j := range w {
			w[j] = sub(w[j], mul(c[j], t[j]))
		}
		w.inverse()
		for j := range w {
			w[j] = s.useHint(hints[r][j], w[j])
		}
		h.Write(w.pack(s.highBits()))
	}
	again := make([]byte, s.challenge)
	h.Read(again)
	return bytes.Equal(challenge, again) // nothing here is secret
}

// row is one row of the matrix A times z, in the NTT domain; A is made as it is
// needed (algorithm 32, ExpandA).
func (s *lattice) row(rho []byte, r int, z []poly) (w poly) {
	for c := range z {
		a := expandA(rho, byte(c), byte(r))
		for j := range w {
			w[j] = add(w[j], mul(a[j], z[c][j]))
		}
	}
	return w
}

// hints is algorithm 21, HintBitUnpack: an encoding that is not the only one of
// its hints is refused.
func (s *lattice) hints(y []byte) (h [][degree]bool, ok bool) {
	h = make([][degree]bool, s.k)
	index := 0
	for i := range h {
		limit := int(y[s.omega+i])
		if limit < index || limit > s.omega {
			return nil, false
		}
		for first := index; index < limit; index++ {
			if index > first && y[index-1] >= y[index] {
				return nil, false
			}
			h[i][y[index]] = true
		}
	}
	for ; index < s.omega; index++ {
		if y[index] != 0 {
			return nil, false
		}
	}
	return h, true
}

// highBits is the width of a coefficient of w1.
func (s *lattice) highBits() int {
	if s.gamma2 == (modulus-1)/88 {
		return 6
	}
	return 4
}

// useHint is algorithm 40, with the decomposition of algorithm 36.
func (s *lattice) useHint(hint bool, r uint32) uint32 {
	alpha := 2 * s.gamma2
	m := (modulus - 1) / alpha
	r1, r0 := r/alpha, int32(r%alpha)
	if uint32(r0) > s.gamma2 {
		r0 -= int32(alpha)
		r1++
	}
	if r1 == m { // r - r0 is q - 1
		r1, r0 = 0, r0-1
	}
	switch {
	case hint && r0 > 0:
		return (r1 + 1) % m
	case hint:
		return (r1 + m - 1) % m
	}
	return r1
}

// inBall is algorithm 29, SampleInBall.
func (s *lattice) inBall(challenge []byte) (c poly) {
	h := sha3.NewSHAKE256()
	h.Write(challenge)
	var signs [8]byte
	h.Read(signs[:])
	var j [1]byte
	for i := degree - s.tau; i < degree; i++ {
		for h.Read(j[:]); int(j[0]) > i; h.Read(j[:]) {
		}
		bit := i + s.tau - degree
		c[i] = c[j[0]]
		c[j[0]] = 1
		if signs[bit/8]>>(bit%8)&1 == 1 {
			c[j[0]] = modulus - 1
		}
	}
	return c
}

// expand is algorithm 6, ML-DSA.KeyGen_internal, as far as the private key, in
// the encoding of algorithm 24. public is the public key of the same seed.
func (s *lattice) expand(seed, public []byte) []byte {
	h := sha3.NewSHAKE256()
	h.Write(seed)
	h.Write([]byte{byte(s.k), byte(s.l)})
	var rho, key [32]byte
	var rhoS [64]byte
	h.Read(rho[:])
	h.Read(rhoS[:])
	h.Read(key[:])
	h = sha3.NewSHAKE256()
	h.Write(public)
	tr := make([]byte, 64)
	h.Read(tr)

	out := append(append(rho[:], key[:]...), tr...)
	width := 3
	if s.eta == 4 {
		width = 4
	}
	s1, s2 := make([]poly, s.l), make([]poly, s.k)
	for i := range s.l + s.k {
		p := s.bounded(rhoS[:], i)
		out = append(out, p.below(uint32(s.eta)).pack(width)...)
		if i < s.l {
			s1[i] = p
			s1[i].ntt()
		} else {
			s2[i-s.l] = p
		}
	}
	for r := range s.k {
		t := s.row(rho[:], r, s1)
		t.inverse()
		for j := range t { // t0 of Power2Round, algorithm 35
			low := add(t[j], s2[r][j]) & (1<<dropped - 1)
			if low > 1<<(dropped-1) {
				low += modulus - 1<<dropped
			}
			t[j] = low
		}
		out = append(out, t.below(1<<(dropped-1)).pack(dropped)...)
	}
	return out
}

// bounded is algorithm 31, RejBoundedPoly, of ExpandS.
func (s *lattice) bounded(rho []byte, nonce int) (p poly) {
	h := sha3.NewSHAKE256()
	h.Write(rho)
	h.Write([]byte{byte(nonce), 0})
	var b [1]byte
	for i := 0; i < degree; {
		h.Read(b[:])
		for _, half := range [2]byte{b[0] & 15, b[0] >> 4} {
			v := uint32(half)
			switch {
			case i == degree:
			case s.eta == 2 && v < 15:
				p[i] = sub(2, v%5)
				i++
			case s.eta == 4 && v < 9:
				p[i] = sub(4, v)
				i++
			}
		}
	}
	return p
}
