package detect

import (
	_ "embed"
	"math"
	"strconv"
	"strings"
)

// What ordinary domains look like; tools/dga says of what it was made.
//
//go:embed dga.bin
var dgaFile []byte

const (
	symbols    = 38 // the edge of a name, a to z, 0 to 9, hyphen
	dgaLengths = symbols * symbols * symbols
	dgaWords   = dgaLengths + 64
	dgaWordLen = 64 << 10
	dgaRare    = 12 * 16 // the cost of a top-level domain that is not there
)

// dgaSuffixes are the costs of top-level domains, in 16ths of a bit.
var dgaSuffixes = func() map[string]int {
	out := map[string]int{}
	for line := range strings.Lines(string(dgaFile[dgaWords+dgaWordLen:])) {
		name, cost, _ := strings.Cut(strings.TrimSpace(line), " ")
		n, err := strconv.Atoi(cost)
		if err != nil {
			panic("detect: dga.bin is damaged")
		}
		out[name] = n
	}
	return out
}()

func symbol(c byte) int {
	switch {
	case c >= 'a' && c <= 'z':
		return int(c-'a') + 1
	case c >= '0' && c <= '9':
		return int(c-'0') + 27
	}
	return symbols - 1
}

// languageCost is what a name costs, in 16ths of a bit, for one who knows how
// ordinary names are made: each character after the two before it.
func languageCost(label []byte) (sum int) {
	a, b := 0, 0
	for i := 0; i <= len(label); i++ {
		c := 0
		if i < len(label) {
			c = symbol(label[i])
		}
		sum += int(dgaFile[(a*symbols+b)*symbols+c])
		a, b = b, c
	}
	return sum
}

func lengthCost(n int) int { return int(dgaFile[dgaLengths+min(n, 63)]) }

func suffixCost(suffix []byte) int {
	if c, ok := dgaSuffixes[string(suffix)]; ok {
		return c
	}
	return dgaRare
}

// ofWords says whether a name is two to four English words of four letters and more,
// one after the other, and nothing else but hyphens.
func ofWords(label []byte) bool {
	const most = 40
	if len(label) < 8 || len(label) > most {
		return false
	}
	var best [most + 1]uint8 // the fewest words that make the first i bytes, plus 1
	best[0] = 1
	for i := range len(label) {
		if best[i] == 0 || best[i] > 4 {
			continue
		}
		if label[i] == '-' {
			set(&best[i+1], best[i])
			continue
		}
		h := uint64(14695981039346656037)
		for j := i; j < len(label) && label[j]-'a' < 26; j++ {
			h = (h ^ uint64(label[j])) * 1099511628211
			if j-i >= 3 && isWord(h) {
				set(&best[j+1], best[i]+1)
			}
		}
	}
	n := best[len(label)]
	return n >= 3 && n <= 5
}

func set(x *uint8, n uint8) {
	if *x == 0 || n < *x {
		*x = n
	}
}

func isWord(h uint64) bool {
	for range 3 {
		bit := h % (dgaWordLen * 8)
		if dgaFile[dgaWords+int(bit/8)]&(1<<(bit%8)) == 0 {
			return false
		}
		h = h>>21 | h<<43
	}
	return true
}

// dgaNames is how many names one decision is made of.
const dgaNames = 20

// askedNames is 272 bytes: the last names a host asked for, as far as they are needed.
type askedNames struct {
	Known    [dgaNames]uint32 // hashes of the registered domains
	Suffixes [dgaNames]uint16 // hashes
	Lengths  [dgaNames]uint8
	N        uint8
	Words    uint8
	Language uint32 // costs, in 16ths of a bit
	Length   uint32
	Suffix   uint32
	Single   [symbols]uint16 // characters
	Steps    [4][5]uint16    // from a class of characters, or the edge, to the next
}

// traits is what is asked of each registered domain, whoever asks for it.
type traits struct {
	hash     uint64
	suffix   uint16 // hash
	language uint16
	cost     uint8 // of the suffix
	words    bool
}

// cachedTraits is how many domains' traits are kept: 64 KB.
const cachedTraits = 4096

func traitsOf(hash uint64, label, suffix []byte) traits {
	return traits{hash, uint16(nameHash(string(suffix))), uint16(languageCost(label)), uint8(suffixCost(suffix)), ofWords(label)}
}

// add takes a name that was registered below a suffix.
func (w *askedNames) add(hash uint32, label []byte, t *traits) {
	i := w.N
	if i >= dgaNames { // only a saved state can say so
		return
	}
	w.Known[i], w.Suffixes[i], w.Lengths[i] = hash, t.suffix, uint8(min(len(label), 63))
	w.N++
	if t.words {
		w.Words++
	}
	w.Language += uint32(t.language)
	w.Length += uint32(lengthCost(len(label)))
	w.Suffix += uint32(t.cost)
	from := 0
	for i := range len(label) {
		s := symbol(label[i])
		w.Single[s]++
		w.Steps[from][classOf[s]]++
		from = int(classOf[s])
		if from == 4 {
			from = 0
		}
	}
	w.Steps[from][0]++
}

// classOf tells vowels, consonants, digits and hyphens; 0 is the edge.
var classOf = func() (t [symbols]uint8) {
	for s := 1; s < symbols; s++ {
		switch {
		case s > 36:
			t[s] = 4
		case s > 26:
			t[s] = 3
		case strings.IndexByte("aeiouy", byte(s-1)+'a') >= 0:
			t[s] = 1
		default:
			t[s] = 2
		}
	}
	return t
}()

// own is what the names cost, in bits, for one who knows nothing but learns from
// them as they come: which class of characters follows which, which characters of a
// class there are. A generator, however it works, is learnt soon; a language is not.
func (w *askedNames) own() (sum float64) {
	for from := range w.Steps {
		sum += adaptive(w.Steps[from][:], 0.5, &halves)
	}
	for class := uint8(1); class < 5; class++ {
		var counts [26]uint16
		n := 0
		for s, c := range classOf {
			if c == class {
				counts[n] = w.Single[s]
				n++
			}
		}
		sum += adaptive(counts[:n], 0.5, &halves)
	}
	return sum
}

// adaptive is the cost of a sequence with such counts by the estimator of Krichevsky
// and Trofimov, with a for 1/2: it depends on the counts alone.
func adaptive(counts []uint16, a float64, gammas *[1500]float64) float64 {
	n, sum := 0, 0.0
	for _, c := range counts {
		if c > 0 {
			sum -= gammas[min(int(c), len(gammas)-1)] - gammas[0]
			n += int(c)
		}
	}
	k := a * float64(len(counts))
	return (sum + logGamma(float64(n)+k) - logGamma(k)) / math.Ln2
}

// Logarithms of the gamma function at whole numbers and a half, and a tenth: 20
// names of 63 characters have no more.
var halves, tenths = gammasAt(0.5), gammasAt(0.1)

func gammasAt(a float64) (t [1500]float64) {
	for i := range t {
		t[i] = logGamma(float64(i) + a)
	}
	return t
}

func logGamma(x float64) float64 {
	y, _ := math.Lgamma(x)
	return y
}

// wordShare is how many ordinary names are made of whole words.
const wordShare = 0.3

// gain says by how many bits the names are better described as made by a generator
// than as names that people gave. Lengths and suffixes speak too, but less, since a
// host of one country, or of one firm, has its own.
func (w *askedNames) gain() float64 {
	w.N = min(w.N, dgaNames)
	n := float64(w.N)
	chars := float64(w.Language)/16 - w.own()
	k := float64(w.Words)
	words := k*math.Log2(0.95/wordShare) + (n-k)*math.Log2(0.05/(1-wordShare))
	var lengths [64]uint16
	for _, l := range w.Lengths[:w.N] {
		lengths[l&63]++
	}
	length := float64(w.Length)/16 - adaptive(lengths[:], 0.1, &tenths)
	suffix := float64(w.Suffix)/16 - w.suffixes()
	return max(chars, words) + lengthWeight*length + min(suffixMost, suffixWeight*suffix)
}

const (
	lengthWeight = 1.0
	suffixMost   = 10.0
	suffixWeight = 0.25
)

// suffixes is what the suffixes cost for one who learns them: a new one costs as
// one of 200.
func (w *askedNames) suffixes() (sum float64) {
	for i, s := range w.Suffixes[:w.N] {
		same := 0.0
		for _, o := range w.Suffixes[:i] {
			if o == s {
				same++
			}
		}
		sum -= math.Log2((same + 1.0/200) / (float64(i) + 1))
	}
	return sum
}
