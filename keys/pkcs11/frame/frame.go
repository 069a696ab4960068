// Package frame is what bartizan and its HSM helper say to each other over a
// Unix socket.
//
// # Protocol, version 1
//
// Each side sends frames: a length of 4 bytes, big endian, at most MaxFrame, and
// that many bytes. The client sends a request and waits for its answer before it
// sends the next; a connection carries one at a time. Integers are big endian; a
// field is a length of 4 bytes and that many bytes.
//
//	request: operation (1 byte), then the fields token, label, pin, newPIN, data, associated
//	answer:  status (1 byte), then the fields text, data
//
// The first request of a connection is Hello, whose data is one byte, the
// version. A connection may use the keys of the token of its last Login.
package frame

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Version is the protocol's version. Helper and client must speak the same.
const Version = 1

// MaxFrame bounds a frame, in bytes: the largest plaintext and associated data
// of a vault, and some room.
const MaxFrame = 40 << 10

// ErrForm is returned for what is not a message of this protocol.
var ErrForm = errors.New("not a message of the HSM helper's protocol")

// Op is an operation of the helper.
type Op byte

// The operations, with the fields that they read.
const (
	Hello     Op = 1 + iota // data: version. Answers what the module is
	Tokens                  // Answers AppendTokens
	InitToken               // label, pin (of the security officer). Answers the serial number; erases the token that is named, or takes a free one
	SetPIN                  // token, pin (of the security officer), newPIN: sets the user's PIN
	Login                   // token (serial number or label), pin. Answers the serial number
	Create                  // label
	Seal                    // label, data, associated
	Open                    // label, data, associated
	Destroy                 // label
	Has                     // label. Answers one byte, 0 or 1
	lastOp
)

// Status says how a request ended.
type Status byte

// The statuses.
const (
	OK          Status = iota
	BadRequest         // a fault of the client's, or another version
	Unavailable        // the module failed; text says how
	Unseal
	KeyExists
	NoKey
	BadLabel
	TooLarge
	WrongPIN
	PINLocked
	BadPIN // too short or too long for this token
	NoToken
	NoSlot // for a new token
	NotLoggedIn
	lastStatus
)

// Request is what a client asks.
type Request struct {
	Op               Op
	Token, Label     string
	PIN, NewPIN      []byte
	Data, Associated []byte
}

// Answer is what the helper says to a request.
type Answer struct {
	Status Status
	Text   string // for people
	Data   []byte
}

// Read reads one frame into buf, which it grows when it must, and returns it.
func Read(r io.Reader, buf []byte) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n == 0 || n > MaxFrame {
		return nil, fmt.Errorf("%w: a frame of %d bytes", ErrForm, n)
	}
	if cap(buf) < int(n) {
		buf = make([]byte, n)
	}
	buf = buf[:n]
	if _, err := io.ReadFull(r, buf); err != nil {
		return nil, err
	}
	return buf, nil
}

// AppendRequest appends the frame of a request to buf.
func AppendRequest(buf []byte, r *Request) ([]byte, error) {
	start := len(buf)
	buf = append(buf, 0, 0, 0, 0, byte(r.Op))
	buf = appendField(buf, r.Token)
	buf = appendField(buf, r.Label)
	for _, f := range [...][]byte{r.PIN, r.NewPIN, r.Data, r.Associated} {
		buf = appendField(buf, f)
	}
	return finish(buf, start)
}

// AppendAnswer appends the frame of an answer to buf.
func AppendAnswer(buf []byte, a *Answer) ([]byte, error) {
	start := len(buf)
	buf = append(buf, 0, 0, 0, 0, byte(a.Status))
	buf = appendField(buf, a.Text)
	buf = appendField(buf, a.Data)
	return finish(buf, start)
}

func appendField[T string | []byte](buf []byte, f T) []byte {
	return append(binary.BigEndian.AppendUint32(buf, uint32(len(f))), f...)
}

func finish(buf []byte, start int) ([]byte, error) {
	n := len(buf) - start - 4
	if n > MaxFrame {
		return nil, fmt.Errorf("%w: a frame of %d bytes", ErrForm, n)
	}
	binary.BigEndian.PutUint32(buf[start:], uint32(n))
	return buf, nil
}

// ParseRequest reads the body of a request's frame. The fields of bytes are
// parts of body.
func ParseRequest(body []byte) (*Request, error) {
	if len(body) == 0 || body[0] == 0 || Op(body[0]) >= lastOp {
		return nil, ErrForm
	}
	f := fields(body[1:])
	r := &Request{Op: Op(body[0]), Token: string(f.next()), Label: string(f.next()),
		PIN: f.next(), NewPIN: f.next(), Data: f.next(), Associated: f.next()}
	if !f.ended() {
		return nil, ErrForm
	}
	return r, nil
}

// ParseAnswer reads the body of an answer's frame. Data is a part of body.
func ParseAnswer(body []byte) (*Answer, error) {
	if len(body) == 0 || Status(body[0]) >= lastStatus {
		return nil, ErrForm
	}
	f := fields(body[1:])
	a := &Answer{Status: Status(body[0]), Text: string(f.next()), Data: f.next()}
	if !f.ended() {
		return nil, ErrForm
	}
	return a, nil
}

// fields reads length-prefixed fields one after the other. After a damaged one
// it is nil, which ended tells from the end.
type fields []byte

func (f *fields) next() []byte {
	if len(*f) < 4 {
		*f = nil
		return nil
	}
	n := binary.BigEndian.Uint32(*f)
	rest := (*f)[4:]
	if uint64(n) > uint64(len(rest)) {
		*f = nil
		return nil
	}
	*f = rest[n:]
	return rest[:n:n]
}

// ended says whether every field was whole and nothing is left.
func (f *fields) ended() bool { return *f != nil && len(*f) == 0 }
