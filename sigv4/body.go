package sigv4

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

const (
	maxLine    = 4 << 10  // a chunk header or a trailer line, in bytes
	maxTrailer = 16 << 10 // all trailer lines together
	minChunk   = 8 << 10  // a signed chunk that is not the last
)

// Body is a request body that is verified as it is read. What it yields may be
// kept, but not used, shown or committed, until Read has returned io.EOF: any
// other error means that the body is not what the signer signed.
type Body struct {
	r      *bufio.Reader
	sum    hash.Hash // of the body, or of the chunk; nil if unsigned
	want   string    // hash of the body in hex, when the head declared one
	length int64     // decoded bytes as declared; -1 if not
	read   int64     // decoded bytes handed out
	err    error

	// aws-chunked only
	chunked  bool
	left     int64 // bytes of this chunk still to come
	small    bool  // a signed chunk below minChunk has gone by
	chunkSig string
	key      [32]byte
	stamp    string
	scope    Scope
	previous string // signature of the chunk before, at first of the head
	announce []string
	trailer  http.Header
}

// Body returns the verified, decoded form of body, which VerifyHead must have
// accepted. The Claim may be used again at once.
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
func (c *Claim) Body(body io.Reader) (*Body, error) {
	if c.step != verified {
		return nil, &Error{Reason: Misuse, Detail: "Body before VerifyHead"}
	}
	b := &Body{r: bufio.NewReaderSize(body, maxLine), length: c.r.ContentLength}
	if !c.Streaming() {
		if c.Payload != UnsignedPayload {
			b.sum, b.want = sha256.New(), c.Payload
		}
		return b, nil
	}
	length := only(c.r.Header["X-Amz-Decoded-Content-Length"])
	n, err := strconv.ParseUint(length, 10, 63)
	if err != nil {
		return nil, &Error{Reason: LengthUndeclared, Got: clip(length)}
	}
	b.chunked, b.length = true, int64(n)
	if c.Payload != StreamingUnsigned {
		b.sum, b.key, b.stamp, b.scope = sha256.New(), c.key, strings.Clone(c.stamp), c.Scope
		b.previous = strings.Clone(c.signature)
	}
	if c.Payload != StreamingPayload {
		for name := range strings.SplitSeq(strings.Join(c.r.Header["X-Amz-Trailer"], ","), ",") {
			if name = strings.ToLower(strings.TrimSpace(name)); name != "" {
				b.announce = append(b.announce, name)
			}
		}
		if len(b.announce) == 0 || len(b.announce) > 16 {
			return nil, &Error{Reason: TrailerMalformed, Detail: "no x-amz-trailer header"}
		}
		b.trailer = http.Header{}
	}
	return b, nil
}

// Length is how many bytes Read will yield in all, or -1 if the request does
// not say.
func (b *Body) Length() int64 { return b.length }

// Trailer holds the headers that came after the body, once Read has returned
// io.EOF; nil if none could come.
func (b *Body) Trailer() http.Header {
	if b.err != io.EOF {
		return nil
	}
	return b.trailer
}

// Read implements io.Reader. Errors are *Error, but for those of the
// connection itself.
func (b *Body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	var n int
	if b.chunked {
		n, b.err = b.readChunked(p)
	} else {
		n, b.err = b.readPlain(p)
	}
	return n, b.err
}

func (b *Body) readPlain(p []byte) (int, error) {
	n, err := b.r.Read(p)
	b.read += int64(n)
	if b.sum != nil {
		b.sum.Write(p[:n])
	}
	if err == io.EOF && b.sum != nil {
		if hex.EncodeToString(b.sum.Sum(nil)) != b.want { // neither is secret
			return 0, &Error{Reason: PayloadMismatch}
		}
	}
	return n, err
}

func (b *Body) readChunked(p []byte) (int, error) {
	if b.left == 0 {
		if err := b.nextChunk(); err != nil {
			return 0, err
		}
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	if b.sum != nil {
		b.sum.Write(p[:n])
	}
	b.left -= int64(n)
	b.read += int64(n)
	if b.left == 0 {
		err = b.endChunk()
	}
	if err != nil {
		return 0, truncated(err)
	}
	return n, nil
}

// nextChunk reads a chunk header. At the last chunk, which is empty, it reads
// all that follows and returns io.EOF.
func (b *Body) nextChunk() error {
	line, err := b.line()
	if err != nil {
		return err
	}
	size, extension, _ := strings.Cut(line, ";")
	n, err := strconv.ParseUint(size, 16, 63)
	if err != nil || size[0] == '+' {
		return &Error{Reason: ChunkMalformed}
	}
	signature, signed := strings.CutPrefix(extension, "chunk-signature=")
	if signed != (b.sum != nil) || !signed && extension != "" {
		return &Error{Reason: ChunkMalformed}
	}
	if b.left = int64(n); b.left > b.length-b.read {
		return &Error{Reason: LengthMismatch}
	}
	b.chunkSig = signature
	if n > 0 {
		if b.small {
			return &Error{Reason: ChunkTooSmall}
		}
		b.small = signed && n < minChunk
		return nil
	}
	if b.read != b.length {
		return &Error{Reason: LengthMismatch}
	}
	if err := b.checkChunk(); err != nil {
		return err
	}
	if b.trailer != nil {
		err = b.readTrailer()
	} else {
		err = b.newline()
	}
	if err != nil {
		return err
	}
	if _, err := b.r.ReadByte(); err != io.EOF {
		if err == nil {
			return &Error{Reason: ChunkMalformed}
		}
		return err
	}
	return io.EOF
}

func (b *Body) endChunk() error {
	if err := b.newline(); err != nil {
		return err
	}
	return b.checkChunk()
}

// checkChunk verifies the signature of the chunk just read; each chunk's
// covers the one before.
func (b *Body) checkChunk() error {
	if b.sum == nil {
		return nil
	}
	var stack [maxOnStack]byte
	s := appendSignHead(stack[:0], Algorithm+"-PAYLOAD", b.stamp, &b.scope)
	s = append(append(s, b.previous...), '\n')
	s = append(append(s, EmptyHash...), '\n')
	s = hex.AppendEncode(s, b.sum.Sum(nil))
	b.sum.Reset()
	return b.checkLink(s, b.chunkSig)
}

// checkLink verifies one link of the chain of signatures.
func (b *Body) checkLink(toSign []byte, signature string) error {
	sum := mac(b.key[:], toSign)
	var want [64]byte
	hex.Encode(want[:], sum[:])
	if !sameSignature(&want, signature) {
		return &Error{Reason: SignatureMismatch}
	}
	b.previous = signature
	return nil
}

// readTrailer reads the announced headers and, if the chunks are signed, the
// signature over them.
func (b *Body) readTrailer() error {
	bad := &Error{Reason: TrailerMalformed}
	var text []byte
	signature, total := "", 0
	for {
		line, err := b.line()
		if err != nil {
			return err
		}
		if line == "" {
			break
		}
		if total += len(line); total > maxTrailer || signature != "" {
			return bad
		}
		name, value, ok := strings.Cut(line, ":")
		name, value = strings.ToLower(name), strings.TrimSpace(value)
		if !ok || !headerName(name) {
			return bad
		}
		if name == "x-amz-trailer-signature" {
			if signature = value; b.sum == nil || value == "" {
				return bad
			}
			continue
		}
		key := http.CanonicalHeaderKey(name)
		if !slices.Contains(b.announce, name) || b.trailer[key] != nil {
			return bad
		}
		b.trailer.Set(key, value)
		text = append(append(append(append(text, name...), ':'), value...), '\n')
	}
	if len(b.trailer) != len(b.announce) || (signature != "") != (b.sum != nil) {
		return bad
	}
	if b.sum == nil {
		return nil
	}
	sum := sha256.Sum256(text)
	s := appendSignHead(nil, Algorithm+"-TRAILER", b.stamp, &b.scope)
	s = append(append(s, b.previous...), '\n')
	return b.checkLink(hex.AppendEncode(s, sum[:]), signature)
}

// line reads up to CRLF and returns what is in front of it.
func (b *Body) line() (string, error) {
	s, err := b.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return "", &Error{Reason: ChunkMalformed}
	}
	if err != nil {
		return "", truncated(err)
	}
	s, ok := bytes.CutSuffix(s, []byte("\r\n"))
	if !ok {
		return "", &Error{Reason: ChunkMalformed}
	}
	return string(s), nil
}

func (b *Body) newline() error {
	line, err := b.line()
	if err == nil && line != "" {
		return &Error{Reason: ChunkMalformed}
	}
	return err
}

// truncated makes an early end of the body an error that cannot be taken for
// its proper end.
func truncated(err error) error {
	if err == io.EOF {
		return &Error{Reason: LengthMismatch}
	}
	return err
}
