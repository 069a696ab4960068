package node

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unsafe"

	"github.com/klauspost/compress/gzip"

	"bartizan.dev/logs"
	"bartizan.dev/stream"
)

// maxUnpacked bounds what a message unpacks to.
const maxUnpacked = 32 << 20

var (
	errLong     = errors.New("the message is too long")
	errEnvelope = errors.New("the envelope is not JSON")
)

// unwrap reads the records in a message, which is a log file as package logs reads
// them, as it stands or with gzip, or one in an envelope:
//
//   - of CloudWatch Logs, as its subscriptions send log events
//     https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html
//   - of EventBridge, with a CloudTrail event as its detail
//     https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
//
// bad counts events in an envelope that are no log.
func unwrap(body []byte, read func(*logs.Decoder)) (bad int64, err error) {
	if len(body) > stream.MaxBody {
		return 0, errLong
	}
	if len(body) > 2 && body[0] == 0x1f && body[1] == 0x8b {
		if body, err = gunzip(body); err != nil {
			return 0, err
		}
	}
	if len(body) == 0 {
		return 0, nil
	}
	text := unsafe.String(&body[0], len(body)) // nobody writes it again
	head := text[:min(len(text), 4<<10)]
	switch {
	case !strings.HasPrefix(strings.TrimLeft(head, " \t\r\n"), "{"):
	case strings.Contains(head, `"messageType"`) && strings.Contains(head, `"logGroup"`):
		return logEvents(text, read)
	case strings.Contains(head, `"detail-type"`):
		v, ok := logs.ParseValue(text)
		if !ok {
			return 0, errEnvelope
		}
		return 0, decode(v.Get("detail").Raw(), read)
	}
	return 0, decode(text, read)
}

func decode(text string, read func(*logs.Decoder)) error {
	d, err := logs.NewTextDecoder("a message", text)
	if err != nil {
		return err
	}
	read(d)
	return nil
}

// logEvents reads what a subscription of CloudWatch Logs sends. Each event is
// looked at by itself: what is wrong with one is not wrong with the next.
func logEvents(text string, read func(*logs.Decoder)) (bad int64, err error) {
	v, ok := logs.ParseValue(text)
	if !ok {
		return 0, errEnvelope
	}
	switch kind := v.Get("messageType").Text(); kind {
	case "CONTROL_MESSAGE":
		return 0, nil
	case "DATA_MESSAGE":
	default:
		return 0, fmt.Errorf("a CloudWatch Logs message of type %.40q", kind)
	}
	for event := range v.Get("logEvents").Items() {
		if decode(event.Get("message").Text(), read) != nil {
			bad++
		}
	}
	return bad, nil
}

func gunzip(body []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	n, err := io.Copy(&out, io.LimitReader(z, maxUnpacked+1))
	if n > maxUnpacked {
		return nil, errLong
	}
	return out.Bytes(), err
}
