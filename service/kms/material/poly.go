package material

import "crypto/sha3"

// The ring of ML-DSA: polynomials of 256 coefficients modulo q.
const (
	modulus = 8380417 // q
	degree  = 256     // n
	dropped = 13      // d, the bits dropped from t
)

type poly [degree]uint32 // each below q

func add(a, b uint32) uint32 { return (a + b) % modulus }
func sub(a, b uint32) uint32 { return (a + modulus - b) % modulus }
func mul(a, b uint32) uint32 { return uint32(uint64(a) * uint64(b) % modulus) }

// magnitude is the absolute value of the representative nearest to 0.
func magnitude(a uint32) uint32 { return min(a, modulus-a) }

// zetas are the powers of 1753 in bit-reversed order: FIPS 204, appendix B.
var zetas = func() (z [degree]uint32) {
	power := uint32(1)
	for i := range degree {
		reversed := 0
		for bit := range 8 {
			reversed |= i >> bit & 1 << (7 - bit)
		}
		z[reversed] = power
		power = mul(power, 1753)
	}
	return z
}()

// ntt is algorithm 41.
func (p *poly) ntt() {
	m := 0
	for length := degree / 2; length >= 1; length /= 2 {
		for start := 0; start < degree; start += 2 * length {
			m++
			for j := start; j < start+length; j++ {
				t := mul(zetas[m], p[j+length])
				p[j+length] = sub(p[j], t)
				p[j] = add(p[j], t)
			}
		}
	}
}

// inverse is algorithm 42.
func (p *poly) inverse() {
	m := degree
	for length := 1; length < degree; length *= 2 {
		for start := 0; start < degree; start += 2 * length {
			m--
			for j := start; j < start+length; j++ {
				t := p[j]
				p[j] = add(t, p[j+length])
				p[j+length] = mul(zetas[m], sub(p[j+length], t))
			}
		}
	}
	for j := range p {
		p[j] = mul(p[j], 8347681) // 256 to the -1
	}
}

// below is b minus each coefficient, which lies from -b to b: the first half of
// algorithm 17, BitPack.
func (p *poly) below(b uint32) *poly {
	var out poly
	for j, v := range p {
		out[j] = sub(b, v)
	}
	return &out
}

// pack is algorithm 16, SimpleBitPack.
func (p *poly) pack(width int) []byte {
	out := make([]byte, 0, degree*width/8)
	var bits uint32
	have := 0
	for _, v := range p {
		bits |= v << have
		for have += width; have >= 8; have -= 8 {
			out = append(out, byte(bits))
			bits >>= 8
		}
	}
	return out
}

// unpack is its reverse, algorithm 18.
func unpack(b []byte, width int) (p poly) {
	var bits uint32
	have, next := 0, 0
	for j := range p {
		for ; have < width; have += 8 {
			bits |= uint32(b[next]) << have
			next++
		}
		p[j] = bits & (1<<width - 1)
		bits >>= width
		have -= width
	}
	return p
}

// expandA is algorithm 30, RejNTTPoly: one element of the matrix.
func expandA(rho []byte, column, row byte) (p poly) {
	h := sha3.NewSHAKE128()
	h.Write(rho)
	h.Write([]byte{column, row})
	var block [168]byte // a whole number of blocks and of threes
	for i := 0; i < degree; {
		h.Read(block[:])
		for b := block[:]; len(b) > 0 && i < degree; b = b[3:] {
			v := uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2]&0x7f)<<16
			if v < modulus {
				p[i] = v
				i++
			}
		}
	}
	return p
}
