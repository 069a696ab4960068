package executor

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// SignatureHeader carries the signature of an event that is sent to an endpoint:
// t=UNIX-SECONDS,v1=HEX, where HEX is the HMAC-SHA256, under the key that the
// server and the endpoint share, of the seconds, a full stop and the body.
const SignatureHeader = "Bartizan-Signature"

const (
	stepTime  = 5 * time.Minute // for one step
	maxAnswer = 64 << 10        // bytes of an answer or of output that are read
	// MinKey is how long the key of an endpoint must be, in bytes.
	MinKey = 32
	clock  = 5 * time.Minute // by which the endpoint's clock may differ
)

// HTTPS sends events to an endpoint, which calls back with credentials of its
// own: none are sent.
type HTTPS struct {
	URL    string
	Key    []byte // signs
	Client *http.Client
	Now    func() time.Time
}

// Ready is true: whether the endpoint answers, testSecret will show.
func (h *HTTPS) Ready(context.Context, Call) error { return nil }

// Run posts an event. Any answer but one of success is a failure; what it says is
// not kept, since it may hold a secret.
func (h *HTTPS) Run(ctx context.Context, c Call) error {
	body, err := json.Marshal(c.Event)
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(ctx, stepTime)
	defer stop()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "Bartizan rotation")
	r.Header.Set(SignatureHeader, sign(h.Key, h.Now().Unix(), body))
	client := *h.Client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	answer, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("the rotator cannot be reached: %w", err)
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(answer.Body, maxAnswer)); err != nil {
		return fmt.Errorf("the rotator's answer broke off: %w", err)
	}
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("the rotator answered with HTTP status %d", answer.StatusCode)
	}
	return nil
}

func sign(key []byte, seconds int64, body []byte) string {
	return fmt.Sprintf("t=%d,v1=%x", seconds, digest(key, seconds, body))
}

func digest(key []byte, seconds int64, body []byte) []byte {
	m := hmac.New(sha256.New, key)
	fmt.Fprintf(m, "%d.", seconds)
	m.Write(body)
	return m.Sum(nil)
}

// ErrSignature is returned by Verify.
var ErrSignature = errors.New("executor: the event is not signed by this server, or not now")

// Verify is for the endpoint: it reads an event of which header is the
// SignatureHeader. It refuses one that is older than five minutes.
func Verify(key []byte, header string, body []byte, now time.Time) (*Event, error) {
	stamp, sum, ok := strings.Cut(header, ",v1=")
	text, timed := strings.CutPrefix(stamp, "t=")
	seconds, err := strconv.ParseInt(text, 10, 64)
	if !ok || !timed || err != nil || len(key) < MinKey || len(body) > maxAnswer {
		return nil, ErrSignature
	}
	shown, err := hex.DecodeString(sum)
	if err != nil || !hmac.Equal(shown, digest(key, seconds, body)) {
		return nil, ErrSignature
	}
	if d := now.Sub(time.Unix(seconds, 0)); d > clock || d < -clock {
		return nil, ErrSignature
	}
	e := new(Event)
	if err := json.Unmarshal(body, e); err != nil {
		return nil, ErrSignature
	}
	return e, nil
}
